//! One bit for each cell of a frame.

use std::sync::Arc;

/// An immutable set of cell numbers, one bit each.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Bitmap {
    len: usize,
    words: Arc<[u64]>,
}

impl Bitmap {
    /// Makes a bitmap of `len` bits from words of 64 bits, lowest bit first.
    ///
    /// Missing words count as zero; surplus ones are dropped.
    #[must_use]
    pub fn new(len: usize, words: &[u64]) -> Self {
        let needed = len.div_ceil(64);
        Self { len, words: (0..needed).map(|index| words.get(index).copied().unwrap_or(0)).collect() }
    }

    /// Returns the number of bits, set or not.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Returns whether there is no bit at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns whether bit `index` is set.
    #[must_use]
    pub fn contains(&self, index: usize) -> bool {
        index < self.len && self.words.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    /// Returns the words of 64 bits, lowest bit first.
    #[must_use]
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// Returns the bytes that the bits take.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        size_of_val(&*self.words)
    }
}
