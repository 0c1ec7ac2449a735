//! A store of series for tests.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::{
    Frame, MetricKey, MetricStore, Point, RangeQuery, SeriesInfo, SeriesKind, SeriesPoints, SeriesQuery, StoreError,
    Timestamp,
};

/// Stored series, in a map.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    pub(crate) series: BTreeMap<MetricKey, (SeriesInfo, Vec<Point>)>,
    /// Before this, there is nothing that needs points.
    pub(crate) raw_from: Option<Timestamp>,
}

impl Stored {
    /// Adds the raw values of a frame.
    pub(crate) fn add(&mut self, frame: &Frame) {
        let schema = frame.schema();
        for (slot, subject) in frame.subjects().iter().enumerate() {
            let Some(subject) = subject else { continue };
            for column in 0..schema.raw_len() {
                let (Some(key), Some(value)) = (schema.key(subject, column), frame.value(slot, column)) else {
                    continue;
                };
                let (_, points) = self.entry(&key);
                points.push(Point { timestamp: frame.timestamp(), value });
            }
        }
    }

    pub(crate) fn entry(&mut self, key: &MetricKey) -> &mut (SeriesInfo, Vec<Point>) {
        let new = || (SeriesInfo::new(key.clone(), SeriesKind::Counter), Vec::new());
        self.series.entry(key.clone()).or_insert_with(new)
    }

    /// Adds a series with a point a second from zero on.
    pub(crate) fn with(mut self, key: &str, values: impl IntoIterator<Item = f64>) -> Self {
        let points = (0..).zip(values).map(|(second, value)| Point { timestamp: at(second), value });
        let points = points.collect();
        self.entry(&key.parse().unwrap()).1 = points;
        self
    }
}

impl Stored {
    pub(crate) fn find_series(&self, query: &SeriesQuery) -> Result<Vec<SeriesInfo>, StoreError> {
        let chosen = self.series.iter().filter(|(key, _)| query.selector.matches(key));
        let wanted = chosen.filter(|(key, _)| query.after.as_ref().is_none_or(|after| *key > after));
        Ok(wanted.take(query.limit).map(|(_, (info, _))| info.clone()).collect())
    }

    pub(crate) fn find_points(&self, query: &RangeQuery) -> Result<Vec<SeriesPoints>, StoreError> {
        let (start, end) = query.whole_steps();
        let needs_points = !query.step.is_zero() && query.aggregate.needs_points();
        if needs_points && self.raw_from.is_some_and(|from| start < from) {
            return Err(StoreError::Unanswerable { reason: "points are kept for an hour".to_owned() });
        }
        let chosen = self.series.iter().filter(|(key, _)| query.selector.matches(key));
        let series = chosen.map(|(key, (info, points))| {
            let inside = points.partition_point(|point| point.timestamp < start)
                ..points.partition_point(|point| point.timestamp < end);
            let before = points[..inside.start].last().copied();
            let points = query.aggregate.by_step(&points[inside], before, query.step);
            SeriesPoints { key: key.clone(), kind: info.kind, points }
        });
        let series: Vec<SeriesPoints> = series.collect();
        let count: usize = series.iter().map(|series| series.points.len()).sum();
        if count > query.max_points {
            return Err(StoreError::TooMany { what: "points", limit: query.max_points });
        }
        Ok(series)
    }
}

#[async_trait]
impl MetricStore for Stored {
    async fn series(&self, query: &SeriesQuery) -> Result<Vec<SeriesInfo>, StoreError> {
        self.find_series(query)
    }

    async fn range(&self, query: &RangeQuery) -> Result<Vec<SeriesPoints>, StoreError> {
        self.find_points(query)
    }
}

/// Returns the time so many seconds after the epoch.
pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(second * 1_000)
}
