//! When something happened, by the kernel's own clock.

use std::{mem, time::Duration};

use observe_core::Timestamp;
use rustix::time::{ClockId, clock_gettime};

/// Remembers when records were taken out, so that none is said to be older than the reading before.
#[derive(Debug)]
pub(super) struct Clock {
    /// The reading before; the start of the ring, before the first one.
    before: Monotonic,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self { before: Monotonic::now() }
    }

    /// Starts a reading that has the stamp `reading`.
    pub(super) fn turn(&mut self, reading: Timestamp) -> Reading {
        self.turn_at(reading, Monotonic::now())
    }

    fn turn_at(&mut self, reading: Timestamp, now: Monotonic) -> Reading {
        let before = mem::replace(&mut self.before, now);
        let oldest = before.until(now).saturating_add(SLACK);
        Reading { stamp: reading, now, oldest }
    }
}

/// Turns times of records into those of one reading. The difference of the two clocks is taken once, so a step of the
/// wall clock moves all records of a reading alike.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    stamp: Timestamp,
    now: Monotonic,
    /// The age that no record exceeds.
    oldest: Duration,
}

impl Reading {
    /// Returns when a record was made, never later than the reading.
    pub(super) fn time(self, made: Monotonic) -> Timestamp {
        self.stamp - made.until(self.now).min(self.oldest)
    }
}

/// Nanoseconds since the start of the host, without those in which it slept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Monotonic(pub(super) u64);

impl Monotonic {
    fn now() -> Self {
        let now = clock_gettime(ClockId::Monotonic);
        let nanos = Duration::try_from(now).map_or(0, |since| since.as_nanos());
        Self(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Returns the time until `later`; none where that is earlier.
    const fn until(self, later: Self) -> Duration {
        Duration::from_nanos(later.0.saturating_sub(self.0))
    }
}

/// A record may have been on its way into the ring when the reading before ended, or have waited because that one had
/// enough.
const SLACK: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000 + millis)
    }

    fn clock(seconds: u64) -> Clock {
        Clock { before: Monotonic(seconds * SECOND) }
    }

    #[test]
    fn a_record_is_as_old_as_the_clock_of_the_kernel_says() {
        let reading = clock(49).turn_at(at(0), Monotonic(50 * SECOND));

        assert_eq!(reading.time(Monotonic(50 * SECOND - 7_000_000)), at(-7));
        assert_eq!(reading.time(Monotonic(50 * SECOND)), at(0));
    }

    #[test]
    fn a_step_of_the_wall_clock_does_not_move_records_of_a_reading_apart() {
        let mut clock = clock(10);

        let reading = clock.turn_at(at(3_600_000), Monotonic(11 * SECOND));

        let times = [10 * SECOND + 1_000_000, 10 * SECOND + 2_000_000].map(|made| reading.time(Monotonic(made)));
        assert_eq!(times, [at(3_600_000 - 999), at(3_600_000 - 998)]);
    }

    #[test]
    fn no_record_is_of_the_future_or_much_older_than_the_reading_before() {
        let mut clock = clock(10);
        let reading = clock.turn_at(at(1_000), Monotonic(11 * SECOND));

        assert_eq!(reading.time(Monotonic(12 * SECOND)), at(1_000));
        assert_eq!(reading.time(Monotonic(u64::MAX)), at(1_000));
        assert_eq!(reading.time(Monotonic(0)), at(-1_000), "a record that is cut short has no time");
    }

    #[test]
    fn the_clock_of_the_kernel_is_the_one_that_is_read() {
        let before = Monotonic::now();

        assert!(before.0 > 0 && before.until(Monotonic::now()) < Duration::from_secs(60));
    }

    proptest! {
        #[test]
        fn no_times_panic(stamp: i64, turns: Vec<u64>, made: u64) {
            let mut clock = clock(0);
            for now in turns {
                let stamp = Timestamp::from_nanos(stamp);
                prop_assert!(clock.turn_at(stamp, Monotonic(now)).time(Monotonic(made)) <= stamp);
            }
        }
    }
}
