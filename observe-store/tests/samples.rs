//! Samples against a model: whatever happens between writing and asking, every point is there once, bit by bit.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails loudly")]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
    time::Duration,
};

use observe_core::{
    Aggregate, Attributes, Commit, Frame, KeyedTable, Metric, MetricKey, MetricStore, Point, RangeQuery, Schema,
    Selector, SeriesQuery, Store, Timestamp, Unit, Upkeep,
};
use observe_store::{Config, SqlStore};
use proptest::prelude::*;

static DEPTH: Metric = Metric::gauge("q.depth", Unit::Count, "Depth.");
static DONE: Metric = Metric::counter("q.done", Unit::Count, "Done.");

/// Of each queue, depth and done.
type Queues = BTreeMap<u8, (Option<f64>, Option<f64>)>;

/// What happens to a store.
#[derive(Clone, Debug)]
enum Happening {
    /// A tick so many milliseconds after the latest one, or before it.
    Tick(i64, Queues),
    /// Ticks so far are committed.
    Commit,
    /// So many pieces of maintenance, so many seconds after the latest tick.
    Maintain(u8, u16),
    /// The process ends, and another one begins.
    Restart,
    /// The producer forgets its subjects.
    Reset,
}

fn value() -> impl Strategy<Value = Option<f64>> {
    prop_oneof![
        6 => (0i32..50).prop_map(|value| Some(f64::from(value))),
        2 => (0i32..5_000).prop_map(|value| Some(f64::from(value) / 100.0)),
        1 => any::<u64>().prop_map(|bits| Some(f64::from_bits(bits))),
        1 => Just(Some(-0.0)),
        1 => Just(None),
    ]
}

/// Some queues, others each time.
fn changing() -> impl Strategy<Value = Queues> {
    proptest::collection::btree_map(0u8..20, (value(), value()), 0..12)
}

/// The same queues each time.
fn lasting() -> impl Strategy<Value = Queues> {
    proptest::collection::vec((value(), value()), 3).prop_map(|values| (0..).zip(values).collect())
}

fn happening(queues: impl Strategy<Value = Queues>) -> impl Strategy<Value = Happening> {
    let elapsed = prop_oneof![8 => 1i64..9_000, 1 => -100_000i64..1, 1 => 100_000i64..4_000_000];
    prop_oneof![
        12 => (elapsed, queues).prop_map(|(elapsed, queues)| Happening::Tick(elapsed, queues)),
        4 => Just(Happening::Commit),
        4 => (1u8..40, 0u16..3_000).prop_map(|(pieces, later)| Happening::Maintain(pieces, later)),
        1 => Just(Happening::Restart),
        1 => Just(Happening::Reset),
    ]
}

type Model = BTreeMap<MetricKey, BTreeMap<i64, f64>>;

struct Fixture {
    url: String,
    store: Option<SqlStore>,
    table: KeyedTable<u8>,
    pending: Commit,
    now: i64,
    model: Model,
    known: BTreeSet<MetricKey>,
    /// Series with a point that another one has replaced.
    replaced: BTreeSet<MetricKey>,
}

fn schema() -> Arc<Schema> {
    Schema::builder("q").interval(Duration::from_millis(60)).column(&DEPTH).column(&DONE).build().unwrap()
}

fn key(metric: &str, queue: u8) -> MetricKey {
    format!("{metric}{{queue={queue}}}").parse().unwrap()
}

const START_MS: i64 = 1_700_000_000_000;

impl Fixture {
    async fn new(url: String) -> Self {
        let store = SqlStore::open(&Config::at(url.clone())).await.unwrap();
        Self {
            url,
            store: Some(store),
            table: KeyedTable::new(schema()),
            pending: Commit::default(),
            now: START_MS,
            model: Model::new(),
            known: BTreeSet::new(),
            replaced: BTreeSet::new(),
        }
    }

    fn store(&self) -> &SqlStore {
        self.store.as_ref().unwrap()
    }

    async fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Tick(elapsed, queues) => self.tick(elapsed, &queues),
            Happening::Commit => self.commit().await,
            Happening::Maintain(pieces, later) => {
                let now = Timestamp::from_millis(self.now + i64::from(later) * 1_000);
                for _ in 0..pieces {
                    if self.store().maintain(now).await.unwrap() == Upkeep::Done {
                        break;
                    }
                }
            }
            Happening::Restart => {
                self.commit().await;
                self.store.take().unwrap().close().await.unwrap();
                self.store = Some(SqlStore::open(&Config::at(self.url.clone())).await.unwrap());
                self.table = KeyedTable::new(schema());
            }
            Happening::Reset => self.table = KeyedTable::new(schema()),
        }
    }

    fn tick(&mut self, elapsed: i64, queues: &Queues) {
        let at = Timestamp::from_millis(self.now + elapsed);
        self.now = self.now.max(self.now + elapsed);
        for (queue, (depth, done)) in queues {
            let mut row = self.table.row(queue, || Attributes::new([("queue", queue.to_string())]).unwrap());
            for (column, metric, value) in [(0, "q.depth", depth), (1, "q.done", done)] {
                self.known.insert(key(metric, *queue));
                if let Some(value) = value {
                    row.set(column, *value);
                    if self.model.entry(key(metric, *queue)).or_default().insert(at.as_nanos(), *value).is_some() {
                        self.replaced.insert(key(metric, *queue));
                    }
                }
            }
        }
        let frame: Frame = self.table.frame(at);
        self.pending.frames.push(frame);
    }

    async fn commit(&mut self) {
        let commit = std::mem::take(&mut self.pending);
        self.store().commit(&commit).await.unwrap();
    }

    async fn check(&self, store: &SqlStore) {
        let keys: Vec<MetricKey> = self.known.iter().cloned().collect();
        self.check_points(store).await;
        self.check_steps(store, &keys).await;
    }

    async fn check_points(&self, store: &SqlStore) {
        let keys: Vec<MetricKey> = self.known.iter().cloned().collect();
        let all = RangeQuery::raw(Selector::Keys(keys.clone()), Timestamp::MIN, Timestamp::MAX);
        let found = store.range(&all).await.unwrap();
        assert_eq!(found.iter().map(|series| &series.key).collect::<Vec<_>>(), keys.iter().collect::<Vec<_>>());
        for series in &found {
            let bits = |at: i64, value: f64| (at, value.to_bits());
            let stored: Vec<_> =
                series.points.iter().map(|point| bits(point.timestamp.as_nanos(), point.value)).collect();
            let expected: Vec<_> =
                self.model.get(&series.key).into_iter().flatten().map(|(at, value)| bits(*at, *value)).collect();
            assert_eq!(stored, expected, "{}", series.key);
        }
    }

    /// Checks everything; a tier counts a point that was replaced until what replaced it is packed.
    async fn check_unpacked(&self, store: &SqlStore) {
        let keys: Vec<MetricKey> = self.known.difference(&self.replaced).cloned().collect();
        self.check_points(store).await;
        self.check_steps(store, &keys).await;
    }

    /// Holds answers by step to those that follow from the points themselves.
    async fn check_steps(&self, store: &SqlStore, keys: &[MetricKey]) {
        let aggregates = [(60, "avg"), (60, "max"), (7, "sum"), (3_600, "count"), (60, "p95"), (3_600, "last")];
        self.check_each(store, keys, &aggregates).await;
    }

    /// Holds growth to what follows from the points themselves. What is late may be among those that are counted
    /// already, so all must be packed; and of a series that had several places, minutes do not say what lies between
    /// their points.
    async fn check_growth(&self, store: &SqlStore) {
        let keys: Vec<MetricKey> = self.known.iter().cloned().collect();
        self.check_each(store, &keys, &[(7, "increase"), (60, "increase"), (3_600, "increase")]).await;
    }

    async fn check_each(&self, store: &SqlStore, keys: &[MetricKey], aggregates: &[(u64, &str)]) {
        let start = Timestamp::from_millis(START_MS - 3_600_000);
        for (step, name) in aggregates.iter().copied() {
            let aggregate: Aggregate = name.parse().unwrap();
            let query = RangeQuery {
                step: Duration::from_secs(step),
                aggregate,
                ..RangeQuery::raw(Selector::Keys(keys.to_vec()), start, Timestamp::from_millis(self.now + 1))
            };
            for series in store.range(&query).await.unwrap() {
                let points = self.model.get(&series.key).into_iter().flatten();
                let points: Vec<Point> = points
                    .map(|(at, value)| Point { timestamp: Timestamp::from_nanos(*at), value: *value })
                    .filter(|point| point.timestamp >= start.floor(query.step))
                    .collect();
                let expected = aggregate.by_step(&points, None, query.step);
                let is_same = series.points.len() == expected.len()
                    && series.points.iter().zip(&expected).all(|(one, other)| is_close(one, other));
                assert!(is_same, "{name} by {step} of {}: {:?} is not {expected:?}", series.key, series.points);
            }
        }
    }
}

/// Sums of the same values in another order differ a little, and those of huge ones altogether.
fn is_close(one: &Point, other: &Point) -> bool {
    let (one_value, other_value) = (one.value, other.value);
    let is_near = (one_value - other_value).abs() <= 1e-9 * one_value.abs().max(other_value.abs());
    one.timestamp == other.timestamp
        && (one_value == other_value || is_near || !other_value.is_finite() || other_value.abs() > 1e15)
}

/// Lets all happen, packs everything and holds what the store says to the model. Returns the model with the store.
async fn run(directory: &Path, happenings: Vec<Happening>) -> Fixture {
    let mut fixture = Fixture::new(directory.join("o.db").display().to_string()).await;
    for happening in happenings {
        fixture.happen(happening).await;
    }
    fixture.commit().await;

    fixture.check_unpacked(fixture.store()).await;
    let reader = SqlStore::read(&Config::at(fixture.url.clone())).await.unwrap();
    fixture.check_unpacked(&reader).await;
    let far = Timestamp::from_millis(fixture.now + 86_400_000);
    while fixture.store().maintain(far).await.unwrap() == Upkeep::More {}
    fixture.check(fixture.store()).await;
    let listed = SeriesQuery { selector: Selector::Matching(Vec::new()), after: None, limit: usize::MAX };
    let listed = fixture.store().series(&listed).await.unwrap();
    assert_eq!(listed.into_iter().map(|info| info.key).collect::<BTreeSet<_>>(), fixture.known);
    fixture
}

fn block_on(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn every_point_is_there_once_bit_by_bit(happenings in proptest::collection::vec(happening(changing()), 1..120)) {
        let directory = tempfile::tempdir().unwrap();
        block_on(async { drop(run(directory.path(), happenings).await) });
    }

    #[test]
    fn growth_is_that_of_the_points_however_late_they_came(
        happenings in proptest::collection::vec(happening(lasting()), 1..120),
    ) {
        let directory = tempfile::tempdir().unwrap();
        block_on(async {
            let fixture = run(directory.path(), happenings).await;
            fixture.check_growth(fixture.store()).await;
        });
    }
}
