//! The store on a database.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use observe_core::{
    Commit, Enriched, EventQuery, EventStore, LogQuery, LogRecord, LogStore, MetricStore, RangeQuery, SeriesInfo,
    SeriesPoints, SeriesQuery, Span, SpanQuery, SpanStore, State, StateStore, Store, StoreError, Stored, Timestamp,
    Upkeep,
};
use parking_lot::RwLock;
use tokio::sync::Mutex;

use super::{events, logs, spans, states};
use crate::{
    db::{Access, Database, Transaction},
    samples::{self, Head, Limits, SampleWriter, Slots},
};

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
/// store.close().await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SqlStore {
    database: Database,
    /// `None` where the store is only read.
    writing: Option<Writing>,
    /// Packs that queries found damaged.
    corrupt: AtomicU64,
}

/// What only the sole writer has.
#[derive(Debug)]
struct Writing {
    samples: Mutex<SampleWriter>,
    head: RwLock<Head>,
}

/// Where a store is, and how it is used.
#[derive(Clone)]
#[non_exhaustive]
pub struct StoreOptions {
    /// `PATH`, `sqlite:PATH` or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`.
    pub url: String,
    /// Whether it is only read, beside whoever writes.
    pub is_read_only: bool,
    /// About how many points of a series are packed together; 1,024 unless set.
    pub slot_points: u32,
}

impl StoreOptions {
    /// Asks for the store at `url`, to write to it.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), is_read_only: false, slot_points: 1_024 }
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
        let database = Database::open(&options.url.parse()?, access).await?;
        let writing = if options.is_read_only { None } else { Some(Writing::open(&database, options).await?) };
        Ok(Self { database, writing, corrupt: AtomicU64::new(0) })
    }

    fn writing(&self) -> Result<&Writing, StoreError> {
        self.writing.as_ref().ok_or_else(|| StoreError::Refused {
            store: self.name().to_owned(),
            reason: "it was opened to read".to_owned(),
        })
    }
}

impl Writing {
    async fn open(database: &Database, options: &StoreOptions) -> Result<Self, StoreError> {
        let slots = Slots { points: options.slot_points, period_minutes: PERIOD_MINUTES };
        let limits = Limits { slots, raw: Duration::from_secs(14 * 86_400), head_bytes: 32 << 20 };
        let (samples, head) = SampleWriter::open(&mut database.read().await?, limits).await?;
        Ok(Self { samples: Mutex::new(samples), head: RwLock::new(head) })
    }

    async fn commit(&self, database: &Database, commit: &Commit) -> Result<(), StoreError> {
        let mut samples = self.samples.lock().await;
        samples.resolve(database, &self.head).await?;
        let mut tx = database.write().await?;
        database.renew(&mut tx).await?;
        let written = match samples.write(&mut tx, &commit.frames).await {
            Ok(()) => write_rows(&mut tx, commit).await,
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            samples.settle(&self.head, false);
            return Err(error);
        }
        // Where this fails, or is cut off, it is not known what became of it.
        tx.commit().await?;
        samples.settle(&self.head, true);
        Ok(())
    }
}

/// Writes what is not samples.
async fn write_rows(tx: &mut Transaction, commit: &Commit) -> Result<(), StoreError> {
    events::insert(tx, &commit.events).await?;
    logs::insert(tx, &commit.events).await?;
    spans::insert(tx, &commit.events).await?;
    states::insert(tx, &commit.states).await
}

#[async_trait]
impl Store for SqlStore {
    async fn commit(&self, commit: &Commit) -> Result<(), StoreError> {
        self.writing()?.commit(&self.database, commit).await
    }

    async fn maintain(&self, now: Timestamp) -> Result<Upkeep, StoreError> {
        let Some(writing) = &self.writing else { return Ok(Upkeep::Done) };
        writing.samples.lock().await.maintain(&self.database, &writing.head, now).await
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
    async fn series(&self, query: &SeriesQuery) -> Result<Vec<SeriesInfo>, StoreError> {
        samples::series(&self.database, query).await
    }

    async fn range(&self, query: &RangeQuery) -> Result<Vec<SeriesPoints>, StoreError> {
        let mut corrupt = 0;
        let head = self.writing.as_ref().map(|writing| &writing.head);
        let answer = samples::range(&self.database, head, query, &mut corrupt).await;
        self.corrupt.fetch_add(corrupt, Relaxed);
        answer
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

/// How long ticks wait to be packed.
const PERIOD_MINUTES: i64 = 15;
