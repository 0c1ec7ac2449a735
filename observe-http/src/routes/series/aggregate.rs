//! Several points become one.

use std::{str::FromStr, time::Duration};

use observe_core::{Point, Timestamp, percentile};

/// What becomes of the points in a step.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Aggregate {
    /// Their mean.
    #[default]
    Avg,
    /// How many there are.
    Count,
    /// The newest.
    Last,
    /// The largest.
    Max,
    /// The smallest.
    Min,
    /// The value below which this share of them lies.
    Percentile(u8),
    /// Growth in a second, from the last point of the step before; a counter that starts anew has grown by its value.
    Rate,
    /// Their sum.
    Sum,
}

impl Aggregate {
    const TABLE: [(&'static str, Self); 10] = [
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
    ];

    /// Returns the words that name an aggregate.
    pub(super) fn names() -> Vec<&'static str> {
        Self::TABLE.iter().map(|(name, _)| *name).collect()
    }

    /// Joins the points of each step into one, stamped with the step's beginning. Steps without points have none.
    ///
    /// The first step begins at `start`, in whole microseconds as answers write it, so no stamp lies outside the range
    /// that was asked for, and a range that leaves out its very first moment has the steps that one expects. A step of
    /// zero leaves the points as they are, but for rates.
    pub(super) fn by_step(self, points: &[Point], start: Timestamp, step: Duration) -> Vec<Point> {
        let usable: Vec<Point> = points.iter().copied().filter(|point| point.value.is_finite()).collect();
        let step = i64::try_from(step.as_nanos()).unwrap_or(i64::MAX);
        if step == 0 {
            return if self == Self::Rate { rates(&usable) } else { points.to_vec() };
        }
        let start = start.as_nanos() - start.as_nanos() % 1_000;
        let begin = |point: &Point| {
            let nanos = point.timestamp.as_nanos();
            nanos.saturating_sub(nanos.saturating_sub(start).rem_euclid(step))
        };
        let mut before = None;
        let mut joined = Vec::new();
        for chunk in usable.chunk_by(|one, next| begin(one) == begin(next)) {
            let (Some(first), Some(last)) = (chunk.first(), chunk.last()) else { continue };
            let timestamp = Timestamp::from_nanos(begin(first));
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
            Self::Last => values().next_back(),
            Self::Max => values().reduce(f64::max),
            Self::Min => values().reduce(f64::min),
            Self::Percentile(share) => percentile(&mut values().collect::<Vec<f64>>(), f64::from(share) / 100.0),
            Self::Rate => growth(before.iter().chain(points)),
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

fn rates(points: &[Point]) -> Vec<Point> {
    let pairs = points.windows(2).filter_map(|pair| {
        let value = growth(pair.iter())?;
        Some(Point { timestamp: pair.last()?.timestamp, value })
    });
    pairs.collect()
}

/// Returns how fast a value grew over its points, in a second.
fn growth<'a>(points: impl Iterator<Item = &'a Point> + Clone) -> Option<f64> {
    let (first, last) = (points.clone().next()?, points.clone().last()?);
    let seconds = last.timestamp.since(first.timestamp).as_secs_f64();
    let steps = points.clone().zip(points.skip(1));
    let grown: f64 = steps
        .map(|(one, next)| if next.value >= one.value { next.value - one.value } else { next.value.max(0.0) })
        .sum();
    (seconds > 0.0).then(|| grown / seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(values: &[f64]) -> Vec<Point> {
        let stamped = (0..).zip(values);
        stamped.map(|(at, &value)| Point { timestamp: Timestamp::from_millis(at * 1_000), value }).collect()
    }

    fn joined(name: &str, values: &[f64], step: u64) -> Vec<f64> {
        let aggregate: Aggregate = name.parse().unwrap();
        aggregate
            .by_step(&points(values), Timestamp::from_nanos(0), Duration::from_secs(step))
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
    fn the_first_step_begins_at_the_start_and_empty_ones_are_left_out() {
        let mut two = points(&[1.0, 2.0]);
        two[0].timestamp = Timestamp::from_millis(61_500);
        two[1].timestamp = Timestamp::from_millis(200_000);

        let joined = Aggregate::Avg.by_step(&two, Timestamp::from_nanos(60_500_000_001), Duration::from_secs(60));

        let stamps: Vec<i64> = joined.iter().map(|point| point.timestamp.as_millis()).collect();
        assert_eq!(stamps, [60_500, 180_500]);
    }

    #[test]
    fn values_that_are_no_numbers_do_not_spoil_a_step() {
        assert_eq!(joined("avg", &[1.0, f64::NAN, 3.0, f64::INFINITY], 10), [2.0]);
        assert_eq!(joined("max", &[], 10), [] as [f64; 0]);
    }
}
