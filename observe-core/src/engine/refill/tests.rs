use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use super::*;
use crate::{
    Detector, DetectorFactory, Engine, EventData, EventId, EventSink, Finding, Frame, Limits, LogRecord, Metric,
    MetricKey, Point, Schema, SystemEvent, Table, Timestamp, Unit,
    testing::{FlakyStore, ManualClock},
};

static DEPTH: Metric = Metric::gauge("q.depth", Unit::Count, "Depth.");

const SOON: Duration = Duration::from_secs(20);

/// Counts what it has seen, and says so to whoever asks.
#[derive(Debug, Default)]
struct CountFactory(Arc<AtomicU64>);

struct Count(u64, Arc<AtomicU64>);

impl Detector for Count {
    fn update(&mut self, _point: Point) -> Option<Finding> {
        self.0 += 1;
        self.1.store(self.0, SeqCst);
        None
    }

    fn snapshot(&self) -> Vec<u8> {
        self.0.to_le_bytes().to_vec()
    }

    fn size_bytes(&self) -> usize {
        8
    }
}

impl DetectorFactory for CountFactory {
    fn name(&self) -> &'static str {
        "count"
    }

    fn detector(&self, _key: &MetricKey, state: Option<&[u8]>) -> Option<Box<dyn Detector>> {
        let count = state.and_then(|state| state.try_into().ok()).map_or(0, u64::from_le_bytes);
        Some(Box::new(Count(count, Arc::clone(&self.0))))
    }
}

fn at(second: u64) -> Timestamp {
    Timestamp::from_millis(1_750_000_000_000) + Duration::from_secs(second)
}

fn frames(seconds: std::ops::Range<u64>) -> impl Iterator<Item = Frame> {
    let (mut table, host) = Table::for_host(Schema::builder("q").column(&DEPTH).build().unwrap());
    seconds.map(move |second| {
        table.set(host, 0, second as f64);
        table.frame(at(second))
    })
}

/// Starts an engine before a store; the number is that of the points that its detector has seen.
fn start(store: &Arc<FlakyStore>, now: u64) -> (Engine, Arc<AtomicU64>) {
    let factory = CountFactory::default();
    let seen = Arc::clone(&factory.0);
    let clock = Arc::new(ManualClock::at(at(now)));
    let builder = Engine::builder().clock(clock).detector(Arc::new(factory)).store(Arc::clone(store) as _);
    (builder.start().unwrap(), seen)
}

fn publish(engine: &Engine, seconds: std::ops::Range<u64>) {
    let tickets: Vec<_> = frames(seconds).map(|frame| engine.handle().publish(frame.into()).unwrap()).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    for ticket in tickets {
        runtime.block_on(async { tokio::time::timeout(SOON, ticket.durable()).await }).unwrap().unwrap();
    }
}

fn await_refill(engine: &Engine, is_wanted: impl Fn(&RefillStatus) -> bool) -> RefillStatus {
    let until = Instant::now() + SOON;
    loop {
        let status = engine.handle().status().store.refill;
        if is_wanted(&status) {
            return status;
        }
        assert!(Instant::now() < until, "never came: {status:?}");
        std::thread::yield_now();
    }
}

fn is_filled(status: &RefillStatus) -> bool {
    status.producers == 1 && !status.is_running
}

fn depths(engine: &Engine) -> Vec<f64> {
    let key = "q.depth".parse().unwrap();
    let points = engine.handle().points(&key, Timestamp::MIN, Timestamp::MAX).unwrap_or_default();
    points.into_iter().map(|point| point.value).collect()
}

#[test]
fn an_engine_that_was_stopped_goes_on_where_it_was() {
    let store = Arc::new(FlakyStore::default());
    let (first, seen) = start(&store, 100);
    publish(&first, 0..100);
    await_refill(&first, is_filled);
    assert!(first.shutdown(SOON).is_clean());
    assert_eq!(seen.load(SeqCst), 99);

    let (second, seen) = start(&store, 105);
    publish(&second, 103..104);
    let status = await_refill(&second, is_filled);
    publish(&second, 104..105);

    assert_eq!((status.points, status.failures), (100, 0));
    assert_eq!(depths(&second), (0..100).chain(103..105).map(f64::from).collect::<Vec<_>>());
    assert_eq!(seen.load(SeqCst), 101);
    assert!(second.shutdown(SOON).is_clean());
}

#[test]
fn an_engine_that_was_killed_shows_detectors_what_they_had_not_saved() {
    let store = Arc::new(FlakyStore::default());
    let (first, _) = start(&store, 100);
    publish(&first, 0..100);
    await_refill(&first, is_filled);
    assert!(first.shutdown(SOON).is_clean());
    let (second, _) = start(&store, 130);
    publish(&second, 100..130);
    await_refill(&second, is_filled);

    let (third, seen) = start(&store, 131);
    publish(&third, 130..131);
    await_refill(&third, is_filled);

    assert_eq!(seen.load(SeqCst), 130);
}

#[test]
fn a_store_that_hangs_delays_neither_readings_nor_the_end() {
    let store = Arc::new(FlakyStore::default());
    store.hang_reads();
    let (engine, _) = start(&store, 1);

    publish(&engine, 0..1);
    let status = await_refill(&engine, |status| status.is_running);
    let began = Instant::now();

    assert_eq!((depths(&engine), status.producers), (vec![0.0], 0));
    assert!(engine.shutdown(SOON).is_clean());
    assert!(began.elapsed() < PATIENCE);
}

#[test]
fn a_store_that_fails_is_asked_once_and_detectors_begin_anew() {
    let store = Arc::new(FlakyStore::default());
    store.fail_reads();
    let (engine, seen) = start(&store, 10);

    publish(&engine, 0..5);
    let status = await_refill(&engine, is_filled);
    publish(&engine, 5..10);

    assert_eq!((status.points, status.failures), (0, 1));
    assert_eq!(status.last_error.as_deref(), Some("flaky store is not available: asked to fail"));
    assert_eq!((depths(&engine).len(), seen.load(SeqCst)), (10, 9));
}

#[test]
fn ids_go_on_above_those_of_before_a_restart() {
    let store = Arc::new(FlakyStore::default());
    let log = |engine: &Engine| {
        let subscription = engine.handle().bus().subscribe("me", crate::Filter::default());
        drop(engine.handle().publish(LogRecord::new(at(0), "x").into()).unwrap());
        let seen: Vec<EventId> = subscription.unwrap().wait_batch(1, SOON).iter().map(|event| event.id).collect();
        seen[0]
    };
    let (first, _) = start(&store, 60);
    let before = log(&first);
    assert!(first.shutdown(SOON).is_clean());

    let (second, _) = start(&store, 0);
    publish(&second, 0..1);
    await_refill(&second, is_filled);

    assert!(log(&second) > before, "the clock was set back by a minute");
}

#[test]
fn what_is_found_in_the_past_is_not_told_again() {
    struct Loud;
    impl Detector for Loud {
        fn update(&mut self, point: Point) -> Option<Finding> {
            Some(Finding::Trend(crate::linear_trend(&[
                Point { timestamp: at(0), value: 0.0 },
                Point { timestamp: at(1), value: 1.0 },
                point,
            ])?))
        }

        fn snapshot(&self) -> Vec<u8> {
            Vec::new()
        }

        fn size_bytes(&self) -> usize {
            0
        }
    }
    struct LoudFactory;
    impl DetectorFactory for LoudFactory {
        fn name(&self) -> &'static str {
            "loud"
        }

        fn detector(&self, _key: &MetricKey, _state: Option<&[u8]>) -> Option<Box<dyn Detector>> {
            Some(Box::new(Loud))
        }
    }
    let store = Arc::new(FlakyStore::default());
    let start = || {
        let builder = Engine::builder().clock(Arc::new(ManualClock::at(at(99)))).detector(Arc::new(LoudFactory));
        builder.store(Arc::clone(&store) as _).limits(Limits::default()).start().unwrap()
    };
    let told = |store: &FlakyStore| {
        let commits = store.commits();
        let events = commits.iter().flat_map(|commit| &commit.events);
        let stamp = |event: &SystemEvent| match event.data {
            EventData::Trend { .. } => Some(event.timestamp.since(at(0)).as_secs()),
            _ => None,
        };
        events.filter_map(|event| stamp(&event.event)).collect::<Vec<_>>()
    };
    let first = start();
    publish(&first, 0..20);
    await_refill(&first, is_filled);
    assert!(first.shutdown(SOON).is_clean());

    let second = start();
    publish(&second, 20..23);
    await_refill(&second, is_filled);
    publish(&second, 23..25);
    assert!(second.shutdown(SOON).is_clean());

    let mut told = told(&store);
    told.sort_unstable();
    assert_eq!(told, (1..25).collect::<Vec<_>>(), "each once");
}
