//! Many points summed up: what a tier keeps of a minute or an hour.

use observe_core::{Aggregate, Point, Timestamp};

/// What is known of the points of a series in some stretch of time. Values that are not finite are not among them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Bucket {
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) sum: f64,
    pub(crate) count: f64,
    pub(crate) first: f64,
    pub(crate) last: f64,
    /// Growth up to where it is counted by the last value alone: zero, unless a counter began anew.
    pub(crate) grown: f64,
    /// The value from which the last one counts: the first one, unless a counter began anew.
    pub(crate) since: f64,
    /// When the last point was, in nanoseconds.
    pub(crate) last_at: i64,
}

impl Bucket {
    /// Sums up one point.
    pub(crate) const fn of(point: Point) -> Self {
        let value = point.value;
        let last_at = point.timestamp.as_nanos();
        let (grown, count) = (0.0, 1.0);
        Self { min: value, max: value, sum: value, count, first: value, last: value, grown, since: value, last_at }
    }

    /// Adds the points that follow, which all have finite values; the last of them was at `last_at`.
    pub(crate) fn extend(&mut self, values: &[f64], last_at: i64) {
        for value in values {
            self.min = self.min.min(*value);
            self.max = self.max.max(*value);
            self.sum += value;
            if *value < self.last {
                self.begin_anew(*value);
            }
            self.last = *value;
        }
        self.count += values.len() as f64;
        self.last_at = last_at;
    }

    /// Adds what follows.
    pub(crate) fn append(&mut self, next: &Self) {
        self.min = self.min.min(next.min);
        self.max = self.max.max(next.max);
        self.sum += next.sum;
        self.count += next.count;
        if next.first < self.last {
            self.begin_anew(next.first);
        }
        if next.has_begun_anew() {
            self.grown += next.first - self.since + next.grown;
            self.since = next.since;
        }
        self.last = next.last;
        self.last_at = next.last_at;
    }

    /// Adds what came late: nothing grew by it, and it may not be the last.
    pub(crate) fn add_late(&mut self, late: &Self) {
        if late.last_at >= self.last_at {
            return self.append(late);
        }
        let Self { grown, since, last, last_at, .. } = *self;
        self.append(late);
        *self = Self { grown, since, last, last_at, ..*self };
    }

    /// Returns the last point.
    pub(crate) const fn last_point(&self) -> Point {
        Point { timestamp: Timestamp::from_nanos(self.last_at), value: self.last }
    }

    /// Returns whether a counter began anew among the points.
    pub(crate) const fn has_begun_anew(&self) -> bool {
        self.grown != 0.0 || self.since.to_bits() != self.first.to_bits()
    }

    /// Returns the growth from the first point to the last: the sum of what
    /// [`growth_between`](observe_core::growth_between) says of any two neighbours.
    pub(crate) fn growth(&self) -> f64 {
        self.grown + (self.last - self.since)
    }

    /// Returns the growth since a point in front of the stretch.
    fn growth_since(&self, before: Point) -> f64 {
        let mut all = Self::of(before);
        all.append(self);
        all.growth()
    }

    /// Counts from zero again, for the next value is `next` and less than the last one. Below zero nothing grows.
    fn begin_anew(&mut self, next: f64) {
        self.grown = self.growth();
        self.since = next.min(0.0);
    }

    /// Returns what an aggregate makes of it; `before` is the point in front of the stretch, and `start` when the
    /// stretch begins. `None` where the aggregate needs the points themselves, or no time has passed.
    pub(crate) fn value(&self, aggregate: Aggregate, before: Option<Point>, start: i64) -> Option<f64> {
        let growth = || before.map_or_else(|| self.growth(), |before| self.growth_since(before));
        match aggregate {
            Aggregate::Avg => Some(self.sum / self.count),
            Aggregate::Count => Some(self.count),
            Aggregate::Increase => Some(growth()),
            Aggregate::Last => Some(self.last),
            Aggregate::Max => Some(self.max),
            Aggregate::Min => Some(self.min),
            Aggregate::Rate => {
                let first = before.map_or(Timestamp::from_nanos(start), |before| before.timestamp);
                let seconds = Timestamp::from_nanos(self.last_at).since(first).as_secs_f64();
                (seconds > 0.0).then(|| growth() / seconds)
            }
            Aggregate::Sum => Some(self.sum),
            _ => None,
        }
    }
}

/// Joins buckets, in the order of time, into those of longer stretches of `length` nanoseconds. Returns them with when
/// they begin.
pub(crate) fn joined(buckets: impl Iterator<Item = Bucket>, length: i64) -> Vec<(i64, Bucket)> {
    let mut joined: Vec<(i64, Bucket)> = Vec::new();
    for bucket in buckets {
        let start = floor(bucket.last_at, length);
        match joined.last_mut() {
            Some((last, sum)) if *last == start => sum.append(&bucket),
            _ => joined.push((start, bucket)),
        }
    }
    joined
}

/// Turns points into buckets of one each.
pub(crate) fn singles(points: impl Iterator<Item = Point>) -> impl Iterator<Item = Bucket> {
    points.filter(|point| point.value.is_finite()).map(Bucket::of)
}

pub(crate) const fn floor(nanos: i64, length: i64) -> i64 {
    nanos.saturating_sub(nanos.rem_euclid(length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: i64 = 60_000_000_000;

    fn points(values: &[(u16, f64)]) -> Vec<Point> {
        let mut at = 0;
        let stamped = values.iter().map(|(gap, value)| {
            at += i64::from(*gap) * 10_000_000 + 1;
            Point { timestamp: Timestamp::from_nanos(at), value: *value }
        });
        stamped.collect()
    }

    /// Answers from buckets, as for a range that begins with them.
    fn answers(minutes: &[(i64, Bucket)], aggregate: Aggregate) -> Vec<f64> {
        let mut before = None;
        let hours = joined(minutes.iter().map(|(_, bucket)| *bucket), 60 * MINUTE);
        let answers = hours.iter().filter_map(|(start, bucket)| {
            let value = bucket.value(aggregate, before, *start);
            before = Some(bucket.last_point());
            value
        });
        answers.collect()
    }

    proptest! {
        #[test]
        fn minutes_joined_to_hours_answer_like_the_points_themselves(
            values in proptest::collection::vec((0u16..20_000, -50i32..50), 1..300),
        ) {
            let values: Vec<(u16, f64)> = values.into_iter().map(|(gap, value)| (gap, f64::from(value))).collect();
            let points = points(&values);
            let minutes = joined(singles(points.iter().copied()), MINUTE);

            for aggregate in Aggregate::names().into_iter().map(|name| name.parse::<Aggregate>().unwrap()) {
                let exact = aggregate.by_step(&points, None, std::time::Duration::from_secs(3_600));
                let exact: Vec<f64> = exact.into_iter().map(|point| point.value).collect();
                let found = answers(&minutes, aggregate);

                match aggregate {
                    Aggregate::Percentile(_) => prop_assert!(found.is_empty()),
                    // Where nothing comes before, growth counts from the first point, and not from the first minute.
                    Aggregate::Increase | Aggregate::Rate => {
                        let later = exact.len().min(found.len()).saturating_sub(1);
                        prop_assert_eq!(&found[found.len() - later..], &exact[exact.len() - later..]);
                    }
                    _ => prop_assert_eq!(found, exact),
                }
            }
        }
    }

    #[test]
    fn what_a_large_counter_lost_does_not_hide_how_it_grew_since() {
        let values = [(1, 1e300), (1, 5.25), (1, 7.0), (1, 6.0), (9_000, 2.0), (1, 8.0)];
        let buckets = joined(singles(points(&values).into_iter()), MINUTE);

        let growths: Vec<f64> = buckets.iter().map(|(_, bucket)| bucket.growth()).collect();
        let hours = joined(buckets.into_iter().map(|(_, bucket)| bucket), 60 * MINUTE);

        assert_eq!(growths, [5.25 + 1.75 + 6.0, 6.0]);
        assert_eq!(hours[0].1.growth(), 5.25 + 1.75 + 6.0 + 2.0 + 6.0);
    }

    #[test]
    fn values_that_are_no_numbers_are_not_counted() {
        let points = points(&[(1, f64::NAN), (1, 3.0), (1, f64::INFINITY), (1, 5.0)]);

        let joined = joined(singles(points.into_iter()), MINUTE);

        assert_eq!(joined.len(), 1);
        assert_eq!((joined[0].1.count, joined[0].1.sum, joined[0].1.growth()), (2.0, 8.0, 2.0));
    }
}
