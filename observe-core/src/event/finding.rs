//! What detectors find.

use std::borrow::Cow;

use super::Severity;
use crate::Timestamp;

/// One value of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// When it was measured.
    pub timestamp: Timestamp,
    /// What was measured.
    pub value: f64,
}

/// What a detector has to say about a point. Complete by nature.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// The point is out of the ordinary.
    Anomaly(Anomaly),
    /// The series changed its direction.
    Trend(Trend),
}

/// A point out of the ordinary.
#[derive(Clone, Debug, PartialEq)]
pub struct Anomaly {
    /// The name of the detector.
    pub detector: Cow<'static, str>,
    /// How far out of the ordinary, 0 to 1.
    pub score: f64,
    /// Whether to mark it or to wake somebody.
    pub level: Level,
    /// Standard deviations from the mean, for detectors that count in them.
    pub z_score: Option<f64>,
    /// The mean of the window that the point was held against.
    pub mean: f64,
    /// The standard deviation of that window.
    pub stddev: f64,
    /// The range in which the detector expected the value.
    pub expected: Option<(f64, f64)>,
    /// A sentence that a person understands.
    pub explanation: String,
}

/// How loud a finding is. Complete by nature.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Level {
    /// A mark on a chart.
    #[default]
    Notice,
    /// A reason to raise an alert.
    Page,
}

impl Level {
    /// Returns `notice` or `page`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Page => "page",
        }
    }

    /// Returns the severity of an event with this level.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::Notice => Severity::Warning,
            Self::Page => Severity::Critical,
        }
    }
}

/// A straight line through a window of a series, by ordinary least squares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trend {
    /// Growth in units of the metric a second.
    pub slope: f64,
    /// Share of the variance that the line explains, 0 to 1.
    pub r2: f64,
    /// Probability of such a slope where there is none, by a two-sided t test.
    pub p_value: f64,
    /// Points in the window.
    pub n: usize,
    /// The length of the window in seconds.
    pub window_seconds: f64,
    /// The newest value of the window.
    pub current_value: f64,
}

impl Trend {
    /// Returns the absolute slope.
    #[must_use]
    pub const fn magnitude(&self) -> f64 {
        self.slope.abs()
    }

    /// Returns the direction by the sign of the slope.
    ///
    /// With `significance`, a slope whose p-value is above it counts as stable.
    #[must_use]
    pub fn direction(&self, significance: Option<f64>) -> Direction {
        if significance.is_some_and(|limit| self.p_value > limit) {
            return Direction::Stable;
        }
        match self.slope {
            slope if slope > 0.0 => Direction::Increasing,
            slope if slope < 0.0 => Direction::Decreasing,
            _ => Direction::Stable,
        }
    }
}

/// Where a series is going. Complete by nature.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Direction {
    /// Down.
    Decreasing,
    /// Up.
    Increasing,
    /// Nowhere.
    Stable,
}

impl Direction {
    /// Returns `decreasing`, `increasing` or `stable`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Decreasing => "decreasing",
            Self::Increasing => "increasing",
            Self::Stable => "stable",
        }
    }
}
