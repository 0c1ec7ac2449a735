//! Series and their points as an answer has them, wherever it comes from.

use std::{borrow::Cow, collections::BTreeMap, time::Duration};

use observe::{MetricKey, Point, Timestamp};
use serde::Serialize;

use crate::cli::time;

/// The points of some series.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) series: Vec<Series>,
    pub(super) step: Duration,
}

/// The points of one series.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) key: MetricKey,
    pub(super) unit: Cow<'static, str>,
    pub(super) points: Vec<Point>,
}

/// The body that the HTTP interface answers with at `/api/v1/metrics/history`.
#[derive(Debug, Serialize)]
pub(super) struct Body<'a> {
    series: Vec<SeriesBody<'a>>,
}

#[derive(Debug, Serialize)]
struct SeriesBody<'a> {
    metric_key: String,
    labels: BTreeMap<&'a str, &'a str>,
    unit: &'a str,
    step: serde_json::Number,
    points: Vec<(String, f64)>,
}

impl Answer {
    pub(super) fn has_points(&self) -> bool {
        self.series.iter().any(|series| !series.points.is_empty())
    }

    pub(super) fn body(&self) -> Body<'_> {
        let step = seconds(self.step);
        Body { series: self.series.iter().map(|series| series.body(step.clone())).collect() }
    }
}

impl Series {
    fn body(&self, step: serde_json::Number) -> SeriesBody<'_> {
        let pair = |point: &Point| (time::rfc3339_micros(point.timestamp), point.value);
        SeriesBody {
            metric_key: self.key.to_string(),
            labels: self.key.attributes().iter().map(|one| (&*one.key, &*one.value)).collect(),
            unit: &self.unit,
            step,
            points: self.points.iter().map(pair).collect(),
        }
    }

    /// Returns the time of the newest point.
    pub(super) fn newest(&self) -> Option<Timestamp> {
        self.points.last().map(|point| point.timestamp)
    }
}

/// Writes whole seconds without a fraction, as the HTTP interface does.
fn seconds(step: Duration) -> serde_json::Number {
    let fraction = serde_json::Number::from_f64(step.as_secs_f64()).filter(|_| step.subsec_nanos() > 0);
    fraction.unwrap_or_else(|| step.as_secs().into())
}
