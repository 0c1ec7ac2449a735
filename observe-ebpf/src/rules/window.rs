//! Sums over the recent past, in constant memory.

use std::time::Duration;

use observe_core::Timestamp;

/// Two halves of a window that moves: together they hold at least half a window and never more than a whole one, so
/// what they say was seen was seen within the window.
#[derive(Debug, Default)]
pub(super) struct Sliding<T> {
    started: Timestamp,
    current: T,
    previous: T,
}

impl<T: Default> Sliding<T> {
    /// Moves the window to `at` and returns the half that is being filled.
    pub(super) fn turn(&mut self, at: Timestamp, window: Duration) -> &mut T {
        let half = window / 2;
        // A clock that was set back far would otherwise stop the window until it has caught up.
        if at.since(self.started) >= window || self.started.since(at) >= half {
            *self = Self { started: at, ..Self::default() };
        } else if at.since(self.started) >= half {
            self.previous = std::mem::take(&mut self.current);
            self.started = self.started + half;
        }
        &mut self.current
    }

    /// Returns both halves, the older one first.
    pub(super) const fn halves(&self) -> [&T; 2] {
        [&self.previous, &self.current]
    }
}

impl Sliding<u64> {
    pub(super) fn sum(&self) -> u64 {
        self.previous.saturating_add(self.current)
    }
}

/// Returns whether two points in time are less than a window apart, in whatever order.
pub(super) fn is_within(window: Duration, one: Timestamp, other: Timestamp) -> bool {
    one.since(other).max(other.since(one)) < window
}

/// A set of hashes that knows about how many it holds, and never says more: hashes may share a bit.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bits(u128, u128);

impl Bits {
    /// How many a set can tell apart with some certainty.
    pub(super) const USEFUL: u32 = 128;

    pub(super) const fn insert(&mut self, hash: u64) {
        let bit = 1 << (hash & 127);
        if hash & 128 == 0 {
            self.0 |= bit;
        } else {
            self.1 |= bit;
        }
    }

    pub(super) const fn union(self, other: Self) -> u32 {
        (self.0 | other.0).count_ones() + (self.1 | other.1).count_ones()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(10);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + seconds * 1_000)
    }

    #[test]
    fn a_window_forgets_by_halves() {
        let mut sliding = Sliding::<u64>::default();
        for second in 0..10 {
            *sliding.turn(at(second), WINDOW) += 1;
        }
        assert_eq!(sliding.sum(), 10);

        *sliding.turn(at(10), WINDOW) += 1;
        assert_eq!(sliding.sum(), 6, "the first half is forgotten");
        sliding.turn(at(40), WINDOW);
        assert_eq!(sliding.sum(), 0);
    }

    #[test]
    fn a_clock_that_steps_back_does_not_stop_the_window() {
        let mut sliding = Sliding::<u64>::default();
        *sliding.turn(at(100), WINDOW) += 1;

        *sliding.turn(at(98), WINDOW) += 1;
        assert_eq!(sliding.sum(), 2, "a small step changes nothing");
        *sliding.turn(at(0), WINDOW) += 1;
        assert_eq!(sliding.sum(), 1);
        assert!(is_within(WINDOW, at(3), at(12)) && !is_within(WINDOW, at(12), at(1)));
        sliding.turn(Timestamp::MIN, Duration::MAX);
        sliding.turn(Timestamp::MAX, Duration::ZERO);
    }

    #[test]
    fn a_set_never_says_more_than_it_holds() {
        let (mut one, mut other) = (Bits::default(), Bits::default());
        for hash in 0..64 {
            one.insert(hash);
            other.insert(hash * 4);
        }

        assert_eq!(one.union(Bits::default()), 64);
        assert_eq!(one.union(other), 64 + 48);
        assert_eq!(one.union(one), 64);
    }
}
