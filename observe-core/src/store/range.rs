//! Questions about series and their points.

use std::time::Duration;

use super::{Aggregate, Selector};
use crate::{MetricKey, Point, Timestamp};

/// Which series are asked for.
#[derive(Clone, Debug)]
pub struct SeriesQuery {
    /// Which they are.
    pub selector: Selector,
    /// Those whose keys come after this one.
    pub after: Option<MetricKey>,
    /// At most so many, the first.
    pub limit: usize,
}

/// A series that is or was stored.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct SeriesInfo {
    /// Its key.
    pub key: MetricKey,
    /// How its values behave.
    pub kind: SeriesKind,
    /// The unit of its values, by the name that this project gives it.
    pub unit: Box<str>,
    /// The name of its producer.
    pub producer: Box<str>,
    /// The time that usually lies between two points.
    pub interval: Duration,
    /// When it was first stored.
    pub created_at: Timestamp,
    /// When its producer ceased to name it; `None` while it does.
    pub ended_at: Option<Timestamp>,
}

impl SeriesInfo {
    /// Describes a series of seconds that has no unit, an unknown producer, and goes on.
    #[must_use]
    pub fn new(key: MetricKey, kind: SeriesKind) -> Self {
        Self {
            key,
            kind,
            unit: "".into(),
            producer: "".into(),
            interval: Duration::from_secs(1),
            created_at: Timestamp::default(),
            ended_at: None,
        }
    }
}

/// How the values of a stored series behave. Complete by nature.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum SeriesKind {
    /// They only grow, until whatever counts starts anew.
    Counter,
    /// They go up and down.
    #[default]
    Gauge,
}

impl SeriesKind {
    /// Returns `counter` or `gauge`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        }
    }
}

/// Which points are asked for.
///
/// With a step, time is cut into steps that begin at multiples of it since the epoch, and a step that the range touches
/// is answered whole. So the same step has the same value in every answer, and charts do not flicker as time goes on.
#[derive(Clone, Debug)]
pub struct RangeQuery {
    /// Of which series.
    pub selector: Selector,
    /// Not before.
    pub start: Timestamp,
    /// Before.
    pub end: Timestamp,
    /// From point to point; zero asks for points as they were stored.
    pub step: Duration,
    /// What becomes of the points in a step.
    pub aggregate: Aggregate,
    /// The most points of all series together.
    pub max_points: usize,
}

impl RangeQuery {
    /// Asks for points as they were stored, however many there are.
    #[must_use]
    pub const fn raw(selector: Selector, start: Timestamp, end: Timestamp) -> Self {
        Self { selector, start, end, step: Duration::ZERO, aggregate: Aggregate::Last, max_points: usize::MAX }
    }

    /// Returns the range with the steps at its ends made whole.
    #[must_use]
    pub fn whole_steps(&self) -> (Timestamp, Timestamp) {
        if self.step.is_zero() || self.start >= self.end {
            return (self.start, self.end);
        }
        let last = Timestamp::from_nanos(self.end.as_nanos().saturating_sub(1)).floor(self.step);
        (self.start.floor(self.step), last + self.step)
    }
}

/// The points of one series.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesPoints {
    /// Its key.
    pub key: MetricKey,
    /// How its values behave.
    pub kind: SeriesKind,
    /// Its points, oldest first.
    pub points: Vec<Point>,
}
