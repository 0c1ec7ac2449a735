//! The stamps that all series of a group share, numbered by tick.

use std::{collections::VecDeque, ops::Range};

use crate::Timestamp;

/// The instants of a group's frames, oldest first, in strictly growing order.
#[derive(Debug, Default)]
pub(super) struct Stamps {
    /// The number of the oldest tick that is kept.
    first: u64,
    times: VecDeque<Timestamp>,
}

impl Stamps {
    /// Returns the number that the next tick will have.
    pub(super) fn next(&self) -> u64 {
        self.first + self.times.len() as u64
    }

    pub(super) const fn first(&self) -> u64 {
        self.first
    }

    pub(super) fn last(&self) -> Option<Timestamp> {
        self.times.back().copied()
    }

    pub(super) fn push(&mut self, timestamp: Timestamp) {
        debug_assert!(self.last().is_none_or(|last| last < timestamp), "stamps grow");
        self.times.push_back(timestamp);
    }

    /// Forgets ticks before number `first`.
    pub(super) fn forget_before(&mut self, first: u64) {
        while self.first < first && self.times.pop_front().is_some() {
            self.first += 1;
        }
    }

    pub(super) fn at(&self, tick: u64) -> Option<Timestamp> {
        let index = usize::try_from(tick.checked_sub(self.first)?).ok()?;
        self.times.get(index).copied()
    }

    /// Returns the numbers of the ticks in `[start, end)`.
    pub(super) fn ticks(&self, start: Timestamp, end: Timestamp) -> Range<u64> {
        let from = self.times.partition_point(|time| *time < start) as u64;
        let to = self.times.partition_point(|time| *time < end) as u64;
        self.first + from..self.first + to.max(from)
    }

    pub(super) fn size_bytes(&self) -> usize {
        self.times.capacity() * size_of::<Timestamp>()
    }
}
