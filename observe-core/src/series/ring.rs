//! One series: a ring of chunks, aligned to the ticks of its group.

use std::{collections::VecDeque, mem, ops::Range};

use super::{
    chunk::{CHUNK, Chunk},
    stats::Summary,
};

/// The recent values of one series. The group has the stamps.
#[derive(Debug)]
pub(super) struct Ring {
    /// The number of the first tick of the open chunk.
    open_start: u64,
    /// Complete chunks, oldest first.
    sealed: VecDeque<Chunk>,
    /// The chunk that is being written.
    open: Chunk,
    /// The value written last.
    newest: f64,
    /// Whether nothing was ever written.
    is_empty: bool,
    /// Whether all that was written is forgotten.
    is_blank: bool,
    /// Whether any two values ever differed.
    has_varied: bool,
}

impl Ring {
    pub(super) const fn new() -> Self {
        Self {
            open_start: 0,
            sealed: VecDeque::new(),
            open: Chunk::EMPTY,
            newest: 0.0,
            is_empty: true,
            is_blank: true,
            has_varied: false,
        }
    }

    /// Writes the value of `tick`; ticks come in growing order. Returns by how many bytes the heap grew or shrank.
    pub(super) fn push(&mut self, tick: u64, value: f64) -> isize {
        let mut grown = 0;
        if self.is_blank {
            self.is_blank = false;
            self.open_start = tick - tick % CHUNK as u64;
        }
        while tick >= self.open_start + CHUNK as u64 {
            grown += self.seal_open();
        }
        self.has_varied |= !self.is_empty && self.newest.to_bits() != value.to_bits();
        self.newest = value;
        self.is_empty = false;
        grown + self.open.write((tick - self.open_start) as usize, value) as isize
    }

    /// Forgets whole chunks that end at or before `tick`. Returns how many bytes of heap that gave back.
    pub(super) fn forget_before(&mut self, tick: u64) -> usize {
        if self.start() + CHUNK as u64 > tick {
            return 0;
        }
        let (mut freed, capacity) = (0, self.sealed.capacity());
        while self.start() + CHUNK as u64 <= tick {
            let Some(oldest) = self.sealed.pop_front() else { break };
            freed += oldest.heap_bytes();
        }
        if self.sealed.is_empty() {
            self.sealed.shrink_to_fit();
            if self.open_start + CHUNK as u64 <= tick {
                freed += self.open.heap_bytes();
                self.open = Chunk::EMPTY;
                self.is_blank = true;
            }
        }
        freed + (capacity - self.sealed.capacity()) * size_of::<Chunk>()
    }

    /// Forgets everything but the memory of the open chunk, which whoever gets the ring next will need.
    pub(super) fn reset(&mut self) {
        let mut open = mem::replace(&mut self.open, Chunk::EMPTY);
        open.clear();
        *self = Self { open, ..Self::new() };
    }

    /// Returns the value of `tick`.
    pub(super) fn value(&self, tick: u64) -> Option<f64> {
        let offset = usize::try_from(tick.checked_sub(self.start())?).ok()?;
        self.chunk(offset / CHUNK)?.value(offset % CHUNK)
    }

    /// Returns the newest point as tick and value.
    pub(super) fn last(&self) -> Option<(u64, f64)> {
        let chunks = (0..=self.sealed.len()).rev();
        chunks
            .filter_map(|index| Some((index, self.chunk(index)?.last()?)))
            .next()
            .map(|(index, (offset, value))| (self.start() + (index * CHUNK + offset) as u64, value))
    }

    /// Returns whether any two values ever differed.
    pub(super) const fn has_varied(&self) -> bool {
        self.has_varied
    }

    /// Returns whether nothing was ever written.
    pub(super) const fn is_empty(&self) -> bool {
        self.is_empty
    }

    /// Returns the number of points.
    pub(super) fn len(&self) -> usize {
        self.sealed.iter().map(Chunk::len).sum::<usize>() + self.open.len()
    }

    /// Sums up the points of some ticks.
    pub(super) fn summary(&self, ticks: Range<u64>) -> Summary {
        let Some((from, to)) = self.offsets(&ticks) else { return Summary::EMPTY };
        (from / CHUNK..to.div_ceil(CHUNK)).fold(Summary::EMPTY, |summary, index| {
            let base = index * CHUNK;
            let part = self
                .chunk(index)
                .map_or(Summary::EMPTY, |chunk| chunk.summary(from.saturating_sub(base), (to - base).min(CHUNK)));
            summary.merge(part)
        })
    }

    /// Walks over the points of some ticks, oldest first.
    pub(super) fn values(&self, ticks: Range<u64>) -> impl Iterator<Item = (u64, f64)> {
        let (from, to) = self.offsets(&ticks).unwrap_or((0, 0));
        (from..to).filter_map(|offset| {
            let value = self.chunk(offset / CHUNK)?.value(offset % CHUNK)?;
            Some((self.start() + offset as u64, value))
        })
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let chunks = self.sealed.iter().chain([&self.open]).map(Chunk::heap_bytes).sum::<usize>();
        chunks + self.sealed.capacity() * size_of::<Chunk>()
    }

    /// Returns the number of the first tick of the oldest chunk.
    fn start(&self) -> u64 {
        self.open_start - (self.sealed.len() * CHUNK) as u64
    }

    fn chunk(&self, index: usize) -> Option<&Chunk> {
        if index == self.sealed.len() { Some(&self.open) } else { self.sealed.get(index) }
    }

    #[cold]
    fn seal_open(&mut self) -> isize {
        let mut complete = mem::replace(&mut self.open, Chunk::EMPTY);
        let freed = complete.seal();
        let before = self.sealed.capacity();
        self.sealed.push_back(complete);
        self.open_start += CHUNK as u64;
        ((self.sealed.capacity() - before) * size_of::<Chunk>()) as isize - freed as isize
    }

    /// Turns ticks into offsets from the start, cut to what there is.
    fn offsets(&self, ticks: &Range<u64>) -> Option<(usize, usize)> {
        let (start, end) = (self.start(), self.open_start + CHUNK as u64);
        let (from, to) = (ticks.start.clamp(start, end), ticks.end.clamp(start, end));
        (from < to).then(|| ((from - start) as usize, (to - start) as usize))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn whole_chunks_leave_from_the_front() {
        let mut ring = Ring::new();
        (0..200).for_each(|tick| {
            ring.push(tick, tick as f64);
        });

        ring.forget_before(100);

        assert_eq!(ring.value(63), None);
        assert_eq!(ring.value(64), Some(64.0));
        assert_eq!(ring.last(), Some((199, 199.0)));
    }

    #[test]
    fn a_series_that_was_absent_for_long_takes_no_room_for_the_gap() {
        let mut ring = Ring::new();
        ring.push(10, 1.0);
        ring.push(11, 2.0);
        ring.forget_before(100_000);
        let while_absent = ring.heap_bytes();

        ring.push(100_000, 3.0);

        assert_eq!((while_absent, ring.heap_bytes(), ring.len()), (0, 0, 1));
        assert_eq!(ring.last(), Some((100_000, 3.0)));
    }

    #[test]
    fn a_ring_that_was_reset_knows_nothing_of_before() {
        let mut ring = Ring::new();
        (0..100).for_each(|tick| {
            ring.push(tick, tick as f64);
        });

        ring.reset();
        let kept = ring.heap_bytes();
        let grown = ring.push(300, 7.0) + ring.push(301, 8.0);

        assert_eq!((ring.len(), ring.value(99), ring.last()), (2, None, Some((301, 8.0))));
        assert_eq!((grown, ring.heap_bytes()), (0, kept));
        assert!(ring.has_varied());
    }

    #[test]
    fn a_step_between_constant_chunks_is_a_variation() {
        let mut ring = Ring::new();
        (0..64).for_each(|tick| {
            ring.push(tick, 1.0);
        });
        assert!(!ring.has_varied());

        ring.push(64, 2.0);

        assert!(ring.has_varied());
    }

    proptest! {
        /// A ring answers like the plain list of its points, whatever is missing and whatever was forgotten.
        #[test]
        fn it_behaves_like_a_list(
            start in 0u64..200,
            cells in proptest::collection::vec(proptest::option::weighted(0.8, -3i32..3), 1..300),
            forget in 0u64..300,
            from in 0u64..500,
            len in 0u64..300,
        ) {
            let mut ring = Ring::new();
            let mut heap = 0isize;
            let mut list = Vec::new();
            for (tick, cell) in (start..).zip(&cells) {
                if let Some(value) = cell {
                    heap += ring.push(tick, f64::from(*value));
                    list.push((tick, f64::from(*value)));
                }
            }
            heap -= ring.forget_before(forget) as isize;
            let kept: Vec<_> = list.iter().copied().filter(|(tick, _)| (tick / 64 + 1) * 64 > forget).collect();

            prop_assert_eq!(ring.values(from..from + len).collect::<Vec<_>>(),
                kept.iter().copied().filter(|(tick, _)| (from..from + len).contains(tick)).collect::<Vec<_>>());
            prop_assert_eq!(ring.last(), kept.last().copied());
            prop_assert_eq!(ring.len(), kept.len());
            prop_assert_eq!(ring.summary(from..from + len).count(), ring.values(from..from + len).count());
            prop_assert_eq!(heap, ring.heap_bytes() as isize);
        }
    }
}
