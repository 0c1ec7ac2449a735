//! Straight lines through windows of points.

mod fit;
mod student;

pub use self::fit::LinearFit;
use crate::{Point, Trend};

/// Fits a straight line through `points` by ordinary least squares.
///
/// The p-value is that of the two-sided t test of the slope. It takes the points as independent of each other, which
/// neighbouring readings of a host seldom are: read it as a measure of how straight the line is.
///
/// Points whose value is not finite are left out, and the order of points does not matter. Fewer than three points, or
/// points that all have the same time, make no line. Points of one value make a line of slope 0, r2 0 and p-value 1.
/// No number of the result is NaN or infinite.
///
/// # Examples
///
/// ```
/// use observe_core::{Direction, Point, Timestamp, linear_trend};
///
/// let points = [1.0, 3.0, 5.0, 7.0];
/// let points: Vec<Point> = (0..)
///     .zip(points)
///     .map(|(second, value)| Point { timestamp: Timestamp::from_millis(second * 1_000), value })
///     .collect();
///
/// let trend = linear_trend(&points).ok_or("no line")?;
///
/// assert_eq!(trend.slope, 2.0);
/// assert_eq!(trend.current_value, 7.0);
/// assert_eq!(trend.direction(None), Direction::Increasing);
/// # Ok::<(), &str>(())
/// ```
#[must_use]
pub fn linear_trend(points: &[Point]) -> Option<Trend> {
    let usable = points.iter().copied().filter(|point| point.value.is_finite());
    let first = usable.clone().min_by_key(|point| point.timestamp)?;
    let latest = usable.clone().max_by_key(|point| point.timestamp)?;
    LinearFit::new(usable).trend(first.timestamp, latest)
}

#[cfg(test)]
mod tests;
