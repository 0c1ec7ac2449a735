//! Random numbers that follow from a seed.

use rand::{RngExt, SeedableRng, rngs::SmallRng};

/// The source of all that is made up.
#[derive(Debug)]
pub(crate) struct Random(SmallRng);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(SmallRng::seed_from_u64(seed))
    }

    /// Returns whether something happens that happens with this probability.
    pub(crate) fn happens(&mut self, probability: f64) -> bool {
        self.0.random_bool(probability.clamp(0.0, 1.0))
    }

    /// Returns a number from `low` on, below `high`.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.0.random::<f64>()
    }

    /// Returns a whole number near `mean`: half of it to one and a half.
    pub(crate) fn about(&mut self, mean: f64) -> u64 {
        self.between(mean * 0.5, mean * 1.5).round() as u64
    }

    /// Returns a duration in nanoseconds as they are in nature: most near `median`, few many times as long.
    pub(crate) fn nanos(&mut self, median: f64) -> u64 {
        // The sum of four is nearly normal, and the exponential of that nearly log-normal.
        let normal: f64 = (0..4).map(|_| self.between(-1.0, 1.0)).sum();
        (median * (normal * 0.9).exp()) as u64
    }

    /// Chooses one of several.
    pub(crate) fn choose<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.between(0.0, of.len() as f64) as usize)
    }
}
