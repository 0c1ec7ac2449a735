//! What is known about one system call.

use crate::histogram::{Counts, Cumulative};

/// What was counted of one system call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Call {
    /// Its place in the table of names.
    pub(crate) number: usize,
    /// Calls since the start.
    pub(crate) calls: u64,
    /// Calls since the start that returned an error.
    pub(crate) errors: u64,
    /// Calls since the reading before.
    pub(crate) new_calls: u64,
    /// Calls since the reading before that returned an error.
    pub(crate) new_errors: u64,
    /// How long those took that were timed since the reading before.
    pub(crate) timed: Counts,
    /// The time of these in all, in nanoseconds.
    pub(crate) time: u64,
    /// How long those took that were timed since the start.
    pub(crate) all_timed: Counts,
    /// The time of these in all, in nanoseconds.
    pub(crate) all_time: u64,
    /// Readings at which there were new calls.
    pub(crate) active: u32,
    before: Cumulative,
}

impl Call {
    pub(crate) fn new(number: usize) -> Self {
        Self { number, ..Self::default() }
    }

    /// Takes in calls that were not counted by the kernel, in place of those of the reading before.
    pub(crate) fn add(&mut self, calls: u64, errors: u64, timed: impl Iterator<Item = u64>) {
        self.begin();
        self.active += u32::from(calls > 0);
        (self.new_calls, self.new_errors) = (calls, errors);
        self.calls += calls;
        self.errors += errors;
        for nanos in timed {
            self.timed.observe(nanos);
            self.time += nanos;
        }
        self.total();
    }

    /// Adds what another call counted since the reading before.
    pub(crate) fn absorb(&mut self, other: &Self) {
        self.calls += other.new_calls;
        self.errors += other.new_errors;
        self.time += other.time;
        self.timed.merge(&other.timed);
        self.all_time += other.time;
        self.all_timed.merge(&other.timed);
    }

    /// Forgets what belongs to the reading before.
    pub(crate) fn begin(&mut self) {
        self.timed = Counts::default();
        (self.new_calls, self.new_errors, self.time) = (0, 0, 0);
    }

    /// Takes in how the counters stand now.
    pub(crate) fn update(&mut self, calls: u64, errors: u64, latency: Cumulative) {
        self.active += u32::from(calls > self.calls);
        self.new_calls = calls.saturating_sub(self.calls);
        self.new_errors = errors.saturating_sub(self.errors);
        (self.calls, self.errors) = (calls, errors);
        (self.timed, self.time) = self.before.advance(latency);
        self.total();
    }

    fn total(&mut self) {
        self.all_timed.merge(&self.timed);
        self.all_time += self.time;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_since_the_reading_before_is_told_apart() {
        let mut call = Call::new(1);
        let mut latency = Cumulative { total: 100, ..Cumulative::default() };
        latency.buckets[3] = 10;
        call.update(10, 0, latency.clone());
        call.begin();

        latency.buckets[3] = 15;
        latency.total = 150;
        call.update(15, 1, latency);

        assert_eq!((call.calls, call.new_calls, call.errors, call.new_errors), (15, 5, 1, 1));
        assert_eq!((call.timed.len(), call.time, call.active), (5, 50, 2));
        assert_eq!((call.all_timed.len(), call.all_time), (15, 150));
    }
}
