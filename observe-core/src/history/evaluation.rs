//! The points of derived series.

use std::{collections::HashMap, time::Duration};

use super::{
    formulas::Recipe,
    rows::{self, Ticker},
    search::Target,
};
use crate::{
    Aggregate, Formula, MetricKey, MetricStore, Point, RangeQuery, Selector, SeriesKind, SeriesPoints, StoreError,
    Timestamp, frame::GAP_INTERVALS,
};

/// One question about the series of one derived column.
pub(super) struct Evaluation<'a> {
    store: &'a dyn MetricStore,
    recipe: &'a Recipe,
    query: &'a RangeQuery,
}

type Points = HashMap<MetricKey, Vec<Point>>;

impl<'a> Evaluation<'a> {
    pub(super) const fn new(store: &'a dyn MetricStore, recipe: &'a Recipe, query: &'a RangeQuery) -> Self {
        Self { store, recipe, query }
    }

    /// Computes some of the series, which may have `left` points together.
    pub(super) async fn run(&self, targets: &[Target], left: usize) -> Result<Vec<SeriesPoints>, StoreError> {
        let outcome = if averages_steps(self.query) {
            self.by_steps(targets, left).await
        } else {
            self.by_points(targets, left).await
        };
        outcome.map_err(|error| self.name(error))
    }

    /// Averages each step from what the terms came to in it.
    async fn by_steps(&self, targets: &[Target], left: usize) -> Result<Vec<SeriesPoints>, StoreError> {
        let aggregate = match self.recipe.formula() {
            Formula::GrowthRatio { .. } => Aggregate::Increase,
            Formula::Rate { .. } => Aggregate::Rate,
            Formula::Ratio { .. } | Formula::Sum { .. } => Aggregate::Avg,
        };
        let max_points = left.saturating_mul(self.recipe.terms().len());
        let asked = RangeQuery { selector: all_terms(targets), aggregate, max_points, ..self.query.clone() };
        let terms = by_key(self.store.range(&asked).await.map_err(|error| self.bounded(error))?);
        let zeros = vec![0.0; self.recipe.terms().len()];
        let series = targets.iter().map(|target| {
            let mut points = Vec::new();
            rows::for_each(&columns(target, &terms), |timestamp, row| {
                let value = self.recipe.derive(row, &zeros, 1.0);
                points.extend(value.map(|value| Point { timestamp, value }));
            });
            SeriesPoints { key: target.info.key.clone(), kind: SeriesKind::Gauge, points }
        });
        self.within(series.collect(), left)
    }

    /// Computes each point, and joins those of each step. The terms come in windows of bounded size.
    async fn by_points(&self, targets: &[Target], left: usize) -> Result<Vec<SeriesPoints>, StoreError> {
        self.check_reach(targets).await?;
        let (start, end) = self.query.whole_steps();
        let interval = targets.iter().map(|target| target.info.interval).max().unwrap_or_default();
        let mut makings: Vec<Making<'_>> =
            targets.iter().map(|target| Making::new(target, self.recipe, self.query, start)).collect();
        let mut asked = RangeQuery::raw(all_terms(targets), self.first(start, interval), end);
        asked.max_points = WINDOW_POINTS;
        let mut width = width_for(targets.len() * self.recipe.terms().len(), interval);
        while asked.start < end {
            asked.end = (asked.start + width).min(end);
            let found = match self.store.range(&asked).await {
                Err(StoreError::TooMany { .. }) if width > SHORTEST_WINDOW => {
                    width /= 2;
                    continue;
                }
                found => by_key(found?),
            };
            makings.iter_mut().for_each(|making| making.take(&found, asked.end, asked.end == end));
            let count: usize = makings.iter().map(|making| making.done.len()).sum();
            if count > left {
                return Err(self.too_many());
            }
            if found.values().all(Vec::is_empty) {
                width = width.saturating_mul(2);
            }
            asked.start = asked.end;
        }
        Ok(makings.into_iter().map(Making::finish).collect())
    }

    /// Has the store refuse the first step where it keeps no points of the terms: as they were stored, it would give those
    /// that there are.
    async fn check_reach(&self, targets: &[Target]) -> Result<(), StoreError> {
        let Some(term) = targets.iter().flat_map(|target| &target.terms).next() else { return Ok(()) };
        if self.query.step.is_zero() {
            return Ok(());
        }
        let (start, _) = self.query.whole_steps();
        let asked = RangeQuery {
            step: self.query.step,
            aggregate: Aggregate::Percentile(50),
            max_points: 2,
            ..RangeQuery::raw(Selector::key(term.clone()), start, start + self.query.step)
        };
        match self.store.range(&asked).await {
            Err(StoreError::Unanswerable { .. }) => Err(StoreError::Unanswerable { reason: BEYOND_POINTS.to_owned() }),
            found => found.map(drop),
        }
    }

    /// Returns from where on points are needed: growth needs the one in front of the range, which may be a long gap away,
    /// and the one before that, for what is long depends on how far apart the two are.
    fn first(&self, start: Timestamp, interval: Duration) -> Timestamp {
        let is_growth = matches!(self.query.aggregate, Aggregate::Increase | Aggregate::Rate);
        let needs_more = is_growth || self.recipe.formula().needs_growth();
        if needs_more { start - interval.saturating_mul(GAP_INTERVALS + GAP_INTERVALS * GAP_INTERVALS) } else { start }
    }

    fn within(&self, series: Vec<SeriesPoints>, left: usize) -> Result<Vec<SeriesPoints>, StoreError> {
        let count: usize = series.iter().map(|series| series.points.len()).sum();
        if count > left { Err(self.too_many()) } else { Ok(series) }
    }

    const fn too_many(&self) -> StoreError {
        StoreError::TooMany { what: "points", limit: self.query.max_points }
    }

    /// A bound on the terms is one on the series that follows from them.
    fn bounded(&self, error: StoreError) -> StoreError {
        if matches!(error, StoreError::TooMany { .. }) { self.too_many() } else { error }
    }

    fn name(&self, error: StoreError) -> StoreError {
        match error {
            StoreError::Unanswerable { reason } => {
                let name = &self.recipe.metric().name;
                StoreError::Unanswerable { reason: format!("{name} is computed from other series: {reason}") }
            }
            other => other,
        }
    }
}

/// Returns whether a derived series is averaged step by step from what its terms came to.
pub(crate) fn averages_steps(query: &RangeQuery) -> bool {
    query.aggregate == Aggregate::Avg && !query.step.is_zero()
}

/// One series in the making.
struct Making<'a> {
    target: &'a Target,
    query: &'a RangeQuery,
    start: Timestamp,
    ticker: Ticker<'a>,
    /// The last point that is joined, or in front of the range.
    before: Option<Point>,
    /// Points that are not joined.
    pending: Vec<Point>,
    done: Vec<Point>,
}

impl<'a> Making<'a> {
    const fn new(target: &'a Target, recipe: &'a Recipe, query: &'a RangeQuery, start: Timestamp) -> Self {
        let ticker = Ticker::new(recipe, target.info.interval);
        Self { target, query, start, ticker, before: None, pending: Vec::new(), done: Vec::new() }
    }

    /// Takes the points of the terms up to `end`, and joins those of steps that are complete then.
    fn take(&mut self, terms: &Points, end: Timestamp, is_last: bool) {
        rows::for_each(&columns(self.target, terms), |timestamp, row| match self.ticker.tick(timestamp, row) {
            Some(point) if timestamp < self.start => self.before = Some(point),
            Some(point) => self.pending.push(point),
            None => {}
        });
        let step = self.query.step;
        let is_complete = |point: &Point| is_last || point.timestamp.floor(step) + step <= end;
        let complete = self.pending.partition_point(is_complete);
        let points: Vec<Point> = self.pending.drain(..complete).collect();
        self.done.extend(self.query.aggregate.by_step(&points, self.before, step));
        self.before = points.last().copied().or(self.before);
    }

    fn finish(self) -> SeriesPoints {
        SeriesPoints { key: self.target.info.key.clone(), kind: SeriesKind::Gauge, points: self.done }
    }
}

fn all_terms(targets: &[Target]) -> Selector {
    Selector::Keys(targets.iter().flat_map(|target| &target.terms).cloned().collect())
}

fn by_key(series: Vec<SeriesPoints>) -> Points {
    series.into_iter().map(|series| (series.key, series.points)).collect()
}

fn columns<'a>(target: &Target, terms: &'a Points) -> Vec<&'a [Point]> {
    target.terms.iter().map(|term| terms.get(term).map_or(&[][..], |points| points)).collect()
}

/// Returns a time in which so many series have about half of the points of a window.
fn width_for(series: usize, interval: Duration) -> Duration {
    let ticks = WINDOW_POINTS / 2 / series.max(1);
    interval.max(SHORTEST_WINDOW).saturating_mul(u32::try_from(ticks).unwrap_or(u32::MAX).max(1))
}

const BEYOND_POINTS: &str =
    "their points are kept for a shorter time than the range reaches back; take a shorter range, or avg";
/// Points of terms that are in memory at once.
const WINDOW_POINTS: usize = 1 << 19;
const SHORTEST_WINDOW: Duration = Duration::from_millis(1);
