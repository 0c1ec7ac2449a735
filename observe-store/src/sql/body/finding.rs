//! What detectors found.

use std::borrow::Cow;

use observe_core::{Anomaly, EventData, Level, MetricKey, Point, Timestamp, Trend};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Deserialize, Serialize)]
pub(super) struct AnomalyBody<'a> {
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
}

impl<'a> AnomalyBody<'a> {
    pub(super) fn new(key: &MetricKey, point: Point, anomaly: &'a Anomaly) -> Self {
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
        }
    }

    pub(super) fn into_data(self) -> Result<EventData, String> {
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
        Ok(EventData::Anomaly { metric_key: read_key(&self.key)?, point, anomaly })
    }
}

#[derive(Deserialize, Serialize)]
pub(super) struct TrendBody {
    key: String,
    slope: Float,
    r2: Float,
    p_value: Float,
    n: usize,
    window_seconds: Float,
    current_value: Float,
}

impl TrendBody {
    pub(super) fn new(key: &MetricKey, trend: &Trend) -> Self {
        Self {
            key: key.to_string(),
            slope: Float(trend.slope),
            r2: Float(trend.r2),
            p_value: Float(trend.p_value),
            n: trend.n,
            window_seconds: Float(trend.window_seconds),
            current_value: Float(trend.current_value),
        }
    }

    pub(super) fn into_data(self) -> Result<EventData, String> {
        let trend = Trend {
            slope: self.slope.0,
            r2: self.r2.0,
            p_value: self.p_value.0,
            n: self.n,
            window_seconds: self.window_seconds.0,
            current_value: self.current_value.0,
        };
        Ok(EventData::Trend { metric_key: read_key(&self.key)?, trend })
    }
}

fn read_key(text: &str) -> Result<MetricKey, String> {
    text.parse().map_err(|error| format!("{text}: {error}"))
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
