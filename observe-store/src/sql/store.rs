//! The store on a database.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use async_trait::async_trait;
use observe_core::{
    Commit, Enriched, EventQuery, EventStore, Figure, LogQuery, LogRecord, LogStore, MetricStore, RangeQuery,
    SeriesInfo, SeriesPoints, SeriesQuery, Span, SpanQuery, SpanStore, State, StateStore, Store, StoreError, Stored,
    Timestamp, Upkeep,
};
use parking_lot::RwLock;
use tokio::sync::Mutex;

use super::{events, logs, spans, states};
use crate::{
    Config,
    db::{Access, Database, Transaction},
    samples::{self, Head, Limits, SampleWriter, Slots},
};

/// Keeps everything in a file of SQLite, or in PostgreSQL.
///
/// # Examples
///
/// ```
/// use observe_core::{EventQuery, EventStore, Store};
/// use observe_store::{Config, SqlStore};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("observe.db").display().to_string();
/// let store = SqlStore::open(&Config::at(path)).await?;
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
    /// Damaged rows that queries left out.
    corrupt: AtomicU64,
}

/// What only the sole writer has.
#[derive(Debug)]
struct Writing {
    samples: Mutex<SampleWriter>,
    head: RwLock<Head>,
    /// What the writer said about itself last.
    figures: parking_lot::Mutex<Vec<Figure>>,
}

impl SqlStore {
    /// Opens a store to write to it, as the only one. The store of a file is made where there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError::Held`] where another process writes to it, [`StoreError::Refused`] where it is of another version
    /// or no store, [`StoreError::Unavailable`] where it cannot be reached now.
    pub async fn open(config: &Config) -> Result<Self, StoreError> {
        let database = Database::open(&config.url.parse()?, Access::Write).await?;
        let writing = Some(Writing::open(&database, config).await?);
        Ok(Self { database, writing, corrupt: AtomicU64::new(0) })
    }

    /// Opens a store to read it, beside whoever writes.
    ///
    /// # Errors
    ///
    /// As [`Self::open`], but for [`StoreError::Held`].
    pub async fn read(config: &Config) -> Result<Self, StoreError> {
        let database = Database::open(&config.url.parse()?, Access::Read).await?;
        Ok(Self { database, writing: None, corrupt: AtomicU64::new(0) })
    }

    /// Returns how often answers left a row out because it is damaged. A row that several answers met counts in each.
    #[must_use]
    pub fn damaged_rows(&self) -> u64 {
        self.corrupt.load(Relaxed)
    }

    pub(super) const fn database(&self) -> &Database {
        &self.database
    }

    /// Leaves the database to another writer in this process.
    pub(super) fn into_database(self) -> Database {
        self.database
    }

    fn writing(&self) -> Result<&Writing, StoreError> {
        self.writing.as_ref().ok_or_else(|| StoreError::Refused {
            store: self.name().to_owned(),
            reason: "it was opened to read".to_owned(),
        })
    }
}

impl Writing {
    async fn open(database: &Database, config: &Config) -> Result<Self, StoreError> {
        let slots = Slots { points: config.slot_points, period_minutes: PERIOD_MINUTES };
        let limits = Limits { slots, retention: config.retention.clone(), head_bytes: MAX_HEAD_BYTES };
        let (samples, head) = SampleWriter::open(&mut database.read().await?, limits).await?;
        let head = RwLock::new(head);
        let figures = parking_lot::Mutex::new(samples.figures(&head));
        Ok(Self { samples: Mutex::new(samples), head, figures })
    }

    async fn commit(&self, database: &Database, commit: &Commit) -> Result<(), StoreError> {
        let mut samples = self.samples.lock().await;
        samples.resolve(database, &self.head).await?;
        let mut tx = database.write().await?;
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
    events::insert_all(tx, &commit.events).await?;
    states::insert(tx, &commit.states).await
}

#[async_trait]
impl Store for SqlStore {
    async fn commit(&self, commit: &Commit) -> Result<(), StoreError> {
        self.writing()?.commit(&self.database, commit).await
    }

    async fn maintain(&self, now: Timestamp) -> Result<Upkeep, StoreError> {
        let Some(writing) = &self.writing else { return Ok(Upkeep::Done) };
        let mut samples = writing.samples.lock().await;
        let upkeep = samples.maintain(&self.database, &writing.head, now).await;
        *writing.figures.lock() = samples.figures(&writing.head);
        drop(samples);
        if matches!(upkeep, Ok(Upkeep::Done)) {
            self.database.keep().await?;
        }
        upkeep
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.database.close().await
    }

    fn name(&self) -> &'static str {
        self.database.dialect().as_str()
    }

    fn figures(&self) -> Vec<Figure> {
        let mut figures = self.writing.as_ref().map(|writing| writing.figures.lock().clone()).unwrap_or_default();
        let help = "Rows that queries left out because they are damaged.";
        figures.push(Figure::counter("corrupt_packs_read", help, self.damaged_rows()));
        figures
    }
}

#[async_trait]
impl EventStore for SqlStore {
    async fn events(&self, query: &EventQuery) -> Result<Vec<Arc<Enriched>>, StoreError> {
        events::query(&mut self.database.read().await?, query, &self.corrupt).await
    }
}

#[async_trait]
impl LogStore for SqlStore {
    async fn logs(&self, query: &LogQuery) -> Result<Vec<Stored<LogRecord>>, StoreError> {
        logs::query(&mut self.database.read().await?, query, &self.corrupt).await
    }
}

#[async_trait]
impl MetricStore for SqlStore {
    async fn series(&self, query: &SeriesQuery) -> Result<Vec<SeriesInfo>, StoreError> {
        let mut corrupt = 0;
        let answer = samples::series(&self.database, query, &mut corrupt).await;
        self.corrupt.fetch_add(corrupt, Relaxed);
        answer
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
        spans::query(&mut self.database.read().await?, query, &self.corrupt).await
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
/// What ticks that wait to be packed may take in memory.
const MAX_HEAD_BYTES: usize = 32 << 20;
