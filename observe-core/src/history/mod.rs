//! Derived series out of stored ones: the same formulas that the processor applies on the tick, applied to the past.
//!
//! Stores keep counters and gauges. [`range`] and [`series`] ask a store as if it kept derived series too. What follows
//! from the points is computed as on the tick: what cannot be computed is absent, a counter that went back gives no
//! value, and points on both sides of a long gap are not compared. Only points are seen here, though, not frames: a
//! counter that was missing in one frame has grown since the point before that.
//!
//! Averages over steps are those of the whole step, so that stores can answer them from sums: a rate is the growth in
//! the step by the time it took, a share what grew by what all grew, and sums and ratios of readings are those of
//! average readings. Every other aggregate needs the points of all terms.

#[cfg(test)]
pub(crate) mod double;
mod evaluation;
mod formulas;
mod rows;
mod search;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use self::formulas::Formulas;
use self::{evaluation::Evaluation, search::Search};
pub(crate) use self::{evaluation::averages_steps, formulas::Recipe};
use crate::{MetricKey, MetricStore, RangeQuery, SeriesInfo, SeriesPoints, SeriesQuery, StoreError};

/// Answers like [`MetricStore::range`], derived series included. A series that is stored under the name of a derived
/// metric is answered as it is stored.
///
/// # Errors
///
/// Says why the store could not answer. [`StoreError::Unanswerable`] names the derived metric where the points of its
/// terms would be needed and are not kept; [`StoreError::TooMany`] is about points, or about more than 10,000 series of
/// one derived metric.
///
/// # Cancel safety
///
/// It only reads.
pub async fn range(
    store: &dyn MetricStore,
    formulas: &Formulas,
    query: &RangeQuery,
) -> Result<Vec<SeriesPoints>, StoreError> {
    let stored = store.range(query).await?;
    let count: usize = stored.iter().map(|series| series.points.len()).sum();
    let mut left = query.max_points.saturating_sub(count);
    let mut answer: BTreeMap<MetricKey, SeriesPoints> =
        stored.into_iter().map(|series| (series.key.clone(), series)).collect();
    let recipes = formulas.chosen(&query.selector, "");
    let mut targets = Search::new(store, &recipes, &query.selector).all().await?;
    targets.retain(|target| !answer.contains_key(&target.info.key));
    targets.sort_by_key(|target| target.recipe);
    for lot in targets.chunk_by(|one, next| one.recipe == next.recipe).flat_map(|lot| lot.chunks(SERIES_AT_ONCE)) {
        let Some(recipe) = lot.first().and_then(|target| recipes.get(target.recipe)) else { continue };
        let derived = Evaluation::new(store, recipe, query).run(lot, left).await?;
        left -= derived.iter().map(|series| series.points.len()).sum::<usize>().min(left);
        answer.extend(derived.into_iter().map(|series| (series.key.clone(), series)));
    }
    Ok(answer.into_values().collect())
}

/// Answers like [`MetricStore::series`], derived series included.
///
/// # Errors
///
/// Says why the store could not answer.
///
/// # Cancel safety
///
/// It only reads.
pub async fn series(
    store: &dyn MetricStore,
    formulas: &Formulas,
    query: &SeriesQuery,
) -> Result<Vec<SeriesInfo>, StoreError> {
    let stored = store.series(query).await?;
    let recipes = formulas.chosen(&query.selector, query.after.as_ref().map_or("", |after| after.name()));
    let derived = Search::new(store, &recipes, &query.selector).first(query.after.as_ref(), query.limit).await?;
    let derived = derived.into_iter().map(|target| target.info);
    let found: BTreeMap<MetricKey, SeriesInfo> = derived.chain(stored).map(|info| (info.key.clone(), info)).collect();
    Ok(found.into_values().take(query.limit).collect())
}

/// Derived series that are computed together.
const SERIES_AT_ONCE: usize = 64;
