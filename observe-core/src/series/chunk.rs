//! Sixty-four points in a row: the unit in which rings grow, shrink and are summed up.

use super::stats::Summary;

/// Up to [`CHUNK`] values of a series, one bit for each that is present.
///
/// A chunk that never varied holds its one value and nothing on the heap, which is most chunks of a quiet host.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    present: u64,
    values: Values,
}

#[derive(Clone, Debug)]
enum Values {
    Constant(f64),
    Varied(Box<Varied>),
}

#[derive(Clone, Debug)]
struct Varied {
    values: [f64; CHUNK],
    /// Filled in when the chunk is complete.
    summary: Option<Summary>,
}

/// Points in a chunk: the bits of its presence mask.
pub(super) const CHUNK: usize = 64;

impl Chunk {
    pub(super) const EMPTY: Self = Self { present: 0, values: Values::Constant(0.0) };

    /// Writes the value at `offset`; offsets are written in growing order. Returns by how many bytes the heap grew.
    pub(super) fn write(&mut self, offset: usize, value: f64) -> usize {
        let was_empty = self.present == 0;
        self.present |= 1 << (offset % CHUNK);
        match &mut self.values {
            Values::Varied(varied) => varied.values[offset % CHUNK] = value,
            Values::Constant(constant) if was_empty => *constant = value,
            Values::Constant(constant) if constant.to_bits() == value.to_bits() => {}
            Values::Constant(_) => return self.vary(offset, value),
        }
        0
    }

    /// Makes room for values that differ. Returns the bytes that this takes.
    #[cold]
    fn vary(&mut self, offset: usize, value: f64) -> usize {
        let Values::Constant(constant) = self.values else { return 0 };
        let mut varied = Box::new(Varied { values: [constant; CHUNK], summary: None });
        varied.values[offset % CHUNK] = value;
        self.values = Values::Varied(varied);
        size_of::<Varied>()
    }

    /// Forgets all values, and keeps the memory for those that follow.
    pub(super) fn clear(&mut self) {
        self.present = 0;
        if let Values::Varied(varied) = &mut self.values {
            varied.summary = None;
        }
    }

    /// Sums up a chunk that is complete, so that windows need not read it again. Returns how many bytes of heap it gave
    /// back: all of them where the memory was another's before and its own values never varied.
    pub(super) fn seal(&mut self) -> usize {
        let freed = self.heap_bytes();
        if let Some(constant) = self.constant() {
            self.values = Values::Constant(constant);
            return freed;
        }
        let summary = self.summarise(0, CHUNK);
        if let Values::Varied(varied) = &mut self.values {
            varied.summary = Some(summary);
        }
        0
    }

    /// Returns the value at `offset`.
    pub(super) fn value(&self, offset: usize) -> Option<f64> {
        if self.present >> (offset % CHUNK) & 1 == 0 {
            return None;
        }
        match &self.values {
            Values::Constant(constant) => Some(*constant),
            Values::Varied(varied) => varied.values.get(offset).copied(),
        }
    }

    /// Returns the offset and value of the newest point.
    pub(super) fn last(&self) -> Option<(usize, f64)> {
        let offset = (CHUNK - 1).checked_sub(self.present.leading_zeros() as usize)?;
        Some((offset, self.value(offset)?))
    }

    /// Sums up the points with offsets in `[from, to)`.
    pub(super) fn summary(&self, from: usize, to: usize) -> Summary {
        match &self.values {
            Values::Varied(varied) if from == 0 && to >= CHUNK => {
                varied.summary.unwrap_or_else(|| self.summarise(from, to))
            }
            _ => self.summarise(from, to),
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.present.count_ones() as usize
    }

    pub(super) const fn heap_bytes(&self) -> usize {
        match self.values {
            Values::Constant(_) => 0,
            Values::Varied(_) => size_of::<Varied>(),
        }
    }

    /// Returns the value that all points have; `None` where they differ, or there is none.
    fn constant(&self) -> Option<f64> {
        let (_, last) = self.last()?;
        if let Values::Constant(_) = self.values {
            return Some(last);
        }
        let mut values = (0..CHUNK).filter_map(|offset| self.value(offset));
        values.all(|value| value.to_bits() == last.to_bits()).then_some(last)
    }

    fn summarise(&self, from: usize, to: usize) -> Summary {
        let mask = bits(from, to) & self.present;
        match &self.values {
            Values::Constant(constant) => Summary::of_constant(*constant, mask.count_ones() as usize),
            Values::Varied(varied) if mask == u64::MAX => Summary::of_dense(&varied.values),
            Values::Varied(varied) => {
                let values = varied.values.iter().enumerate();
                Summary::of(values.filter(|(offset, _)| mask >> offset & 1 == 1).map(|(_, value)| *value))
            }
        }
    }
}

/// Returns a mask with the bits of `[from, to)` set.
const fn bits(from: usize, to: usize) -> u64 {
    let upper = if to >= CHUNK { u64::MAX } else { (1 << to) - 1 };
    let lower = if from >= CHUNK { u64::MAX } else { (1 << from) - 1 };
    upper & !lower
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes a chunk that was complete, had varied, and was cleared.
    fn cleared() -> Chunk {
        let mut chunk = Chunk::EMPTY;
        chunk.write(0, 1.0);
        chunk.write(1, 2.0);
        chunk.seal();
        chunk.clear();
        chunk
    }

    #[test]
    fn a_constant_chunk_holds_nothing_on_the_heap() {
        let mut chunk = Chunk::EMPTY;

        (0..CHUNK).for_each(|offset| {
            chunk.write(offset, 5.0);
        });

        assert_eq!((chunk.len(), chunk.heap_bytes()), (CHUNK, 0));
        assert_eq!(chunk.value(63), Some(5.0));
    }

    #[test]
    fn the_first_change_keeps_what_came_before() {
        let mut chunk = Chunk::EMPTY;
        chunk.write(3, 5.0);
        chunk.write(4, 5.0);
        chunk.write(9, -0.0);

        let values: Vec<_> = (0..CHUNK).filter_map(|offset| chunk.value(offset)).collect();

        assert_eq!(values, [5.0, 5.0, -0.0]);
        assert_eq!(chunk.last(), Some((9, -0.0)));
        assert_eq!(chunk.value(5), None);
    }

    #[test]
    fn a_cleared_chunk_is_empty_and_takes_no_new_memory() {
        let mut chunk = cleared();

        let grown = chunk.write(5, 3.0) + chunk.write(6, 4.0);

        assert_eq!((grown, chunk.len(), chunk.value(1), chunk.value(5)), (0, 2, None, Some(3.0)));
        assert_eq!(chunk.summary(0, CHUNK).max(), 4.0);
    }

    #[test]
    fn a_constant_in_memory_of_another_gives_it_back_when_it_is_complete() {
        let mut chunk = cleared();
        (0..CHUNK).for_each(|offset| {
            chunk.write(offset, 0.1);
        });
        let held = chunk.heap_bytes();

        assert_eq!((chunk.seal(), chunk.heap_bytes()), (held, 0));
        assert_eq!((chunk.summary(0, CHUNK).count(), chunk.summary(0, CHUNK).max()), (CHUNK, 0.1));
    }

    #[test]
    fn nan_bits_survive() {
        let odd = f64::from_bits(0x7ff8_0000_0000_1234);
        let mut chunk = Chunk::EMPTY;
        chunk.write(0, odd);
        chunk.write(1, odd);

        assert_eq!(chunk.value(1).map(f64::to_bits), Some(odd.to_bits()));
        assert_eq!(chunk.heap_bytes(), 0);
    }

    #[test]
    fn a_sealed_chunk_answers_parts_and_the_whole() {
        let mut chunk = Chunk::EMPTY;
        (0..CHUNK).for_each(|offset| {
            chunk.write(offset, offset as f64);
        });
        chunk.seal();

        assert_eq!(chunk.summary(0, CHUNK).max(), 63.0);
        assert_eq!(chunk.summary(10, 20).max(), 19.0);
        assert_eq!(chunk.summary(10, 20).count(), 10);
    }
}
