//! Two engines in one process share nothing.

#![cfg(all(feature = "collectors", feature = "ml", feature = "store"))]
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails loudly, in its helpers too")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use observe::{
    Collect, CollectError, Collector, Engine, Filter, Metric, MetricKey, Schema, SubjectId, Subscription, Table, Unit,
    collectors::{self, collectors},
    ml::{self, detectors},
    store::MemoryStore,
};

static VALUE: Metric = Metric::gauge("test.value", Unit::Count, "What the test set.");

/// How long to wait for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// Emits one number, and counts how often it was asked.
struct Constant {
    table: Table,
    host: SubjectId,
    value: f64,
    runs: Arc<AtomicU64>,
}

impl Constant {
    fn new(value: f64) -> (Self, Arc<AtomicU64>) {
        let (table, host) = Table::for_host(Schema::builder("test").column(&VALUE).build().unwrap());
        let runs = Arc::new(AtomicU64::new(0));
        (Self { table, host, value, runs: Arc::clone(&runs) }, runs)
    }
}

impl Collector for Constant {
    fn name(&self) -> &'static str {
        "constant"
    }

    fn interval(&self) -> Duration {
        Duration::from_millis(20)
    }

    fn collect(&mut self, cx: &mut Collect<'_>) -> Result<(), CollectError> {
        self.runs.fetch_add(1, Relaxed);
        self.table.set(self.host, 0, self.value);
        cx.emit(self.table.frame(cx.timestamp()));
        Ok(())
    }
}

fn engine(name: &str, value: f64) -> (Engine, Arc<AtomicU64>) {
    let (constant, runs) = Constant::new(value);
    let mut builder = Engine::builder().host_name(name).store(Arc::new(MemoryStore::new(1 << 20))).collector(constant);
    for collector in collectors(&collectors::Config::default()).unwrap() {
        builder = builder.boxed_collector(collector);
    }
    for detector in detectors(&ml::Config::default()).unwrap() {
        builder = builder.detector(detector);
    }
    (builder.start().unwrap(), runs)
}

fn listen(engine: &Engine) -> Subscription {
    engine.handle().bus().subscribe("test", Filter::default()).unwrap()
}

/// Waits until the engine knows the series, each time until something new is announced.
fn value(engine: &Engine, events: &mut Subscription, key: &str) -> f64 {
    let key: MetricKey = key.parse().unwrap();
    for _ in 0..1_000 {
        if let Some(point) = engine.handle().latest(&key) {
            return point.value;
        }
        assert!(!events.wait_batch(1_000, PATIENCE).is_empty(), "nothing came");
    }
    panic!("{key} never came");
}

#[test]
fn each_engine_has_its_own_series_and_name() {
    let (one, _) = engine("one", 1.0);
    let (two, _) = engine("two", 2.0);
    let (mut of_one, mut of_two) = (listen(&one), listen(&two));

    let values = [value(&one, &mut of_one, "test.value"), value(&two, &mut of_two, "test.value")];

    assert_eq!(values, [1.0, 2.0]);
    assert_eq!((&**one.handle().host_name(), &**two.handle().host_name()), ("one", "two"));
}

#[test]
fn both_engines_read_the_same_host() {
    let (one, _) = engine("one", 1.0);
    let (two, _) = engine("two", 2.0);
    let (mut of_one, mut of_two) = (listen(&one), listen(&two));

    let totals = [value(&one, &mut of_one, "memory.total"), value(&two, &mut of_two, "memory.total")];

    assert!(totals[0] > 0.0);
    assert_eq!(totals[0], totals[1]);
}

#[test]
fn one_engine_outlives_the_other() {
    let (one, runs_of_one) = engine("one", 1.0);
    let (two, runs_of_two) = engine("two", 2.0);
    let mut of_two = listen(&two);
    value(&two, &mut of_two, "test.value");

    let report = one.shutdown(PATIENCE);
    let (stopped, before) = (runs_of_one.load(Relaxed), runs_of_two.load(Relaxed));
    while runs_of_two.load(Relaxed) < before + 3 {
        assert!(!of_two.wait_batch(1_000, PATIENCE).is_empty(), "the second engine stood still");
    }

    assert!(report.is_clean(), "{report:?}");
    assert_eq!(runs_of_one.load(Relaxed), stopped);
    assert!(two.shutdown(PATIENCE).is_clean());
}
