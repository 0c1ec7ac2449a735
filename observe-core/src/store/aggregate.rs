//! Several points become one.

use std::{borrow::Cow, str::FromStr, time::Duration};

use crate::{Point, Unit, percentile};

/// What becomes of the points in a step.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Aggregate {
    /// Their mean.
    #[default]
    Avg,
    /// How many there are.
    Count,
    /// Growth since the last point before the step; a counter that starts anew has grown by its value.
    Increase,
    /// The newest.
    Last,
    /// The largest.
    Max,
    /// The smallest.
    Min,
    /// The value below which this share of them lies.
    Percentile(u8),
    /// [`Self::Increase`] in a second.
    Rate,
    /// Their sum.
    Sum,
}

impl Aggregate {
    const TABLE: [(&'static str, Self); 11] = [
        ("avg", Self::Avg),
        ("min", Self::Min),
        ("max", Self::Max),
        ("sum", Self::Sum),
        ("count", Self::Count),
        ("p50", Self::Percentile(50)),
        ("p95", Self::Percentile(95)),
        ("p99", Self::Percentile(99)),
        ("last", Self::Last),
        ("rate", Self::Rate),
        ("increase", Self::Increase),
    ];

    /// Returns the words that name an aggregate.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        Self::TABLE.iter().map(|(name, _)| *name).collect()
    }

    /// Returns whether nothing but the points themselves can answer it: percentiles.
    #[must_use]
    pub const fn needs_points(self) -> bool {
        matches!(self, Self::Percentile(_))
    }

    /// Returns the unit of what becomes of points of a `unit`: `bytes/s` of the rate of `bytes`. With a `step` of zero it is
    /// that of the points, but for rates.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use observe_core::Aggregate;
    ///
    /// assert_eq!(Aggregate::Rate.unit_of("bytes", Duration::ZERO), "bytes/s");
    /// assert_eq!(Aggregate::Rate.unit_of("seconds", Duration::ZERO), "ratio");
    /// assert_eq!(Aggregate::Count.unit_of("bytes", Duration::from_secs(60)), "count");
    /// assert_eq!(Aggregate::Avg.unit_of("bytes", Duration::from_secs(60)), "bytes");
    /// ```
    #[must_use]
    pub fn unit_of(self, unit: &str, step: Duration) -> Cow<'_, str> {
        match self {
            Self::Count if !step.is_zero() => Cow::Borrowed(Unit::Count.as_str()),
            Self::Rate if unit.is_empty() => Cow::Borrowed(unit),
            Self::Rate if unit == Unit::Seconds.as_str() => Cow::Borrowed(Unit::Ratio.as_str()),
            Self::Rate => Cow::Owned(format!("{unit}/s")),
            _ => Cow::Borrowed(unit),
        }
    }

    /// Joins the points of each step into one, stamped with the step's beginning. Steps without points have none.
    ///
    /// Steps begin at multiples of `step` since the epoch. `before` is the last point in front of `points`, where there
    /// is one: growth counts from it. A step of zero leaves the points as they are, but for growth, which is then from
    /// point to point.
    #[must_use]
    pub fn by_step(self, points: &[Point], mut before: Option<Point>, step: Duration) -> Vec<Point> {
        let is_growth = matches!(self, Self::Increase | Self::Rate);
        if step.is_zero() && !is_growth {
            return points.to_vec();
        }
        let usable: Vec<Point> = points.iter().copied().filter(|point| point.value.is_finite()).collect();
        let begin = |point: &Point| if step.is_zero() { point.timestamp } else { point.timestamp.floor(step) };
        let mut joined = Vec::new();
        for chunk in usable.chunk_by(|one, next| begin(one) == begin(next)) {
            let (Some(first), Some(last)) = (chunk.first(), chunk.last()) else { continue };
            let timestamp = begin(first);
            joined.extend(self.of(chunk, before).map(|value| Point { timestamp, value }));
            before = Some(*last);
        }
        joined
    }

    /// Joins points, of which there is at least one; `before` is the one in front of them.
    fn of(self, points: &[Point], before: Option<Point>) -> Option<f64> {
        let values = || points.iter().map(|point| point.value);
        match self {
            Self::Avg => Some(values().sum::<f64>() / points.len() as f64),
            Self::Count => Some(points.len() as f64),
            Self::Increase => growth(before.iter().chain(points)).map(|(grown, _)| grown),
            Self::Last => values().next_back(),
            Self::Max => values().reduce(f64::max),
            Self::Min => values().reduce(f64::min),
            Self::Percentile(share) => percentile(&mut values().collect::<Vec<f64>>(), f64::from(share) / 100.0),
            Self::Rate => growth(before.iter().chain(points)).map(|(grown, seconds)| grown / seconds),
            Self::Sum => Some(values().sum()),
        }
    }
}

impl FromStr for Aggregate {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::TABLE.iter().find(|(known, _)| *known == name).map(|(_, aggregate)| *aggregate).ok_or(())
    }
}

/// Returns how much a value grew over its points, and in how many seconds; `None` where no time passed.
fn growth<'a>(points: impl Iterator<Item = &'a Point> + Clone) -> Option<(f64, f64)> {
    let (first, last) = (points.clone().next()?, points.clone().last()?);
    let seconds = last.timestamp.since(first.timestamp).as_secs_f64();
    let steps = points.clone().zip(points.skip(1));
    let grown = steps.map(|(one, next)| growth_between(one.value, next.value)).sum();
    (seconds > 0.0).then_some((grown, seconds))
}

/// Returns how far a counter came from one value to the next; one that starts anew has come as far as it stands.
///
/// # Examples
///
/// ```
/// use observe_core::growth_between;
///
/// assert_eq!(growth_between(100.0, 110.0), 10.0);
/// assert_eq!(growth_between(110.0, 4.0), 4.0);
/// ```
#[must_use]
pub const fn growth_between(one: f64, next: f64) -> f64 {
    if next >= one { next - one } else { next.max(0.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    fn points(values: &[f64]) -> Vec<Point> {
        let stamped = (0..).zip(values);
        stamped.map(|(at, &value)| Point { timestamp: Timestamp::from_millis(at * 1_000), value }).collect()
    }

    fn joined(name: &str, values: &[f64], step: u64) -> Vec<f64> {
        let aggregate: Aggregate = name.parse().unwrap();
        aggregate
            .by_step(&points(values), None, Duration::from_secs(step))
            .into_iter()
            .map(|point| point.value)
            .collect()
    }

    #[test]
    fn every_aggregate_joins_a_step() {
        let values = [1.0, 5.0, 3.0, 3.0, 7.0, 2.0];

        let expected = [
            ("avg", [3.0, 4.0]),
            ("min", [1.0, 2.0]),
            ("max", [5.0, 7.0]),
            ("sum", [9.0, 12.0]),
            ("count", [3.0, 3.0]),
            ("p50", [3.0, 3.0]),
            ("last", [3.0, 2.0]),
        ];
        for (name, expected) in expected {
            assert_eq!(joined(name, &values, 3), expected, "{name}");
        }
        assert_eq!(joined("p99", &[0.0, 100.0], 3), [99.0]);
    }

    #[test]
    fn rates_count_growth_and_survive_a_restart_of_the_counter() {
        assert_eq!(joined("rate", &[0.0, 10.0, 20.0, 30.0, 40.0], 2), [10.0, 10.0, 10.0]);
        assert_eq!(joined("rate", &[100.0, 110.0, 4.0], 0), [10.0, 4.0]);
    }

    #[test]
    fn rates_of_one_point_do_not_exist() {
        assert_eq!(joined("rate", &[7.0], 60), [] as [f64; 0]);
    }

    #[test]
    fn growth_counts_from_the_point_before() {
        let before = Point { timestamp: Timestamp::from_millis(-1_000), value: 4.0 };

        let increase = Aggregate::Increase.by_step(&points(&[10.0, 12.0]), Some(before), Duration::from_secs(60));

        assert_eq!(increase, [Point { timestamp: Timestamp::default(), value: 8.0 }]);
    }

    #[test]
    fn steps_begin_at_multiples_since_the_epoch_and_empty_ones_are_left_out() {
        let mut two = points(&[1.0, 2.0]);
        two[0].timestamp = Timestamp::from_millis(61_500);
        two[1].timestamp = Timestamp::from_millis(200_000);

        let joined = Aggregate::Avg.by_step(&two, None, Duration::from_secs(60));

        let stamps: Vec<i64> = joined.iter().map(|point| point.timestamp.as_millis()).collect();
        assert_eq!(stamps, [60_000, 180_000]);
    }

    #[test]
    fn values_that_are_no_numbers_do_not_spoil_a_step() {
        assert_eq!(joined("avg", &[1.0, f64::NAN, 3.0, f64::INFINITY], 10), [2.0]);
        assert_eq!(joined("max", &[], 10), [] as [f64; 0]);
    }
}
