//! Where the rings take over from the store.

use std::{collections::BTreeMap, time::Duration};

use super::{super::Handle, ByKey};
use crate::{
    Aggregate, MetricKey, RangeQuery, Selector, SeriesPoints, StoreError, Timestamp,
    history::{Formulas, Recipe},
};

/// The seams of one answer: for each series in memory, from where on the rings have all of it. A series without a seam
/// has nothing left in them.
pub(super) struct Seams<'a> {
    query: &'a RangeQuery,
    seams: BTreeMap<MetricKey, Option<Timestamp>>,
}

impl<'a> Seams<'a> {
    /// Finds the seams. The rings were read before: what leaves them meanwhile moves a seam on, and is not missed.
    pub(super) fn new(handle: &Handle, formulas: &Formulas, query: &'a RangeQuery, recent: &[SeriesPoints]) -> Self {
        let seams = recent.iter().map(|series| {
            let recipes = formulas.recipes(series.key.name());
            let needs_before = matches!(query.aggregate, Aggregate::Increase | Aggregate::Rate)
                || recipes.iter().any(|recipe| recipe.formula().needs_growth());
            let seam = since(handle, &recipes, &series.key).map(|since| seam(since, query.step, needs_before));
            (series.key.clone(), seam)
        });
        Self { query, seams: seams.collect() }
    }

    /// Returns what the store has to answer.
    pub(super) fn missing(&self) -> Option<RangeQuery> {
        let (start, end) = (self.query.whole_steps().0, self.query.end);
        let (selector, end) = match &self.query.selector {
            Selector::Keys(keys) => {
                let seam = |key: &MetricKey| self.seams.get(key).copied().flatten().unwrap_or(end);
                let keys: Vec<MetricKey> = keys.iter().filter(|key| seam(key) > start).cloned().collect();
                let last = keys.iter().map(seam).max()?;
                (Selector::Keys(keys), last.min(end))
            }
            matching @ Selector::Matching(_) => (matching.clone(), end),
        };
        Some(RangeQuery { selector, end, ..self.query.clone() })
    }

    /// Puts both parts together, each point once.
    pub(super) fn join(
        &self,
        recent: Vec<SeriesPoints>,
        stored: Vec<SeriesPoints>,
    ) -> Result<Vec<SeriesPoints>, StoreError> {
        let mut joined: ByKey = stored.into_iter().map(|series| (series.key.clone(), series)).collect();
        for series in recent {
            let seam = self.seams.get(&series.key).copied().flatten().unwrap_or(Timestamp::MAX);
            match joined.get_mut(&series.key) {
                Some(older) => append(older, series, seam),
                None => drop(joined.insert(series.key.clone(), series)),
            }
        }
        let count: usize = joined.values().map(|series| series.points.len()).sum();
        if count > self.query.max_points {
            return Err(StoreError::TooMany { what: "points", limit: self.query.max_points });
        }
        Ok(joined.into_values().collect())
    }
}

/// Puts what the rings have behind what the store has. The step in which the rings begin is the store's, which has all
/// of it; only where nothing of it is stored yet does the part in the rings stand for it.
fn append(older: &mut SeriesPoints, newer: SeriesPoints, seam: Timestamp) {
    older.points.retain(|point| point.timestamp < seam);
    let last = older.points.last().map(|point| point.timestamp);
    older.points.extend(newer.points.into_iter().filter(|point| last.is_none_or(|last| point.timestamp > last)));
    older.kind = newer.kind;
}

/// Returns since when the rings have all points of a series. Those of a derived series begin with those of its terms:
/// they have one row, and where it has no value there was none.
fn since(handle: &Handle, recipes: &[Recipe], key: &MetricKey) -> Option<Timestamp> {
    let oldest = |key: &MetricKey| handle.with_series(key, |series| series.oldest())?.map(|point| point.timestamp);
    let terms = recipes.iter().filter_map(|recipe| recipe.term_keys(key)).flatten();
    let terms = terms.filter_map(|term| oldest(&term));
    match oldest(key) {
        Some(own) => Some(terms.fold(own, Timestamp::min)),
        None => terms.max(),
    }
}

/// Returns from where on steps are complete that begin with a point at `since`.
fn seam(since: Timestamp, step: Duration, needs_before: bool) -> Timestamp {
    let begin = since.floor(step);
    match (begin == since && !needs_before, step.is_zero()) {
        (true, _) => since,
        (false, true) => since + Duration::from_nanos(1),
        (false, false) => begin + step,
    }
}
