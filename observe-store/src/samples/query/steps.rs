//! The steps of one place: what is known of each, until it is answered.
//!
//! A step is answered when a later one begins, so that a long range takes no more memory than its answer. Steps that
//! something else may still add to are kept: all of them from the first such step on, for growth counts from one to the
//! next.

use observe_core::{Aggregate, Point, Timestamp, percentile};

use super::super::bucket::{Bucket, floor};

/// What steps are asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    /// Points in `[start, end)` are in the answer, in nanoseconds.
    pub(crate) start: i64,
    pub(crate) end: i64,
    /// The length of a step.
    pub(crate) step: i64,
    /// What usually lies between two points.
    pub(crate) interval: i64,
    pub(crate) aggregate: Aggregate,
    /// Steps that end by then get their points in the order of time, and from one place alone.
    pub(crate) settled: i64,
}

/// Steps that are summed up.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    pub(crate) answered: Vec<Point>,
    /// Those that are not answered.
    pub(crate) steps: Vec<(i64, Bucket)>,
    step_end: i64,
    /// When the last point so far was.
    last_at: Option<i64>,
    /// The point from which growth counts: the last one before the range, else the first one in it.
    pub(crate) origin: Option<Point>,
    /// The last point of those that are answered.
    answered_until: Option<Point>,
}

/// Steps of which all values are needed.
#[derive(Debug, Default)]
pub(crate) struct Values {
    pub(crate) answered: Vec<Point>,
    /// Those that are not answered.
    pub(crate) steps: Vec<(i64, Vec<f64>)>,
}

impl Rule {
    /// Returns when the step begins that holds a time.
    pub(crate) const fn start_of(&self, at: i64) -> i64 {
        floor(at, self.step)
    }

    /// Makes room for `count` answers: for those of all steps, or else for half as many again.
    fn make_room(&self, answers: &mut Vec<Point>, count: usize) {
        if answers.capacity() - answers.len() < count {
            let steps = self.end.saturating_sub(self.start) / self.step + 1;
            let left = usize::try_from(steps).unwrap_or(usize::MAX).saturating_sub(answers.len());
            answers.reserve_exact(left.min(FEW.max(answers.len() / 2)).max(count));
        }
    }
}

impl Sums {
    pub(crate) const fn len(&self) -> usize {
        self.answered.len() + self.steps.len()
    }

    /// Takes a point with a finite value, before the end of the range.
    pub(crate) fn push(&mut self, rule: &Rule, at: i64, value: f64) {
        let point = Point { timestamp: Timestamp::from_nanos(at), value };
        if at < rule.start {
            self.origin = Some(point);
        } else {
            self.origin.get_or_insert(point);
            self.append(rule, &Bucket::of(point));
        }
        self.last_at = Some(at);
    }

    /// Takes points of one step, all of them in the range and finite.
    pub(crate) fn push_step(&mut self, rule: &Rule, stamps: &[i64], values: &[f64]) {
        // The first one finds the step, and the others are summed up in it.
        let (Some((at, stamps)), Some((value, values))) = (stamps.split_first(), values.split_first()) else { return };
        self.push(rule, *at, *value);
        if let (Some(last), Some((_, bucket))) = (stamps.last(), self.steps.last_mut()) {
            extend(bucket, rule.aggregate, values, *last);
            self.last_at = Some(*last);
        }
    }

    /// Takes what a tier knows of a stretch of time, before the end of the range.
    pub(crate) fn push_bucket(&mut self, rule: &Rule, bucket: &Bucket) {
        if bucket.last_at < rule.start {
            self.origin = Some(bucket.last_point());
        } else {
            self.origin.get_or_insert_with(|| {
                let elapsed = (bucket.count - 1.0) * rule.interval as f64;
                let timestamp = Timestamp::from_nanos(bucket.last_at.saturating_sub(elapsed as i64));
                Point { timestamp, value: bucket.first }
            });
            self.append(rule, bucket);
        }
        self.last_at = Some(bucket.last_at);
    }

    /// Takes the answers of whole steps that follow on those before, with when their last points were: all of them after
    /// the start of the range and before its end, and none for growth. Returns whether nothing can be added to them; if
    /// not, nothing is taken.
    pub(crate) fn push_answers(&mut self, rule: &Rule, times: &[i64], values: &[f64]) -> bool {
        let (Some(first), Some(last)) = (times.first(), times.last()) else { return true };
        let end = rule.start_of(*last).saturating_add(rule.step);
        if end > rule.settled || *first < self.step_end {
            return false;
        }
        self.settle(rule);
        let mut next = rule.start_of(*first);
        rule.make_room(&mut self.answered, times.len());
        self.answered.extend(times.iter().zip(values).map(|(at, value)| {
            // Most begin where the one before ends, which is told without a division.
            let is_next = (next..next.saturating_add(rule.step)).contains(at);
            let start = if is_next { next } else { rule.start_of(*at) };
            next = start.saturating_add(rule.step);
            Point { timestamp: Timestamp::from_nanos(start), value: *value }
        }));
        (self.step_end, self.last_at) = (end, Some(*last));
        true
    }

    /// Tells whether a time is after all that came in.
    pub(crate) fn is_later(&self, at: i64) -> bool {
        self.last_at.is_none_or(|last| at > last)
    }

    /// Takes a point with a finite value that is not in the buckets pushed so far, and may belong before them.
    pub(crate) fn push_beside(&mut self, rule: &Rule, point: Point) {
        let at = point.timestamp.as_nanos();
        if self.is_later(at) {
            return self.push(rule, at, point.value);
        }
        if at < rule.start {
            return;
        }
        let start = rule.start_of(at);
        let bucket = Bucket::of(point);
        match self.steps.binary_search_by_key(&start, |(start, _)| *start) {
            Ok(found) => {
                if let Some((_, step)) = self.steps.get_mut(found) {
                    step.add_late(&bucket);
                }
            }
            Err(found) => self.steps.insert(found, (start, bucket)),
        }
    }

    /// Returns the answers of all steps, of which those that are left count from `origin`.
    pub(crate) fn finish(mut self, aggregate: Aggregate, origin: Option<Point>) -> Vec<Point> {
        let mut before = self.answered_until.or(origin);
        self.answered.reserve_exact(self.steps.len());
        for step in &self.steps {
            self.answered.extend(answer(step, aggregate, &mut before));
        }
        self.answered
    }

    fn append(&mut self, rule: &Rule, bucket: &Bucket) {
        match self.steps.last_mut() {
            Some((_, sum)) if bucket.last_at < self.step_end => sum.append(bucket),
            _ => {
                self.settle(rule);
                let start = match self.step_end.checked_add(rule.step) {
                    // Most often it is the next one, which spares a division.
                    Some(next_end) if (self.step_end..next_end).contains(&bucket.last_at) => self.step_end,
                    _ => rule.start_of(bucket.last_at),
                };
                self.step_end = start.saturating_add(rule.step);
                self.steps.push((start, *bucket));
            }
        }
    }

    /// Answers the step before a new one.
    fn settle(&mut self, rule: &Rule) {
        if let [step] = self.steps.as_slice()
            && self.step_end <= rule.settled
        {
            let mut before = self.answered_until.or(self.origin);
            rule.make_room(&mut self.answered, 1);
            self.answered.extend(answer(step, rule.aggregate, &mut before));
            self.answered_until = before;
            self.steps.clear();
        }
    }
}

impl Values {
    pub(crate) const fn len(&self) -> usize {
        self.answered.len() + self.steps.len()
    }

    /// Takes finite values of the step that begins at `start`.
    pub(crate) fn push(&mut self, rule: &Rule, start: i64, values: &[f64]) {
        match self.steps.last_mut() {
            Some((last, before)) if *last == start => before.extend_from_slice(values),
            _ => {
                let mut room = self.settle(rule);
                room.extend_from_slice(values);
                self.steps.push((start, room));
            }
        }
    }

    /// Returns the answers of all steps.
    pub(crate) fn finish(mut self, aggregate: Aggregate) -> Vec<Point> {
        for (start, mut values) in self.steps {
            self.answered.extend(quantile(start, &mut values, aggregate));
        }
        self.answered
    }

    /// Answers the step before a new one. Returns where the values of the new one go.
    fn settle(&mut self, rule: &Rule) -> Vec<f64> {
        let is_settled =
            matches!(self.steps.as_slice(), [(start, _)] if start.saturating_add(rule.step) <= rule.settled);
        let Some((start, mut values)) = self.steps.pop_if(|_| is_settled) else { return Vec::new() };
        rule.make_room(&mut self.answered, 1);
        self.answered.extend(quantile(start, &mut values, rule.aggregate));
        values.clear();
        values
    }
}

/// Joins steps of several places.
pub(crate) fn join_sums(steps: &mut Vec<(i64, Bucket)>) {
    steps.sort_by_key(|(start, bucket)| (*start, bucket.last_at));
    steps.dedup_by(|(start, next), (before, sum)| {
        let is_same = start == before;
        if is_same {
            sum.append(next);
        }
        is_same
    });
}

/// Joins the values of steps of several places.
pub(crate) fn join_values(steps: &mut Vec<(i64, Vec<f64>)>) {
    steps.sort_by_key(|(start, _)| *start);
    steps.dedup_by(|(start, some), (before, all)| {
        let is_same = start == before;
        if is_same {
            all.append(some);
        }
        is_same
    });
}

/// Adds the values that follow to what an aggregate needs; the last of them was at `last_at`.
fn extend(bucket: &mut Bucket, aggregate: Aggregate, values: &[f64], last_at: i64) {
    match aggregate {
        Aggregate::Avg | Aggregate::Sum => values.iter().for_each(|value| bucket.sum += value),
        Aggregate::Count | Aggregate::Last => {}
        Aggregate::Max => bucket.max = values.iter().copied().fold(bucket.max, f64::max),
        Aggregate::Min => bucket.min = values.iter().copied().fold(bucket.min, f64::min),
        _ => return bucket.extend(values, last_at),
    }
    bucket.count += values.len() as f64;
    bucket.last = values.last().copied().unwrap_or(bucket.last);
    bucket.last_at = last_at;
}

/// Answers one step. `before` is the last point in front of it, and then the last one of it.
fn answer((start, bucket): &(i64, Bucket), aggregate: Aggregate, before: &mut Option<Point>) -> Option<Point> {
    let is_growth = matches!(aggregate, Aggregate::Increase | Aggregate::Rate);
    // Nothing has grown where growth begins.
    let has_grown = before.is_some_and(|before| bucket.last_at > before.timestamp.as_nanos());
    let value = bucket.value(aggregate, *before, *start).filter(|_| has_grown || !is_growth);
    *before = Some(bucket.last_point());
    value.map(|value| Point { timestamp: Timestamp::from_nanos(*start), value })
}

fn quantile(start: i64, values: &mut [f64], aggregate: Aggregate) -> Option<Point> {
    let Aggregate::Percentile(share) = aggregate else { return None };
    let value = percentile(values, f64::from(share) / 100.0)?;
    Some(Point { timestamp: Timestamp::from_nanos(start), value })
}

/// Answers that there is room for at once: six hours by minute.
const FEW: usize = 361;
