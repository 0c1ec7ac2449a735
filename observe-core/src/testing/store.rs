//! A store that fails on demand.

use std::{
    collections::{BTreeMap, VecDeque},
    future,
    sync::Arc,
};

use async_trait::async_trait;
use parking_lot::Mutex;

use crate::{
    Commit, Enriched, EventQuery, EventStore, Figure, Frame, LogQuery, LogRecord, LogStore, MetricStore, Point,
    RangeQuery, SeriesInfo, SeriesKind, SeriesPoints, SeriesQuery, Span, SpanQuery, SpanStore, State, StateStore,
    Store, StoreError, Stored, Timestamp, Upkeep,
};

/// A store that keeps commits in memory, and fails as long as it is told to. It answers for the points that it was
/// given, for events and for states, and for nothing else.
#[derive(Debug, Default)]
pub struct FlakyStore {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    commits: Vec<Commit>,
    failures_left: usize,
    panics_left: usize,
    reads: Reads,
    upkeep: VecDeque<Result<Upkeep, StoreError>>,
    maintained: usize,
    is_closed: bool,
}

/// What becomes of questions.
#[derive(Clone, Copy, Debug, Default)]
enum Reads {
    #[default]
    Answered,
    Failing,
    Hanging,
}

impl FlakyStore {
    /// Makes a store whose next `failures` commits fail.
    #[must_use]
    pub fn failing(failures: usize) -> Self {
        let store = Self::default();
        store.fail_next(failures);
        store
    }

    /// Makes the next `failures` commits fail.
    pub fn fail_next(&self, failures: usize) {
        self.inner.lock().failures_left = failures;
    }

    /// Makes the next `panics` commits panic.
    pub fn panic_next(&self, panics: usize) {
        self.inner.lock().panics_left = panics;
    }

    /// Makes every question fail from now on.
    pub fn fail_reads(&self) {
        self.inner.lock().reads = Reads::Failing;
    }

    /// Leaves every question without an answer from now on.
    pub fn hang_reads(&self) {
        self.inner.lock().reads = Reads::Hanging;
    }

    /// Sets what the next pieces of maintenance say, in turn; [`Upkeep::Done`] once nothing is left.
    pub fn maintain_next(&self, results: impl IntoIterator<Item = Result<Upkeep, StoreError>>) {
        self.inner.lock().upkeep.extend(results);
    }

    /// Returns how many pieces of maintenance were asked for.
    #[must_use]
    pub fn maintained(&self) -> usize {
        self.inner.lock().maintained
    }

    /// Returns whether the store was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.inner.lock().is_closed
    }

    /// Returns what was stored so far.
    #[must_use]
    pub fn commits(&self) -> Vec<Commit> {
        self.inner.lock().commits.clone()
    }

    async fn read(&self) -> Result<(), StoreError> {
        let reads = self.inner.lock().reads;
        match reads {
            Reads::Answered => Ok(()),
            Reads::Failing => Err(unavailable()),
            Reads::Hanging => future::pending().await,
        }
    }
}

#[async_trait]
impl Store for FlakyStore {
    #[expect(clippy::panic, reason = "panicking on demand is what this double is for")]
    async fn commit(&self, commit: &Commit) -> Result<(), StoreError> {
        let mut inner = self.inner.lock();
        if inner.panics_left > 0 {
            inner.panics_left -= 1;
            drop(inner);
            panic!("asked to panic");
        }
        if inner.failures_left > 0 {
            inner.failures_left -= 1;
            return Err(unavailable());
        }
        inner.commits.push(commit.clone());
        Ok(())
    }

    async fn maintain(&self, _now: Timestamp) -> Result<Upkeep, StoreError> {
        let mut inner = self.inner.lock();
        inner.maintained += 1;
        inner.upkeep.pop_front().unwrap_or(Ok(Upkeep::Done))
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.inner.lock().is_closed = true;
        Ok(())
    }

    fn name(&self) -> &'static str {
        "flaky"
    }

    fn figures(&self) -> Vec<Figure> {
        vec![Figure::counter("kept_commits", "Commits that are kept.", self.inner.lock().commits.len() as u64)]
    }
}

#[async_trait]
impl MetricStore for FlakyStore {
    async fn series(&self, _query: &SeriesQuery) -> Result<Vec<SeriesInfo>, StoreError> {
        Ok(Vec::new())
    }

    async fn range(&self, query: &RangeQuery) -> Result<Vec<SeriesPoints>, StoreError> {
        self.read().await?;
        let inner = self.inner.lock();
        let mut found = BTreeMap::new();
        for frame in inner.commits.iter().flat_map(|commit| &commit.frames) {
            for (key, point) in points(frame).filter(|(key, _)| query.selector.matches(key)) {
                let points: &mut BTreeMap<Timestamp, f64> = found.entry(key).or_default();
                if (query.start..query.end).contains(&point.timestamp) {
                    points.insert(point.timestamp, point.value);
                }
            }
        }
        let in_order = |points: BTreeMap<Timestamp, f64>| {
            points.into_iter().map(|(timestamp, value)| Point { timestamp, value }).collect()
        };
        Ok(found
            .into_iter()
            .map(|(key, points)| SeriesPoints { key, kind: SeriesKind::Gauge, points: in_order(points) })
            .collect())
    }
}

#[async_trait]
impl LogStore for FlakyStore {
    async fn logs(&self, _query: &LogQuery) -> Result<Vec<Stored<LogRecord>>, StoreError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl SpanStore for FlakyStore {
    async fn spans(&self, _query: &SpanQuery) -> Result<Vec<Stored<Span>>, StoreError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl StateStore for FlakyStore {
    async fn states(&self, kind: &str, after: Option<&str>, limit: usize) -> Result<Vec<State>, StoreError> {
        self.read().await?;
        let inner = self.inner.lock();
        let states = inner.commits.iter().flat_map(|commit| &commit.states).filter(|state| state.kind == kind);
        let latest: BTreeMap<&str, &State> = states.map(|state| (state.key.as_str(), state)).collect();
        let wanted = latest.into_iter().filter(|(key, _)| after.is_none_or(|after| *key > after));
        Ok(wanted.map(|(_, state)| state.clone()).take(limit).collect())
    }
}

#[async_trait]
impl EventStore for FlakyStore {
    async fn events(&self, query: &EventQuery) -> Result<Vec<Arc<Enriched>>, StoreError> {
        self.read().await?;
        let inner = self.inner.lock();
        let events = inner.commits.iter().rev().flat_map(|commit| commit.events.iter().rev());
        Ok(events.filter(|event| query.matches(event)).take(query.limit).cloned().collect())
    }
}

/// Walks over the raw values of a frame.
fn points(frame: &Frame) -> impl Iterator<Item = (crate::MetricKey, Point)> {
    let timestamp = frame.timestamp();
    let subjects = frame.subjects().iter().enumerate().filter_map(|(slot, subject)| Some((slot, subject.as_ref()?)));
    subjects.flat_map(move |(slot, subject)| {
        let cells = (0..frame.schema().raw_len()).filter_map(move |column| Some((column, frame.value(slot, column)?)));
        cells
            .filter_map(move |(column, value)| Some((frame.schema().key(subject, column)?, Point { timestamp, value })))
    })
}

fn unavailable() -> StoreError {
    StoreError::Unavailable { store: "flaky", reason: "asked to fail".to_owned() }
}
