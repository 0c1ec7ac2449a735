//! The points of the last minutes, and the line through them.

use std::{collections::VecDeque, iter, time::Duration};

use observe_core::{LinearFit, Point, Timestamp, Trend};

use crate::state::{Reader, Writer};

/// Points of a stretch of time, at most [`MAX_POINTS`], with mean, deviation and line kept up in constant time.
#[derive(Debug)]
pub(crate) struct Window {
    length: Duration,
    points: VecDeque<Point>,
    fit: LinearFit,
}

impl Window {
    pub(crate) fn new(length: Duration) -> Self {
        Self { length, points: VecDeque::new(), fit: LinearFit::new(iter::empty()) }
    }

    /// Returns whether a point counts: a finite value, newer than the newest. Time that goes back is not followed.
    pub(crate) fn accepts(&self, point: Point) -> bool {
        point.value.is_finite() && self.points.back().is_none_or(|newest| newest.timestamp < point.timestamp)
    }

    /// Lets the points go that are older than the window at `now`.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        while let Some(oldest) = self.points.front()
            && now.since(oldest.timestamp) > self.length
        {
            self.drop_oldest();
        }
        self.refresh();
    }

    /// Takes in an accepted point; the oldest leaves where there are too many.
    pub(crate) fn push(&mut self, point: Point) {
        if self.is_full() {
            self.drop_oldest();
        }
        if self.points.len() == self.points.capacity() {
            self.points.reserve_exact(GROWTH);
        }
        self.points.push_back(point);
        self.fit.add(point);
        self.refresh();
    }

    /// Returns whether there is enough to judge by at `now`: 30 points, and the window filled to `share` of its length
    /// or to its most points.
    pub(crate) fn is_warm(&self, now: Timestamp, share: f64) -> bool {
        let reach = self.points.front().map_or(Duration::ZERO, |oldest| now.since(oldest.timestamp));
        self.points.len() >= WARM_POINTS && (reach >= self.length.mul_f64(share) || self.is_full())
    }

    pub(crate) fn mean(&self) -> f64 {
        self.fit.mean()
    }

    pub(crate) fn stddev(&self) -> f64 {
        self.fit.stddev()
    }

    pub(crate) fn trend(&self) -> Option<Trend> {
        self.fit.trend(self.points.front()?.timestamp, *self.points.back()?)
    }

    pub(crate) const fn length(&self) -> Duration {
        self.length
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.points.capacity() * size_of::<Point>()
    }

    pub(crate) fn save(&self, writer: &mut Writer) {
        writer.points(self.points.iter().copied());
        writer.bytes(&self.fit.to_bytes());
    }

    pub(crate) fn restore(length: Duration, reader: &mut Reader<'_>) -> Option<Self> {
        let points = reader.points(MAX_POINTS)?;
        if points.iter().any(|point| !point.value.is_finite()) {
            return None;
        }
        let fit = LinearFit::from_bytes(&reader.array()?)?;
        (fit.len() == points.len()).then_some(Self { length, points, fit })
    }

    fn is_full(&self) -> bool {
        self.points.len() >= MAX_POINTS
    }

    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.points.pop_front() {
            self.fit.remove(oldest);
        }
    }

    fn refresh(&mut self) {
        if self.fit.is_worn() {
            self.fit = LinearFit::new(self.points.iter().copied());
        }
    }
}

/// The most points of a window; above that the oldest leave early.
pub(crate) const MAX_POINTS: usize = 1_024;
/// The fewest points to judge by.
const WARM_POINTS: usize = 30;
/// Room is made for so many points at a time: doubling would waste up to half.
const GROWTH: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64, value: f64) -> Point {
        Point { timestamp: Timestamp::from_millis(millis), value }
    }

    fn filled(millis: impl IntoIterator<Item = i64>) -> Window {
        let mut window = Window::new(Duration::from_secs(300));
        for millis in millis {
            window.advance(Timestamp::from_millis(millis));
            window.push(at(millis, millis as f64));
        }
        window
    }

    #[test]
    fn a_window_counts_time_and_not_points() {
        let mut window = filled((0..=300).map(|second| second * 1_000));
        assert_eq!(window.points.len(), 301, "both ends belong to it");

        window.advance(Timestamp::from_millis(450_000));
        assert_eq!(window.points.len(), 151);

        window.advance(Timestamp::from_millis(700_000));
        assert_eq!((window.points.len(), window.mean(), window.stddev()), (0, 0.0, 0.0));
    }

    #[test]
    fn a_series_that_is_too_fast_keeps_its_newest_points() {
        let window = filled(0..5_000);

        assert_eq!(window.points.len(), MAX_POINTS);
        assert_eq!(window.points.front(), Some(&at(5_000 - 1_024, 3_976.0)));
        assert_eq!(window.mean(), 4_487.5);
        assert!(window.heap_bytes() <= MAX_POINTS * size_of::<Point>());
    }

    #[test]
    fn points_that_are_not_newer_or_not_finite_do_not_count() {
        let window = filled([1_000]);

        assert!(window.accepts(at(1_001, 0.0)));
        assert!(!window.accepts(at(1_000, 0.0)));
        assert!(!window.accepts(at(999, 0.0)));
        assert!(!window.accepts(at(2_000, f64::NAN)));
        assert!(!window.accepts(at(2_000, f64::NEG_INFINITY)));
    }

    #[test]
    fn a_window_is_warm_by_points_and_by_time() {
        let sparse = filled((0..29).map(|index| index * 10_000));
        let short = filled((0..100).map(|index| index * 100));
        let both = filled((0..30).map(|index| index * 2_000));
        let fast = filled(0..1_024);

        assert!(!sparse.is_warm(Timestamp::from_millis(290_000), 0.2));
        assert!(!short.is_warm(Timestamp::from_millis(10_000), 0.2));
        assert!(both.is_warm(Timestamp::from_millis(60_000), 0.2));
        assert!(fast.is_warm(Timestamp::from_millis(1_024), 0.2), "more points do not fit");
    }

    #[test]
    fn the_ends_of_time_are_no_harm() {
        let mut window = Window::new(Duration::from_secs(300));
        for timestamp in [Timestamp::MIN, Timestamp::default(), Timestamp::MAX] {
            window.advance(timestamp);
            window.push(Point { timestamp, value: 1.0 });
        }

        assert_eq!(window.points.len(), 1);
        assert!(!window.is_warm(Timestamp::MAX, 0.5));
    }
}
