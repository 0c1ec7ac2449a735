//! What readers see of a series.

use std::time::Duration;

use super::{Stats, ring::Ring, stamps::Stamps};
use crate::{Attributes, Column, Metric, MetricKey, Point, Schema, Subject, Timestamp};

/// One series, as [`crate::Handle::visit`] shows it.
#[derive(Clone, Copy)]
pub struct SeriesView<'a> {
    pub(super) schema: &'a Schema,
    pub(super) stamps: &'a Stamps,
    pub(super) subject: &'a Subject,
    pub(super) column: &'a Column,
    pub(super) ring: &'a Ring,
    pub(super) is_live: bool,
}

impl<'a> SeriesView<'a> {
    /// Returns what is measured.
    #[must_use]
    pub fn metric(&self) -> &'a Metric {
        &self.column.metric
    }

    /// Spells the key of the series.
    #[must_use]
    pub fn key(&self) -> MetricKey {
        MetricKey::from_checked(self.metric().name.clone(), self.attributes())
    }

    /// Returns the attributes of subject and column.
    #[must_use]
    pub fn attributes(&self) -> Attributes {
        self.subject.attributes.union(&self.column.attributes)
    }

    /// Returns the attributes that the series shares with the others of its subject.
    #[must_use]
    pub const fn subject_attributes(&self) -> &'a Attributes {
        &self.subject.attributes
    }

    /// Returns the attributes that the series shares with the others of its column.
    #[must_use]
    pub fn column_attributes(&self) -> &'a Attributes {
        &self.column.attributes
    }

    /// Returns the name of the producer.
    #[must_use]
    pub fn producer(&self) -> &'a str {
        self.schema.name()
    }

    /// Returns the time that usually lies between two points.
    #[must_use]
    pub const fn interval(&self) -> Duration {
        self.schema.interval()
    }

    /// Returns the oldest point that is kept.
    #[must_use]
    pub fn oldest(&self) -> Option<Point> {
        self.walk(Timestamp::MIN, Timestamp::MAX).next()
    }

    /// Returns the newest point.
    #[must_use]
    pub fn latest(&self) -> Option<Point> {
        let (tick, value) = self.ring.last()?;
        Some(Point { timestamp: self.stamps.at(tick)?, value })
    }

    /// Sums up the points of the last `window` before the newest frame, or all that are kept.
    #[must_use]
    pub fn stats(&self, window: Option<Duration>) -> Option<Stats> {
        let stamps = self.stamps;
        let ticks = match window {
            Some(window) => stamps.ticks(stamps.last()? - window, Timestamp::MAX),
            None => stamps.first()..stamps.next(),
        };
        self.ring.summary(ticks).stats(self.latest()?)
    }

    /// Returns the points in `[start, end)`, oldest first.
    #[must_use]
    pub fn points(&self, start: Timestamp, end: Timestamp) -> Vec<Point> {
        self.walk(start, end).collect()
    }

    /// Returns the newest point before `end`.
    #[must_use]
    pub fn newest_before(&self, end: Timestamp) -> Option<Point> {
        self.walk(Timestamp::MIN, end).last()
    }

    /// Returns the number of points that are kept.
    #[must_use]
    pub fn point_count(&self) -> usize {
        self.ring.len()
    }

    /// Returns whether the subject was in the newest frame of its producer.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        self.is_live
    }

    fn walk(&self, start: Timestamp, end: Timestamp) -> impl Iterator<Item = Point> {
        let stamps = self.stamps;
        let values = self.ring.values(stamps.ticks(start, end));
        values.filter_map(|(tick, value)| Some(Point { timestamp: stamps.at(tick)?, value }))
    }
}

impl std::fmt::Debug for SeriesView<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SeriesView").field("key", &self.key()).field("latest", &self.latest()).finish()
    }
}
