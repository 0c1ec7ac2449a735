//! A store that answers for what it was given, or fails.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use observe_core::{
    Commit, Enriched, EventQuery, EventStore, Frame, LogQuery, LogRecord, LogStore, MetricKey, MetricStore, Point,
    RangeQuery, SeriesInfo, SeriesKind, SeriesPoints, SeriesQuery, Span, SpanQuery, SpanStore, State, StateStore,
    Store, StoreError, Stored, Timestamp,
};
use parking_lot::Mutex;

#[derive(Debug, Default)]
pub(crate) struct Kept {
    series: Mutex<BTreeMap<MetricKey, Vec<Point>>>,
    events: Mutex<Vec<Arc<Enriched>>>,
    fault: Mutex<Option<StoreError>>,
}

impl Kept {
    /// Makes every question fail from now on.
    pub(crate) fn fail(&self, error: StoreError) {
        *self.fault.lock() = Some(error);
    }

    fn ask(&self) -> Result<(), StoreError> {
        self.fault.lock().clone().map_or(Ok(()), Err)
    }

    pub(crate) fn add(&self, frame: &Frame) {
        let (schema, timestamp) = (frame.schema(), frame.timestamp());
        for (slot, subject) in frame.subjects().iter().enumerate() {
            let Some(subject) = subject else { continue };
            for column in 0..schema.raw_len() {
                let (Some(key), Some(value)) = (schema.key(subject, column), frame.value(slot, column)) else {
                    continue;
                };
                self.series.lock().entry(key).or_default().push(Point { timestamp, value });
            }
        }
    }
}

#[async_trait]
impl Store for Kept {
    async fn commit(&self, commit: &Commit) -> Result<(), StoreError> {
        commit.frames.iter().for_each(|frame| self.add(frame));
        self.events.lock().extend(commit.events.iter().cloned());
        Ok(())
    }

    fn name(&self) -> &'static str {
        "kept"
    }
}

#[async_trait]
impl MetricStore for Kept {
    async fn series(&self, query: &SeriesQuery) -> Result<Vec<SeriesInfo>, StoreError> {
        self.ask()?;
        let series = self.series.lock();
        let chosen = series.keys().filter(|key| query.selector.matches(key));
        let wanted = chosen.filter(|key| query.after.as_ref().is_none_or(|after| *key > after)).take(query.limit);
        let info = |key: &MetricKey| {
            let mut info = SeriesInfo::new(key.clone(), SeriesKind::Gauge);
            info.unit = "jobs".into();
            info.ended_at = Some(Timestamp::from_millis(1_705_754_000_000));
            info
        };
        Ok(wanted.map(info).collect())
    }

    async fn range(&self, query: &RangeQuery) -> Result<Vec<SeriesPoints>, StoreError> {
        self.ask()?;
        let (start, end) = query.whole_steps();
        let series = self.series.lock();
        let chosen = series.iter().filter(|(key, _)| query.selector.matches(key));
        let joined = chosen.map(|(key, points)| {
            let from = points.partition_point(|point| point.timestamp < start);
            let to = points.partition_point(|point| point.timestamp < end);
            let before = points[..from].last().copied();
            let points = query.aggregate.by_step(&points[from..to], before, query.step);
            SeriesPoints { key: key.clone(), kind: SeriesKind::Gauge, points }
        });
        let joined: Vec<SeriesPoints> = joined.collect();
        let count: usize = joined.iter().map(|series| series.points.len()).sum();
        let too_many = StoreError::TooMany { what: "points", limit: query.max_points };
        if count > query.max_points { Err(too_many) } else { Ok(joined) }
    }
}

#[async_trait]
impl EventStore for Kept {
    async fn events(&self, query: &EventQuery) -> Result<Vec<Arc<Enriched>>, StoreError> {
        self.ask()?;
        let events = self.events.lock();
        Ok(events.iter().rev().filter(|event| query.matches(event)).take(query.limit).cloned().collect())
    }
}

#[async_trait]
impl LogStore for Kept {
    async fn logs(&self, _query: &LogQuery) -> Result<Vec<Stored<LogRecord>>, StoreError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl SpanStore for Kept {
    async fn spans(&self, _query: &SpanQuery) -> Result<Vec<Stored<Span>>, StoreError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl StateStore for Kept {
    async fn states(&self, _kind: &str, _after: Option<&str>, _limit: usize) -> Result<Vec<State>, StoreError> {
        Ok(Vec::new())
    }
}
