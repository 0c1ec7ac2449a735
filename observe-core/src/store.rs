//! The trait of everything that remembers.

use std::{fmt, sync::Arc};

use async_trait::async_trait;

use crate::{Enriched, EventId, EventKinds, Frame, MetricKey, Point, Timestamp};

/// Keeps what the processor decided, one transaction at a time.
///
/// It is the sum of small traits, one for each kind of data; whoever asks takes the one it needs.
#[async_trait]
pub trait Store: EventStore + MetricStore + fmt::Debug + 'static {
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

    /// Returns the name of the kind of store: `memory`.
    fn name(&self) -> &'static str;
}

/// Answers for samples.
#[async_trait]
pub trait MetricStore: Send + Sync {
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
    ) -> Result<Option<Vec<Point>>, StoreError>;
}

/// Answers for events.
#[async_trait]
pub trait EventStore: Send + Sync {
    /// Returns events, newest first.
    ///
    /// # Errors
    ///
    /// Says why the store could not answer.
    async fn events(&self, query: &EventQuery) -> Result<Vec<Arc<Enriched>>, StoreError>;
}

/// Which events are asked for.
#[derive(Clone, Debug)]
pub struct EventQuery {
    /// The kinds.
    pub kinds: EventKinds,
    /// The source, whole.
    pub source: Option<String>,
    /// The host; the engine's own host is `None` in events.
    pub host: Option<String>,
    /// The process they are about.
    pub pid: Option<u32>,
    /// Not before.
    pub start: Timestamp,
    /// Before.
    pub end: Timestamp,
    /// Older than this event.
    pub before: Option<EventId>,
    /// Newer than this event.
    pub after: Option<EventId>,
    /// At most so many, the newest.
    pub limit: usize,
}

impl EventQuery {
    /// Asks for the newest `limit` events of any kind.
    #[must_use]
    pub const fn newest(limit: usize) -> Self {
        Self {
            kinds: EventKinds::ALL,
            source: None,
            host: None,
            pid: None,
            start: Timestamp::MIN,
            end: Timestamp::MAX,
            before: None,
            after: None,
            limit,
        }
    }

    /// Returns whether the event is asked for, `limit` aside.
    #[must_use]
    pub fn matches(&self, event: &Enriched) -> bool {
        self.kinds.contains(event.kind())
            && (self.start..self.end).contains(&event.timestamp)
            && self.before.is_none_or(|before| event.id < before)
            && self.after.is_none_or(|after| event.id > after)
            && self.source.as_deref().is_none_or(|source| event.source == source)
            && self.host.as_deref().is_none_or(|host| event.host.as_deref() == Some(host))
            && self.pid.is_none_or(|pid| event.data.pid() == Some(pid))
    }
}

/// What one step, or several in a row, want to be remembered: all of it or nothing.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// Samples, in the order in which they were taken in.
    pub frames: Vec<Frame>,
    /// Events and findings, frames not among them.
    pub events: Vec<Arc<Enriched>>,
}

impl Commit {
    /// Returns whether there is nothing to remember.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.frames.is_empty() && self.events.is_empty()
    }

    /// Adds what `other` wants to be remembered.
    pub fn append(&mut self, mut other: Self) {
        self.frames.append(&mut other.frames);
        self.events.append(&mut other.events);
    }

    /// Returns about how many bytes of memory it holds.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        let frames: usize = self.frames.iter().map(Frame::size_bytes).sum();
        frames + self.events.iter().map(|event| event.size_bytes()).sum::<usize>()
    }
}

/// Says why a store could not write or answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It cannot now, and may later: no room, no connection.
    #[error("{store} store is not available: {reason}")]
    Unavailable {
        /// The kind of store.
        store: &'static str,
        /// What is missing.
        reason: String,
    },
}

impl StoreError {
    /// Returns whether the same call could succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}
