use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use parking_lot::Mutex;

use crate::{
    Attributes, Commit, Custom, Engine, Enriched, EventData, EventQuery, EventSink, EventStore, Formula, KeyedTable,
    Limits, LogQuery, LogRecord, LogStore, Metric, MetricStore, Point, RangeQuery, Schema, SeriesInfo, SeriesPoints,
    SeriesQuery, Span, SpanQuery, SpanStore, State, StateStore, Store, StoreError, SystemEvent, Term, Timestamp, Unit,
    history::double::{Stored, at},
    testing::ManualClock,
};

static DONE: Metric = Metric::counter("q.done", Unit::Count, "Done.");
static DEPTH: Metric = Metric::gauge("q.depth", Unit::Count, "Waits.");
static RATE: Metric = Metric::derived(
    "q.rate",
    Unit::CountPerSecond,
    Formula::Rate { of: &[Term::plus("q.done")], scale: 1.0 },
    "Done in a second.",
);

/// A store that counts how often it is asked, and can cease to write or to answer.
#[derive(Debug, Default)]
struct Counting {
    stored: Mutex<Stored>,
    events: Mutex<Vec<Arc<Enriched>>>,
    asked: AtomicUsize,
    is_full: AtomicBool,
    is_gone: AtomicBool,
}

impl Counting {
    fn ask(&self) -> Result<(), StoreError> {
        self.asked.fetch_add(1, Relaxed);
        let gone = StoreError::Unavailable { store: "counting", reason: "gone".to_owned() };
        if self.is_gone.load(Relaxed) { Err(gone) } else { Ok(()) }
    }
}

#[async_trait]
impl Store for Counting {
    async fn commit(&self, commit: &Commit) -> Result<(), StoreError> {
        if self.is_full.load(Relaxed) {
            return Err(StoreError::Unavailable { store: "counting", reason: "full".to_owned() });
        }
        commit.frames.iter().for_each(|frame| self.stored.lock().add(frame));
        self.events.lock().extend(commit.events.iter().cloned());
        Ok(())
    }

    fn name(&self) -> &'static str {
        "counting"
    }
}

#[async_trait]
impl MetricStore for Counting {
    async fn series(&self, query: &SeriesQuery) -> Result<Vec<SeriesInfo>, StoreError> {
        self.ask()?;
        self.stored.lock().find_series(query)
    }

    async fn range(&self, query: &RangeQuery) -> Result<Vec<SeriesPoints>, StoreError> {
        self.ask()?;
        self.stored.lock().find_points(query)
    }
}

#[async_trait]
impl EventStore for Counting {
    async fn events(&self, query: &EventQuery) -> Result<Vec<Arc<Enriched>>, StoreError> {
        self.ask()?;
        let events = self.events.lock();
        Ok(events.iter().rev().filter(|event| query.matches(event)).take(query.limit).cloned().collect())
    }
}

#[async_trait]
impl LogStore for Counting {
    async fn logs(&self, _query: &LogQuery) -> Result<Vec<crate::Stored<LogRecord>>, StoreError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl SpanStore for Counting {
    async fn spans(&self, _query: &SpanQuery) -> Result<Vec<crate::Stored<Span>>, StoreError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl StateStore for Counting {
    async fn states(&self, _kind: &str, _after: Option<&str>, _limit: usize) -> Result<Vec<State>, StoreError> {
        Ok(Vec::new())
    }
}

/// An engine with a queue that has done `second * 2` jobs, of which `second % 7` wait.
struct Fixture {
    engine: Engine,
    clock: Arc<ManualClock>,
    table: KeyedTable<String>,
}

impl Fixture {
    fn new(store: Option<&Arc<Counting>>) -> Self {
        let limits = Limits { points_per_series: 64, max_events: 4, ..Limits::default() };
        let clock = Arc::new(ManualClock::default());
        let mut builder = Engine::builder().clock(Arc::<ManualClock>::clone(&clock)).limits(limits);
        if let Some(store) = store {
            builder = builder.store(Arc::<Counting>::clone(store));
        }
        let schema = Schema::builder("q").column(&DONE).column(&DEPTH).column(&RATE).build().unwrap();
        Self { engine: builder.start().unwrap(), clock, table: KeyedTable::new(schema) }
    }

    /// Publishes what was measured in some seconds, and waits until all of it is stored.
    /// Waits until rings are filled with what was before, and returns how often the store was asked for that.
    async fn asked_at_start(&self, store: &Counting) -> usize {
        loop {
            let refill = self.engine.handle().status().store.refill;
            if refill.producers > 0 && !refill.is_running {
                return store.asked.load(Relaxed);
            }
            tokio::task::yield_now().await;
        }
    }

    async fn measure(&mut self, seconds: std::ops::Range<i64>) {
        self.publish(seconds, true).await;
    }

    async fn publish(&mut self, seconds: std::ops::Range<i64>, is_stored: bool) {
        for second in seconds {
            self.clock.set(at(second));
            let mut row = self.table.row("mail", || Attributes::new([("queue", "mail")]).unwrap());
            row.set_all(0, [(second * 2) as f64, (second % 7) as f64]);
            let tick = self.engine.handle().tick();
            let ticket = self.engine.handle().publish(self.table.frame(at(second)).into()).unwrap();
            if is_stored {
                ticket.durable().await.unwrap();
            }
            while self.engine.handle().tick() == tick {
                tokio::task::yield_now().await;
            }
        }
    }

    async fn announce(&self, name: &str) {
        let custom = Custom { name: name.to_owned(), data: serde_json::Value::Null };
        let event = SystemEvent::new("test", self.clock_now(), EventData::Custom(custom));
        self.engine.handle().publish(event.into()).unwrap().durable().await.unwrap();
    }

    fn clock_now(&self) -> Timestamp {
        self.engine.handle().now()
    }

    async fn history(&self, query: &RangeQuery) -> Vec<SeriesPoints> {
        self.engine.handle().history(query).await.unwrap()
    }
}

fn query(selector: &str, seconds: std::ops::Range<i64>, step: u64, aggregate: &str) -> RangeQuery {
    let selector = selector.parse::<crate::MetricKey>().map_or_else(|_| selector.parse().unwrap(), Into::into);
    let (start, end) = (at(seconds.start), at(seconds.end));
    let aggregate = aggregate.parse().unwrap();
    RangeQuery { selector, start, end, step: Duration::from_secs(step), aggregate, max_points: 1_000 }
}

/// Returns the points as seconds and values.
fn points(found: &[SeriesPoints]) -> Vec<(i64, f64)> {
    let pair = |point: &Point| (point.timestamp.as_millis() / 1_000, point.value);
    found.iter().flat_map(|series| series.points.iter().map(pair)).collect()
}

const EVERY: [(&str, &str); 10] = [
    ("q.depth{queue=mail}", "avg"),
    ("q.depth{queue=mail}", "max"),
    ("q.depth{queue=mail}", "count"),
    ("q.depth{queue=mail}", "p95"),
    ("q.done{queue=mail}", "increase"),
    ("q.done{queue=mail}", "rate"),
    ("q.done{queue=mail}", "last"),
    ("q.rate{queue=mail}", "avg"),
    ("q.rate{queue=mail}", "min"),
    ("q.rate{queue=mail}", "increase"),
];

#[tokio::test]
async fn rings_and_store_give_one_answer_with_each_point_once() {
    let store = Arc::<Counting>::default();
    let mut fixture = Fixture::new(Some(&store));
    fixture.measure(0..300).await;
    let oldest = fixture.engine.handle().points(&"q.done{queue=mail}".parse().unwrap(), at(0), at(300)).unwrap()[0];
    assert!(oldest.timestamp > at(100), "the rings have forgotten the beginning");

    for (key, aggregate) in EVERY {
        for step in [0, 1, 7, 60, 1_000] {
            let query = query(key, 3..299, step, aggregate);
            let formulas = fixture.engine.handle().formulas(&query.selector);

            let found = fixture.history(&query).await;
            let expected = crate::history::range(&*store, &formulas, &query).await.unwrap();

            assert_eq!(points(&found), points(&expected), "{key} {aggregate} {step}");
        }
    }
}

#[tokio::test]
async fn what_is_not_stored_yet_is_there_and_so_is_what_left_the_rings() {
    let store = Arc::<Counting>::default();
    let mut fixture = Fixture::new(Some(&store));
    fixture.measure(0..280).await;
    store.is_full.store(true, Relaxed);
    fixture.publish(280..300, false).await;

    let raw = fixture.history(&query("q.depth{queue=mail}", 0..300, 0, "last")).await;
    let joined = fixture.history(&query("q.rate{queue=mail}", 0..300, 60, "avg")).await;

    assert_eq!(points(&raw), (0..300).map(|second| (second, (second % 7) as f64)).collect::<Vec<_>>());
    assert_eq!(points(&joined), [0, 60, 120, 180, 240].map(|second| (second, 2.0)));
}

#[tokio::test]
async fn what_lies_in_the_rings_does_not_touch_the_store() {
    let store = Arc::<Counting>::default();
    let mut fixture = Fixture::new(Some(&store));
    fixture.measure(0..300).await;
    let asked = fixture.asked_at_start(&store).await;

    for (key, aggregate) in EVERY {
        for step in [0, 1, 7] {
            let found = fixture.history(&query(key, 270..300, step, aggregate)).await;

            assert!(!points(&found).is_empty(), "{key} {aggregate} {step}");
        }
    }

    assert_eq!(store.asked.load(Relaxed), asked);
}

#[tokio::test]
async fn after_a_restart_the_store_has_what_was_before() {
    let store = Arc::<Counting>::default();
    let mut before = Fixture::new(Some(&store));
    before.measure(0..100).await;
    drop(before);
    let mut fixture = Fixture::new(Some(&store));
    fixture.measure(110..130).await;

    let raw = fixture.history(&query("q.done{queue=mail}", 90..200, 0, "last")).await;
    let joined = fixture.history(&query("q.done{queue=mail}", 60..200, 60, "increase")).await;
    let gone = fixture.history(&query("q.rate{queue=mail}", 0..50, 0, "last")).await;

    assert_eq!(points(&raw), (90..100).chain(110..130).map(|second| (second, 2.0 * second as f64)).collect::<Vec<_>>());
    assert_eq!(points(&joined), [(60, 120.0), (120, 20.0)]);
    assert_eq!(points(&gone).len(), 49);
}

#[tokio::test]
async fn series_that_only_the_store_has_are_found() {
    let store = Arc::<Counting>::default();
    store.stored.lock().entry(&"q.done{queue=old}".parse().unwrap()).1.push(Point { timestamp: at(5), value: 1.0 });
    let mut fixture = Fixture::new(Some(&store));
    fixture.measure(0..10).await;
    let keys = |found: &[SeriesPoints]| found.iter().map(|series| series.key.to_string()).collect::<Vec<_>>();

    let selected = fixture.history(&query(r#"{__name__=~"q\\.(done|rate)"}"#, 0..10, 0, "last")).await;
    let unknown = fixture.history(&query("q.done{queue=never}", 0..10, 0, "last")).await;
    let all = SeriesQuery { selector: "{}".parse().unwrap(), after: None, limit: 100 };
    let stored = fixture.engine.handle().stored_series(&all).await.unwrap();

    assert_eq!(keys(&selected), ["q.done{queue=mail}", "q.done{queue=old}", "q.rate{queue=mail}", "q.rate{queue=old}"]);
    assert_eq!(keys(&unknown), [] as [&str; 0]);
    assert_eq!(stored.len(), 5, "done and rate of both, and one depth");
}

#[tokio::test]
async fn without_a_store_the_rings_answer_alone() {
    let mut fixture = Fixture::new(None);
    fixture.measure(0..20).await;

    let found = fixture.history(&query("q.rate{queue=mail}", -100..20, 10, "avg")).await;

    assert_eq!(points(&found), [(0, 2.0), (10, 2.0)]);
    assert_eq!(fixture.history(&query("q.none", 0..20, 0, "last")).await, []);
}

#[tokio::test]
async fn answers_are_bounded_and_failures_are_told() {
    let store = Arc::<Counting>::default();
    let mut fixture = Fixture::new(Some(&store));
    fixture.measure(0..300).await;
    let mut long = query("q.depth{queue=mail}", 0..300, 0, "last");
    long.max_points = 299;

    let refused = fixture.engine.handle().history(&long).await.unwrap_err();
    store.is_gone.store(true, Relaxed);
    let failed = fixture.engine.handle().history(&query("q.depth{queue=mail}", 0..300, 0, "last")).await.unwrap_err();

    assert_eq!(refused, StoreError::TooMany { what: "points", limit: 299 });
    assert!(failed.is_retryable());
}

#[tokio::test]
async fn events_go_on_in_the_store_where_memory_ends() {
    let store = Arc::<Counting>::default();
    let mut fixture = Fixture::new(Some(&store));
    for second in 0..10 {
        fixture.measure(second..second + 1).await;
        fixture.announce(&second.to_string()).await;
    }
    let handle = fixture.engine.handle();
    let names = |found: Vec<Arc<Enriched>>| {
        let name = |event: &Arc<Enriched>| match &event.data {
            EventData::Custom(custom) => custom.name.clone(),
            _ => "frame".to_owned(),
        };
        found.iter().map(name).collect::<Vec<_>>()
    };

    let asked = fixture.asked_at_start(&store).await;
    let in_memory = handle.past_events(&EventQuery::newest(7)).await.unwrap();
    assert_eq!(store.asked.load(Relaxed), asked);
    let all = handle.past_events(&EventQuery::newest(100)).await.unwrap();
    let mut older = EventQuery::newest(3);
    older.before = all.get(9).map(|event| event.id);
    let page = handle.past_events(&older).await.unwrap();
    let first = handle.past_event(all[18].id).await.unwrap().unwrap();

    assert_eq!(in_memory.len(), 7);
    let expected: Vec<String> = (0..10).rev().flat_map(|second| [second.to_string(), "frame".to_owned()]).collect();
    assert_eq!(names(all), expected);
    assert_eq!(names(page), ["4", "frame", "3"]);
    assert_eq!(names(vec![first]), ["0"]);
}
