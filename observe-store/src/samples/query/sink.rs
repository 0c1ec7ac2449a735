//! Where the points of one place go, in the order of time.

use observe_core::{Aggregate, Point, Timestamp, percentile};

use super::{
    super::bucket::{Bucket, floor},
    plan::Plan,
};
use crate::order::put_in_order;

/// Takes the points of one place.
#[derive(Debug)]
pub(crate) struct Sink {
    start: i64,
    end: i64,
    step: i64,
    /// What usually lies between two points.
    interval: i64,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// As they are.
    Points(Vec<Point>),
    /// Summed up by step.
    Steps {
        steps: Vec<(i64, Bucket)>,
        step_end: i64,
        before: Option<(i64, f64)>,
        /// The point from which growth counts: the last one before the range, else the first one in it.
        origin: Option<Point>,
    },
    /// All values of each step.
    Values(Vec<(i64, Vec<f64>)>),
}

impl Sink {
    pub(crate) fn new(plan: &Plan, step_ms: i64) -> Self {
        let is_growth = matches!(plan.aggregate, Aggregate::Increase | Aggregate::Rate);
        let kind = if plan.aggregate.needs_points() && plan.step > 0 {
            Kind::Values(Vec::new())
        } else if plan.step > 0 || is_growth {
            Kind::Steps { steps: Vec::new(), step_end: i64::MIN, before: None, origin: None }
        } else {
            Kind::Points(Vec::new())
        };
        Self {
            start: plan.start,
            end: plan.end,
            step: plan.step.max(1),
            interval: step_ms.saturating_mul(1_000_000),
            kind,
        }
    }

    /// Returns how many points the answer has so far.
    pub(crate) fn len(&self) -> usize {
        match &self.kind {
            Kind::Points(points) => points.len(),
            Kind::Steps { steps, .. } => steps.len(),
            Kind::Values(steps) => steps.len(),
        }
    }

    /// Takes one point; those before the range only tell where growth counts from.
    pub(crate) fn push(&mut self, at: i64, value: f64) {
        if at >= self.end {
            return;
        }
        match &mut self.kind {
            Kind::Points(points) => {
                if at >= self.start {
                    points.push(Point { timestamp: Timestamp::from_nanos(at), value });
                }
            }
            Kind::Steps { steps, step_end, before, origin } => {
                if !value.is_finite() {
                    return;
                }
                let point = Point { timestamp: Timestamp::from_nanos(at), value };
                if at < self.start {
                    *origin = Some(point);
                } else {
                    origin.get_or_insert(point);
                    append(steps, step_end, self.step, &Bucket::of(point));
                }
                *before = Some((at, value));
            }
            Kind::Values(steps) => {
                if !value.is_finite() || at < self.start {
                    return;
                }
                let start = floor(at, self.step);
                match steps.last_mut() {
                    Some((last, values)) if *last == start => values.push(value),
                    _ => steps.push((start, vec![value])),
                }
            }
        }
    }

    /// Takes points, one for each time.
    pub(crate) fn push_all(&mut self, stamps: &[i64], values: &[f64]) {
        let (first, end) = (stamps.partition_point(|at| *at < self.start), stamps.partition_point(|at| *at < self.end));
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
                for (start, _, values) in in_steps(stamps, values, self.step) {
                    match steps.last_mut() {
                        Some((last, before)) if *last == start => before.extend_from_slice(values),
                        _ => steps.push((start, values.to_vec())),
                    }
                }
            }
            Kind::Steps { .. } if values.iter().all(|value| value.is_finite()) => {
                for (_, stamps, values) in in_steps(stamps, values, self.step) {
                    self.push_step(stamps, values);
                }
            }
            _ => stamps.iter().zip(values).for_each(|(at, value)| self.push(*at, *value)),
        }
    }

    /// Takes points of one step, all of them in the range and finite.
    fn push_step(&mut self, stamps: &[i64], values: &[f64]) {
        // The first one finds the step, and the others are summed up in it.
        let (Some((at, stamps)), Some((value, values))) = (stamps.split_first(), values.split_first()) else { return };
        self.push(*at, *value);
        if let (Kind::Steps { steps, before, .. }, Some(last)) = (&mut self.kind, stamps.last())
            && let Some((_, bucket)) = steps.last_mut()
        {
            bucket.extend(values, *last);
            *before = Some((*last, bucket.last));
        }
    }

    /// Takes what a tier knows of a stretch of time.
    pub(crate) fn push_bucket(&mut self, bucket: &Bucket) {
        let Kind::Steps { steps, step_end, before, origin } = &mut self.kind else { return };
        if bucket.last_at >= self.end {
            return;
        }
        if bucket.last_at < self.start {
            *origin = Some(bucket.last_point());
        } else {
            let elapsed = (bucket.count - 1.0) * self.interval as f64;
            let first_at = Timestamp::from_nanos(bucket.last_at.saturating_sub(elapsed as i64));
            origin.get_or_insert(Point { timestamp: first_at, value: bucket.first });
            append(steps, step_end, self.step, bucket);
        }
        *before = Some((bucket.last_at, bucket.last));
    }

    /// Takes a point that is not in the buckets pushed so far, and may belong before them.
    pub(crate) fn push_beside(&mut self, point: Point) {
        let at = point.timestamp.as_nanos();
        let Kind::Steps { steps, before, .. } = &mut self.kind else { return };
        if before.is_none_or(|(last, _)| at > last) {
            return self.push(at, point.value);
        }
        if !point.value.is_finite() || !(self.start..self.end).contains(&at) {
            return;
        }
        let start = floor(at, self.step);
        let bucket = Bucket::of(point);
        match steps.binary_search_by_key(&start, |(start, _)| *start) {
            Ok(found) => {
                if let Some((_, step)) = steps.get_mut(found) {
                    step.add_late(&bucket);
                }
            }
            Err(found) => steps.insert(found, (start, bucket)),
        }
    }

    /// Returns the point from which growth counts.
    fn origin(&self) -> Option<Point> {
        match &self.kind {
            Kind::Steps { origin, .. } => *origin,
            Kind::Points(_) | Kind::Values(_) => None,
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
        let count = stamps.iter().position(|at| *at >= end).unwrap_or(stamps.len()).min(values.len());
        let (some, more) = (stamps.split_at_checked(count)?, values.split_at_checked(count)?);
        (stamps, values) = (some.1, more.1);
        (count > 0).then_some((start, some.0, more.0))
    })
}

fn append(steps: &mut Vec<(i64, Bucket)>, step_end: &mut i64, step: i64, bucket: &Bucket) {
    match steps.last_mut() {
        Some((_, sum)) if bucket.last_at < *step_end => sum.append(bucket),
        _ => {
            let start = floor(bucket.last_at, step);
            *step_end = start.saturating_add(step);
            steps.push((start, *bucket));
        }
    }
}

/// Makes the points of a series out of those of all its places.
pub(crate) fn joined(sinks: Vec<Sink>, plan: &Plan) -> Vec<Point> {
    let origins = sinks.iter().filter_map(Sink::origin);
    let at = |origin: &Point| origin.timestamp;
    let before = origins.clone().filter(|origin| origin.timestamp.as_nanos() < plan.start).max_by_key(at);
    let origin = before.or_else(|| origins.min_by_key(at));
    let (mut points, mut steps, mut values) = (Vec::new(), Vec::new(), Vec::new());
    let places = sinks.len();
    for sink in sinks {
        match sink.kind {
            Kind::Points(some) => points.extend(some),
            Kind::Steps { steps: some, .. } => steps.extend(some),
            Kind::Values(some) => values.extend(some),
        }
    }
    if places > 1 {
        put_in_order(&mut points);
        steps = join_steps(steps);
        values = join_values(values);
    }
    if let Aggregate::Percentile(share) = plan.aggregate {
        points.extend(values.into_iter().filter_map(|(start, mut values)| {
            let value = percentile(&mut values, f64::from(share) / 100.0)?;
            Some(Point { timestamp: Timestamp::from_nanos(start), value })
        }));
        return points;
    }
    points.extend(answers(&steps, origin, plan.aggregate, plan.step));
    points
}

fn answers(steps: &[(i64, Bucket)], origin: Option<Point>, aggregate: Aggregate, step: i64) -> Vec<Point> {
    let is_growth = matches!(aggregate, Aggregate::Increase | Aggregate::Rate);
    let mut points = Vec::with_capacity(steps.len());
    let mut before = origin;
    for (start, bucket) in steps {
        // Nothing has grown where growth begins.
        let has_grown = before.is_some_and(|before| bucket.last_at > before.timestamp.as_nanos());
        let value = bucket.value(aggregate, before, *start).filter(|_| has_grown || !is_growth);
        let timestamp = Timestamp::from_nanos(if step > 0 { *start } else { bucket.last_at });
        points.extend(value.map(|value| Point { timestamp, value }));
        before = Some(bucket.last_point());
    }
    points
}

fn join_values(mut values: Vec<(i64, Vec<f64>)>) -> Vec<(i64, Vec<f64>)> {
    values.sort_by_key(|(start, _)| *start);
    values.dedup_by(|(start, some), (before, all)| {
        let is_same = start == before;
        if is_same {
            all.append(some);
        }
        is_same
    });
    values
}

fn join_steps(mut steps: Vec<(i64, Bucket)>) -> Vec<(i64, Bucket)> {
    steps.sort_by_key(|(start, bucket)| (*start, bucket.last_at));
    let mut joined: Vec<(i64, Bucket)> = Vec::with_capacity(steps.len());
    for (start, bucket) in steps {
        match joined.last_mut() {
            Some((last, sum)) if *last == start => sum.append(&bucket),
            _ => joined.push((start, bucket)),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::samples::rows::Table;

    fn sink(aggregate: &str, step: i64) -> Sink {
        let aggregate = aggregate.parse().unwrap();
        Sink::new(&Plan { table: Table::Pack, start: 40, end: 900, from: 0, rows: None, aggregate, step }, 1)
    }

    proptest! {
        #[test]
        fn points_taken_together_are_the_same_as_one_by_one(
            points in proptest::collection::btree_map(0i64..1_000, prop_oneof![9 => -9.0..9.0, 1 => Just(f64::NAN)], 0..300),
            parts in 1usize..5,
            aggregate in proptest::sample::select(Aggregate::names()),
            step in prop_oneof![Just(0i64), 1i64..200],
        ) {
            let (stamps, values): (Vec<i64>, Vec<f64>) = points.into_iter().unzip();
            let (mut together, mut alone) = (sink(aggregate, step), sink(aggregate, step));

            for part in 0..parts {
                let part = part * stamps.len() / parts..(part + 1) * stamps.len() / parts;
                together.push_all(&stamps[part.clone()], &values[part]);
            }
            stamps.iter().zip(&values).for_each(|(at, value)| alone.push(*at, *value));

            prop_assert_eq!(format!("{together:?}"), format!("{alone:?}"));
        }
    }
}
