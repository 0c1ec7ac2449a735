//! Sums over windows of a series.

use crate::Point;

/// What a window of a series looks like.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// Points in the window.
    pub count: usize,
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
    /// The mean.
    pub mean: f64,
    /// The standard deviation of the population.
    pub stddev: f64,
    /// The newest point.
    pub latest: Point,
}

/// Returns the value below which `share` (0 to 1) of the values lie, interpolated linearly; `None` without values.
///
/// The order of `values` changes. This is the definition that numpy calls `linear` (Hyndman and Fan, type 7).
#[must_use]
pub fn percentile(values: &mut [f64], share: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    let rank = share.clamp(0.0, 1.0) * last as f64;
    let below = rank as usize;
    let (_, low, above) = values.select_nth_unstable_by(below, f64::total_cmp);
    let low = *low;
    let high = above.iter().copied().min_by(f64::total_cmp).unwrap_or(low);
    Some(low + (high - low) * (rank - below as f64))
}

/// Count, extremes, mean and sum of squared deviations; two of them add up to that of both sets of values.
///
/// Merging follows Chan, Golub and LeVeque (1979), so nothing drifts and nothing cancels. Values that are not finite
/// are counted nowhere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Summary {
    count: usize,
    min: f64,
    max: f64,
    mean: f64,
    squares: f64,
}

impl Summary {
    pub(crate) const EMPTY: Self =
        Self { count: 0, min: f64::INFINITY, max: f64::NEG_INFINITY, mean: 0.0, squares: 0.0 };

    pub(super) const fn of_constant(value: f64, count: usize) -> Self {
        if count == 0 || !value.is_finite() {
            return Self::EMPTY;
        }
        Self { count, min: value, max: value, mean: value, squares: 0.0 }
    }

    pub(super) fn of(values: impl Iterator<Item = f64>) -> Self {
        values.fold(Self::EMPTY, |summary, value| summary.merge(Self::of_constant(value, 1)))
    }

    /// Sums up many values at once, in passes that the compiler turns into vector code.
    pub(super) fn of_dense(values: &[f64]) -> Self {
        let sum: f64 = values.iter().sum();
        if !sum.is_finite() {
            return Self::of(values.iter().copied());
        }
        let mean = sum / values.len() as f64;
        let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
        let (min, max) = values
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), value| (value.min(min), value.max(max)));
        if squares.is_finite() {
            Self { count: values.len(), min, max, mean, squares }
        } else {
            Self::of(values.iter().copied())
        }
    }

    pub(crate) fn merge(self, other: Self) -> Self {
        if self.count == 0 || other.count == 0 {
            return if self.count == 0 { other } else { self };
        }
        let count = self.count + other.count;
        let share = other.count as f64 / count as f64;
        // Halves keep the distance of two huge values of opposite sign finite.
        let half = other.mean / 2.0 - self.mean / 2.0;
        let spread = (2.0 * half) * (2.0 * half) * (self.count as f64 * share);
        Self {
            count,
            min: self.min.min(other.min),
            max: self.max.max(other.max),
            mean: 2.0f64.mul_add(half * share, self.mean),
            squares: self.squares + other.squares + spread,
        }
    }

    #[cfg(test)]
    pub(super) const fn count(&self) -> usize {
        self.count
    }

    #[cfg(test)]
    pub(super) const fn max(&self) -> f64 {
        self.max
    }

    /// Returns the sums as [`Stats`]; `None` without finite values.
    pub(crate) fn stats(&self, latest: Point) -> Option<Stats> {
        (self.count > 0).then(|| Stats {
            count: self.count,
            min: self.min,
            max: self.max,
            mean: self.mean,
            stddev: (self.squares / self.count as f64).sqrt().min(f64::MAX),
            latest,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Timestamp;

    fn stats(summary: Summary) -> Stats {
        summary.stats(Point { timestamp: Timestamp::default(), value: 0.0 }).unwrap()
    }

    #[test]
    fn percentiles_interpolate_as_numpy_does() {
        let mut values = [4.0, 1.0, 3.0, 2.0];

        assert_eq!(percentile(&mut values, 0.5), Some(2.5));
        assert_eq!(percentile(&mut values, 0.95), Some(3.8499999999999996));
        assert_eq!(percentile(&mut values, 1.0), Some(4.0));
        assert_eq!(percentile(&mut [], 0.5), None);
    }

    #[test]
    fn huge_values_do_not_overflow_into_nan() {
        let huge = stats(Summary::of([1e308, -1e308, 1e308].into_iter()));

        assert!(!huge.mean.is_nan() && !huge.stddev.is_nan());
        assert_eq!((huge.min, huge.max), (-1e308, 1e308));
    }

    proptest! {
        #[test]
        fn parts_add_up_to_the_whole(values in proptest::collection::vec(-1e6f64..1e6, 1..200), cut in 0usize..200) {
            let cut = cut.min(values.len());
            let whole = stats(Summary::of_dense(&values));
            let parts = stats(Summary::of_dense_or_empty(&values[..cut]).merge(Summary::of_dense_or_empty(&values[cut..])));
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;

            prop_assert!((parts.mean - mean).abs() < 1e-6);
            prop_assert!((parts.stddev - variance.sqrt()).abs() < 1e-6);
            prop_assert_eq!((parts.min, parts.max, parts.count), (whole.min, whole.max, whole.count));
        }
    }

    impl Summary {
        fn of_dense_or_empty(values: &[f64]) -> Self {
            if values.is_empty() { Self::EMPTY } else { Self::of_dense(values) }
        }
    }
}
