//! Detection over points that are already there.

use observe_core::{Detector, Finding, Point};

/// Runs a detector over points and returns what it found, each finding with its point.
///
/// It finds what it would have found had the points come in one by one.
pub fn detect(detector: &mut dyn Detector, points: impl IntoIterator<Item = Point>) -> Vec<(Point, Finding)> {
    points.into_iter().filter_map(|point| Some((point, detector.update(point)?))).collect()
}
