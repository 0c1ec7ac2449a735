//! How an engine is doing.

use std::time::Duration;

use crate::{BusStats, DetectorStats, Figure, IntakeStats, ProcessCacheStats, ProcessorStats, Timestamp};

/// How everything in an engine is doing.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EngineStatus {
    /// How long the engine has been running.
    pub uptime: Duration,
    /// The way in.
    pub intake: IntakeStats,
    /// The way out to observers.
    pub bus: BusStats,
    /// Series, history and steps.
    pub processor: ProcessorStats,
    /// What is known about processes.
    pub process_cache: ProcessCacheStats,
    /// Detectors.
    pub detectors: DetectorStats,
    /// The store.
    pub store: StoreStatus,
    /// The collectors.
    pub collectors: Vec<CollectorStatus>,
}

/// How a collector is doing.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct CollectorStatus {
    /// Its name.
    pub name: &'static str,
    /// Its state.
    pub state: CollectorState,
    /// Why it is not healthy.
    pub reason: Option<String>,
    /// The time between two readings.
    pub interval: Duration,
    /// Readings that were begun.
    pub runs: u64,
    /// Readings that ended in an error or a panic.
    pub failures: u64,
    /// Readings that ended in a panic.
    pub panics: u64,
    /// Ticks without a reading, because the one before took too long, and items that the intake refused.
    pub skipped: u64,
    /// Time spent reading.
    pub busy: Duration,
    /// When the last reading began.
    pub last_run: Option<Timestamp>,
    /// How long the last reading took.
    pub last_duration: Duration,
}

/// The state of a collector. Complete by nature.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum CollectorState {
    /// It cannot read a part, or could not read this time.
    Degraded,
    /// It panicked, or has not been able to read for several ticks.
    Failed,
    /// It reads everything.
    Healthy,
    /// It has not read yet.
    Starting,
    /// This host does not have what it reads.
    Unsupported,
}

impl CollectorState {
    /// Returns the name in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Degraded => "degraded",
            Self::Failed => "failed",
            Self::Healthy => "healthy",
            Self::Starting => "starting",
            Self::Unsupported => "unsupported",
        }
    }
}

/// How the store is doing.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct StoreStatus {
    /// The kind of store; `None` where there is none.
    pub name: Option<&'static str>,
    /// Commits that succeeded.
    pub commits: u64,
    /// Commits that failed; each is tried again.
    pub failures: u64,
    /// What the last commit failed of; `None` once one has succeeded since.
    pub last_error: Option<String>,
    /// When the last commit succeeded.
    pub last_commit: Option<Timestamp>,
    /// How long the last commit took.
    pub last_duration: Duration,
    /// Bytes that wait to be stored.
    pub backlog_bytes: usize,
    /// Frames that left the backlog unstored because it was full.
    pub dropped_frames: u64,
    /// Events that left the backlog unstored because it was full; never alerts.
    pub dropped_events: u64,
    /// Pieces of the work that keeps the store in order that failed; each is tried again.
    pub maintenance_failures: u64,
    /// What the last such piece failed of; `None` once one has succeeded since.
    pub last_maintenance_error: Option<String>,
    /// What the store says about itself; see [`crate::Store::figures`].
    pub figures: Vec<Figure>,
    /// How far rings and detectors are filled with what was before the restart.
    pub refill: RefillStatus,
}

/// How far rings and detectors are filled with what was before the restart.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct RefillStatus {
    /// Whether a producer is being filled, or waits for it.
    pub is_running: bool,
    /// Producers that were filled, those included of which the store knows nothing.
    pub producers: u64,
    /// Points that came from the store.
    pub points: u64,
    /// Questions that the store did not answer.
    pub failures: u64,
    /// What the last of them failed of.
    pub last_error: Option<String>,
}

impl StoreStatus {
    /// Returns whether there is a store that writes and is kept in order.
    #[must_use]
    pub const fn is_healthy(&self) -> bool {
        self.name.is_some() && self.last_error.is_none() && self.last_maintenance_error.is_none()
    }
}
