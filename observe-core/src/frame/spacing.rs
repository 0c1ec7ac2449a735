//! Which rows can be compared.

use std::time::Duration;

/// Watches the time between the rows of a producer, and says which are too far apart to tell growth from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spacing {
    interval: Duration,
    /// The time between the last two rows.
    last: Duration,
}

impl Spacing {
    /// Starts for a producer with so much time between two frames.
    pub(crate) const fn new(interval: Duration) -> Self {
        Self { interval, last: interval }
    }

    /// Takes the time from one row to the next. Returns it in seconds; zero where the two cannot be compared, because
    /// the host slept between them.
    pub(crate) fn elapsed(&mut self, passed: Duration) -> f64 {
        let usual = self.interval.max(self.last);
        self.last = passed;
        if passed > usual.saturating_mul(GAP_INTERVALS) { 0.0 } else { passed.as_secs_f64() }
    }
}

/// A row that comes after so many intervals is not compared with the one before.
pub(crate) const GAP_INTERVALS: u32 = 10;
