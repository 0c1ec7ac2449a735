//! Events: everything that happens, in one shape.

mod data;
mod finding;
mod id;
mod kernel;
mod kind;
mod log;
mod process;
mod span;

use std::{borrow::Cow, sync::Arc};

pub use self::{
    data::{Custom, EventData},
    finding::{Anomaly, Direction, Finding, Level, Point, Trend},
    id::{EventId, IdSequence},
    kernel::{Exec, Io, Packet, PacketKind, ProcessChange, Security, Syscall, Task},
    kind::{EventKind, EventKinds, UnknownEventKind},
    log::{InvalidTraceId, LogRecord, Resource, SpanId, TraceId},
    process::{Enriched, ProcessCache, ProcessCacheStats, ProcessInfo},
    span::{Span, SpanKind, SpanStatus},
};
use crate::Timestamp;

/// Something that happened: when, where it was seen, and what.
///
/// # Examples
///
/// ```
/// use observe_core::{Custom, EventData, EventKind, SystemEvent, Timestamp};
///
/// let deployed = Custom { name: "deployed".into(), data: serde_json::json!({"version": "1.2"}) };
/// let event = SystemEvent::new("deploy", Timestamp::from_millis(1_000), EventData::Custom(deployed));
///
/// assert_eq!(event.kind(), EventKind::Custom);
/// ```
#[derive(Clone, Debug)]
pub struct SystemEvent {
    /// Zero until the processor has taken the event in, then unique and ordered by time.
    pub id: EventId,
    /// Where it was seen: `collector::cpu`, `ml::anomaly`.
    pub source: Cow<'static, str>,
    /// The host it happened on; `None` is the host that the engine runs on.
    pub host: Option<Arc<str>>,
    /// When it happened.
    pub timestamp: Timestamp,
    /// What happened.
    pub data: EventData,
}

impl SystemEvent {
    /// Makes an event of this host that has not been taken in yet.
    #[must_use]
    pub fn new(source: impl Into<Cow<'static, str>>, timestamp: Timestamp, data: EventData) -> Self {
        Self { id: EventId::default(), source: source.into(), host: None, timestamp, data }
    }

    /// Makes the note of the engine about what it could not take or keep.
    pub(crate) fn gap(timestamp: Timestamp, data: serde_json::Value) -> Self {
        Self::new("engine", timestamp, EventData::Custom(Custom { name: "gap".to_owned(), data }))
    }

    /// Returns what kind of event this is.
    #[must_use]
    pub fn kind(&self) -> EventKind {
        self.data.kind()
    }

    /// Returns how much the event matters.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.data.severity()
    }

    /// Returns about how many bytes of memory the event holds.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        let source = if let Cow::Owned(source) = &self.source { source.capacity() } else { 0 };
        let host = self.host.as_ref().map_or(0, |host| host.len());
        size_of::<Self>() + source + host + self.data.heap_bytes()
    }
}

/// How much something matters. Complete by nature.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// Worth knowing.
    #[default]
    Info,
    /// Worth a look.
    Warning,
    /// Worth waking up for.
    Critical,
}

impl Severity {
    /// Returns `info`, `warning` or `critical`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}
