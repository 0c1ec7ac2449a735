use std::time::Duration;

use super::*;
use crate::{
    Anomaly, Attributes, Custom, Detector, EventKind, EventKinds, Finding, Level, LogRecord, Metric, MetricKey, Point,
    ProcessInfo, Schema, Table, Unit,
};

static DEPTH: Metric = Metric::gauge("q.depth", Unit::Count, "Depth.");

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_750_000_000_000) + Duration::from_secs(seconds)
}

fn processor(factories: Vec<Arc<dyn DetectorFactory>>) -> Processor {
    Processor::new(&Limits::default(), factories, Arc::default())
}

fn frames(values: &[f64]) -> Vec<Item> {
    let schema = Schema::builder("q").column(&DEPTH).build().unwrap();
    let (mut table, host) = Table::for_host(schema);
    let frame = |(second, value): (usize, &f64)| {
        table.set(host, 0, *value);
        Item::Frame(table.frame(at(second as u64)))
    };
    values.iter().enumerate().map(frame).collect()
}

fn log(text: &str) -> Item {
    LogRecord::new(at(0), text).into()
}

fn newest(kinds: &[EventKind], limit: usize) -> EventQuery {
    EventQuery { kinds: EventKinds::from_iter(kinds.iter().copied()), ..EventQuery::newest(limit) }
}

/// Finds every value above a hundred, and panics at a thousand.
struct Limit;

impl Detector for Limit {
    fn update(&mut self, point: Point) -> Option<Finding> {
        assert!(point.value < 1_000.0, "too much");
        let anomaly = Anomaly {
            detector: "limit".into(),
            score: 1.0,
            level: Level::Notice,
            z_score: None,
            mean: 0.0,
            stddev: 0.0,
            expected: None,
            explanation: "high".into(),
        };
        (point.value > 100.0).then_some(Finding::Anomaly(anomaly))
    }

    fn snapshot(&self) -> Vec<u8> {
        Vec::new()
    }

    fn size_bytes(&self) -> usize {
        16
    }
}

struct LimitFactory;

impl DetectorFactory for LimitFactory {
    fn name(&self) -> &'static str {
        "limit"
    }

    fn detector(&self, _key: &MetricKey, _state: Option<&[u8]>) -> Option<Box<dyn Detector>> {
        Some(Box::new(Limit))
    }
}

#[test]
fn samples_and_findings_are_committed_and_announced() {
    let mut processor = processor(vec![Arc::new(LimitFactory)]);

    let outcome = processor.step(frames(&[1.0, 2.0, 500.0]), at(3));

    let announced: Vec<EventKind> = outcome.announce.iter().map(|event| event.kind()).collect();
    assert_eq!(announced, [EventKind::Metric, EventKind::Metric, EventKind::Metric, EventKind::Anomaly]);
    assert_eq!((outcome.commit.frames.len(), outcome.commit.events.len()), (3, 1));
    assert_eq!(processor.detector_stats().anomalies, 1);
}

#[test]
fn the_same_batches_give_the_same_outcomes() {
    let run = || {
        let mut processor = processor(vec![Arc::new(LimitFactory)]);
        let outcome = processor.step(frames(&[1.0, 500.0, 2.0]).into_iter().chain([log("a"), log("b")]), at(9));
        outcome.announce.iter().map(|event| (event.id, event.kind())).collect::<Vec<_>>()
    };

    assert_eq!(run(), run());
}

#[test]
fn a_panicking_detector_is_removed_and_the_rest_goes_on() {
    let mut processor = processor(vec![Arc::new(LimitFactory)]);

    let outcome = processor.step(frames(&[1.0, 1_000.0, 500.0]), at(3));

    let stats = processor.detector_stats();
    assert_eq!((stats.panics, stats.anomalies, stats.detectors), (1, 0, 0));
    assert_eq!(outcome.commit.frames.len(), 3);
}

#[test]
fn late_frames_are_stored_but_not_announced() {
    let mut processor = processor(Vec::new());
    let mut items = frames(&[1.0, 2.0]);
    items.reverse();

    let outcome = processor.step(items, at(3));

    assert_eq!((outcome.commit.frames.len(), outcome.announce.len()), (2, 1));
    assert_eq!(processor.stats().late_frames, 1);
}

#[test]
fn a_producer_that_changes_its_columns_is_refused() {
    static OTHER: Metric = Metric::gauge("q.other", Unit::Count, "Other.");
    let mut processor = processor(Vec::new());
    processor.step(frames(&[1.0]), at(0));
    let (mut changed, host) = Table::for_host(Schema::builder("q").column(&OTHER).build().unwrap());
    changed.set(host, 0, 1.0);

    let outcome = processor.step([Item::Frame(changed.frame(at(1)))], at(1));

    assert!(outcome.commit.is_empty());
    assert_eq!(processor.stats().refused_frames, 1);
}

#[test]
fn the_history_is_bounded_in_number_and_in_bytes() {
    let mut processor = processor(Vec::new());

    processor.step((0..6_000).map(|_| log("x")), at(0));
    let by_number = processor.stats().events;
    processor.step((0..100).map(|_| log(&"x".repeat(100_000))), at(0));

    assert_eq!(by_number, 5_000);
    assert!(processor.stats().event_bytes <= 2 << 20);
}

#[test]
fn events_are_found_newest_first_and_by_id() {
    let mut processor = processor(Vec::new());
    let outcome = processor.step([log("a"), log("b"), log("c")], at(0));
    let ids: Vec<EventId> = outcome.announce.iter().map(|event| event.id).collect();

    let newest: Vec<EventId> = processor.events(&newest(&[EventKind::Log], 2)).iter().map(|event| event.id).collect();

    assert_eq!(newest, [ids[2], ids[1]]);
    assert_eq!(processor.event(ids[0]).map(|event| event.id), Some(ids[0]));
    assert!(processor.event(EventId::from_u64(1)).is_none());
}

#[test]
fn frames_can_be_asked_for_like_events_under_the_ids_they_were_announced_with() {
    let mut processor = processor(Vec::new());
    let outcome = processor.step(frames(&[1.0, 2.0, 3.0]), at(3));
    let mut announced: Vec<EventId> = outcome.announce.iter().map(|event| event.id).collect();
    announced.reverse();

    let found = processor.events(&newest(&[EventKind::Metric], 2));

    assert_eq!(found.iter().map(|event| event.id).collect::<Vec<_>>(), announced[..2]);
    assert_eq!(processor.event(announced[2]).map(|event| event.id), Some(announced[2]));
}

#[test]
fn frames_can_be_paged_to_the_oldest() {
    let mut processor = processor(Vec::new());
    processor.step(frames(&[1.0; 500]), at(500));
    let mut query = newest(&[EventKind::Metric], 100);
    let mut pages = Vec::new();

    loop {
        let page = processor.events(&query);
        let Some(last) = page.last() else { break };
        query.before = Some(last.id);
        pages.push(page.len());
    }

    assert_eq!(pages, [100; 5]);
}

#[test]
fn detectors_that_grow_beyond_their_share_are_removed() {
    struct Growing(usize);
    impl Detector for Growing {
        fn update(&mut self, _point: Point) -> Option<Finding> {
            self.0 += 100;
            None
        }

        fn snapshot(&self) -> Vec<u8> {
            Vec::new()
        }

        fn size_bytes(&self) -> usize {
            self.0
        }
    }
    struct GrowingFactory;
    impl DetectorFactory for GrowingFactory {
        fn name(&self) -> &'static str {
            "growing"
        }

        fn detector(&self, _key: &MetricKey, _state: Option<&[u8]>) -> Option<Box<dyn Detector>> {
            Some(Box::new(Growing(100)))
        }
    }
    let limits = Limits { memory_max_bytes: 4 << 20, ..Limits::default() };
    let mut processor = Processor::new(&limits, vec![Arc::new(GrowingFactory)], Arc::default());
    let mut table = Table::new(Schema::builder("many").column(&DEPTH).build().unwrap());
    let ids: Vec<_> = (0..50).map(|n| table.insert(Attributes::new([("n", n.to_string())]).unwrap())).collect();

    for tick in 0..64 {
        ids.iter().for_each(|id| table.set(*id, 0, tick as f64));
        processor.step([Item::Frame(table.frame(at(tick)))], at(tick));
    }

    let stats = processor.detector_stats();
    assert!(stats.bytes <= limits.budget().detectors, "{stats:?}");
    assert!(stats.refused > 0 && stats.detectors > 0);
}

#[test]
fn events_about_a_process_are_explained_from_the_cache() {
    let processes = Arc::new(ProcessCache::new());
    processes.insert(ProcessInfo {
        pid: 7,
        start_ticks: 1,
        ppid: 1,
        name: "worker".into(),
        cmdline: "worker --fast".into(),
        uid: 0,
    });
    let mut processor = Processor::new(&Limits::default(), Vec::new(), processes);
    let mut record = LogRecord::new(at(0), "hello");
    record.attributes = Attributes::new([("process.pid", "7")]).unwrap();

    let outcome = processor.step([Item::Log(record), log("nobody")], at(0));

    let names: Vec<_> =
        outcome.announce.iter().map(|event| event.process.as_ref().map(|one| one.name.clone())).collect();
    assert_eq!(names, [Some("worker".to_owned()), None]);
}

#[test]
fn memory_stays_within_the_budget_whatever_comes_in() {
    let limits = Limits { memory_max_bytes: 8 << 20, ..Limits::default() };
    let mut processor = Processor::new(&limits, vec![Arc::new(LimitFactory)], Arc::default());
    let schema = Schema::builder("many").column(&DEPTH).build().unwrap();
    let mut table = Table::new(schema);
    let ids: Vec<_> = (0..5_000).map(|n| table.insert(Attributes::new([("n", n.to_string())]).unwrap())).collect();

    for tick in 0..400u64 {
        for (index, id) in ids.iter().enumerate() {
            table.set(*id, 0, (tick as f64 * 0.1).sin() + index as f64 % 90.0);
        }
        processor.step([Item::Frame(table.frame(at(tick)))], at(tick));
    }

    let stats = processor.stats();
    assert!(stats.ring_bytes <= limits.budget().rings, "{stats:?}");
    assert!(processor.detector_stats().bytes <= limits.budget().detectors + 16);
}

#[test]
fn an_event_that_an_observer_saw_can_be_published_again() {
    let mut processor = processor(Vec::new());
    let custom = SystemEvent::new("me", at(0), EventData::Custom(Custom { name: "x".into(), data: 1.into() }));

    let first = processor.step([Item::Event(custom)], at(0));
    let again = processor.step([Item::Event(first.announce[0].event.clone())], at(1));

    assert!(again.announce[0].id > first.announce[0].id);
}
