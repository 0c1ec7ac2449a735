//! What an engine may keep.

use std::time::Duration;

use crate::Budget;

/// The bounds of an engine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Bytes for rings, detectors, queues, caches and histories together; [`Budget`] splits them.
    pub memory_max_bytes: usize,
    /// Points of each series that stay in memory, rounded up to whole chunks of 64.
    pub points_per_series: usize,
    /// Series of one producer.
    pub max_series_per_producer: usize,
    /// Events in the history.
    pub max_events: usize,
    /// How long what nobody waits for may go unstored.
    pub commit_interval: Duration,
}

impl Limits {
    /// Returns the shares of the byte budget.
    #[must_use]
    pub const fn budget(&self) -> Budget {
        Budget::split(self.memory_max_bytes)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_max_bytes: 128 << 20,
            points_per_series: 1_000,
            max_series_per_producer: 10_000,
            max_events: 5_000,
            commit_interval: Duration::from_secs(2),
        }
    }
}
