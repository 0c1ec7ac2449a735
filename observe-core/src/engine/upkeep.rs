//! When the store is kept in order, and what became of it.

use std::time::{Duration, Instant};

use super::{StoreStatus, writer::retry_pause};
use crate::{StoreError, Upkeep};

/// The pace of [`crate::Store::maintain`]: again at once while there is more to do, then not for a while, and ever more
/// seldom where it fails.
#[derive(Debug)]
pub(super) struct Pace {
    due: Instant,
    failures: u32,
    /// What was logged already: a store that cannot keep itself in order says the same over and over.
    logged: Vec<String>,
}

impl Pace {
    pub(super) const fn from(due: Instant) -> Self {
        Self { due, failures: 0, logged: Vec::new() }
    }

    /// Returns when the next piece is due.
    pub(super) const fn due(&self) -> Instant {
        self.due
    }

    /// Takes in how a piece went: for the pace, for the log and for the status.
    pub(super) fn settle(&mut self, result: &Result<Upkeep, StoreError>, status: &mut StoreStatus) {
        let pause = match result {
            Ok(upkeep) => {
                self.failures = 0;
                status.last_maintenance_error = None;
                if *upkeep == Upkeep::More { Duration::ZERO } else { UPKEEP_PAUSE }
            }
            Err(error) => {
                self.failures += 1;
                status.maintenance_failures += 1;
                self.log(error.to_string(), status);
                retry_pause(self.failures)
            }
        };
        self.due = Instant::now() + pause;
    }

    fn log(&mut self, message: String, status: &mut StoreStatus) {
        if !self.logged.contains(&message) {
            tracing::error!(error = message, "the store could not be kept in order; trying again");
            if self.logged.len() >= MAX_LOGGED {
                self.logged.remove(0);
            }
            self.logged.push(message.clone());
        }
        status.last_maintenance_error = Some(message);
    }
}

/// How long a store that has nothing to do is left alone.
const UPKEEP_PAUSE: Duration = Duration::from_secs(1);
/// Messages that are known to have been logged.
const MAX_LOGGED: usize = 16;
