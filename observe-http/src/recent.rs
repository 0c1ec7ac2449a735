//! What counters did lately.

use std::time::Duration;

use parking_lot::Mutex;

/// Tells whether a counter has grown within the last minute, to all who look.
#[derive(Debug, Default)]
pub(crate) struct Rise {
    last: Mutex<(u64, Option<Duration>)>,
}

impl Rise {
    /// Shows the counter at a moment, given as the time since a fixed one.
    pub(crate) fn has_risen(&self, count: u64, at: Duration) -> bool {
        let mut last = self.last.lock();
        if count > last.0 {
            *last = (count, Some(at));
        }
        last.1.is_some_and(|risen| at.saturating_sub(risen) < MEMORY)
    }
}

/// Tells how fast a counter grows.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    last: Mutex<Look>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Look {
    count: u64,
    at: Duration,
    per_second: f64,
}

impl Rate {
    /// Returns the growth in a second since the last look at least a second ago, the first time since the start.
    pub(crate) fn per_second(&self, count: u64, at: Duration) -> f64 {
        let mut last = self.last.lock();
        let seconds = at.saturating_sub(last.at).as_secs_f64();
        if seconds >= 1.0 {
            let per_second = count.saturating_sub(last.count) as f64 / seconds;
            *last = Look { count, at, per_second };
        }
        last.per_second
    }
}

const MEMORY: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rise_is_remembered_for_a_minute() {
        let rise = Rise::default();
        let at = Duration::from_secs;

        let seen =
            [(0, 1), (3, 2), (3, 61), (3, 62), (4, 63)].map(|(count, seconds)| rise.has_risen(count, at(seconds)));

        assert_eq!(seen, [false, true, true, false, true]);
    }

    #[test]
    fn a_rate_is_that_since_the_last_look() {
        let rate = Rate::default();
        let at = Duration::from_millis;

        let seen = [(0, 0), (40, 4_000), (50, 4_500), (60, 6_000), (60, 7_000)]
            .map(|(count, millis)| rate.per_second(count, at(millis)));

        assert_eq!(seen, [0.0, 10.0, 10.0, 10.0, 0.0]);
    }
}
