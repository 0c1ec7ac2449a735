//! The past as one: what is in memory, and what only the store has.

mod events;
mod rings;
mod seam;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use self::{rings::Rings, seam::Seams};
use super::Handle;
use crate::{
    MetricKey, RangeQuery, Selector, SeriesInfo, SeriesPoints, SeriesQuery, StoreError,
    history::{self, Formulas},
};

impl Handle {
    /// Returns points of series, derived ones included, in the order of their keys: from the rings as far as they reach
    /// back, and before that from the store. Each point is there once, those included that are not stored yet.
    ///
    /// With a step, those steps come from the rings that they have whole, and the point in front of them where it is
    /// needed. What is asked for by whole keys and lies in the rings does not touch the store; other selectors do, for
    /// series that are gone. Without a store the rings alone answer.
    ///
    /// # Errors
    ///
    /// Says why the store could not answer, or why it cannot be answered: see [`history::range`].
    ///
    /// # Cancel safety
    ///
    /// It only reads.
    pub async fn history(&self, query: &RangeQuery) -> Result<Vec<SeriesPoints>, StoreError> {
        let formulas = self.formulas(&query.selector);
        let recent = history::range(&Rings(self), &formulas, query).await?;
        let Some(store) = self.store() else { return Ok(recent) };
        let seams = Seams::new(self, &formulas, query, &recent);
        let Some(asked) = seams.missing() else { return Ok(recent) };
        let stored = history::range(&**store, &formulas, &asked).await?;
        seams.join(recent, stored)
    }

    /// Returns series that are or were stored, and those derived from them, in the order of their keys. Without a store
    /// there are none.
    ///
    /// # Errors
    ///
    /// Says why the store could not answer.
    ///
    /// # Cancel safety
    ///
    /// It only reads.
    pub async fn stored_series(&self, query: &SeriesQuery) -> Result<Vec<SeriesInfo>, StoreError> {
        let Some(store) = self.store() else { return Ok(Vec::new()) };
        history::series(&**store, &self.formulas(&query.selector), query).await
    }

    /// Returns the formulas that matter for a selector, those of collectors of the embedder included.
    fn formulas(&self, selector: &Selector) -> Formulas {
        Formulas::with(self.shared.processor.read().registry().columns(selector))
    }
}

/// Series by their keys.
type ByKey = BTreeMap<MetricKey, SeriesPoints>;
