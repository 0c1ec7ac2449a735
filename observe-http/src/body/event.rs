//! Events of every kind in one shape.

use std::collections::BTreeMap;

use observe_core::{
    Attributes, Enriched, EventData, LogRecord, ProcessInfo, Reading, Resource, Span, SpanKind, SpanStatus,
};
use serde::{Serialize, Serializer, ser::SerializeMap};
use utoipa::ToSchema;

use super::finding::{AnomalyData, TrendBody};
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
    #[schema(value_type = Object)]
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
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Data<'a, T: WireTime> {
    Anomaly(AnomalyData<'a>),
    Custom { name: &'a str, data: &'a serde_json::Value },
    Frame(Values<'a>),
    Log(LogBody<'a, T>),
    Other {},
    Span(SpanBody<'a, T>),
    Trend(TrendBody<T>),
}

impl<'a, T: WireTime> Data<'a, T> {
    fn new(event: &'a Enriched) -> Self {
        match &event.data {
            EventData::Anomaly { metric_key, point, anomaly } => {
                Self::Anomaly(AnomalyData::new(metric_key, *point, anomaly))
            }
            EventData::Custom(custom) => Self::Custom { name: &custom.name, data: &custom.data },
            EventData::Frame(reading) => Self::Frame(Values(reading)),
            EventData::Log(record) => Self::Log(LogBody::new(record)),
            EventData::Span(span) => Self::Span(SpanBody::new(span)),
            EventData::Trend { metric_key, trend } => {
                Self::Trend(TrendBody::new(metric_key, trend, trend.direction(None), event.timestamp.into()))
            }
            _ => Self::Other {},
        }
    }
}

/// A frame as an object of metric keys and values.
#[derive(Debug)]
pub(crate) struct Values<'a>(&'a Reading);

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in self.0.points() {
            map.serialize_entry(&key.to_string(), &value)?;
        }
        map.end()
    }
}

#[derive(Debug, Serialize)]
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

#[derive(Debug, Serialize)]
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
