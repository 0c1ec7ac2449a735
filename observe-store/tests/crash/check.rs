//! What must be there after a kill.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::Path,
    time::Duration,
};

use observe_core::{
    Aggregate, EventId, EventQuery, EventStore as _, LogQuery, LogStore as _, MetricKey, MetricStore as _, Point,
    RangeQuery, Selector, StateStore as _, Store as _, Timestamp, Upkeep,
};
use observe_store::{Config, SqlStore};
use sqlx::{Connection as _, Row as _, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::{
    Told,
    model::{self, state_key, time},
};

/// Knows what was acknowledged, and holds a store to it.
#[derive(Default)]
pub(crate) struct Checker {
    /// How many ticks are looked at, the last ones; without it all.
    reach: Option<u64>,
    /// Each tick that is stored, and of the commit whose end nobody saw, what was found.
    ticks: BTreeSet<u64>,
    next: u64,
    commits: u64,
    pieces: u64,
    /// Commits that were cut off and were there, and that were not.
    cut_off: [u64; 2],
    /// Ticks before this one were looked at before.
    seen: u64,
    samples: u64,
    compared: u64,
}

impl Checker {
    /// Looks at the last ticks alone: those before may have left.
    pub(crate) fn of_last(ticks: u64) -> Self {
        Self { reach: Some(ticks), ..Self::default() }
    }

    /// Returns the tick that the next writer begins with.
    pub(crate) const fn next_tick(&self) -> u64 {
        self.next
    }

    pub(crate) const fn commits(&self) -> u64 {
        self.commits
    }

    /// Opens the store and looks at what was written lately, or at everything.
    pub(crate) fn check(&mut self, path: &Path, told: &Told, is_whole: bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = SqlStore::open(&Config::at(path.to_str().unwrap())).await.unwrap();
            self.learn(&store, told).await;
            let from = if is_whole { 0 } else { self.seen.saturating_sub(300) };
            let from = from.max(self.next.saturating_sub(self.reach.unwrap_or(self.next)));
            self.compare(&store, from).await;
            if is_whole && self.reach.is_none() {
                while store.maintain(model::due(self.next)).await.unwrap() == Upkeep::More {}
                self.compare(&store, from).await;
            }
            store.close().await.unwrap();
            check_integrity(path).await;
        });
        self.seen = self.next;
    }

    /// Takes in what was acknowledged, and finds out what became of the commit that was cut off.
    async fn learn(&mut self, store: &SqlStore, told: &Told) {
        let acknowledged = || told.commits.iter().flat_map(|(first, last)| *first..=*last);
        self.ticks.extend(acknowledged());
        self.samples += acknowledged().map(|tick| model::points(tick).len() as u64).sum::<u64>();
        self.commits += told.commits.len() as u64;
        self.pieces += told.pieces;
        self.next = told.commits.last().map_or(self.next, |(_, last)| last + 1);
        if let Some((first, last)) = told.open {
            let events = store.events(&EventQuery::newest(1)).await.unwrap();
            let is_there = events.first().is_some_and(|event| event.id >= model::ids(first)[0]);
            self.cut_off[usize::from(!is_there)] += 1;
            if is_there {
                self.ticks.extend(first..=last);
            }
            self.next = last + 1;
        }
    }

    async fn compare(&mut self, store: &SqlStore, from: u64) {
        self.compare_points(store, from).await;
        self.compare_steps(store, from).await;
        self.compare_events(store, from).await;
        self.compare_states(store).await;
    }

    /// Returns the points at or after a time, which is that of the tick `from` or up to an hour less, by series.
    fn expected(&self, from: u64, start: Timestamp) -> BTreeMap<MetricKey, BTreeMap<Timestamp, f64>> {
        let mut expected: BTreeMap<MetricKey, BTreeMap<Timestamp, f64>> = BTreeMap::new();
        // A tick may be 400 seconds late, and a step begin an hour before.
        let first = from.saturating_sub(2_500);
        for (key, at, value) in
            self.ticks.range(first..).flat_map(|tick| model::points(*tick)).filter(|(_, at, _)| *at >= start)
        {
            expected.entry(key).or_default().insert(at, value);
        }
        expected
    }

    async fn compare_points(&mut self, store: &SqlStore, from: u64) {
        let start = model::due(from);
        let expected = self.expected(from, start);
        let query = RangeQuery::raw(Selector::Matching(Vec::new()), start, Timestamp::MAX);
        let mut found: BTreeMap<MetricKey, Vec<Point>> = BTreeMap::new();
        for series in store.range(&query).await.unwrap() {
            assert!(found.insert(series.key, series.points).is_none(), "a series is there twice");
        }
        found.retain(|_, points| !points.is_empty());
        assert!(found.keys().eq(expected.keys()), "other series than there should be");
        for (key, points) in &found {
            let found = points.iter().map(|point| (point.timestamp, point.value.to_bits()));
            let expected: Vec<_> = expected[key].iter().map(|(at, value)| (*at, value.to_bits())).collect();
            assert!(
                found.clone().eq(expected.iter().copied()),
                "{key}: {:?} is not {expected:?}",
                found.collect::<Vec<_>>()
            );
            self.compared += expected.len() as u64;
        }
    }

    async fn compare_steps(&self, store: &SqlStore, from: u64) {
        for (step, name) in [(60, "count"), (60, "max"), (3_600, "last"), (60, "p95")] {
            let (step, aggregate) = (Duration::from_secs(step), name.parse::<Aggregate>().unwrap());
            // The last tick may be one that came late.
            let (start, end) = (model::due(from).floor(step), model::due(self.next) + 2 * Duration::from_secs(3_600));
            let query = RangeQuery { step, aggregate, ..RangeQuery::raw(Selector::Matching(Vec::new()), start, end) };
            let expected = self.expected(from, start);
            for series in store.range(&query).await.unwrap() {
                let points = expected.get(&series.key).into_iter().flatten();
                let points: Vec<Point> = points.map(|(at, value)| Point { timestamp: *at, value: *value }).collect();
                let bits = |points: &[Point]| -> Vec<(Timestamp, u64)> {
                    points.iter().map(|point| (point.timestamp, (point.value + 0.0).to_bits())).collect()
                };
                let expected = aggregate.by_step(&points, None, step);
                assert_eq!(bits(&series.points), bits(&expected), "{name} of {}", series.key);
            }
        }
    }

    async fn compare_events(&self, store: &SqlStore, from: u64) {
        let query = EventQuery { start: model::due(from), ..EventQuery::newest(usize::MAX) };
        let found = store.events(&query).await.unwrap();
        let found: Vec<EventId> = found.iter().rev().map(|event| event.id).collect();
        let is_late = |tick: &u64| time(*tick) < model::due(from);
        let expected: Vec<EventId> =
            self.ticks.range(from..).filter(|tick| !is_late(tick)).flat_map(|tick| model::ids(*tick)).collect();
        assert_eq!(found, expected, "events");
        for tick in self.ticks.iter().rev().take(20) {
            let query = LogQuery { text: Some(format!("word{tick}")), ..LogQuery::newest(5) };
            assert_eq!(store.logs(&query).await.unwrap().len(), 1, "log records with the word of {tick}");
        }
    }

    async fn compare_states(&self, store: &SqlStore) {
        let found = store.states("test", None, usize::MAX).await.unwrap();
        let found: BTreeMap<String, Vec<u8>> = found.into_iter().map(|state| (state.key, state.data)).collect();
        let latest = self.ticks.iter().map(|tick| (state_key(*tick), tick.to_le_bytes().to_vec()));
        assert_eq!(found, latest.collect::<BTreeMap<_, _>>(), "states");
    }
}

/// Says how much was looked at.
impl fmt::Display for Checker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [there, gone] = self.cut_off;
        let Self { commits, samples, compared, pieces, .. } = self;
        write!(
            f,
            "{commits} commits with {samples} samples were acknowledged and all were there ({compared} comparisons); \
             {pieces} pieces of maintenance; of the commits that were cut off {there} were there whole and {gone} not at all"
        )
    }
}

async fn check_integrity(path: &Path) {
    let options = SqliteConnectOptions::new().filename(path);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let row = sqlx::query("PRAGMA integrity_check").fetch_one(&mut connection).await.unwrap();
    assert_eq!(row.get::<String, _>(0), "ok");
    connection.close().await.unwrap();
}
