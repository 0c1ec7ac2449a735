//! What happened, one variant for each kind of event.

use super::{
    Anomaly, EventKind, Exec, Io, LogRecord, Packet, Point, ProcessChange, Security, Severity, Span, Syscall, Task,
    Trend,
};
use crate::{MetricKey, Reading};

/// What happened. The variant decides the kind, so the two cannot disagree.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EventData {
    /// A detector found a point out of the ordinary.
    Anomaly {
        /// The series.
        metric_key: MetricKey,
        /// The point.
        point: Point,
        /// What was found.
        anomaly: Anomaly,
    },
    /// Whatever an embedder publishes, and notes of the engine about itself.
    Custom(Custom),
    /// A process started, ended or was killed for want of memory.
    Exec(Exec),
    /// A frame of samples and what follows from them; the kind is that of the schema.
    Frame(Reading),
    /// A block device took long for a request, or failed it.
    Io(Io),
    /// A log record.
    Log(LogRecord),
    /// Packets were inspected.
    Packet(Packet),
    /// A rule found what may be an attack.
    Security(Security),
    /// A piece of work in a trace.
    Span(Span),
    /// A system call took long, or failed.
    Syscall(Syscall),
    /// A series changed its direction.
    Trend {
        /// The series.
        metric_key: MetricKey,
        /// What was found.
        trend: Trend,
    },
}

/// The only event that holds free JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct Custom {
    /// What the event is called.
    pub name: String,
    /// Whatever belongs to it.
    pub data: serde_json::Value,
}

impl EventData {
    /// Returns what kind of event this is.
    #[must_use]
    pub fn kind(&self) -> EventKind {
        match self {
            Self::Anomaly { .. } => EventKind::Anomaly,
            Self::Custom(_) => EventKind::Custom,
            Self::Exec(_) => EventKind::Exec,
            Self::Frame(reading) => reading.frame().schema().kind(),
            Self::Io(_) => EventKind::Io,
            Self::Log(_) => EventKind::Log,
            Self::Packet(_) => EventKind::NetworkPacket,
            Self::Security(_) => EventKind::Security,
            Self::Span(_) => EventKind::Span,
            Self::Syscall(_) => EventKind::Syscall,
            Self::Trend { .. } => EventKind::Trend,
        }
    }

    /// Returns how much the event matters.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self {
            Self::Anomaly { anomaly, .. } => anomaly.level.severity(),
            Self::Exec(Exec { change: ProcessChange::OomKilled { .. }, .. }) => Severity::Warning,
            Self::Log(record) => record.severity(),
            Self::Security(finding) => finding.severity,
            _ => Severity::Info,
        }
    }

    /// Returns the process that the event is about.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        match self {
            Self::Anomaly { metric_key, .. } | Self::Trend { metric_key, .. } => {
                metric_key.attributes().value("pid")?.parse().ok()
            }
            Self::Log(record) => record.attributes.value("process.pid")?.parse().ok(),
            _ => self.task().map(|task| task.pid),
        }
    }

    /// Returns who did it, where the kernel said so.
    #[must_use]
    pub const fn task(&self) -> Option<&Task> {
        match self {
            Self::Exec(exec) => Some(&exec.task),
            Self::Io(io) => io.task.as_ref(),
            Self::Packet(packet) => packet.task.as_ref(),
            Self::Security(finding) => finding.task.as_ref(),
            Self::Syscall(syscall) => Some(&syscall.task),
            _ => None,
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        match self {
            Self::Anomaly { metric_key, anomaly, .. } => {
                metric_key.attributes().size_bytes() + anomaly.explanation.capacity()
            }
            Self::Custom(custom) => custom.name.capacity() + json_bytes(&custom.data),
            Self::Exec(exec) => exec.heap_bytes(),
            Self::Frame(reading) => reading.size_bytes(),
            Self::Io(io) => io.heap_bytes(),
            Self::Log(record) => record.heap_bytes(),
            Self::Packet(packet) => packet.heap_bytes(),
            Self::Security(finding) => finding.heap_bytes(),
            Self::Span(span) => span.heap_bytes(),
            Self::Syscall(syscall) => syscall.task.heap_bytes(),
            Self::Trend { metric_key, .. } => metric_key.attributes().size_bytes(),
        }
    }
}

fn json_bytes(value: &serde_json::Value) -> usize {
    use serde_json::Value;
    let inner = match value {
        Value::Array(items) => items.iter().map(json_bytes).sum(),
        Value::Object(members) => members.iter().map(|(key, value)| key.capacity() + json_bytes(value)).sum(),
        Value::String(text) => text.capacity(),
        Value::Bool(_) | Value::Null | Value::Number(_) => 0,
    };
    size_of::<Value>() + inner
}
