//! `observe store export`: what is stored as text, a piece at a time.

mod events;
mod samples;

use std::{path::PathBuf, time::Duration};

use observe::{Clock as _, Selector, SystemClock, Timestamp};

use super::what::{Format, What};
use crate::{
    cli::{
        Global,
        error::CommandError,
        output,
        store_access::{self, Database},
        time,
    },
    settings::Environment,
};

/// Writes what is stored as text, however much it is
///
/// JSON lines keep everything. CSV leaves out what series are: kind, unit, producer and interval. OpenMetrics keeps the
/// kind, and our key in the label `metric_key`. Series are in the order of their keys and their points in that of time;
/// events, log records and spans come newest first.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What is written
    #[arg(long, default_value = "samples")]
    what: What,
    /// The form of the text; all but samples are jsonl [default: by the name of the file, else jsonl]
    #[arg(long)]
    format: Option<Format>,
    /// Only these series: `disk.read_bytes`, `{__name__=~"cpu[.].*"}`; may be repeated
    #[arg(long = "match", value_name = "SELECTOR")]
    selectors: Vec<Selector>,
    /// Not before this time
    #[arg(long, value_name = "TIME", value_parser = time::timestamp)]
    start: Option<Timestamp>,
    /// Before this time
    #[arg(long, value_name = "TIME", value_parser = time::timestamp)]
    end: Option<Timestamp>,
    /// Writes into this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    database: Database,
}

/// Of what is stored, the part that is wanted.
#[derive(Debug)]
struct Part {
    selectors: Vec<Selector>,
    start: Timestamp,
    end: Timestamp,
    /// Whether it goes into a file.
    has_file: bool,
}

impl Args {
    pub(super) async fn run(self, global: &Global, environment: &Environment) -> Result<(), CommandError> {
        let format = match (self.format, &self.output) {
            (Some(format), _) => format,
            (None, Some(path)) if self.what == What::Samples => Format::of(path)?,
            (None, _) => Format::default(),
        };
        if self.what != What::Samples && (format != Format::Jsonl || !self.selectors.is_empty()) {
            return Err(CommandError::Usage {
                problem: "only samples have another form than jsonl, and selectors".to_owned(),
                help: "leave --format and --match out, or export samples".to_owned(),
            });
        }
        let part = Part {
            selectors: self.selectors,
            has_file: self.output.is_some(),
            start: self.start.unwrap_or(Timestamp::MIN),
            end: self.end.unwrap_or(Timestamp::MAX).min(SystemClock.now() + Duration::from_secs(86_400)),
        };
        let store = self.database.read(global, environment).await?;
        let mut out = output::open(self.output.as_deref())?;
        let mut unlike = Vec::new();
        match self.what {
            What::Samples => unlike = samples::write(&store, &part, format, &mut *out).await?,
            what => events::write(&store, &part, what, &mut *out).await?,
        }
        out.flush()?;
        store_access::whole("the result is not whole", store.damaged_rows())?;
        nothing_like(&unlike)
    }
}

/// Says which selectors chose nothing.
fn nothing_like(selectors: &[Selector]) -> Result<(), CommandError> {
    if selectors.is_empty() {
        return Ok(());
    }
    let list: Vec<String> = selectors.iter().map(|selector| format!("`{selector}`")).collect();
    Err(CommandError::Nothing {
        problem: format!("no series is like {}", list.join(", ")),
        help: "`observe query` names those that are spelled alike".to_owned(),
    })
}
