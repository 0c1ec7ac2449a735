//! What the benches share: time that a thread spent on a processor, the best of several rounds, and rows to print.

#![allow(dead_code, reason = "each bench uses a part of it")]

pub(crate) mod pages;
pub(crate) mod recording;
pub(crate) mod rivals;
#[cfg(feature = "store")]
pub(crate) mod stored;
pub(crate) mod usage;

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// How much to measure. With `--test` each bench runs once, to show that it still works.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Rounds, of which the fastest counts: others only add what else the machine was doing.
    pub(crate) rounds: usize,
    /// By how much the work of a round is divided.
    pub(crate) divisor: usize,
}

impl Effort {
    /// Reads the command line.
    pub(crate) fn from_args() -> Self {
        let is_test = std::env::args().any(|argument| argument == "--test");
        if is_test { Self { rounds: 1, divisor: 100 } } else { Self { rounds: 7, divisor: 1 } }
    }

    /// Returns how much of `amount` to do.
    pub(crate) const fn of(self, amount: usize) -> usize {
        let part = amount / self.divisor;
        if part == 0 { 1 } else { part }
    }

    /// Returns the shortest processor time that `work` took over all rounds.
    pub(crate) fn best(self, mut work: impl FnMut()) -> Duration {
        let times = (0..self.rounds).map(|_| {
            let before = thread_time();
            work();
            thread_time() - before
        });
        times.min().unwrap_or_default()
    }
}

/// Returns the processor time that this thread has used.
pub(crate) fn thread_time() -> Duration {
    time_of(ClockId::ThreadCPUTime)
}

/// Returns the processor time that all threads of this process have used.
pub(crate) fn process_time() -> Duration {
    time_of(ClockId::ProcessCPUTime)
}

fn time_of(clock: ClockId) -> Duration {
    let now = clock_gettime(clock);
    let seconds = Duration::from_secs(now.tv_sec.unsigned_abs());
    seconds + Duration::from_nanos(now.tv_nsec.unsigned_abs())
}

/// Returns the value below which a share of the values lies.
pub(crate) fn quantile(values: &mut [Duration], share: f64) -> Duration {
    values.sort_unstable();
    let at = (values.len() as f64 * share) as usize;
    values.get(at.min(values.len().saturating_sub(1))).copied().unwrap_or_default()
}

/// Returns nanoseconds for each of `count` things.
pub(crate) fn each(time: Duration, count: usize) -> f64 {
    time.as_nanos() as f64 / count.max(1) as f64
}
