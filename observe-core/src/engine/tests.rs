use std::sync::{
    Arc, Barrier,
    atomic::{AtomicU32, Ordering::SeqCst},
};

use super::*;
use crate::{
    Collect, CollectError, Enriched, EventData, EventKind, EventKinds, EventSink, Filter, Item, LogRecord, Metric,
    MetricKey, NotDurable, Refused, Schema, StoreError, Table, Timestamp, Unit, Upkeep,
    testing::{FlakyStore, ManualClock, ScriptedCollector},
};

static DEPTH: Metric = Metric::gauge("q.depth", Unit::Count, "Depth.");

const SOON: Duration = Duration::from_secs(20);

fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

fn log(text: &str) -> Item {
    LogRecord::new(Timestamp::from_millis(1), text).into()
}

fn stored_logs(store: &FlakyStore) -> usize {
    store.commits().iter().flat_map(|commit| &commit.events).filter(|event| event.kind() == EventKind::Log).count()
}

fn stored_bodies(store: &FlakyStore) -> Vec<String> {
    let commits = store.commits();
    let events = commits.iter().flat_map(|commit| &commit.events);
    let body = |event: &Arc<Enriched>| match &event.data {
        EventData::Log(record) => Some(record.body.clone()),
        _ => None,
    };
    events.filter_map(body).collect()
}

/// Emits one frame with the depth of the queue.
fn depth_reading(value: f64) -> impl FnMut(&mut Collect<'_>) -> Result<(), CollectError> + Send {
    move |cx| {
        let (mut table, host) = Table::for_host(Schema::builder("q").column(&DEPTH).build().unwrap());
        table.set(host, 0, value);
        cx.emit(table.frame(cx.timestamp()));
        Ok(())
    }
}

/// Returns the first status of the only collector for which `is_wanted` holds.
fn await_status(handle: &Handle, is_wanted: impl Fn(&CollectorStatus) -> bool) -> CollectorStatus {
    let until = std::time::Instant::now() + SOON;
    loop {
        let status = handle.collectors().remove(0);
        if is_wanted(&status) {
            return status;
        }
        assert!(std::time::Instant::now() < until, "never came: {status:?}");
        std::thread::yield_now();
    }
}

/// Waits until something holds.
fn wait_for(holds: impl Fn() -> bool) {
    let until = std::time::Instant::now() + SOON;
    while !holds() {
        assert!(std::time::Instant::now() < until, "never came");
        std::thread::yield_now();
    }
}

#[test]
fn a_sample_goes_from_the_collector_to_the_reader_and_the_observer() {
    let gate = Arc::new(Barrier::new(2));
    let opened = Arc::clone(&gate);
    let mut reading = depth_reading(7.0);
    let collector = ScriptedCollector::new("q").then(move |cx| {
        opened.wait();
        reading(cx)
    });
    let engine = Engine::builder().collector(collector).start().unwrap();
    let mut frames = engine.handle().bus().subscribe("me", Filter::default()).unwrap();

    gate.wait();
    let seen = frames.wait_batch(1, SOON);

    let key: MetricKey = "q.depth".parse().unwrap();
    assert_eq!(seen[0].kind(), EventKind::Metric);
    assert_eq!(engine.handle().latest(&key).map(|point| point.value), Some(7.0));
    assert!(engine.shutdown(SOON).is_clean());
}

#[test]
fn two_engines_run_in_one_process() {
    let engines = [1.0, 2.0].map(|value| {
        Engine::builder().collector(ScriptedCollector::new("q").then(depth_reading(value))).start().unwrap()
    });
    let key: MetricKey = "q.depth".parse().unwrap();

    let values = engines.each_ref().map(|engine| {
        await_status(engine.handle(), |status| status.runs > 1);
        run(engine.handle().publish(log("after")).unwrap().durable()).unwrap();
        engine.handle().latest(&key).map(|point| point.value)
    });

    assert_eq!(values, [Some(1.0), Some(2.0)]);
}

#[test]
fn health_follows_what_the_collector_says() {
    let unsupported = ScriptedCollector::new("x").then(|_| Err(CollectError::Unsupported("no such thing".into())));
    let partly = ScriptedCollector::new("x").then(|cx| {
        cx.degrade("half of it is hidden");
        Ok(())
    });
    let cases = [(unsupported, CollectorState::Unsupported), (partly, CollectorState::Degraded)];

    for (collector, state) in cases {
        let engine = Engine::builder().collector(collector).start().unwrap();
        let status = await_status(engine.handle(), |status| status.state == state);
        assert!(status.reason.is_some());
    }
}

#[test]
fn a_collector_that_fails_and_recovers_is_healthy_again() {
    let malformed = |_: &mut Collect<'_>| Err(CollectError::Malformed { what: "/proc/stat" });
    let collector = ScriptedCollector::new("x").then(malformed).then(malformed).then(malformed).then(|_| Ok(()));
    let engine = Engine::builder().collector(collector).start().unwrap();

    let status = await_status(engine.handle(), |status| status.state == CollectorState::Healthy);

    assert_eq!((status.failures, status.panics), (3, 0));
    assert_eq!(status.reason, None);
}

#[test]
fn a_panic_is_caught_and_told() {
    let seen = Arc::new(Barrier::new(2));
    let until_seen = Arc::clone(&seen);
    let collector = ScriptedCollector::new("x").then(|_| panic!("boom")).then(move |_| {
        until_seen.wait();
        Ok(())
    });
    let engine = Engine::builder().collector(collector).start().unwrap();

    let status = await_status(engine.handle(), |status| status.panics == 1);
    seen.wait();

    assert_eq!(status.state, CollectorState::Failed);
    assert_eq!(status.reason.as_deref(), Some("panicked: boom"));
}

#[test]
fn a_collector_that_hangs_does_not_stop_the_others_or_the_end() {
    let forever = Arc::new(Barrier::new(2));
    let stuck = Arc::clone(&forever);
    let hanging = ScriptedCollector::new("hangs").then(move |_| {
        stuck.wait();
        Ok(())
    });
    let engine = Engine::builder().collector(hanging).collector(ScriptedCollector::new("works")).start().unwrap();
    let handle = engine.handle().clone();
    let until = std::time::Instant::now() + SOON;
    while handle.collectors()[1].runs < 3 {
        assert!(std::time::Instant::now() < until);
        std::thread::yield_now();
    }

    let report = engine.shutdown(Duration::from_millis(50));

    assert_eq!(report.stuck, ["observe-hangs"]);
    forever.wait();
}

#[test]
fn two_collectors_of_one_name_are_refused() {
    let engine =
        Engine::builder().collector(ScriptedCollector::new("x")).collector(ScriptedCollector::new("x")).start();

    assert!(matches!(engine, Err(StartError::DuplicateCollector { name: "x" })));
}

#[test]
fn a_waiting_ticket_is_stored_at_once_and_not_at_the_next_interval() {
    let store = Arc::new(FlakyStore::default());
    let limits = Limits { commit_interval: Duration::from_secs(3_600), ..Limits::default() };
    let engine = Engine::builder().store(Arc::clone(&store) as _).limits(limits).start().unwrap();

    let ticket = engine.handle().publish(log("important")).unwrap();
    let durable = run(async { tokio::time::timeout(SOON, ticket.durable()).await });

    assert_eq!(durable, Ok(Ok(())));
    assert_eq!(stored_logs(&store), 1);
}

#[test]
fn what_could_not_be_stored_is_stored_later_and_once() {
    let store = Arc::new(FlakyStore::failing(2));
    store.panic_next(1);
    let engine = Engine::builder().store(Arc::clone(&store) as _).start().unwrap();

    let ticket = engine.handle().publish(log("important")).unwrap();
    let durable = run(async { tokio::time::timeout(SOON, ticket.durable()).await });

    let status = engine.handle().status().store;
    assert_eq!(durable, Ok(Ok(())));
    assert_eq!((stored_logs(&store), status.failures, status.last_error), (1, 3, None));
}

#[test]
fn a_full_backlog_refuses_tickets_and_drops_the_oldest_frames_before_any_event_with_a_record() {
    let store = Arc::new(FlakyStore::failing(usize::MAX));
    let limits = Limits { memory_max_bytes: 1 << 20, ..Limits::default() };
    let engine = Engine::builder().store(Arc::clone(&store) as _).limits(limits).start().unwrap();
    let (mut table, host) = Table::for_host(Schema::builder("q").column(&DEPTH).build().unwrap());
    let first = engine.handle().publish(log("first")).unwrap();

    for second in 0..5_000i64 {
        table.set(host, 0, second as f64);
        while engine.handle().publish(table.frame(Timestamp::from_millis(second * 1_000)).into()).is_err() {
            std::thread::yield_now();
        }
    }
    let refused = run(async { tokio::time::timeout(SOON, first.durable()).await });
    store.fail_next(0);
    let until = std::time::Instant::now() + SOON;
    let is_calm = |status: StoreStatus| status.commits > 0 && status.backlog_bytes < 64 << 10;
    while !is_calm(engine.handle().status().store) {
        assert!(std::time::Instant::now() < until, "never stored again");
        std::thread::yield_now();
    }
    let later = engine.handle().publish(log("later")).unwrap();

    assert_eq!(run(later.durable()), Ok(()));
    assert_eq!(refused, Ok(Err(NotDurable::StoreUnavailable)));
    let report = engine.shutdown(SOON);
    let commits = store.commits();
    let gaps = commits.iter().flat_map(|commit| &commit.events).filter(|event| event.kind() == EventKind::Custom);
    assert!(report.is_clean());
    assert_eq!(stored_bodies(&store).iter().filter(|body| *body == "first").count(), 1);
    assert!(gaps.count() > 0);
    assert!(commits.iter().map(|commit| commit.frames.len()).sum::<usize>() < 5_000);
}

#[test]
fn a_flood_of_events_before_a_store_that_fails_stays_bounded_and_is_counted() {
    let store = Arc::new(FlakyStore::failing(usize::MAX));
    let limits = Limits { memory_max_bytes: 1 << 20, ..Limits::default() };
    let engine = Engine::builder().store(Arc::clone(&store) as _).limits(limits.clone()).start().unwrap();

    for _ in 0..2_000 {
        while engine.handle().publish(log(&"x".repeat(1_000))).is_err() {
            std::thread::yield_now();
        }
    }
    store.fail_next(0);
    let handle = engine.handle().clone();
    assert!(engine.shutdown(SOON).is_clean());

    let stored = stored_logs(&store);
    assert!(stored * 1_000 < limits.budget().backlog, "{stored}");
    assert_eq!(handle.status().store.dropped_events + stored as u64, 2_000);
}

#[test]
fn a_store_that_never_fails_loses_nothing_however_fast_it_comes() {
    let store = Arc::new(FlakyStore::default());
    let limits = Limits { memory_max_bytes: 4 << 20, ..Limits::default() };
    let engine = Engine::builder().store(Arc::clone(&store) as _).limits(limits).start().unwrap();

    for _ in 0..5_000 {
        while engine.handle().publish(log(&"x".repeat(1_000))).is_err() {
            std::thread::yield_now();
        }
    }
    let handle = engine.handle().clone();

    assert!(engine.shutdown(SOON).is_clean());
    assert_eq!((stored_logs(&store), handle.status().store.dropped_events), (5_000, 0));
}

#[test]
fn the_store_is_kept_in_order_between_commits_and_closed_at_the_end() {
    let store = Arc::new(FlakyStore::default());
    store.maintain_next([Ok(Upkeep::More), Ok(Upkeep::More), Ok(Upkeep::Done)]);
    let limits = Limits { commit_interval: Duration::from_secs(3_600), ..Limits::default() };
    let engine = Engine::builder().store(Arc::clone(&store) as _).limits(limits).start().unwrap();

    wait_for(|| store.maintained() >= 3);
    let was_closed = store.is_closed();
    run(engine.handle().publish(log("important")).unwrap().durable()).unwrap();

    let status = engine.handle().status().store;
    assert!(status.is_healthy() && !was_closed);
    assert_eq!(
        status.figures.iter().map(|figure| (figure.name, figure.value)).collect::<Vec<_>>(),
        [("kept_commits", 1)]
    );
    assert!(engine.handle().store().is_some());
    assert!(engine.shutdown(SOON).is_clean());
    assert!(store.is_closed());
}

#[test]
fn a_store_that_cannot_be_kept_in_order_still_stores_and_says_so() {
    let store = Arc::new(FlakyStore::default());
    let full = StoreError::Unavailable { store: "flaky", reason: "no room".into() };
    store.maintain_next([Err(full.clone()), Err(full.clone())]);
    let engine = Engine::builder().store(Arc::clone(&store) as _).start().unwrap();
    let status = || engine.handle().status().store;

    wait_for(|| status().maintenance_failures == 1);
    run(engine.handle().publish(log("important")).unwrap().durable()).unwrap();
    let meanwhile = status();
    wait_for(|| status().last_maintenance_error.is_none());

    assert_eq!(meanwhile.last_maintenance_error, Some(full.to_string()));
    assert!(!meanwhile.is_healthy() && status().is_healthy());
    assert_eq!((stored_logs(&store), status().failures, status().maintenance_failures), (1, 0, 2));
}

#[test]
fn a_store_that_is_back_gets_everything_before_the_end() {
    let store = Arc::new(FlakyStore::failing(8));
    let engine = Engine::builder().store(Arc::clone(&store) as _).start().unwrap();
    let ticket = engine.handle().publish(log("important")).unwrap();
    let until = std::time::Instant::now() + SOON;
    while engine.handle().status().store.failures < 2 {
        run(async { tokio::time::timeout(Duration::from_millis(1), ticket.durable()).await }).unwrap_err();
        assert!(std::time::Instant::now() < until);
    }
    store.fail_next(0);

    let report = engine.shutdown(Duration::from_secs(2));

    assert!(report.is_clean(), "{report:?}");
    assert_eq!(stored_logs(&store), 1);
}

#[test]
fn a_frame_that_was_refused_is_never_called_durable() {
    static OTHER: Metric = Metric::gauge("q.other", Unit::Count, "Other.");
    let engine = Engine::builder().start().unwrap();
    let publish = |metric: &Metric, second: i64| {
        let (mut table, host) = Table::for_host(Schema::builder("q").column(metric).build().unwrap());
        table.set(host, 0, 1.0);
        engine.handle().publish(table.frame(Timestamp::from_millis(second * 1_000)).into()).unwrap()
    };

    let tickets = [publish(&DEPTH, 1), publish(&OTHER, 2), publish(&DEPTH, 3)];

    assert_eq!(tickets.map(|ticket| run(ticket.durable())), [Ok(()), Err(NotDurable::Refused), Ok(())]);
}

#[test]
fn a_detector_factory_that_panics_takes_nothing_with_it() {
    struct Broken;
    impl crate::DetectorFactory for Broken {
        fn name(&self) -> &'static str {
            "broken"
        }

        fn detector(&self, _key: &MetricKey, _state: Option<&[u8]>) -> Option<Box<dyn crate::Detector>> {
            panic!("cannot be made")
        }
    }
    let collector = ScriptedCollector::new("q").then(depth_reading(1.0)).then(depth_reading(2.0));
    let engine = Engine::builder().detector(Arc::new(Broken)).collector(collector).start().unwrap();

    await_status(engine.handle(), |status| status.runs > 3);

    assert_eq!(run(engine.handle().publish(log("after")).unwrap().durable()), Ok(()));
    assert!(engine.shutdown(SOON).is_clean());
}

#[test]
fn for_ever_is_a_valid_wait_and_interval() {
    struct Once;
    impl crate::Collector for Once {
        fn name(&self) -> &'static str {
            "once"
        }

        fn interval(&self) -> Duration {
            Duration::MAX
        }

        fn collect(&mut self, _cx: &mut Collect<'_>) -> Result<(), CollectError> {
            Ok(())
        }
    }
    let limits = Limits { commit_interval: Duration::MAX, ..Limits::default() };
    let store = Arc::new(FlakyStore::default());
    let engine = Engine::builder().collector(Once).store(store).limits(limits).start().unwrap();

    await_status(engine.handle(), |status| status.state == CollectorState::Healthy);

    assert!(engine.shutdown(Duration::MAX).is_clean());
}

#[test]
fn shutdown_stores_what_was_taken_in() {
    let store = Arc::new(FlakyStore::default());
    let engine = Engine::builder().store(Arc::clone(&store) as _).start().unwrap();
    let handle = engine.handle().clone();
    (0..500).for_each(|_| drop(handle.publish(log("x"))));

    let report = engine.shutdown(SOON);

    assert!(report.is_clean());
    assert_eq!(stored_logs(&store), 500);
    assert_eq!(handle.publish(log("too late")).map(|_| ()), Err(Refused::Stopped));
    assert!(handle.is_draining());
}

#[test]
fn a_subscriber_that_never_reads_costs_a_bounded_amount_and_shows_its_drops() {
    let engine = Engine::builder().start().unwrap();
    let filter = Filter { max_events: 100, ..Filter::kinds(EventKinds::ALL) };
    let _sleeper = engine.handle().bus().subscribe("sleeper", filter).unwrap();

    let tickets: Vec<_> = (0..1_000).map(|_| engine.handle().publish(log("x")).unwrap()).collect();
    run(tickets[999].durable()).unwrap();
    let report = engine.handle().clone();
    assert!(engine.shutdown(SOON).is_clean());

    let sleeper = &report.status().bus.subscribers[0];
    assert_eq!((sleeper.queued, sleeper.totals.dropped), (100, 900));
}

#[test]
fn time_comes_from_the_clock_that_was_given() {
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(42)));
    let seen = Arc::new(AtomicU32::new(0));
    let told = Arc::clone(&seen);
    let collector = ScriptedCollector::new("x").then(move |cx| {
        told.store(u32::try_from(cx.timestamp().as_millis()).unwrap(), SeqCst);
        Ok(())
    });
    let engine = Engine::builder().clock(clock).collector(collector).start().unwrap();

    await_status(engine.handle(), |status| status.runs > 1);

    assert_eq!(seen.load(SeqCst), 42);
}
