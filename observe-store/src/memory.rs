//! A store that forgets when the process ends.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use async_trait::async_trait;
use observe_core::{
    Column, Commit, Enriched, EventData, EventQuery, EventStore, Frame, LogQuery, LogRecord, LogStore, MetricKey,
    MetricKind, MetricStore, Point, RangeQuery, Selector, SeriesInfo, SeriesKind, SeriesPoints, SeriesQuery, Span,
    SpanQuery, SpanStore, State, StateStore, Store, StoreError, Stored, Timestamp,
};
use parking_lot::RwLock;

use crate::order::put_in_order;

/// Keeps the newest commits within a bound of bytes; the oldest leave first.
///
/// Frames are kept as they came, so only counters and gauges can be asked for: derived metrics follow from them.
#[derive(Debug)]
pub struct MemoryStore {
    max_bytes: usize,
    kept: RwLock<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    commits: VecDeque<(Commit, usize)>,
    bytes: usize,
}

impl MemoryStore {
    /// Makes a store that holds at most `max_bytes`.
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        Self { max_bytes, kept: RwLock::default() }
    }

    /// Returns the bytes that the store holds.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.kept.read().bytes
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn commit(&self, commit: &Commit) -> Result<(), StoreError> {
        let mut commit = commit.clone();
        let size = trim(&mut commit, self.max_bytes);
        let mut kept = self.kept.write();
        kept.bytes += size;
        kept.commits.push_back((commit, size));
        while kept.bytes > self.max_bytes {
            let Some((_, size)) = kept.commits.pop_front() else { break };
            kept.bytes -= size;
        }
        Ok(())
    }

    fn name(&self) -> &'static str {
        "memory"
    }
}

#[async_trait]
impl MetricStore for MemoryStore {
    async fn series(&self, query: &SeriesQuery) -> Result<Vec<SeriesInfo>, StoreError> {
        let found = self.found(&query.selector, Timestamp::MAX, Timestamp::MIN).into_values().map(|(info, _)| info);
        let after = found.filter(|info| query.after.as_ref().is_none_or(|after| info.key > *after));
        Ok(after.take(query.limit).collect())
    }

    async fn range(&self, query: &RangeQuery) -> Result<Vec<SeriesPoints>, StoreError> {
        let (start, end) = query.whole_steps();
        let mut left = query.max_points;
        let mut answer = Vec::new();
        for (key, (info, mut points)) in self.found(&query.selector, Timestamp::MIN, end) {
            let inside = points.split_off(points.partition_point(|point| point.timestamp < start));
            let points = query.aggregate.by_step(&inside, points.last().copied(), query.step);
            let too_many = StoreError::TooMany { what: "points", limit: query.max_points };
            left = left.checked_sub(points.len()).ok_or(too_many)?;
            answer.push(SeriesPoints { key, kind: info.kind, points });
        }
        Ok(answer)
    }
}

#[async_trait]
impl EventStore for MemoryStore {
    async fn events(&self, query: &EventQuery) -> Result<Vec<Arc<Enriched>>, StoreError> {
        Ok(self.newest(query.limit, |event| query.matches(event).then(|| Arc::clone(event))))
    }
}

#[async_trait]
impl LogStore for MemoryStore {
    async fn logs(&self, query: &LogQuery) -> Result<Vec<Stored<LogRecord>>, StoreError> {
        let stored = |event: &Arc<Enriched>| match &event.data {
            EventData::Log(record) if query.matches(event.id, record) => {
                Some(Stored { id: event.id, value: record.clone() })
            }
            _ => None,
        };
        Ok(self.newest(query.limit, stored))
    }
}

#[async_trait]
impl SpanStore for MemoryStore {
    async fn spans(&self, query: &SpanQuery) -> Result<Vec<Stored<Span>>, StoreError> {
        let stored = |event: &Arc<Enriched>| match &event.data {
            EventData::Span(span) if query.matches(event.id, span) => {
                Some(Stored { id: event.id, value: span.clone() })
            }
            _ => None,
        };
        Ok(self.newest(query.limit, stored))
    }
}

#[async_trait]
impl StateStore for MemoryStore {
    async fn states(&self, kind: &str, after: Option<&str>, limit: usize) -> Result<Vec<State>, StoreError> {
        let kept = self.kept.read();
        let states = kept.commits.iter().flat_map(|(commit, _)| &commit.states).filter(|state| state.kind == kind);
        let latest: BTreeMap<&str, &State> = states.map(|state| (state.key.as_str(), state)).collect();
        let wanted = latest.into_iter().filter(|(key, _)| after.is_none_or(|after| *key > after));
        Ok(wanted.map(|(_, state)| state.clone()).take(limit).collect())
    }
}

impl MemoryStore {
    /// Finds series, and their points in `[start, end)` in the order of time; of several at one time the last one.
    fn found(&self, selector: &Selector, start: Timestamp, end: Timestamp) -> Found {
        let kept = self.kept.read();
        let mut found = Found::new();
        for frame in kept.commits.iter().flat_map(|(commit, _)| &commit.frames) {
            let (schema, timestamp) = (frame.schema(), frame.timestamp());
            let is_named = |column: &Column| selector.matches_name(&column.metric.name);
            let raw = schema.columns().iter().take(schema.raw_len()).enumerate();
            let columns: Vec<usize> = raw.filter(|(_, column)| is_named(column)).map(|(index, _)| index).collect();
            if columns.is_empty() {
                continue;
            }
            let subjects = frame.subjects().iter().enumerate();
            for (slot, subject) in subjects.filter_map(|(slot, subject)| Some((slot, subject.as_ref()?))) {
                for &column in &columns {
                    let Some(key) = schema.key(subject, column).filter(|key| selector.matches(key)) else { continue };
                    let new = || (describe(frame, column, key.clone()), Vec::new());
                    let (_, points) = found.entry(key.clone()).or_insert_with(new);
                    let value = frame.value(slot, column).filter(|_| (start..end).contains(&timestamp));
                    points.extend(value.map(|value| Point { timestamp, value }));
                }
            }
        }
        found.values_mut().for_each(|(_, points)| put_in_order(points));
        found
    }

    fn newest<T>(&self, limit: usize, pick: impl Fn(&Arc<Enriched>) -> Option<T>) -> Vec<T> {
        let kept = self.kept.read();
        let newest_first = kept.commits.iter().rev().flat_map(|(commit, _)| commit.events.iter().rev());
        newest_first.filter_map(pick).take(limit).collect()
    }
}

type Found = BTreeMap<MetricKey, (SeriesInfo, Vec<Point>)>;

fn describe(frame: &Frame, column: usize, key: MetricKey) -> SeriesInfo {
    let schema = frame.schema();
    let metric = schema.columns().get(column).map(|column| &column.metric);
    let is_counter = metric.is_some_and(|metric| metric.kind == MetricKind::Counter);
    let kind = if is_counter { SeriesKind::Counter } else { SeriesKind::Gauge };
    let mut info = SeriesInfo::new(key, kind);
    info.unit = metric.map_or("", |metric| metric.unit.as_str()).into();
    info.producer = schema.name().into();
    info.interval = schema.interval();
    info.created_at = frame.timestamp();
    info
}

/// Drops the oldest frames of a commit that is too large by itself, then the oldest events. Returns the size left.
fn trim(commit: &mut Commit, max_bytes: usize) -> usize {
    let mut size = commit.size_bytes();
    let frames = commit.frames.iter().take_while(|frame| leaves(&mut size, frame.size_bytes(), max_bytes)).count();
    commit.frames.drain(..frames);
    let events = commit.events.iter().take_while(|event| leaves(&mut size, event.size_bytes(), max_bytes)).count();
    commit.events.drain(..events);
    size
}

/// Takes `part` away from `size` while that is above `max_bytes`.
fn leaves(size: &mut usize, part: usize, max_bytes: usize) -> bool {
    let is_too_much = *size > max_bytes;
    if is_too_much {
        *size = size.saturating_sub(part);
    }
    is_too_much
}

#[cfg(test)]
mod tests {
    use observe_core::{Attributes, KeyedTable, Metric, Schema, Unit};

    use super::*;

    static DEPTH: Metric = Metric::gauge("q.depth", Unit::Count, "Depth.");

    fn commits(values: &[f64]) -> Vec<Commit> {
        let schema = Schema::builder("q").column(&DEPTH).build().unwrap();
        let mut table = KeyedTable::<String>::new(schema);
        let frame = |(second, value): (i64, &f64)| {
            let row = || Attributes::new([("queue", "mail")]).unwrap();
            table.row("mail", row).set(0, *value);
            let frame = table.frame(Timestamp::from_millis(second * 1_000));
            Commit { frames: vec![frame], ..Commit::default() }
        };
        (0..).zip(values).map(frame).collect()
    }

    async fn points(store: &MemoryStore, key: &str, limit: usize) -> Option<Vec<f64>> {
        let key = key.parse().unwrap();
        let points = store.points(&key, Timestamp::MIN, Timestamp::MAX, limit).await.unwrap()?;
        Some(points.into_iter().map(|point| point.value).collect())
    }

    #[tokio::test]
    async fn what_was_committed_can_be_asked_for_in_the_order_of_time() {
        let store = MemoryStore::new(1 << 20);
        for commit in commits(&[1.0, 2.0, 3.0]).iter().rev() {
            store.commit(commit).await.unwrap();
        }

        assert_eq!(points(&store, "q.depth{queue=mail}", 10).await, Some(vec![1.0, 2.0, 3.0]));
        assert_eq!(points(&store, "q.depth{queue=mail}", 2).await, Some(vec![2.0, 3.0]));
        assert_eq!(points(&store, "q.depth{queue=other}", 10).await, None);
        assert_eq!(points(&store, "q.width", 10).await, None);
    }

    #[tokio::test]
    async fn of_a_commit_that_is_too_large_the_newest_part_stays() {
        let commits = commits(&[1.0, 2.0, 3.0]);
        let store = MemoryStore::new(commits[0].size_bytes() * 2);
        let mut all = Commit::default();
        commits.into_iter().for_each(|commit| all.append(commit));

        store.commit(&all).await.unwrap();

        assert_eq!(points(&store, "q.depth{queue=mail}", 10).await, Some(vec![2.0, 3.0]));
    }

    #[tokio::test]
    async fn the_oldest_commits_leave_first() {
        let commits = commits(&[1.0, 2.0, 3.0]);
        let store = MemoryStore::new(commits[0].size_bytes() * 2);
        for commit in &commits {
            store.commit(commit).await.unwrap();
        }

        assert_eq!(points(&store, "q.depth{queue=mail}", 10).await, Some(vec![2.0, 3.0]));
        assert!(store.size_bytes() <= commits[0].size_bytes() * 2);
    }
}
