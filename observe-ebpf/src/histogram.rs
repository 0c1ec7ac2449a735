//! Histograms of durations, as programs in the kernel keep them: two buckets an octave from 32 ns to 137 s.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The number of buckets.
pub(crate) const BUCKETS: usize = 64;

/// The word with the first two buckets; the total and the longest stand before.
const FIRST_BUCKET: usize = 2;

/// Binary logarithm of the upper bound of the first bucket's lower neighbour.
const FIRST_OCTAVE: u32 = 5;

/// Returns the bucket that `nanos` falls into; what is outside falls into the first or the last.
///
/// The programs in the kernel compute the same, see `bpf/obs.h`.
#[must_use]
pub(crate) const fn bucket(nanos: u64) -> usize {
    if nanos < 1 << FIRST_OCTAVE {
        return 0;
    }
    let octave = nanos.ilog2();
    let bucket = ((octave - FIRST_OCTAVE) * 2 + (nanos >> (octave - 1) & 1) as u32) as usize;
    if bucket < BUCKETS { bucket } else { BUCKETS - 1 }
}

/// Returns the least duration that falls into `bucket`, in nanoseconds; zero for the first.
#[must_use]
pub(crate) const fn lower_bound(bucket: usize) -> u64 {
    if bucket == 0 {
        return 0;
    }
    let octave = bucket as u32 / 2 + FIRST_OCTAVE;
    (2 + bucket as u64 % 2) << (octave - 1)
}

/// How many durations fell into each bucket.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Counts([u64; BUCKETS]);

impl Counts {
    /// Adds durations to a bucket; one that does not exist changes nothing.
    pub(crate) fn add(&mut self, bucket: usize, count: u64) {
        if let Some(sum) = self.0.get_mut(bucket) {
            *sum += count;
        }
    }

    /// Adds one duration.
    pub(crate) fn observe(&mut self, nanos: u64) {
        self.add(bucket(nanos), 1);
    }

    /// Adds the counts of another.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(sum, count)| *sum += count);
    }

    /// Returns how many durations there are.
    pub(crate) fn len(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Iterates over the lower bounds and counts of those buckets that are not empty.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, u64)> {
        let buckets = self.0.iter().enumerate().filter(|(_, count)| **count > 0);
        buckets.map(|(bucket, count)| (lower_bound(bucket), *count))
    }

    /// Estimates the duration below which `share` of all lie, in nanoseconds; within a bucket they count as spread evenly.
    pub(crate) fn quantile(&self, share: f64) -> Option<f64> {
        let wanted = share * self.len() as f64;
        let mut before = 0;
        let (bucket, count) = self.0.iter().enumerate().find(|(_, count)| {
            before += **count;
            **count > 0 && before as f64 >= wanted
        })?;
        let into = (wanted - (before - count) as f64) / *count as f64;
        let (low, high) = (lower_bound(bucket) as f64, lower_bound(bucket + 1) as f64);
        Some(low + (high - low) * into.clamp(0.0, 1.0))
    }
}

impl Default for Counts {
    fn default() -> Self {
        Self([0; BUCKETS])
    }
}

/// What a histogram in the kernel has counted since it was made, of all processors together.
///
/// Its counters overflow, so differences are taken before that happens twice.
#[derive(Clone, Debug)]
pub(crate) struct Cumulative {
    /// The sum of all values.
    pub(crate) total: u64,
    pub(crate) buckets: [u32; BUCKETS],
}

impl Cumulative {
    /// Adds the histogram of one processor, which `words` begin with.
    pub(crate) fn add(&mut self, words: &[AtomicU64]) {
        self.total = self.total.wrapping_add(words.first().map_or(0, |word| word.load(Relaxed)));
        for (pair, word) in self.buckets.chunks_exact_mut(2).zip(words.get(FIRST_BUCKET..).unwrap_or_default()) {
            let bytes = word.load(Relaxed).to_ne_bytes();
            for (sum, half) in pair.iter_mut().zip(bytes.as_chunks().0) {
                *sum = sum.wrapping_add(u32::from_ne_bytes(*half));
            }
        }
    }

    /// Takes in how it stands now, and returns what was added, with the sum of that.
    pub(crate) fn advance(&mut self, now: Self) -> (Counts, u64) {
        let mut added = Counts::default();
        for (bucket, (now, before)) in now.buckets.iter().zip(&self.buckets).enumerate() {
            added.add(bucket, u64::from(now.wrapping_sub(*before)));
        }
        let total = now.total.wrapping_sub(self.total);
        *self = now;
        (added, total)
    }
}

impl Default for Cumulative {
    fn default() -> Self {
        Self { total: 0, buckets: [0; BUCKETS] }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bounds_are_where_buckets_begin() {
        assert_eq!([bucket(0), bucket(31), bucket(32), bucket(47), bucket(48), bucket(64)], [0, 0, 0, 0, 1, 2]);
        for index in 1..BUCKETS {
            assert_eq!((bucket(lower_bound(index)), bucket(lower_bound(index) - 1)), (index, index - 1));
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_of_nothing_do_not_exist() {
        assert_eq!(Counts::default().quantile(0.5), None);
    }

    #[test]
    fn counters_that_overflow_lose_nothing() {
        let mut before = Cumulative { total: u64::MAX, ..Cumulative::default() };
        before.buckets[3] = u32::MAX - 1;
        let mut now = Cumulative { total: 49, ..Cumulative::default() };
        now.buckets[3] = 3;

        let (added, total) = before.advance(now);

        assert_eq!((added.len(), total, before.total), (5, 50, 49));
    }

    #[test]
    fn histograms_of_processors_add_up_and_too_few_words_are_borne() {
        let words = |words: [u64; 4]| words.map(AtomicU64::new);
        let mut sum = Cumulative::default();

        sum.add(&words([100, 60, 1 | 2 << 32, 3 | u64::from(u32::MAX) << 32]));
        sum.add(&words([11, 11, 1 << 32, 1 << 32]));
        sum.add(&[]);

        assert_eq!((sum.total, &sum.buckets[..5]), (111, &[1, 3, 3, 0, 0][..]));
    }

    proptest! {
        #[test]
        fn a_quantile_is_off_by_at_most_a_bucket(mut values in prop::collection::vec(32..100_000_000_u64, 1..200), share in 0.01..1.0_f64) {
            let mut counts = Counts::default();
            values.iter().for_each(|value| counts.observe(*value));
            values.sort_unstable();
            let exact = values[((share * values.len() as f64).ceil() as usize).clamp(1, values.len()) - 1];

            let estimate = counts.quantile(share).unwrap();

            prop_assert!(estimate >= lower_bound(bucket(exact)) as f64 && estimate <= lower_bound(bucket(exact) + 1) as f64);
        }
    }
}
