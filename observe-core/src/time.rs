//! Points in time, and where they come from.

use std::{
    fmt,
    ops::{Add, Sub},
    time::{Duration, Instant, UNIX_EPOCH},
};

/// A point in time: nanoseconds since 1970-01-01T00:00:00Z.
///
/// Text forms (RFC 3339, epoch seconds) belong to the crates that talk to the outside.
///
/// # Examples
///
/// ```
/// use observe_core::Timestamp;
/// use std::time::Duration;
///
/// let start = Timestamp::from_millis(1_700_000_000_000);
/// let later = start + Duration::from_secs(2);
///
/// assert_eq!(later.since(start), Duration::from_secs(2));
/// assert_eq!(start.since(later), Duration::ZERO);
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The latest representable time, in the year 2262.
    pub const MAX: Self = Self(i64::MAX);
    /// The earliest representable time, in the year 1677.
    pub const MIN: Self = Self(i64::MIN);

    /// Makes a timestamp from nanoseconds since the epoch.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Makes a timestamp from milliseconds since the epoch, saturating at the ends of the range.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(NANOS_PER_MILLI))
    }

    /// Returns nanoseconds since the epoch.
    #[must_use]
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Returns whole milliseconds since the epoch, rounded down.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(NANOS_PER_MILLI)
    }

    /// Returns seconds since the epoch as a float: the one next to the exact value, about a quarter of a microsecond off.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.0.div_euclid(NANOS_PER_SECOND) as f64 + self.0.rem_euclid(NANOS_PER_SECOND) as f64 / 1e9
    }

    /// Drops everything below the millisecond.
    #[must_use]
    pub const fn truncate_to_millis(self) -> Self {
        Self(self.0.saturating_sub(self.0.rem_euclid(NANOS_PER_MILLI)))
    }

    /// Returns the latest multiple of `step` since the epoch that is not later. A step of zero changes nothing.
    #[must_use]
    pub fn floor(self, step: Duration) -> Self {
        match saturating_nanos(step) {
            0 => self,
            step => Self(self.0.saturating_sub(self.0.rem_euclid(step))),
        }
    }

    /// Returns the time passed since `earlier`, or zero when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        let nanos = i128::from(self.0) - i128::from(earlier.0);
        u64::try_from(nanos).map_or(Duration::ZERO, Duration::from_nanos)
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(saturating_nanos(duration)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(saturating_nanos(duration)))
    }
}

/// Tells the time. The engine and everything in it asks the clock it was given, so tests own time.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Returns the present moment.
    fn now(&self) -> Timestamp;
}

/// The clock of this host. It follows the wall clock, backward steps included.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
    fn now(&self) -> Timestamp {
        let now = std::time::SystemTime::now();
        match now.duration_since(UNIX_EPOCH) {
            Ok(after) => Timestamp(saturating_nanos(after)),
            Err(before) => Timestamp(-saturating_nanos(before.duration())),
        }
    }
}

/// Returns the instant after `patience`; a year from now where the caller means for ever.
pub(crate) fn instant_after(patience: Duration) -> Instant {
    Instant::now() + patience.min(FOR_EVER)
}

fn saturating_nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

const NANOS_PER_MILLI: i64 = 1_000_000;
const NANOS_PER_SECOND: i64 = 1_000_000_000;
/// The longest wait or interval: `Duration::MAX` added to an instant would overflow.
pub(crate) const FOR_EVER: Duration = Duration::from_secs(365 * 86_400);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_the_ends_of_the_range() {
        assert_eq!(Timestamp::MAX + Duration::MAX, Timestamp::MAX);
        assert_eq!(Timestamp::MIN - Duration::MAX, Timestamp::MIN);
        assert_eq!(Timestamp::from_millis(i64::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::MAX.since(Timestamp::MIN), Duration::from_nanos(u64::MAX));
    }

    #[test]
    fn seconds_are_the_float_that_a_reader_would_write() {
        for millis in 0..1_000 {
            let written: f64 = format!("1795246828.{millis:03}").parse().unwrap();

            assert_eq!(Timestamp::from_millis(1_795_246_828_000 + millis).as_secs_f64(), written);
        }
    }

    #[test]
    fn milliseconds_round_down_before_the_epoch_too() {
        let before = Timestamp::from_nanos(-1);

        assert_eq!(before.as_millis(), -1);
        assert_eq!(before.truncate_to_millis(), Timestamp::from_millis(-1));
    }
}
