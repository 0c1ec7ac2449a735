//! The order of points.

use observe_core::Point;

/// Sorts points by time; of several at one time the last one stays.
pub(crate) fn put_in_order(points: &mut Vec<Point>) {
    if points.is_sorted_by(|one, next| one.timestamp < next.timestamp) {
        return;
    }
    points.reverse();
    points.sort_by_key(|point| point.timestamp);
    points.dedup_by_key(|point| point.timestamp);
}
