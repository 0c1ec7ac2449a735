//! Arrays that programs write and this process reads in its own memory, without asking the kernel.

use std::{
    io,
    os::fd::AsFd,
    ptr, slice,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use aya::maps::MapData;
use rustix::{
    mm::{MapFlags, ProtFlags, mmap, munmap},
    param::page_size,
};

use crate::histogram::Cumulative;

/// An array of `rows` elements a processor, one processor after the other, each of whole 64-bit words.
#[derive(Debug)]
pub(crate) struct Rows {
    mapping: Mapping,
    cpus: usize,
    rows: usize,
    words: usize,
}

impl Rows {
    /// Maps the array; the size of an element is that of the map's values.
    pub(super) fn new(map: &MapData, cpus: u32, rows: u32) -> io::Result<Self> {
        let info = map.info().map_err(io::Error::other)?;
        let words = info.value_size() as usize / size_of::<u64>();
        let (cpus, rows) = (cpus as usize, rows as usize);
        if info.max_entries() as usize != cpus * rows
            || words == 0
            || !(info.value_size() as usize).is_multiple_of(size_of::<u64>())
        {
            return Err(io::Error::other("its size is not the one expected"));
        }
        let mapping = Mapping::new(map.fd().as_fd(), cpus * rows * words)?;
        Ok(Self { mapping, cpus, rows, words })
    }

    /// Iterates over the elements that the processors have at `index`.
    pub(crate) fn row(&self, index: usize) -> impl Iterator<Item = &[AtomicU64]> {
        let elements = self.mapping.words().chunks_exact(self.words);
        elements.skip(index).step_by(self.rows).take(if index < self.rows { self.cpus } else { 0 })
    }

    /// Adds up one word of the elements that the processors have at `index`.
    pub(crate) fn sum(&self, index: usize, word: usize) -> u64 {
        let words = self.row(index).filter_map(|row| row.get(word));
        words.fold(0, |sum, word| sum.wrapping_add(word.load(Relaxed)))
    }

    /// Adds up the histograms that the elements at `index` have from their 64-bit word `word` on.
    pub(crate) fn histogram(&self, index: usize, word: usize) -> Cumulative {
        let mut sum = Cumulative::default();
        for row in self.row(index) {
            sum.add(row.get(word..).unwrap_or_default());
        }
        sum
    }

    /// Returns the number of elements that each processor has.
    pub(crate) const fn len(&self) -> usize {
        self.rows
    }
}

/// Memory shared with the kernel, which writes into it at any time; so it is read by atomic loads alone.
#[derive(Debug)]
struct Mapping {
    start: ptr::NonNull<AtomicU64>,
    words: usize,
    bytes: usize,
}

impl Mapping {
    #[expect(unsafe_code, reason = "memory is mapped")]
    fn new(fd: impl AsFd, words: usize) -> io::Result<Self> {
        let bytes = (words * size_of::<u64>()).next_multiple_of(page_size());
        // SAFETY: the kernel chooses an address where nothing lies.
        let start = unsafe { mmap(ptr::null_mut(), bytes, ProtFlags::READ, MapFlags::SHARED, fd, 0)? };
        let start = ptr::NonNull::new(start.cast()).ok_or_else(|| io::Error::other("it was mapped to nowhere"))?;
        Ok(Self { start, words, bytes })
    }

    #[expect(unsafe_code, reason = "memory is mapped")]
    fn words(&self) -> &[AtomicU64] {
        // SAFETY: the mapping is page-aligned, at least so long, readable, and stays until `self` is dropped; whoever
        // writes into it is outside this program, and atomic loads bear that.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.words) }
    }
}

impl Drop for Mapping {
    #[expect(unsafe_code, reason = "memory is unmapped")]
    fn drop(&mut self) {
        // SAFETY: this is what was mapped, and no borrow of it outlives `self`.
        let outcome = unsafe { munmap(self.start.as_ptr().cast(), self.bytes) };
        if let Err(error) = outcome {
            tracing::debug!(%error, "cannot unmap an array of the kernel");
        }
    }
}

#[expect(unsafe_code, reason = "a pointer to mapped memory is not sent by itself")]
// SAFETY: the mapping belongs to the process, not to a thread.
unsafe impl Send for Mapping {}
