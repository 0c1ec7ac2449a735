//! The trait of everything that remembers, the small traits that it is the sum of, and what they speak of.

mod aggregate;
mod commit;
mod error;
mod range;
mod search;
mod selector;

use std::{fmt, sync::Arc};

use async_trait::async_trait;

pub use self::{
    aggregate::{Aggregate, growth_between},
    commit::{Commit, State},
    error::StoreError,
    range::{RangeQuery, SeriesInfo, SeriesKind, SeriesPoints, SeriesQuery},
    search::{EventQuery, LogQuery, SpanQuery, Stored},
    selector::{InvalidSelector, Matcher, Selector},
};
use crate::{Enriched, LogRecord, MetricKey, Point, Span, Timestamp};

/// Keeps what the processor decided, one transaction at a time.
///
/// It is the sum of small traits, one for each kind of data; whoever asks takes the one it needs.
#[async_trait]
pub trait Store: EventStore + LogStore + MetricStore + SpanStore + StateStore + fmt::Debug + 'static {
    /// Writes everything in the commit, or nothing. Once it returns, the commit survives the end of the process as far
    /// as this store promises.
    ///
    /// # Errors
    ///
    /// Says why nothing was written; see [`StoreError::is_retryable`].
    ///
    /// # Cancel safety
    ///
    /// A dropped call has either written everything or nothing.
    async fn commit(&self, commit: &Commit) -> Result<(), StoreError>;

    /// Does one small piece of the work that keeps the store in order, such as packing what is old enough and removing
    /// what is too old. Whoever commits calls it in between, again at once while there is more to do.
    ///
    /// # Errors
    ///
    /// Says why the piece could not be done; the next call tries it again.
    ///
    /// # Cancel safety
    ///
    /// A dropped call has done its piece, or nothing that is seen.
    async fn maintain(&self, _now: Timestamp) -> Result<Upkeep, StoreError> {
        Ok(Upkeep::Done)
    }

    /// Ends the work with the store: what is held for its sole writer is given back. Nothing that was committed needs it.
    ///
    /// # Errors
    ///
    /// Says what could not be given back.
    async fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Returns the name of the kind of store: `memory`, `sqlite` or `postgres`.
    fn name(&self) -> &'static str;

    /// Returns what the store has to say about itself.
    fn figures(&self) -> Vec<Figure> {
        Vec::new()
    }
}

/// A number that a store has to say about itself. Complete by nature.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Figure {
    /// What it is called: `written_packs`.
    pub name: &'static str,
    /// One sentence that says what it counts or measures.
    pub help: &'static str,
    /// Whether it only grows.
    pub kind: SeriesKind,
    /// How many.
    pub value: u64,
}

impl Figure {
    /// Makes a figure that only grows.
    #[must_use]
    pub const fn counter(name: &'static str, help: &'static str, value: u64) -> Self {
        Self { name, help, kind: SeriesKind::Counter, value }
    }

    /// Makes a figure that goes up and down.
    #[must_use]
    pub const fn gauge(name: &'static str, help: &'static str, value: u64) -> Self {
        Self { name, help, kind: SeriesKind::Gauge, value }
    }
}

/// What a call of [`Store::maintain`] leaves. Complete by nature.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Upkeep {
    /// Nothing to do at present.
    Done,
    /// There is more to do.
    More,
}

/// Answers for samples: those that were stored, and so never for derived metrics, which follow from them.
#[async_trait]
pub trait MetricStore: Send + Sync {
    /// Returns the series that are asked for, in the order of their keys.
    ///
    /// # Errors
    ///
    /// Says why the store could not answer.
    async fn series(&self, query: &SeriesQuery) -> Result<Vec<SeriesInfo>, StoreError>;

    /// Returns the points of series, in the order of their keys, oldest first. A series that is known and has no point
    /// in the range is there with none.
    ///
    /// # Errors
    ///
    /// Says why the store could not answer, or why it cannot be answered: [`StoreError::Unanswerable`] where a tier
    /// does not hold what the aggregate needs, [`StoreError::TooMany`] where the answer exceeds the bound of the query.
    async fn range(&self, query: &RangeQuery) -> Result<Vec<SeriesPoints>, StoreError>;

    /// Returns the points of a series in `[start, end)`, oldest first, at most `limit`, the newest ones;
    /// `None` where the series was never stored.
    ///
    /// # Errors
    ///
    /// Says why the store could not answer.
    async fn points(
        &self,
        key: &MetricKey,
        start: Timestamp,
        end: Timestamp,
        limit: usize,
    ) -> Result<Option<Vec<Point>>, StoreError> {
        let found = self.range(&RangeQuery::raw(Selector::key(key.clone()), start, end)).await?;
        Ok(found.into_iter().next().map(|mut series| {
            series.points.drain(..series.points.len().saturating_sub(limit));
            series.points
        }))
    }
}

/// Answers for events.
#[async_trait]
pub trait EventStore: Send + Sync {
    /// Returns events, newest first. Log records and spans are among them, frames are not.
    ///
    /// # Errors
    ///
    /// Says why the store could not answer.
    async fn events(&self, query: &EventQuery) -> Result<Vec<Arc<Enriched>>, StoreError>;
}

/// Answers for log records.
#[async_trait]
pub trait LogStore: Send + Sync {
    /// Returns log records, newest first.
    ///
    /// # Errors
    ///
    /// Says why the store could not answer.
    async fn logs(&self, query: &LogQuery) -> Result<Vec<Stored<LogRecord>>, StoreError>;
}

/// Answers for spans.
#[async_trait]
pub trait SpanStore: Send + Sync {
    /// Returns spans, newest first.
    ///
    /// # Errors
    ///
    /// Says why the store could not answer.
    async fn spans(&self, query: &SpanQuery) -> Result<Vec<Stored<Span>>, StoreError>;
}

/// Gives back what [`Commit::states`] saved.
#[async_trait]
pub trait StateStore: Send + Sync {
    /// Returns states of a kind in the order of their keys, those after the key `after`, at most `limit`.
    ///
    /// # Errors
    ///
    /// Says why the store could not answer.
    async fn states(&self, kind: &str, after: Option<&str>, limit: usize) -> Result<Vec<State>, StoreError>;
}
