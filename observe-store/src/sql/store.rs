//! The store on a database.

use std::sync::Arc;

use async_trait::async_trait;
use observe_core::{
    Commit, Enriched, EventQuery, EventStore, LogQuery, LogRecord, LogStore, MetricStore, RangeQuery, SeriesInfo,
    SeriesPoints, SeriesQuery, Span, SpanQuery, SpanStore, State, StateStore, Store, StoreError, Stored,
};

use super::{events, logs, spans, states};
use crate::db::{Access, Database};

/// Keeps everything in a file of SQLite, or in PostgreSQL.
///
/// # Examples
///
/// ```
/// use observe_core::{EventQuery, EventStore, Store};
/// use observe_store::{SqlStore, StoreOptions};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("observe.db").display().to_string();
/// let store = SqlStore::open(&StoreOptions::new(path)).await?;
///
/// assert_eq!(store.name(), "sqlite");
/// assert!(store.events(&EventQuery::newest(10)).await?.is_empty());
/// store.close().await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SqlStore {
    database: Database,
}

/// Where a store is, and how it is used.
#[derive(Clone)]
#[non_exhaustive]
pub struct StoreOptions {
    /// `PATH`, `sqlite:PATH` or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`.
    pub url: String,
    /// Whether it is only read, beside whoever writes.
    pub is_read_only: bool,
}

impl StoreOptions {
    /// Asks for the store at `url`, to write to it.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), is_read_only: false }
    }

    /// Asks to read only.
    #[must_use]
    pub fn read_only(self) -> Self {
        Self { is_read_only: true, ..self }
    }
}

impl std::fmt::Debug for StoreOptions {
    /// Leaves the url out: it may have a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreOptions").field("is_read_only", &self.is_read_only).finish_non_exhaustive()
    }
}

impl SqlStore {
    /// Opens a store. To write, the store of a file is made where there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError::Held`] where another process writes to it, [`StoreError::Refused`] where it is of another version
    /// or no store, [`StoreError::Unavailable`] where it cannot be reached now.
    pub async fn open(options: &StoreOptions) -> Result<Self, StoreError> {
        let access = if options.is_read_only { Access::Read } else { Access::Write };
        Ok(Self { database: Database::open(&options.url.parse()?, access).await? })
    }
}

#[async_trait]
impl Store for SqlStore {
    async fn commit(&self, commit: &Commit) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        self.database.renew(&mut transaction).await?;
        events::insert(&mut transaction, &commit.events).await?;
        logs::insert(&mut transaction, &commit.events).await?;
        spans::insert(&mut transaction, &commit.events).await?;
        states::insert(&mut transaction, &commit.states).await?;
        transaction.commit().await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.database.close().await
    }

    fn name(&self) -> &'static str {
        self.database.dialect().as_str()
    }
}

#[async_trait]
impl EventStore for SqlStore {
    async fn events(&self, query: &EventQuery) -> Result<Vec<Arc<Enriched>>, StoreError> {
        events::query(&mut self.database.read().await?, query).await
    }
}

#[async_trait]
impl LogStore for SqlStore {
    async fn logs(&self, query: &LogQuery) -> Result<Vec<Stored<LogRecord>>, StoreError> {
        logs::query(&mut self.database.read().await?, query).await
    }
}

#[async_trait]
impl MetricStore for SqlStore {
    async fn series(&self, _query: &SeriesQuery) -> Result<Vec<SeriesInfo>, StoreError> {
        Err(StoreError::Unanswerable { reason: "this store keeps no samples".to_owned() })
    }

    async fn range(&self, _query: &RangeQuery) -> Result<Vec<SeriesPoints>, StoreError> {
        Err(StoreError::Unanswerable { reason: "this store keeps no samples".to_owned() })
    }
}

#[async_trait]
impl SpanStore for SqlStore {
    async fn spans(&self, query: &SpanQuery) -> Result<Vec<Stored<Span>>, StoreError> {
        spans::query(&mut self.database.read().await?, query).await
    }
}

#[async_trait]
impl StateStore for SqlStore {
    async fn states(&self, kind: &str, after: Option<&str>, limit: usize) -> Result<Vec<State>, StoreError> {
        states::query(&mut self.database.read().await?, kind, after, limit).await
    }
}
