//! What detectors found.

use observe_core::{Anomaly, Direction, Enriched, EventData, MetricKey, Point, Trend};
use serde::Serialize;
use utoipa::ToSchema;

use crate::time::WireTime;

/// A value out of the ordinary.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AnomalyBody<T: WireTime> {
    /// The event's id.
    id: u64,
    /// Always `ANOMALY`.
    event_type: &'static str,
    /// Where it was found: `ml::anomaly`.
    source: String,
    /// When the value was measured.
    timestamp: T,
    /// The series.
    metric_key: String,
    /// The value.
    value: f64,
    /// Standard deviations from the mean; null for detectors that do not count in them.
    z_score: Option<f64>,
    /// The mean of the window that the value was held against.
    mean: f64,
    /// The standard deviation of that window.
    stddev: f64,
    /// The detector.
    detector: String,
    /// How far out of the ordinary, 0 to 1.
    score: f64,
    /// `notice` is a mark on a chart, `page` a reason to wake somebody.
    level: &'static str,
    /// `info`, `warning` or `critical`.
    severity: &'static str,
    /// The range in which the value was expected.
    expected: Option<[f64; 2]>,
    /// A sentence that a person understands.
    explanation: String,
    /// Nothing more at present.
    data: Empty,
}

/// An object without members.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Empty {}

impl<T: WireTime> AnomalyBody<T> {
    /// Makes the body of an event; `None` where it is not an anomaly.
    pub(crate) fn new(event: &Enriched) -> Option<Self> {
        let EventData::Anomaly { metric_key, point, anomaly } = &event.data else { return None };
        Some(Self {
            id: event.id.as_u64(),
            event_type: event.kind().as_str(),
            source: event.source.to_string(),
            timestamp: event.timestamp.into(),
            metric_key: metric_key.to_string(),
            value: point.value,
            z_score: anomaly.z_score,
            mean: anomaly.mean,
            stddev: anomaly.stddev,
            detector: anomaly.detector.to_string(),
            score: anomaly.score,
            level: anomaly.level.as_str(),
            severity: anomaly.level.severity().as_str(),
            expected: anomaly.expected.map(|(low, high)| [low, high]),
            explanation: anomaly.explanation.clone(),
            data: Empty {},
        })
    }
}

/// What an event's `data` says of an anomaly.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AnomalyData<'a> {
    metric_key: String,
    value: f64,
    z_score: Option<f64>,
    mean: f64,
    stddev: f64,
    detector: &'a str,
    score: f64,
    level: &'static str,
    expected: Option<[f64; 2]>,
    explanation: &'a str,
}

impl<'a> AnomalyData<'a> {
    pub(super) fn new(metric_key: &MetricKey, point: Point, anomaly: &'a Anomaly) -> Self {
        Self {
            metric_key: metric_key.to_string(),
            value: point.value,
            z_score: anomaly.z_score,
            mean: anomaly.mean,
            stddev: anomaly.stddev,
            detector: &anomaly.detector,
            score: anomaly.score,
            level: anomaly.level.as_str(),
            expected: anomaly.expected.map(|(low, high)| [low, high]),
            explanation: &anomaly.explanation,
        }
    }
}

/// A straight line through the last minutes of a series.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TrendBody<T: WireTime> {
    /// The series.
    metric_key: String,
    /// Growth in units of the metric a second.
    slope: f64,
    /// `increasing`, `decreasing` or `stable`: by the sign of the slope, or stable where it is not significant.
    direction: &'static str,
    /// The absolute slope.
    magnitude: f64,
    /// The newest value.
    current_value: f64,
    /// What the slope is counted in: `second`.
    unit_per: &'static str,
    /// Share of the variance that the line explains.
    r2: f64,
    /// Probability of such a slope where there is none.
    p_value: f64,
    /// Points in the window.
    n: usize,
    /// The length of the window.
    window_seconds: f64,
    /// The time of the newest value.
    timestamp: T,
}

impl<T: WireTime> TrendBody<T> {
    pub(crate) fn new(metric_key: &MetricKey, trend: &Trend, direction: Direction, timestamp: T) -> Self {
        Self {
            metric_key: metric_key.to_string(),
            slope: trend.slope,
            direction: direction.as_str(),
            magnitude: trend.magnitude(),
            current_value: trend.current_value,
            unit_per: "second",
            r2: trend.r2,
            p_value: trend.p_value,
            n: trend.n,
            window_seconds: trend.window_seconds,
            timestamp,
        }
    }
}
