//! Questions about events, log records and spans.

use std::{collections::HashSet, time::Duration};

use crate::{Enriched, EventId, EventKinds, LogRecord, Resource, Span, Timestamp, TraceId};

/// Something with the id that it has in the store.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored<T> {
    /// The id, which is that of the event.
    pub id: EventId,
    /// What is stored.
    pub value: T,
}

/// Which log records are asked for.
#[derive(Clone, Debug)]
pub struct LogQuery {
    /// Words that the message has, all of them, in any case.
    pub text: Option<String>,
    /// The service that wrote them: `service.name` of the resource.
    pub service: Option<String>,
    /// At least this severity, by OpenTelemetry's number.
    pub min_severity: u8,
    /// The trace that they belong to.
    pub trace_id: Option<TraceId>,
    /// Not before.
    pub start: Timestamp,
    /// Before.
    pub end: Timestamp,
    /// Older than this record.
    pub before: Option<EventId>,
    /// At most so many, the newest.
    pub limit: usize,
}

impl LogQuery {
    /// Asks for the newest `limit` records.
    #[must_use]
    pub const fn newest(limit: usize) -> Self {
        Self {
            text: None,
            service: None,
            min_severity: 0,
            trace_id: None,
            start: Timestamp::MIN,
            end: Timestamp::MAX,
            before: None,
            limit,
        }
    }

    /// Returns whether the record is asked for, `limit` aside. Words are runs of letters and digits.
    #[must_use]
    pub fn matches(&self, id: EventId, record: &LogRecord) -> bool {
        let has_words = |text: &str| {
            let words: HashSet<String> = words(&record.body).collect();
            self::words(text).all(|word| words.contains(&word))
        };
        (self.start..self.end).contains(&record.timestamp)
            && record.severity_number >= self.min_severity
            && self.before.is_none_or(|before| id < before)
            && self.trace_id.is_none_or(|trace_id| record.trace_id == Some(trace_id))
            && self.service.as_deref().is_none_or(|service| service_of(&record.resource) == service)
            && self.text.as_deref().is_none_or(has_words)
    }
}

/// Which spans are asked for.
#[derive(Clone, Debug)]
pub struct SpanQuery {
    /// The trace that they belong to.
    pub trace_id: Option<TraceId>,
    /// The service that did the work: `service.name` of the resource.
    pub service: Option<String>,
    /// What was done, whole.
    pub name: Option<String>,
    /// At least so long.
    pub min_duration: Duration,
    /// Begun not before.
    pub start: Timestamp,
    /// Begun before.
    pub end: Timestamp,
    /// Older than this span.
    pub before: Option<EventId>,
    /// At most so many, the newest.
    pub limit: usize,
}

impl SpanQuery {
    /// Asks for the newest `limit` spans.
    #[must_use]
    pub const fn newest(limit: usize) -> Self {
        Self {
            trace_id: None,
            service: None,
            name: None,
            min_duration: Duration::ZERO,
            start: Timestamp::MIN,
            end: Timestamp::MAX,
            before: None,
            limit,
        }
    }

    /// Returns whether the span is asked for, `limit` aside.
    #[must_use]
    pub fn matches(&self, id: EventId, span: &Span) -> bool {
        (self.start..self.end).contains(&span.start_time)
            && span.duration() >= self.min_duration
            && self.before.is_none_or(|before| id < before)
            && self.trace_id.is_none_or(|trace_id| span.trace_id == trace_id)
            && self.service.as_deref().is_none_or(|service| service_of(&span.resource) == service)
            && self.name.as_deref().is_none_or(|name| span.name == name)
    }
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

fn service_of(resource: &Resource) -> &str {
    resource.attributes.value("service.name").unwrap_or_default()
}

/// Which events are asked for.
#[derive(Clone, Debug)]
pub struct EventQuery {
    /// The kinds.
    pub kinds: EventKinds,
    /// The source, whole.
    pub source: Option<String>,
    /// The host; the engine's own host is `None` in events.
    pub host: Option<String>,
    /// The process they are about.
    pub pid: Option<u32>,
    /// Not before.
    pub start: Timestamp,
    /// Before.
    pub end: Timestamp,
    /// Older than this event.
    pub before: Option<EventId>,
    /// Newer than this event.
    pub after: Option<EventId>,
    /// At most so many, the newest.
    pub limit: usize,
}

impl EventQuery {
    /// Asks for the newest `limit` events of any kind.
    #[must_use]
    pub const fn newest(limit: usize) -> Self {
        Self {
            kinds: EventKinds::ALL,
            source: None,
            host: None,
            pid: None,
            start: Timestamp::MIN,
            end: Timestamp::MAX,
            before: None,
            after: None,
            limit,
        }
    }

    /// Returns whether the event is asked for, `limit` aside.
    #[must_use]
    pub fn matches(&self, event: &Enriched) -> bool {
        self.kinds.contains(event.kind())
            && (self.start..self.end).contains(&event.timestamp)
            && self.before.is_none_or(|before| event.id < before)
            && self.after.is_none_or(|after| event.id > after)
            && self.source.as_deref().is_none_or(|source| event.source == source)
            && self.host.as_deref().is_none_or(|host| event.host.as_deref() == Some(host))
            && self.pid.is_none_or(|pid| event.data.pid() == Some(pid))
    }
}
