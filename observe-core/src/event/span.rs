//! Spans, with OpenTelemetry's names.

use std::{sync::Arc, time::Duration};

use super::{Resource, SpanId, TraceId};
use crate::{Attributes, Timestamp};

/// A piece of work in a trace.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Span {
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// Its own id.
    pub span_id: SpanId,
    /// The span that caused it.
    pub parent_span_id: Option<SpanId>,
    /// What was done.
    pub name: String,
    /// Its part in the conversation.
    pub kind: SpanKind,
    /// When it began.
    pub start_time: Timestamp,
    /// When it ended.
    pub end_time: Timestamp,
    /// How it ended.
    pub status: SpanStatus,
    /// What belongs to it.
    pub attributes: Attributes,
    /// Who did it.
    pub resource: Arc<Resource>,
}

impl Span {
    /// Makes an internal span without a parent that ended in no particular way.
    #[must_use]
    pub fn new(trace_id: TraceId, span_id: SpanId, name: impl Into<String>, start: Timestamp, end: Timestamp) -> Self {
        Self {
            trace_id,
            span_id,
            parent_span_id: None,
            name: name.into(),
            kind: SpanKind::Internal,
            start_time: start,
            end_time: end,
            status: SpanStatus::Unset,
            attributes: Attributes::empty(),
            resource: Arc::default(),
        }
    }

    /// Returns about how many bytes of heap the span holds or shares.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.name.capacity() + self.attributes.size_bytes() + self.resource.attributes.size_bytes()
    }

    /// Returns how long the work took; zero where it ended before it began.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.end_time.since(self.start_time)
    }
}

/// A span's part in the conversation. Complete by OpenTelemetry's definition.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum SpanKind {
    /// Asks another service.
    Client,
    /// Takes a message from a queue.
    Consumer,
    /// Work within a service.
    #[default]
    Internal,
    /// Puts a message into a queue.
    Producer,
    /// Answers another service.
    Server,
}

/// How a span ended. Complete by OpenTelemetry's definition.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum SpanStatus {
    /// It failed.
    Error,
    /// It succeeded, and its author said so.
    Ok,
    /// Nobody said.
    #[default]
    Unset,
}
