//! Ids that sort by time.

use std::fmt;

use crate::Timestamp;

/// An id that sorts by time and stays exact as a JSON number: 41 bits of milliseconds since 2024, 12 of a counter.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct EventId(u64);

impl EventId {
    /// Makes an id from its number.
    #[must_use]
    pub const fn from_u64(id: u64) -> Self {
        Self(id)
    }

    /// Makes the id of something of the past that had another one then. Ids of one millisecond and different lanes are
    /// different, and they are of those that [`IdSequence`] comes to last.
    pub(crate) fn of_past(timestamp: Timestamp, lane: usize) -> Self {
        Self(first_of(timestamp) + COUNTERS - 1 - lane as u64 % COUNTERS)
    }

    /// Returns the number, below 2^53.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// Returns the millisecond that the id was made for.
    #[must_use]
    pub const fn timestamp(self) -> Timestamp {
        Timestamp::from_millis((self.0 / COUNTERS).cast_signed() + START_OF_2024_MS)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Hands out ids in growing order; a full millisecond borrows from the next one.
///
/// After a clock that was far ahead has been set back, the order begins anew at the new time: ids of the future would
/// stand above everything until that future comes.
#[derive(Clone, Copy, Debug, Default)]
pub struct IdSequence {
    next: u64,
}

impl IdSequence {
    /// Returns an id for something that happens at `now`, above every id before.
    pub fn next(&mut self, now: Timestamp) -> EventId {
        let first = first_of(now);
        let id = if self.next > first + MAX_AHEAD { first } else { self.next.max(first) };
        self.next = id + 1;
        EventId(id)
    }

    /// Makes it go on above an id that was handed out before the restart: the clock may have been set back since.
    pub(crate) fn go_on_above(&mut self, id: EventId) {
        self.next = self.next.max(id.0.saturating_add(1));
    }
}

fn first_of(timestamp: Timestamp) -> u64 {
    let millis = timestamp.as_millis().saturating_sub(START_OF_2024_MS).clamp(0, MAX_MILLIS);
    millis.unsigned_abs() * COUNTERS
}

const START_OF_2024_MS: i64 = 1_704_067_200_000;
const MAX_MILLIS: i64 = (1 << 41) - 1;
const COUNTERS: u64 = 1 << 12;
/// Ten minutes.
const MAX_AHEAD: u64 = 600_000 * COUNTERS;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_even_when_the_clock_goes_back() {
        let mut ids = IdSequence::default();

        let first = ids.next(Timestamp::from_millis(START_OF_2024_MS + 5));
        let second = ids.next(Timestamp::from_millis(START_OF_2024_MS + 1));

        assert!(second > first);
    }

    #[test]
    fn a_clock_that_was_far_ahead_does_not_rule_the_order_for_ever() {
        let mut ids = IdSequence::default();
        let now = Timestamp::from_millis(START_OF_2024_MS + 5);
        ids.next(Timestamp::from_millis(START_OF_2024_MS + 86_400_000));

        let after = ids.next(now);

        assert_eq!(after.timestamp(), now);
    }

    #[test]
    fn ids_go_on_above_those_of_before_a_restart() {
        let now = Timestamp::from_millis(START_OF_2024_MS + 5_000);
        let stored = IdSequence::default().next(now);
        let mut ids = IdSequence::default();

        ids.go_on_above(stored);

        assert!(ids.next(Timestamp::from_millis(START_OF_2024_MS + 1_000)) > stored);
    }

    #[test]
    fn ids_of_the_past_differ_by_lane_and_keep_their_millisecond() {
        let past = Timestamp::from_millis(START_OF_2024_MS + 5);

        let ids = [0, 1, 2_047].map(|lane| EventId::of_past(past, lane));

        assert!(ids.iter().all(|id| id.timestamp() == past));
        assert!(ids[0] > ids[1] && ids[1] > ids[2] && ids[2] > IdSequence::default().next(past));
    }

    #[test]
    fn a_full_millisecond_borrows_from_the_next() {
        let mut ids = IdSequence::default();
        let now = Timestamp::from_millis(START_OF_2024_MS + 5);

        let all: Vec<EventId> = (0..5_000).map(|_| ids.next(now)).collect();

        assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn ids_stay_exact_as_json_numbers() {
        let far = IdSequence::default().next(Timestamp::MAX);

        assert!(far.as_u64() < 1 << 53);
    }
}
