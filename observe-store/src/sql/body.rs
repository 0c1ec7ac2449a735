//! How what has no column of its own is written: as JSON of forms that only this crate knows.
//!
//! Fields are never renamed, and new ones have a default: what was once written stays readable.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use observe_core::{
    Anomaly, Attributes, Custom, Enriched, EventData, EventKind, Level, MetricKey, Point, ProcessInfo, StoreError,
    Timestamp, Trend,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};

/// Writes what has no column of its own about an event; `None` where the event has a table for itself, or none.
pub(super) fn write_event(event: &Enriched) -> Result<Option<String>, StoreError> {
    let process = event.process.as_deref().map(Process::from);
    match &event.data {
        EventData::Anomaly { metric_key, point, anomaly } => {
            write(&AnomalyBody::new(metric_key, *point, anomaly, process)).map(Some)
        }
        EventData::Custom(Custom { name, data }) => {
            write(&CustomBody { name: Cow::Borrowed(name), data: Cow::Borrowed(data), process }).map(Some)
        }
        EventData::Trend { metric_key, trend } => write(&TrendBody::new(metric_key, trend, process)).map(Some),
        _ => Ok(None),
    }
}

/// Reads what [`write_event`] wrote.
pub(super) fn read_event(kind: EventKind, body: &str) -> Result<(EventData, Option<Arc<ProcessInfo>>), String> {
    match kind {
        EventKind::Anomaly => read::<AnomalyBody<'_>>(body)?.into_event(),
        EventKind::Custom => {
            let CustomBody { name, data, process } = read(body)?;
            let custom = Custom { name: name.into_owned(), data: data.into_owned() };
            Ok((EventData::Custom(custom), process.map(Process::into_info)))
        }
        EventKind::Trend => read::<TrendBody<'_>>(body)?.into_event(),
        other => Err(format!("there is no event of the kind {other}")),
    }
}

pub(super) fn write(body: &impl Serialize) -> Result<String, StoreError> {
    let unwritable =
        |error: serde_json::Error| StoreError::Corrupt { what: "an event".to_owned(), reason: error.to_string() };
    serde_json::to_string(body).map_err(unwritable)
}

pub(super) fn read<T: DeserializeOwned>(body: &str) -> Result<T, String> {
    serde_json::from_str(body).map_err(|error| error.to_string())
}

#[derive(Deserialize, Serialize)]
struct CustomBody<'a> {
    name: Cow<'a, str>,
    data: Cow<'a, serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    process: Option<Process<'a>>,
}

#[derive(Deserialize, Serialize)]
struct AnomalyBody<'a> {
    key: String,
    at: i64,
    value: Float,
    detector: Cow<'a, str>,
    score: Float,
    page: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    z_score: Option<Float>,
    mean: Float,
    stddev: Float,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expected: Option<(Float, Float)>,
    explanation: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    process: Option<Process<'a>>,
}

impl<'a> AnomalyBody<'a> {
    fn new(key: &MetricKey, point: Point, anomaly: &'a Anomaly, process: Option<Process<'a>>) -> Self {
        Self {
            key: key.to_string(),
            at: point.timestamp.as_nanos(),
            value: Float(point.value),
            detector: Cow::Borrowed(&anomaly.detector),
            score: Float(anomaly.score),
            page: anomaly.level == Level::Page,
            z_score: anomaly.z_score.map(Float),
            mean: Float(anomaly.mean),
            stddev: Float(anomaly.stddev),
            expected: anomaly.expected.map(|(low, high)| (Float(low), Float(high))),
            explanation: Cow::Borrowed(&anomaly.explanation),
            process,
        }
    }

    fn into_event(self) -> Result<(EventData, Option<Arc<ProcessInfo>>), String> {
        let anomaly = Anomaly {
            detector: self.detector.into_owned().into(),
            score: self.score.0,
            level: if self.page { Level::Page } else { Level::Notice },
            z_score: self.z_score.map(|float| float.0),
            mean: self.mean.0,
            stddev: self.stddev.0,
            expected: self.expected.map(|(low, high)| (low.0, high.0)),
            explanation: self.explanation.into_owned(),
        };
        let point = Point { timestamp: Timestamp::from_nanos(self.at), value: self.value.0 };
        let data = EventData::Anomaly { metric_key: read_key(&self.key)?, point, anomaly };
        Ok((data, self.process.map(Process::into_info)))
    }
}

#[derive(Deserialize, Serialize)]
struct TrendBody<'a> {
    key: String,
    slope: Float,
    r2: Float,
    p_value: Float,
    n: usize,
    window_seconds: Float,
    current_value: Float,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    process: Option<Process<'a>>,
}

impl<'a> TrendBody<'a> {
    fn new(key: &MetricKey, trend: &Trend, process: Option<Process<'a>>) -> Self {
        Self {
            key: key.to_string(),
            slope: Float(trend.slope),
            r2: Float(trend.r2),
            p_value: Float(trend.p_value),
            n: trend.n,
            window_seconds: Float(trend.window_seconds),
            current_value: Float(trend.current_value),
            process,
        }
    }

    fn into_event(self) -> Result<(EventData, Option<Arc<ProcessInfo>>), String> {
        let trend = Trend {
            slope: self.slope.0,
            r2: self.r2.0,
            p_value: self.p_value.0,
            n: self.n,
            window_seconds: self.window_seconds.0,
            current_value: self.current_value.0,
        };
        let data = EventData::Trend { metric_key: read_key(&self.key)?, trend };
        Ok((data, self.process.map(Process::into_info)))
    }
}

fn read_key(text: &str) -> Result<MetricKey, String> {
    text.parse().map_err(|error| format!("{text}: {error}"))
}

/// A process that an event is about.
#[derive(Deserialize, Serialize)]
pub(super) struct Process<'a> {
    pid: u32,
    start_ticks: u64,
    ppid: u32,
    name: Cow<'a, str>,
    cmdline: Cow<'a, str>,
    uid: u32,
}

impl<'a> From<&'a ProcessInfo> for Process<'a> {
    fn from(info: &'a ProcessInfo) -> Self {
        let ProcessInfo { pid, start_ticks, ppid, name, cmdline, uid } = info;
        Self {
            pid: *pid,
            start_ticks: *start_ticks,
            ppid: *ppid,
            name: Cow::Borrowed(name),
            cmdline: Cow::Borrowed(cmdline),
            uid: *uid,
        }
    }
}

impl Process<'_> {
    pub(super) fn into_info(self) -> Arc<ProcessInfo> {
        let Self { pid, start_ticks, ppid, name, cmdline, uid } = self;
        Arc::new(ProcessInfo { pid, start_ticks, ppid, name: name.into_owned(), cmdline: cmdline.into_owned(), uid })
    }
}

/// Attributes as one JSON object.
#[derive(Default, Deserialize, Serialize)]
pub(super) struct Pairs<'a>(BTreeMap<Cow<'a, str>, Cow<'a, str>>);

impl<'a> From<&'a Attributes> for Pairs<'a> {
    fn from(attributes: &'a Attributes) -> Self {
        let pairs = attributes.iter().map(|pair| (Cow::Borrowed(&*pair.key), Cow::Borrowed(&*pair.value)));
        Self(pairs.collect())
    }
}

impl Pairs<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn into_attributes(self) -> Result<Attributes, String> {
        let pairs = self.0.into_iter().map(|(key, value)| (key.into_owned(), value.into_owned()));
        Attributes::new(pairs).map_err(|error| error.to_string())
    }
}

/// A float that may be one of those for which JSON has no number.
#[derive(Clone, Copy)]
struct Float(f64);

impl Serialize for Float {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            value if value.is_finite() => serializer.serialize_f64(value),
            value if value.is_nan() => serializer.serialize_str("NaN"),
            value if value > 0.0 => serializer.serialize_str("Infinity"),
            _ => serializer.serialize_str("-Infinity"),
        }
    }
}

impl<'de> Deserialize<'de> for Float {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Name(Name),
            Number(f64),
        }
        #[derive(Deserialize)]
        enum Name {
            #[serde(rename = "-Infinity")]
            Below,
            #[serde(rename = "Infinity")]
            Above,
            NaN,
        }
        Ok(Self(match Form::deserialize(deserializer)? {
            Form::Name(Name::Below) => f64::NEG_INFINITY,
            Form::Name(Name::Above) => f64::INFINITY,
            Form::Name(Name::NaN) => f64::NAN,
            Form::Number(value) => value,
        }))
    }
}
