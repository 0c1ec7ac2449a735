//! The trait of everything that reads a source, and what the driver hands to it.

use std::{
    borrow::Cow,
    error::Error,
    io, mem,
    path::PathBuf,
    time::{Duration, Instant},
};

use crate::{Frame, Item, LogRecord, ProcessCache, Span, SystemEvent, Timestamp};

/// Reads one source. Runs on its own thread, so it may block until [`Collect::deadline`].
///
/// The engine calls it once an interval, measures and counts, catches panics, and reports its health.
///
/// # Examples
///
/// ```
/// use observe_core::{Collect, CollectError, Collector, Metric, Schema, SubjectId, Table, Unit};
///
/// static DEPTH: Metric = Metric::gauge("queue.depth", Unit::Count, "Jobs that wait.");
///
/// struct Queue { table: Table, host: SubjectId }
///
/// impl Collector for Queue {
///     fn name(&self) -> &'static str { "queue" }
///
///     fn collect(&mut self, cx: &mut Collect<'_>) -> Result<(), CollectError> {
///         self.table.set(self.host, 0, 12.0);
///         cx.emit(self.table.frame(cx.timestamp()));
///         Ok(())
///     }
/// }
///
/// let (table, host) = Table::for_host(Schema::builder("queue").column(&DEPTH).build()?);
/// let _collector: Box<dyn Collector> = Box::new(Queue { table, host });
/// # Ok::<(), observe_core::InvalidSchema>(())
/// ```
pub trait Collector: Send + 'static {
    /// Returns the name under which settings, health and counters know the collector.
    fn name(&self) -> &'static str;

    /// Returns the time between two readings; a second unless overridden.
    fn interval(&self) -> Duration {
        Duration::from_secs(1)
    }

    /// Reads the source once and emits what it found.
    ///
    /// # Errors
    ///
    /// Says why nothing could be read. [`CollectError::Unsupported`] means that this host will never have it; anything
    /// else is tried again on the next tick.
    fn collect(&mut self, cx: &mut Collect<'_>) -> Result<(), CollectError>;
}

/// What a collector may use during one reading.
#[derive(Debug)]
pub struct Collect<'a> {
    timestamp: Timestamp,
    deadline: Instant,
    processes: &'a ProcessCache,
    items: Vec<Item>,
    degraded: Option<String>,
}

impl<'a> Collect<'a> {
    /// Starts a reading; drivers and tests call it.
    #[must_use]
    pub const fn new(timestamp: Timestamp, deadline: Instant, processes: &'a ProcessCache) -> Self {
        Self { timestamp: timestamp.truncate_to_millis(), deadline, processes, items: Vec::new(), degraded: None }
    }

    /// Returns the stamp of this reading, in whole milliseconds.
    #[must_use]
    pub const fn timestamp(&self) -> Timestamp {
        self.timestamp
    }

    /// Returns when the reading should be over: the next tick.
    #[must_use]
    pub const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Returns the engine's memory of processes, for collectors that learn about them.
    #[must_use]
    pub const fn processes(&self) -> &'a ProcessCache {
        self.processes
    }

    /// Hands over a frame, an event, a log record or a span.
    pub fn emit(&mut self, item: impl Into<Item>) {
        self.items.push(item.into());
    }

    /// Says that a part of the source could not be read, and why; the first reason of a reading is kept.
    pub fn degrade(&mut self, reason: impl Into<String>) {
        self.degraded.get_or_insert_with(|| reason.into());
    }

    /// Returns what was emitted so far.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// Takes what was emitted so far; drivers and tests call it.
    pub fn take_items(&mut self) -> Vec<Item> {
        mem::take(&mut self.items)
    }

    /// Returns the reason given to [`Self::degrade`].
    #[must_use]
    pub fn degraded(&self) -> Option<&str> {
        self.degraded.as_deref()
    }
}

/// Says why a collector could not read its source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CollectError {
    /// The source could not be asked, or did not answer as it should.
    #[error("cannot read {what}")]
    Failed {
        /// The source: `the queue at mail.example.com`.
        what: String,
        /// Why not.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The source has something else in it than it should.
    #[error("unexpected content in {what}")]
    Malformed {
        /// The source: `/proc/stat`.
        what: &'static str,
    },
    /// A file could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// This host does not have the source.
    #[error("not available on this host: {0}")]
    Unsupported(Cow<'static, str>),
}

impl From<Frame> for Item {
    fn from(frame: Frame) -> Self {
        Self::Frame(frame)
    }
}

impl From<LogRecord> for Item {
    fn from(record: LogRecord) -> Self {
        Self::Log(record)
    }
}

impl From<Span> for Item {
    fn from(span: Span) -> Self {
        Self::Span(span)
    }
}

impl From<SystemEvent> for Item {
    fn from(event: SystemEvent) -> Self {
        Self::Event(event)
    }
}
