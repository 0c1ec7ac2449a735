//! The sums from which a straight line follows, kept up while a window slides.

use std::iter;

use super::student;
use crate::{Point, Timestamp, Trend};

/// The mean, the spread and the line of a set of points, which points can join and leave in constant time.
///
/// Both axes are measured from near the middle of the points and values are scaled where their squares would not fit,
/// so neither the year nor a large offset costs precision. What points that leave take with them is subtracted, which
/// wears precision off: when [`Self::is_worn`] says so, fit the points that are left anew. Over a sliding window that
/// is constant time a point, too.
///
/// Values that are not finite do not count.
///
/// # Examples
///
/// ```
/// use observe_core::{LinearFit, Point, Timestamp};
///
/// let points = [2.0, 4.0, 6.0].map(|value| Point { timestamp: Timestamp::from_millis(value as i64 * 500), value });
/// let mut fit = LinearFit::new(points.iter().copied());
/// assert_eq!(fit.mean(), 4.0);
///
/// fit.remove(points[0]);
/// assert_eq!(fit.mean(), 5.0);
/// assert_eq!(fit.stddev(), 1.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinearFit {
    /// From where both axes are measured; the value is a scaled one.
    origin: Point,
    scale: f64,
    count: usize,
    removed: usize,
    time: f64,
    value: f64,
    time_time: f64,
    time_value: f64,
    value_value: f64,
    /// The largest spread since the points were fitted.
    widest: f64,
}

impl LinearFit {
    /// The length of [`Self::to_bytes`].
    pub const BYTES: usize = 80;

    /// Fits a set of points exactly, in two passes.
    #[must_use]
    pub fn new(points: impl Iterator<Item = Point> + Clone) -> Self {
        let points = points.filter(|point| point.value.is_finite());
        let mut fit = Self::around(middle(points.clone()));
        points.for_each(|point| fit.take_in(point));
        fit.widest = fit.spread();
        fit
    }

    /// Takes in a point.
    pub fn add(&mut self, point: Point) {
        if self.count == 0 {
            *self = Self::new(iter::once(point));
        } else if point.value.is_finite() {
            self.take_in(point);
            self.widest = self.widest.max(self.spread());
        }
    }

    /// Takes out a point that was taken in before.
    pub fn remove(&mut self, point: Point) {
        if point.value.is_finite() {
            self.count = self.count.saturating_sub(1);
            self.removed += 1;
            self.apply(point, -1.0);
        }
    }

    /// Returns whether the sums have lost so much precision that the points should be fitted anew.
    ///
    /// That is so when more points left than are there; when a deviation fell to a hundredth of what it was, or to a
    /// hundredth of the distance between the mean and where it is measured from, because what is left of a difference
    /// of large numbers is noise; and when a value arrived whose square does not fit.
    #[must_use]
    pub fn is_worn(&self) -> bool {
        let spread = self.spread();
        let is_far = |sum: f64, spread: f64| sum * sum * WORN_SPREAD > spread * self.divisor();
        let has_overflown = self.value_value.is_nan() || self.value_value > LARGEST_SQUARE;
        self.removed > self.count
            || spread < WORN_SPREAD * self.widest
            || is_far(self.value, spread)
            || is_far(self.time, self.time_spread())
            || has_overflown
    }

    /// Returns the number of points.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Returns whether there is no point.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Returns the mean of the values; zero where there are none.
    #[must_use]
    pub fn mean(&self) -> f64 {
        finite((self.origin.value + self.value / self.divisor()) / self.scale)
    }

    /// Returns the standard deviation of the values, that of the population; zero where there are none.
    #[must_use]
    pub fn stddev(&self) -> f64 {
        finite((self.spread() / self.divisor()).sqrt() / self.scale)
    }

    /// Returns the line through the points, of which `latest` is the newest and `first` the time of the oldest.
    ///
    /// See [`linear_trend`](crate::linear_trend) for what the numbers are, and for when there is no line.
    #[must_use]
    pub fn trend(&self, first: Timestamp, latest: Point) -> Option<Trend> {
        let time_spread = self.time_spread();
        if self.count < 3 || latest.timestamp <= first || time_spread <= 0.0 {
            return None;
        }
        let covariance = self.time_value - self.time * self.value / self.divisor();
        let correlation = self.correlation(covariance, time_spread);
        let freedom = (self.count - 2) as f64;
        Some(Trend {
            slope: if correlation == 0.0 { 0.0 } else { finite(covariance / time_spread / self.scale) },
            r2: correlation * correlation,
            p_value: student::p_value(correlation, freedom),
            n: self.count,
            window_seconds: latest.timestamp.since(first).as_secs_f64(),
            current_value: latest.value,
        })
    }

    /// Returns the state, little-endian, for [`Self::from_bytes`].
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let words = [
            self.origin.timestamp.as_nanos().cast_unsigned(),
            self.origin.value.to_bits(),
            self.scale.to_bits(),
            (self.count as u64) << 32 | self.removed as u64 & u64::from(u32::MAX),
            self.time.to_bits(),
            self.value.to_bits(),
            self.time_time.to_bits(),
            self.time_value.to_bits(),
            self.value_value.to_bits(),
            self.widest.to_bits(),
        ];
        let mut bytes = [0; Self::BYTES];
        for (place, word) in bytes.chunks_exact_mut(8).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// Reads the state that [`Self::to_bytes`] gave; a fit from it goes on exactly as the first one would have.
    ///
    /// Returns `None` where a number is not finite or the scale is not positive. Other damage cannot be seen from the
    /// numbers, so keep a check beside them.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Option<Self> {
        let mut words = bytes.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word));
        let timestamp = Timestamp::from_nanos(words.next()?.cast_signed());
        let [origin, scale] = [f64::from_bits(words.next()?), f64::from_bits(words.next()?)];
        let counts = words.next()?;
        let mut sums = words.map(f64::from_bits);
        let fit = Self {
            origin: Point { timestamp, value: origin },
            scale,
            count: usize::try_from(counts >> 32).ok()?,
            removed: usize::try_from(counts & u64::from(u32::MAX)).ok()?,
            time: sums.next()?,
            value: sums.next()?,
            time_time: sums.next()?,
            time_value: sums.next()?,
            value_value: sums.next()?,
            widest: sums.next()?,
        };
        let numbers = [origin, fit.time, fit.value, fit.time_time, fit.time_value, fit.value_value, fit.widest];
        (numbers.iter().all(|number| number.is_finite()) && scale.is_normal() && scale > 0.0).then_some(fit)
    }

    const fn around((origin, scale): (Point, f64)) -> Self {
        Self {
            origin,
            scale,
            count: 0,
            removed: 0,
            time: 0.0,
            value: 0.0,
            time_time: 0.0,
            time_value: 0.0,
            value_value: 0.0,
            widest: 0.0,
        }
    }

    fn take_in(&mut self, point: Point) {
        self.count += 1;
        self.apply(point, 1.0);
    }

    fn apply(&mut self, point: Point, sign: f64) {
        let time = seconds_between(self.origin.timestamp, point.timestamp);
        let value = point.value * self.scale - self.origin.value;
        self.time += sign * time;
        self.value += sign * value;
        self.time_time += sign * time * time;
        self.time_value += sign * time * value;
        self.value_value += sign * value * value;
    }

    /// Returns the sum of squared distances from the mean, of scaled values.
    fn spread(&self) -> f64 {
        (self.value_value - self.value * self.value / self.divisor()).max(0.0)
    }

    fn time_spread(&self) -> f64 {
        self.time_time - self.time * self.time / self.divisor()
    }

    fn correlation(&self, covariance: f64, time_spread: f64) -> f64 {
        let spread = self.spread();
        if spread <= 0.0 {
            return 0.0;
        }
        let correlation = covariance / (time_spread.sqrt() * spread.sqrt());
        // What rounding leaves of a perfect line.
        let is_perfect = 1.0 - correlation.abs() <= 4.0 * f64::EPSILON * self.divisor();
        if is_perfect { correlation.signum() } else { correlation }
    }

    fn divisor(&self) -> f64 {
        self.count.max(1) as f64
    }
}

/// Returns the point in the middle, its value scaled, and the scale.
fn middle(points: impl Iterator<Item = Point> + Clone) -> (Point, f64) {
    let mut all = points.clone();
    let Some(first) = all.next() else {
        return (Point { timestamp: Timestamp::default(), value: 0.0 }, 1.0);
    };
    let largest = all.fold(first.value.abs(), |largest, point| largest.max(point.value.abs()));
    let scale = scale_for(largest);
    // Distances from the first point are exact where all values are the same.
    let (count, time, value) = points.fold((0.0, 0.0, 0.0), |(count, time, value), point| {
        let seconds = seconds_between(first.timestamp, point.timestamp);
        (count + 1.0, time + seconds, value + (point.value * scale - first.value * scale))
    });
    let nanos = first.timestamp.as_nanos().saturating_add((time / count * NANOS_PER_SECOND) as i64);
    let origin = Point { timestamp: Timestamp::from_nanos(nanos), value: first.value * scale + value / count };
    (origin, scale)
}

/// Returns the power of two that brings values up to `largest` near one, and one where their squares fit as they are.
fn scale_for(largest: f64) -> f64 {
    if largest == 0.0 || (SMALLEST_UNSCALED..=LARGEST_UNSCALED).contains(&largest) {
        return 1.0;
    }
    (-largest.log2().floor().clamp(-1_000.0, 1_000.0)).exp2()
}

/// Returns the distance in seconds, negative where `to` is before `from`; above 292 years it stays there.
fn seconds_between(from: Timestamp, to: Timestamp) -> f64 {
    to.as_nanos().saturating_sub(from.as_nanos()) as f64 / NANOS_PER_SECOND
}

const fn finite(value: f64) -> f64 {
    value.clamp(-f64::MAX, f64::MAX)
}

const NANOS_PER_SECOND: f64 = 1e9;
const SMALLEST_UNSCALED: f64 = 1e-100;
const LARGEST_UNSCALED: f64 = 1e100;
/// The largest sum of squares that is sure to leave room for all other sums.
const LARGEST_SQUARE: f64 = 1e250;
/// The share of a square below which a spread has lost too many digits: the square of a hundredth.
const WORN_SPREAD: f64 = 1e-4;

#[cfg(test)]
mod tests;
