//! A store that forgets when the process ends.

use std::{collections::VecDeque, sync::Arc};

use async_trait::async_trait;
use observe_core::{
    Commit, Enriched, EventQuery, EventStore, Frame, MetricKey, MetricStore, Point, Store, StoreError, Timestamp,
};
use parking_lot::RwLock;

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
    async fn points(
        &self,
        key: &MetricKey,
        start: Timestamp,
        end: Timestamp,
        limit: usize,
    ) -> Result<Option<Vec<Point>>, StoreError> {
        let kept = self.kept.read();
        let frames = kept.commits.iter().flat_map(|(commit, _)| &commit.frames);
        let mut is_known = false;
        let mut points = Vec::new();
        for frame in frames {
            let Some((slot, column)) = find(frame, key) else { continue };
            is_known = true;
            let timestamp = frame.timestamp();
            if let Some(value) = frame.value(slot, column).filter(|_| (start..end).contains(&timestamp)) {
                points.push(Point { timestamp, value });
            }
        }
        points.sort_by_key(|point| point.timestamp);
        points.drain(..points.len().saturating_sub(limit));
        Ok(is_known.then_some(points))
    }
}

#[async_trait]
impl EventStore for MemoryStore {
    async fn events(&self, query: &EventQuery) -> Result<Vec<Arc<Enriched>>, StoreError> {
        let kept = self.kept.read();
        let newest_first = kept.commits.iter().rev().flat_map(|(commit, _)| commit.events.iter().rev());
        Ok(newest_first.filter(|event| query.matches(event)).take(query.limit).cloned().collect())
    }
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

/// Returns slot and column of a series in a frame.
fn find(frame: &Frame, key: &MetricKey) -> Option<(usize, usize)> {
    let columns = frame.schema().columns().iter().take(frame.schema().raw_len()).enumerate();
    columns.filter(|(_, column)| column.metric.name == key.name()).find_map(|(index, column)| {
        let of_subject = key.attributes().without(&column.attributes)?;
        let mut subjects = frame.subjects().iter();
        let slot = subjects.position(|subject| subject.as_ref().is_some_and(|one| one.attributes == of_subject))?;
        Some((slot, index))
    })
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
            Commit { frames: vec![frame], events: Vec::new() }
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
