//! Events of every kind in one shape.

use std::collections::BTreeMap;

use observe_core::{Attributes, Enriched, EventData, LogRecord, ProcessInfo, Resource, Span, SpanKind, SpanStatus};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    finding::{AnomalyData, Empty, TrendBody},
    frame::Values,
    kernel::{ExecBody, IoBody, PacketBody, SecurityBody, SyscallBody},
};
use crate::time::WireTime;

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventBody<'a, T: WireTime> {
    /// Grows with time.
    id: u64,
    /// What kind of event it is: `CPU_METRIC`, `ANOMALY`, `LOG`.
    event_type: &'static str,
    /// Where it was seen: `collector::cpu`.
    source: &'a str,
    /// When it happened.
    timestamp: T,
    /// The host it happened on.
    host: &'a str,
    /// `info`, `warning` or `critical`.
    severity: &'static str,
    /// How far out of the ordinary it is, 0 to 1.
    score: f64,
    /// What happened; a frame of samples is an object of metric keys and values.
    #[schema(inline)]
    data: Data<'a, T>,
    /// The process it is about.
    process: Option<ProcessBody<'a>>,
}

impl<'a, T: WireTime> EventBody<'a, T> {
    /// Makes the body of an event; `own_host` is the name of the host that the engine runs on.
    pub(crate) fn new(event: &'a Enriched, own_host: &'a str) -> Self {
        let score = match &event.data {
            EventData::Anomaly { anomaly, .. } => anomaly.score,
            _ => 0.0,
        };
        Self {
            id: event.id.as_u64(),
            event_type: event.kind().as_str(),
            source: &event.source,
            timestamp: event.timestamp.into(),
            host: event.host.as_deref().unwrap_or(own_host),
            severity: event.severity().as_str(),
            score,
            data: Data::new(event),
            process: event.process.as_deref().map(ProcessBody::new),
        }
    }
}

/// What belongs to an event, by its kind.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Data<'a, T: WireTime> {
    Anomaly(AnomalyData<'a>),
    Custom(CustomBody<'a>),
    Exec(ExecBody<'a>),
    Frame(#[schema(inline)] Values<'a>),
    Io(IoBody<'a>),
    Log(LogBody<'a, T>),
    Other(Empty),
    Packet(PacketBody<'a>),
    Security(SecurityBody<'a>),
    Span(SpanBody<'a, T>),
    Syscall(SyscallBody<'a>),
    Trend(TrendBody<T>),
}

impl<'a, T: WireTime> Data<'a, T> {
    fn new(event: &'a Enriched) -> Self {
        match &event.data {
            EventData::Anomaly { metric_key, point, anomaly } => {
                Self::Anomaly(AnomalyData::new(metric_key, *point, anomaly))
            }
            EventData::Custom(custom) => Self::Custom(CustomBody { name: &custom.name, data: &custom.data }),
            EventData::Exec(exec) => Self::Exec(ExecBody::new(exec)),
            EventData::Frame(reading) => Self::Frame(Values::new(reading)),
            EventData::Io(io) => Self::Io(IoBody::new(io)),
            EventData::Log(record) => Self::Log(LogBody::new(record)),
            EventData::Packet(packet) => Self::Packet(PacketBody::new(packet)),
            EventData::Security(finding) => Self::Security(SecurityBody::new(finding)),
            EventData::Span(span) => Self::Span(SpanBody::new(span)),
            EventData::Syscall(syscall) => Self::Syscall(SyscallBody::new(syscall)),
            EventData::Trend { metric_key, trend } => {
                Self::Trend(TrendBody::new(metric_key, trend, trend.direction(None), event.timestamp.into()))
            }
            _ => Self::Other(Empty {}),
        }
    }
}

/// What an embedder published.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CustomBody<'a> {
    /// What the event is called.
    name: &'a str,
    /// Whatever belongs to it.
    #[schema(value_type = Object)]
    data: &'a serde_json::Value,
}

/// A log record as OpenTelemetry has it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LogBody<'a, T: WireTime> {
    timestamp: T,
    severity_number: u8,
    severity_text: &'a str,
    body: &'a str,
    attributes: BTreeMap<&'a str, &'a str>,
    resource: BTreeMap<&'a str, &'a str>,
    trace_id: Option<String>,
    span_id: Option<String>,
}

impl<'a, T: WireTime> LogBody<'a, T> {
    fn new(record: &'a LogRecord) -> Self {
        Self {
            timestamp: record.timestamp.into(),
            severity_number: record.severity_number,
            severity_text: &record.severity_text,
            body: &record.body,
            attributes: members(&record.attributes),
            resource: resource(&record.resource),
            trace_id: record.trace_id.map(|id| id.to_string()),
            span_id: record.span_id.map(|id| id.to_string()),
        }
    }
}

/// A piece of work in a trace, as OpenTelemetry has it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SpanBody<'a, T: WireTime> {
    trace_id: String,
    span_id: String,
    parent_span_id: Option<String>,
    name: &'a str,
    kind: &'static str,
    start_time: T,
    end_time: T,
    duration_ms: f64,
    status: &'static str,
    attributes: BTreeMap<&'a str, &'a str>,
    resource: BTreeMap<&'a str, &'a str>,
}

impl<'a, T: WireTime> SpanBody<'a, T> {
    fn new(span: &'a Span) -> Self {
        Self {
            trace_id: span.trace_id.to_string(),
            span_id: span.span_id.to_string(),
            parent_span_id: span.parent_span_id.map(|id| id.to_string()),
            name: &span.name,
            kind: match span.kind {
                SpanKind::Client => "client",
                SpanKind::Consumer => "consumer",
                SpanKind::Internal => "internal",
                SpanKind::Producer => "producer",
                SpanKind::Server => "server",
            },
            start_time: span.start_time.into(),
            end_time: span.end_time.into(),
            duration_ms: span.duration().as_secs_f64() * 1e3,
            status: match span.status {
                SpanStatus::Error => "error",
                SpanStatus::Ok => "ok",
                SpanStatus::Unset => "unset",
            },
            attributes: members(&span.attributes),
            resource: resource(&span.resource),
        }
    }
}

/// A process that an event is about.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProcessBody<'a> {
    /// Its id.
    pid: u32,
    /// Its command name.
    name: &'a str,
    /// The id of its parent.
    ppid: u32,
    /// Its command line, secrets masked.
    cmdline: &'a str,
    /// The user it runs as.
    uid: u32,
}

impl<'a> ProcessBody<'a> {
    fn new(process: &'a ProcessInfo) -> Self {
        Self { pid: process.pid, name: &process.name, ppid: process.ppid, cmdline: &process.cmdline, uid: process.uid }
    }
}

pub(crate) fn members(attributes: &Attributes) -> BTreeMap<&str, &str> {
    attributes.iter().map(|attribute| (&*attribute.key, &*attribute.value)).collect()
}

fn resource(resource: &Resource) -> BTreeMap<&str, &str> {
    members(&resource.attributes)
}
