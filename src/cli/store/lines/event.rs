//! A line of an event, a log record or a span.

use std::{borrow::Cow, sync::Arc};

use observe::{Anomaly, Custom, Enriched, EventData, EventId, Level, Point, ProcessInfo, SystemEvent, Trend};
use serde::{Deserialize, Serialize};

use super::{
    kernel::{ExecData, IoData, PacketData, SecurityData, SyscallData},
    number::Number,
    record::{LogData, SpanData},
};
use crate::cli::time;

/// An event as a line of JSON.
#[derive(Deserialize, Serialize)]
pub(in super::super) struct EventLine<'a> {
    id: u64,
    timestamp: Cow<'a, str>,
    source: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    host: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    process: Option<ProcessData<'a>>,
    #[serde(flatten)]
    data: Data<'a>,
}

#[derive(Deserialize, Serialize)]
#[serde(tag = "event_type", content = "data", rename_all = "UPPERCASE")]
enum Data<'a> {
    Anomaly(AnomalyData<'a>),
    Custom {
        name: Cow<'a, str>,
        data: Cow<'a, serde_json::Value>,
    },
    Exec(ExecData<'a>),
    Io(IoData<'a>),
    Log(LogData<'a>),
    #[serde(rename = "NETWORK_PACKET")]
    Packet(PacketData<'a>),
    Security(SecurityData<'a>),
    Span(SpanData<'a>),
    Syscall(SyscallData<'a>),
    Trend(TrendData),
}

#[derive(Deserialize, Serialize)]
struct AnomalyData<'a> {
    metric_key: String,
    timestamp: String,
    value: Number,
    detector: Cow<'a, str>,
    score: Number,
    level: Cow<'a, str>,
    z_score: Option<Number>,
    mean: Number,
    stddev: Number,
    expected: Option<(Number, Number)>,
    explanation: Cow<'a, str>,
}

#[derive(Deserialize, Serialize)]
struct TrendData {
    metric_key: String,
    slope: Number,
    r2: Number,
    p_value: Number,
    n: usize,
    window_seconds: Number,
    current_value: Number,
}

#[derive(Deserialize, Serialize)]
struct ProcessData<'a> {
    pid: u32,
    start_ticks: u64,
    ppid: u32,
    name: Cow<'a, str>,
    cmdline: Cow<'a, str>,
    uid: u32,
}

impl<'a> EventLine<'a> {
    /// Describes an event; `None` where it is of a kind that is not stored.
    pub(in super::super) fn new(event: &'a Enriched) -> Option<Self> {
        Some(Self {
            id: event.id.as_u64(),
            timestamp: time::rfc3339(event.timestamp).into(),
            source: Cow::Borrowed(&event.source),
            host: event.host.as_deref().map(Cow::Borrowed),
            process: event.process.as_deref().map(ProcessData::new),
            data: Data::new(&event.data)?,
        })
    }
}

/// Reads what an [`EventLine`] was written as.
pub(in super::super) fn read_event(text: &str) -> Result<Enriched, String> {
    let line: EventLine<'_> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let timestamp = time::timestamp(&line.timestamp)?;
    let mut event = SystemEvent::new(line.source.into_owned(), timestamp, line.data.read()?);
    if line.id >= 1 << 53 {
        return Err(format!("id {} is above those that are given", line.id));
    }
    event.id = EventId::from_u64(line.id);
    event.host = line.host.map(|host| host.as_ref().into());
    Ok(Enriched { event, process: line.process.map(|process| Arc::new(process.read())) })
}

impl<'a> Data<'a> {
    fn new(data: &'a EventData) -> Option<Self> {
        Some(match data {
            EventData::Anomaly { metric_key, point, anomaly } => Self::Anomaly(AnomalyData {
                metric_key: metric_key.to_string(),
                timestamp: time::rfc3339(point.timestamp),
                value: Number(point.value),
                detector: Cow::Borrowed(&anomaly.detector),
                score: Number(anomaly.score),
                level: anomaly.level.as_str().into(),
                z_score: anomaly.z_score.map(Number),
                mean: Number(anomaly.mean),
                stddev: Number(anomaly.stddev),
                expected: anomaly.expected.map(|(low, high)| (Number(low), Number(high))),
                explanation: Cow::Borrowed(&anomaly.explanation),
            }),
            EventData::Custom(Custom { name, data }) => {
                Self::Custom { name: Cow::Borrowed(name), data: Cow::Borrowed(data) }
            }
            EventData::Exec(exec) => Self::Exec(ExecData::new(exec)?),
            EventData::Io(io) => Self::Io(IoData::new(io)),
            EventData::Log(record) => Self::Log(LogData::new(record)),
            EventData::Packet(packet) => Self::Packet(PacketData::new(packet)),
            EventData::Security(finding) => Self::Security(SecurityData::new(finding)),
            EventData::Span(span) => Self::Span(SpanData::new(span)),
            EventData::Syscall(syscall) => Self::Syscall(SyscallData::new(syscall)),
            EventData::Trend { metric_key, trend } => Self::Trend(TrendData {
                metric_key: metric_key.to_string(),
                slope: Number(trend.slope),
                r2: Number(trend.r2),
                p_value: Number(trend.p_value),
                n: trend.n,
                window_seconds: Number(trend.window_seconds),
                current_value: Number(trend.current_value),
            }),
            _ => return None,
        })
    }

    fn read(self) -> Result<EventData, String> {
        Ok(match self {
            Self::Anomaly(data) => data.read()?,
            Self::Custom { name, data } => {
                EventData::Custom(Custom { name: name.into_owned(), data: data.into_owned() })
            }
            Self::Exec(data) => EventData::Exec(data.read()),
            Self::Io(data) => EventData::Io(data.read()?),
            Self::Log(data) => EventData::Log(data.read()?),
            Self::Packet(data) => EventData::Packet(data.read()?),
            Self::Security(data) => EventData::Security(data.read()?),
            Self::Span(data) => EventData::Span(data.read()?),
            Self::Syscall(data) => EventData::Syscall(data.read()),
            Self::Trend(data) => data.read()?,
        })
    }
}

impl AnomalyData<'_> {
    fn read(self) -> Result<EventData, String> {
        let levels = [Level::Notice, Level::Page];
        let level = levels.into_iter().find(|level| level.as_str() == self.level);
        let anomaly = Anomaly {
            detector: self.detector.into_owned().into(),
            score: self.score.0,
            level: level.ok_or_else(|| format!("level is {:?}; it can be notice or page", self.level))?,
            z_score: self.z_score.map(|number| number.0),
            mean: self.mean.0,
            stddev: self.stddev.0,
            expected: self.expected.map(|(low, high)| (low.0, high.0)),
            explanation: self.explanation.into_owned(),
        };
        let metric_key = self.metric_key.parse().map_err(|error| format!("{:?}: {error}", self.metric_key))?;
        let point = Point { timestamp: time::timestamp(&self.timestamp)?, value: self.value.0 };
        Ok(EventData::Anomaly { metric_key, point, anomaly })
    }
}

impl TrendData {
    fn read(self) -> Result<EventData, String> {
        let metric_key = self.metric_key.parse().map_err(|error| format!("{:?}: {error}", self.metric_key))?;
        let trend = Trend {
            slope: self.slope.0,
            r2: self.r2.0,
            p_value: self.p_value.0,
            n: self.n,
            window_seconds: self.window_seconds.0,
            current_value: self.current_value.0,
        };
        Ok(EventData::Trend { metric_key, trend })
    }
}

impl<'a> ProcessData<'a> {
    fn new(info: &'a ProcessInfo) -> Self {
        let ProcessInfo { pid, start_ticks, ppid, name, cmdline, uid } = info;
        let (name, cmdline) = (Cow::Borrowed(&**name), Cow::Borrowed(&**cmdline));
        Self { pid: *pid, start_ticks: *start_ticks, ppid: *ppid, name, cmdline, uid: *uid }
    }

    fn read(self) -> ProcessInfo {
        let Self { pid, start_ticks, ppid, name, cmdline, uid } = self;
        ProcessInfo { pid, start_ticks, ppid, name: name.into_owned(), cmdline: cmdline.into_owned(), uid }
    }
}
