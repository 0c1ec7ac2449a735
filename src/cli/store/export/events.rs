//! Events, log records and spans as lines, a page at a time.

use std::io::Write;

use observe::{EventKind, EventKinds, EventQuery, EventStore as _, store::SqlStore};

use super::{Part, What};
use crate::cli::{error::CommandError, store::lines::EventLine};

/// Writes the events of a part, newest first.
pub(super) async fn write(store: &SqlStore, part: &Part, what: What, out: &mut dyn Write) -> Result<(), CommandError> {
    let kinds = kinds(what);
    let mut query = EventQuery { kinds, start: part.start, end: part.end, ..EventQuery::newest(EVENTS_AT_ONCE) };
    loop {
        let events = store.events(&query).await?;
        for event in &events {
            let Some(line) = EventLine::new(event) else { continue };
            serde_json::to_writer(&mut *out, &line).map_err(std::io::Error::from)?;
            out.write_all(b"\n")?;
        }
        if events.len() < EVENTS_AT_ONCE {
            return Ok(());
        }
        query.before = events.last().map(|event| event.id);
    }
}

fn kinds(what: What) -> EventKinds {
    let is_wanted = |kind: &EventKind| match what {
        What::Logs => *kind == EventKind::Log,
        What::Spans => *kind == EventKind::Span,
        What::Events | What::Samples => !matches!(kind, EventKind::Log | EventKind::Span) && !kind.is_frame(),
    };
    EventKind::ALL.iter().copied().filter(is_wanted).collect()
}

const EVENTS_AT_ONCE: usize = 1_000;
