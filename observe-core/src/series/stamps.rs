//! The stamps that all series of a group share, numbered by tick.

use std::{collections::VecDeque, ops::Range};

use crate::{EventId, Timestamp};

/// The instants of a group's frames, oldest first, in strictly growing order.
#[derive(Debug, Default)]
pub(super) struct Stamps {
    /// The number of the oldest tick that is kept.
    first: u64,
    times: VecDeque<Timestamp>,
    /// The ids that the frames have as events.
    ids: VecDeque<EventId>,
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

    pub(super) fn push(&mut self, timestamp: Timestamp, id: EventId) {
        debug_assert!(self.last().is_none_or(|last| last < timestamp), "stamps grow");
        self.times.push_back(timestamp);
        self.ids.push_back(id);
    }

    /// Forgets ticks before number `first`.
    pub(super) fn forget_before(&mut self, first: u64) {
        while self.first < first && self.times.pop_front().is_some() {
            self.ids.pop_front();
            self.first += 1;
        }
    }

    pub(super) fn id_at(&self, tick: u64) -> Option<EventId> {
        let index = usize::try_from(tick.checked_sub(self.first)?).ok()?;
        self.ids.get(index).copied()
    }

    /// Returns the numbers of the ticks with ids above `after` and below `before`.
    pub(super) fn ticks_between(&self, after: Option<EventId>, before: Option<EventId>) -> Range<u64> {
        let from = after.map_or(0, |after| self.ids.partition_point(|id| *id <= after)) as u64;
        let to = before.map_or(self.ids.len(), |before| self.ids.partition_point(|id| *id < before)) as u64;
        self.first + from..self.first + to.max(from)
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
        self.times.capacity() * size_of::<Timestamp>() + self.ids.capacity() * size_of::<EventId>()
    }
}
