//! The ticks of all groups that are not yet packed, as bytes.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use super::{places::PlaceSet, tick::State};
use crate::bytes::{Malformed, Reader};

/// The ticks of one group since it was last packed, in the order in which they were committed.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    /// Full parts, which readers share.
    parts: Vec<Arc<[u8]>>,
    /// What follows them.
    tail: Vec<u8>,
    bytes: usize,
    range: Option<Range>,
}

/// Where the ticks of one group in one commit stand among all that were ever committed: the number of the commit, and
/// which of the group's parts in it they are.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Position(pub(crate) i64);

impl Position {
    pub(crate) fn new(seq: i64, part: usize) -> Self {
        Self(seq << PART_BITS | i64::try_from(part).unwrap_or(MAX_PARTS).min(MAX_PARTS))
    }

    pub(crate) const fn seq(self) -> i64 {
        self.0 >> PART_BITS
    }
}

/// What ticks in a buffer have in common: where they stand, and between which times they lie.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Range {
    pub(crate) first: Position,
    pub(crate) last: Position,
    pub(crate) earliest: i64,
    pub(crate) latest: i64,
    pub(crate) ticks: usize,
}

/// Ticks of one group in one commit, about to be appended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Staged {
    /// Whether what the group has so far is complete, so that it can be packed.
    pub(crate) closes: bool,
    pub(crate) bytes: Vec<u8>,
    pub(crate) earliest: i64,
    pub(crate) latest: i64,
    pub(crate) ticks: usize,
}

/// The ticks of a buffer as they were at one moment. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ticks {
    parts: Vec<Arc<[u8]>>,
    /// `None` where there is none.
    pub(crate) range: Option<Range>,
}

impl Staged {
    /// Notes that a tick at `timestamp` was written.
    pub(crate) fn count(&mut self, timestamp: i64) {
        self.earliest = if self.ticks == 0 { timestamp } else { self.earliest.min(timestamp) };
        self.latest = if self.ticks == 0 { timestamp } else { self.latest.max(timestamp) };
        self.ticks += 1;
    }
}

impl Buffer {
    pub(crate) fn append(&mut self, position: Position, staged: &Staged) {
        self.tail.extend_from_slice(&staged.bytes);
        self.bytes += staged.bytes.len();
        let range = self.range.get_or_insert(Range {
            first: position,
            last: position,
            earliest: staged.earliest,
            latest: staged.latest,
            ticks: 0,
        });
        range.last = position;
        range.earliest = range.earliest.min(staged.earliest);
        range.latest = range.latest.max(staged.latest);
        range.ticks += staged.ticks;
        if self.tail.len() >= PART_BYTES {
            self.parts.push(self.tail.as_slice().into());
            self.tail.clear();
        }
    }

    pub(crate) const fn size_bytes(&self) -> usize {
        self.bytes
    }

    /// Returns what its ticks have in common; `None` while there is none.
    pub(crate) const fn range(&self) -> Option<Range> {
        self.range
    }

    pub(crate) fn ticks(&self) -> Ticks {
        let mut parts = self.parts.clone();
        if !self.tail.is_empty() {
            parts.push(self.tail.as_slice().into());
        }
        Ticks { parts, range: self.range }
    }
}

impl Ticks {
    /// Shows the group at each tick; of the values, only those of `wanted` are right.
    pub(crate) fn walk(&self, wanted: &PlaceSet, mut visit: impl FnMut(&State)) -> Result<(), Malformed> {
        let mut state = State::default();
        for part in &self.parts {
            let mut reader = Reader::new(part);
            while !reader.is_empty() {
                state.read(&mut reader, wanted)?;
                visit(&state);
            }
        }
        Ok(())
    }
}

/// The buffers of one group.
#[derive(Debug, Default)]
struct Queue {
    /// Wait to be packed, the oldest first.
    closed: VecDeque<Buffer>,
    /// Takes what comes in.
    open: Buffer,
}

impl Queue {
    /// Walks over the buffers that are not empty, the oldest first.
    fn iter(&self) -> impl Iterator<Item = (&Buffer, Range)> {
        let buffers = self.closed.iter().chain([&self.open]);
        buffers.filter_map(|buffer| Some((buffer, buffer.range()?)))
    }

    fn close(&mut self) {
        if self.open.range().is_some() {
            self.closed.push_back(std::mem::take(&mut self.open));
        }
    }
}

/// The buffers of all groups. Readers take what they need from it before they look at the database: what is packed
/// meanwhile is then in both, never in neither.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    groups: BTreeMap<i64, Queue>,
}

impl Buffers {
    pub(crate) fn append(&mut self, group: i64, position: Position, staged: &Staged) {
        let queue = self.groups.entry(group).or_default();
        if staged.closes {
            queue.close();
        }
        queue.open.append(position, staged);
    }

    /// Ends the open buffer of a group, so that it is packed. What is appended next must be understood without it.
    pub(crate) fn close(&mut self, group: i64) {
        if let Some(queue) = self.groups.get_mut(&group) {
            queue.close();
        }
    }

    /// Returns where the last ticks of a group stand; `None` while its open buffer is empty.
    pub(crate) fn last(&self, group: i64) -> Option<Position> {
        self.groups.get(&group)?.open.range().map(|range| range.last)
    }

    /// Returns the ticks to be packed next, those that have waited longest; none of the groups in `except`.
    pub(crate) fn next_closed(&self, except: &BTreeSet<i64>) -> Option<(i64, Ticks)> {
        let others = self.groups.iter().filter(|(group, _)| !except.contains(group));
        let waiting = others.filter_map(|(group, queue)| Some((*group, queue.closed.front()?)));
        let first = waiting.min_by_key(|(_, buffer)| buffer.range().map(|range| range.last))?;
        Some((first.0, first.1.ticks()))
    }

    /// Forgets the closed buffer of a group that was first, now that it is packed.
    pub(crate) fn forget_closed(&mut self, group: i64) {
        if let Some(queue) = self.groups.get_mut(&group) {
            queue.closed.pop_front();
        }
    }

    /// Returns the ticks of a group, the oldest first.
    pub(crate) fn ticks(&self, group: i64) -> Vec<Ticks> {
        self.groups.get(&group).into_iter().flat_map(Queue::iter).map(|(buffer, _)| buffer.ticks()).collect()
    }

    /// Walks over the open buffers that are not empty, with their sizes.
    pub(crate) fn open(&self) -> impl Iterator<Item = (i64, Range, usize)> {
        self.groups.iter().filter_map(|(group, queue)| Some((*group, queue.open.range()?, queue.open.size_bytes())))
    }

    pub(crate) fn size_bytes(&self) -> usize {
        self.groups.values().flat_map(Queue::iter).map(|(buffer, _)| buffer.size_bytes()).sum()
    }

    /// Returns the first commit that holds ticks which are not packed; `None` where all are.
    pub(crate) fn first_seq(&self) -> Option<i64> {
        self.groups.values().flat_map(Queue::iter).map(|(_, range)| range.first.seq()).min()
    }
}

/// How many bytes readers share as one.
const PART_BYTES: usize = 16 << 10;
const PART_BITS: u32 = 16;
const MAX_PARTS: i64 = (1 << PART_BITS) - 1;
