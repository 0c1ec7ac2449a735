//! The ring: rare records that programs hand over one by one.

use std::{fmt, time::Duration};

use aya::maps::{MapData, RingBuf};
use observe_core::{Task, Timestamp};

use super::{
    Rows,
    clock::{Clock, Monotonic},
    object::locked_bytes,
};

/// The reading end of a ring, and the counts of what went in and what did not.
pub(crate) struct Ring {
    ring: RingBuf<MapData>,
    counts: Rows,
    clock: Clock,
}

/// What became of records that did not go into a ring, since it was made.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct RingCounts {
    /// Records that were not made because there were too many at once.
    pub(crate) limited: u64,
    /// Records for which there was no room.
    pub(crate) lost: u64,
}

impl Ring {
    pub(super) fn new(ring: RingBuf<MapData>, counts: Rows) -> Self {
        Self { ring, counts, clock: Clock::new() }
    }

    /// Takes out at most `limit` records for a reading that has the stamp `reading`, each with the time at which it was
    /// made: the word that every record begins with.
    pub(crate) fn drain(&mut self, limit: usize, reading: Timestamp, mut each: impl FnMut(Timestamp, Record<'_>)) {
        let reading = self.clock.turn(reading);
        for _ in 0..limit {
            let Some(item) = self.ring.next() else { break };
            let mut record = Record(&item);
            let made = Monotonic(record.u64());
            each(reading.time(made), record);
        }
    }

    /// Adds up the counts of all processors.
    pub(crate) fn counts(&self) -> RingCounts {
        RingCounts { limited: self.counts.sum(0, 3), lost: self.counts.sum(0, 4) }
    }

    /// Returns the kernel memory of the ring.
    pub(crate) fn bytes(&self) -> u64 {
        locked_bytes(&self.ring)
    }
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring").field("counts", &self.counts()).finish_non_exhaustive()
    }
}

/// The bytes of one record, read from front to back. What is beyond its end reads as zero.
#[derive(Debug)]
pub(crate) struct Record<'a>(&'a [u8]);

impl<'a> Record<'a> {
    #[cfg(test)]
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Takes the next `count` bytes, or what is left.
    pub(crate) fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    pub(crate) fn u16(&mut self) -> u16 {
        u16::from_ne_bytes(self.array())
    }

    pub(crate) fn u32(&mut self) -> u32 {
        u32::from_ne_bytes(self.array())
    }

    pub(crate) fn i32(&mut self) -> i32 {
        i32::from_ne_bytes(self.array())
    }

    pub(crate) fn u64(&mut self) -> u64 {
        u64::from_ne_bytes(self.array())
    }

    pub(crate) fn i64(&mut self) -> i64 {
        i64::from_ne_bytes(self.array())
    }

    pub(crate) fn duration(&mut self) -> Duration {
        Duration::from_nanos(self.u64())
    }

    /// Takes a text that fills `count` bytes, or ends before with a zero.
    pub(crate) fn text(&mut self, count: usize) -> String {
        let bytes = self.bytes(count);
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
    }

    /// Takes a `struct obs_task`.
    pub(crate) fn task(&mut self) -> Task {
        let (cgroup, pid, tid, uid) = (self.u64(), self.u32(), self.u32(), self.u32());
        let task = Task { pid, tid, uid, name: self.text(16), cgroup };
        self.u32();
        task
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        let taken = self.bytes(N);
        array[..taken.len()].copy_from_slice(taken);
        array
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_task_is_read_field_by_field() {
        let mut bytes = Vec::new();
        bytes.extend(7_u64.to_ne_bytes());
        for id in [1_u32, 2, 3] {
            bytes.extend(id.to_ne_bytes());
        }
        bytes.extend(b"sh\0garbage......");
        bytes.extend(0_u32.to_ne_bytes());

        let task = Record::new(&bytes).task();

        assert_eq!(task, Task { pid: 1, tid: 2, uid: 3, name: "sh".into(), cgroup: 7 });
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let mut record = Record::new(&bytes);

            record.task();
            record.text(300);
            record.i64();
        }
    }
}
