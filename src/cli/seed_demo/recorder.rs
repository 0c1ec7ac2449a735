//! Made-up points on their way into the store.

use std::time::Duration;

use observe::{Attributes, Metric, MetricKey, MetricKind, Point, SeriesInfo, SeriesKind, Timestamp};

use super::HOST;

/// Made-up series, and the points that are not written yet.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    series: Vec<SeriesInfo>,
    points: Vec<Vec<Point>>,
}

/// A series of a [`Recorder`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Id(usize);

impl Recorder {
    /// Adds a series of a collector's metric. It says that it is made up, and so does its producer.
    pub(super) fn series(&mut self, producer: &str, metric: &Metric, pairs: &[(&'static str, &str)], every: u64) -> Id {
        let pairs = pairs.iter().copied().chain([("host.name", HOST)]);
        // Names and attributes stand in the code, and a test reads all of them.
        let attributes = Attributes::new(pairs).unwrap_or_default();
        if let Ok(key) = MetricKey::new(metric.name.clone(), attributes) {
            let kind = if metric.kind == MetricKind::Counter { SeriesKind::Counter } else { SeriesKind::Gauge };
            let mut info = SeriesInfo::new(key, kind);
            info.unit = metric.unit.as_str().into();
            info.producer = format!("simulated::{producer}").into();
            info.interval = Duration::from_secs(every);
            self.series.push(info);
            self.points.push(Vec::new());
        }
        Id(self.series.len().saturating_sub(1))
    }

    pub(super) fn push(&mut self, id: Id, timestamp: Timestamp, value: f64) {
        if let Some(points) = self.points.get_mut(id.0) {
            points.push(Point { timestamp, value });
        }
    }

    /// Returns the points since the last time.
    pub(super) fn take(&mut self) -> Vec<(SeriesInfo, Vec<Point>)> {
        let points = self.points.iter_mut().map(std::mem::take);
        self.series.iter().cloned().zip(points).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.series.len()
    }
}
