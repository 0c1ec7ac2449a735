//! Where the points of one place go, in the order of time.

use observe_core::{Aggregate, Point, Timestamp};

use super::{
    super::bucket::{Bucket, floor},
    plan::Plan,
    steps::{Rule, Sums, Values, join_sums, join_values},
};
use crate::order::put_in_order;

/// Takes the points of one place.
#[derive(Debug)]
pub(crate) struct Sink {
    rule: Rule,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// As they are.
    Points(Vec<Point>),
    /// Summed up by step.
    Sums(Sums),
    /// All values of each step.
    Values(Values),
}

impl Sink {
    /// Makes the sink of a place; `is_sole` says that its series has no other.
    pub(crate) fn new(plan: &Plan, step_ms: i64, is_sole: bool) -> Self {
        let is_growth = matches!(plan.aggregate, Aggregate::Increase | Aggregate::Rate);
        let kind = if plan.aggregate.needs_points() && plan.step > 0 {
            Kind::Values(Values::default())
        } else if plan.step > 0 || is_growth {
            Kind::Sums(Sums::default())
        } else {
            Kind::Points(Vec::new())
        };
        let rule = Rule {
            start: plan.start,
            end: plan.end,
            step: plan.step.max(1),
            interval: step_ms.saturating_mul(1_000_000),
            aggregate: plan.aggregate,
            settled: if is_sole { i64::MAX } else { i64::MIN },
        };
        Self { rule, kind }
    }

    /// Says that points may come beside the buckets from a time on.
    pub(crate) fn expect_beside(&mut self, at: i64) {
        self.rule.settled = self.rule.settled.min(at);
    }

    /// Returns how many points the answer has so far.
    pub(crate) const fn len(&self) -> usize {
        match &self.kind {
            Kind::Points(points) => points.len(),
            Kind::Sums(sums) => sums.len(),
            Kind::Values(values) => values.len(),
        }
    }

    /// Takes one point; those before the range only tell where growth counts from.
    pub(crate) fn push(&mut self, at: i64, value: f64) {
        if at >= self.rule.end {
            return;
        }
        match &mut self.kind {
            Kind::Points(points) if at >= self.rule.start => {
                points.push(Point { timestamp: Timestamp::from_nanos(at), value });
            }
            Kind::Sums(sums) if value.is_finite() => sums.push(&self.rule, at, value),
            Kind::Values(values) if value.is_finite() && at >= self.rule.start => {
                values.push(&self.rule, self.rule.start_of(at), &[value]);
            }
            _ => {}
        }
    }

    /// Takes points, one for each time.
    pub(crate) fn push_all(&mut self, stamps: &[i64], values: &[f64]) {
        let (start, end) = (self.rule.start, self.rule.end);
        let (first, end) = (stamps.partition_point(|at| *at < start), stamps.partition_point(|at| *at < end));
        let (early, rest) = stamps.split_at_checked(first).unwrap_or_default();
        early.iter().zip(values).for_each(|(at, value)| self.push(*at, *value));
        let stamps = rest.get(..end.saturating_sub(first)).unwrap_or_default();
        let values = values.get(first..end.max(first)).unwrap_or_default();
        match &mut self.kind {
            Kind::Points(points) => {
                let point = |(at, value): (&i64, &f64)| Point { timestamp: Timestamp::from_nanos(*at), value: *value };
                points.extend(stamps.iter().zip(values).map(point));
            }
            Kind::Values(steps) if values.iter().all(|value| value.is_finite()) => {
                for (start, _, values) in in_steps(stamps, values, self.rule.step) {
                    steps.push(&self.rule, start, values);
                }
            }
            Kind::Sums(sums) if values.iter().all(|value| value.is_finite()) => {
                for (_, stamps, values) in in_steps(stamps, values, self.rule.step) {
                    sums.push_step(&self.rule, stamps, values);
                }
            }
            _ => stamps.iter().zip(values).for_each(|(at, value)| self.push(*at, *value)),
        }
    }

    /// Takes what a tier knows of a stretch of time.
    pub(crate) fn push_bucket(&mut self, bucket: &Bucket) {
        if let Kind::Sums(sums) = &mut self.kind
            && bucket.last_at < self.rule.end
        {
            sums.push_bucket(&self.rule, bucket);
        }
    }

    /// Takes what a tier makes of whole steps, if that is all that there is to them. Returns whether it took it.
    pub(crate) fn push_answers(&mut self, times: &[i64], values: &[f64]) -> bool {
        let Rule { start, end, .. } = self.rule;
        let inside = times.partition_point(|at| *at < start)..times.partition_point(|at| *at < end);
        match (&mut self.kind, times.get(inside.clone()), values.get(inside)) {
            (Kind::Sums(sums), Some(times), Some(values)) => sums.push_answers(&self.rule, times, values),
            _ => false,
        }
    }

    /// Takes points that follow on those before.
    pub(crate) fn push_points(&mut self, points: &[Point]) {
        let (stamps, values): (Vec<i64>, Vec<f64>) =
            points.iter().map(|point| (point.timestamp.as_nanos(), point.value)).unzip();
        self.push_all(&stamps, &values);
    }

    /// Takes points that are not in the buckets pushed so far, and may belong before them.
    pub(crate) fn push_beside(&mut self, points: &[Point]) {
        let (Kind::Sums(sums), Some(first)) = (&mut self.kind, points.first()) else { return };
        if sums.is_later(first.timestamp.as_nanos()) {
            return self.push_points(points);
        }
        let end = self.rule.end;
        for point in points.iter().filter(|point| point.value.is_finite() && point.timestamp.as_nanos() < end) {
            sums.push_beside(&self.rule, *point);
        }
    }

    /// Returns the point from which growth counts.
    const fn origin(&self) -> Option<Point> {
        match &self.kind {
            Kind::Sums(sums) => sums.origin,
            Kind::Points(_) | Kind::Values(_) => None,
        }
    }

    /// Adds what other places have of the same series.
    fn join(&mut self, others: Vec<Self>) {
        for other in others {
            match (&mut self.kind, other.kind) {
                (Kind::Points(all), Kind::Points(more)) => all.extend(more),
                (Kind::Sums(all), Kind::Sums(more)) => all.steps.extend(more.steps),
                (Kind::Values(all), Kind::Values(more)) => all.steps.extend(more.steps),
                _ => {}
            }
        }
        match &mut self.kind {
            Kind::Points(points) => put_in_order(points),
            Kind::Sums(sums) => join_sums(&mut sums.steps),
            Kind::Values(values) => join_values(&mut values.steps),
        }
    }

    fn finish(self, origin: Option<Point>) -> Vec<Point> {
        match self.kind {
            Kind::Points(points) => points,
            Kind::Sums(sums) => sums.finish(self.rule.aggregate, origin),
            Kind::Values(values) => values.finish(self.rule.aggregate),
        }
    }
}

/// Cuts points into those of each step, with when it begins.
fn in_steps<'a>(
    mut stamps: &'a [i64],
    mut values: &'a [f64],
    step: i64,
) -> impl Iterator<Item = (i64, &'a [i64], &'a [f64])> {
    std::iter::from_fn(move || {
        let start = floor(*stamps.first()?, step);
        let end = start.saturating_add(step);
        let count = stamps.partition_point(|at| *at < end).min(values.len());
        let (some, more) = (stamps.split_at_checked(count)?, values.split_at_checked(count)?);
        (stamps, values) = (some.1, more.1);
        (count > 0).then_some((start, some.0, more.0))
    })
}

/// Makes the points of a series out of those of all its places.
pub(crate) fn joined(sinks: Vec<Sink>) -> Vec<Point> {
    let at = |origin: &Point| origin.timestamp;
    let origins = sinks.iter().filter_map(Sink::origin);
    let is_before = |origin: &Point| sinks.iter().all(|sink| origin.timestamp.as_nanos() < sink.rule.start);
    let origin = origins.clone().filter(is_before).max_by_key(at).or_else(|| origins.min_by_key(at));
    let mut sinks = sinks.into_iter();
    let Some(mut all) = sinks.next() else { return Vec::new() };
    let others: Vec<Sink> = sinks.collect();
    if !others.is_empty() {
        all.join(others);
    }
    all.finish(origin)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::samples::rows::Table;

    fn sink(aggregate: &str, step: i64, is_sole: bool) -> Sink {
        let aggregate = aggregate.parse().unwrap();
        let plan = Plan { table: Table::Pack, start: 40, end: 900, from: 0, rows: (0, 0), aggregate, step };
        Sink::new(&plan, 1, is_sole)
    }

    fn points() -> impl Strategy<Value = (Vec<i64>, Vec<f64>)> {
        let value = prop_oneof![9 => -9.0..9.0, 1 => Just(f64::NAN)];
        proptest::collection::btree_map(0i64..1_000, value, 0..300).prop_map(|points| points.into_iter().unzip())
    }

    proptest! {
        #[test]
        fn points_taken_together_are_the_same_as_one_by_one(
            (stamps, values) in points(),
            parts in 1usize..5,
            aggregate in proptest::sample::select(Aggregate::names()),
            step in prop_oneof![Just(0i64), 1i64..200],
            is_sole in any::<bool>(),
        ) {
            let (mut together, mut alone) = (sink(aggregate, step, is_sole), sink(aggregate, step, is_sole));

            for part in 0..parts {
                let part = part * stamps.len() / parts..(part + 1) * stamps.len() / parts;
                together.push_all(&stamps[part.clone()], &values[part]);
            }
            stamps.iter().zip(&values).for_each(|(at, value)| alone.push(*at, *value));

            prop_assert_eq!(together.len(), alone.len());
            prop_assert_eq!(format!("{:?}", joined(vec![together])), format!("{:?}", joined(vec![alone])));
        }

        #[test]
        fn steps_answered_early_are_the_same_as_steps_that_are_kept(
            (stamps, values) in points(),
            aggregate in proptest::sample::select(Aggregate::names()),
            step in prop_oneof![Just(0i64), 1i64..200],
            beside in 0i64..1_200,
        ) {
            let (mut early, mut kept) = (sink(aggregate, step, true), sink(aggregate, step, false));

            early.expect_beside(beside);
            for sink in [&mut early, &mut kept] {
                sink.push_all(&stamps, &values);
                sink.push_beside(&[beside, beside + 1].map(|at| Point { timestamp: Timestamp::from_nanos(at), value: 3.0 }));
            }

            prop_assert_eq!(format!("{:?}", joined(vec![early])), format!("{:?}", joined(vec![kept])));
        }
    }

    #[test]
    fn only_the_values_of_the_last_step_are_kept() {
        let mut sink = sink("p95", 10, true);

        (0..500).for_each(|at| sink.push(at, 1.0));

        let Kind::Values(values) = &sink.kind else { panic!("percentiles need values") };
        assert_eq!((values.answered.len(), values.steps.len()), (45, 1));
    }
}
