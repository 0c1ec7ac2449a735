use std::{sync::Arc, time::Duration};

use super::*;
use crate::{
    Anomaly, Attributes, Commit, Detector, DetectorFactory, EventData, EventKind, EventQuery, Finding, Formula, Item,
    Level, Limits, Metric, MetricStore, Schema, Store, Table, Term, Unit, processor::SavedStates, testing::FlakyStore,
};

static DONE: Metric = Metric::counter("q.done", Unit::Count, "Done.");
static DEPTH: Metric = Metric::gauge("q.depth", Unit::Count, "Depth.");
static RATE: Metric =
    Metric::derived("q.rate", Unit::CountPerSecond, Formula::Rate { of: &[Term::plus("q.done")], scale: 1.0 }, "Rate.");

/// Finds something at every seventh point, and knows the sum of all.
#[derive(Default)]
struct Sum {
    count: u64,
    sum: f64,
}

impl Detector for Sum {
    fn update(&mut self, point: Point) -> Option<Finding> {
        self.count += 1;
        self.sum += point.value;
        let anomaly = Anomaly {
            detector: "sum".into(),
            score: 1.0,
            level: Level::Notice,
            z_score: None,
            mean: self.sum,
            stddev: 0.0,
            expected: None,
            explanation: String::new(),
        };
        self.count.is_multiple_of(7).then_some(Finding::Anomaly(anomaly))
    }

    fn snapshot(&self) -> Vec<u8> {
        [self.count.to_le_bytes(), self.sum.to_le_bytes()].concat()
    }

    fn size_bytes(&self) -> usize {
        16
    }
}

struct SumFactory;

impl DetectorFactory for SumFactory {
    fn name(&self) -> &'static str {
        "sum"
    }

    fn detector(&self, _key: &MetricKey, state: Option<&[u8]>) -> Option<Box<dyn Detector>> {
        let read = |state: &[u8]| {
            let (count, sum) = state.split_first_chunk::<8>()?;
            Some(Sum { count: u64::from_le_bytes(*count), sum: f64::from_le_bytes(sum.try_into().ok()?) })
        };
        Some(Box::new(state.and_then(read).unwrap_or_default()))
    }
}

/// A processor with a store behind it, as one run of the engine.
struct Run<'a> {
    processor: Processor,
    store: &'a FlakyStore,
    found: Vec<(String, Timestamp, f64)>,
}

impl<'a> Run<'a> {
    fn begin(store: &'a FlakyStore) -> Self {
        Self::with_limits(store, &Limits::default())
    }

    fn with_limits(store: &'a FlakyStore, limits: &Limits) -> Self {
        let saved = Arc::<SavedStates>::default();
        let states = crate::StateStore::states(store, "detector", None, usize::MAX);
        wait(states).unwrap().into_iter().for_each(|state| saved.put(state));
        let mut processor = Processor::new(limits, vec![Arc::new(SumFactory)], Arc::default());
        processor.remember(saved);
        processor.start_refills();
        Self { processor, store, found: Vec::new() }
    }

    fn step(&mut self, frames: impl IntoIterator<Item = Frame>) {
        for frame in frames {
            let now = frame.timestamp();
            let outcome = self.processor.step([Item::Frame(frame)], now);
            wait(self.store.commit(&outcome.commit)).unwrap();
            for event in outcome.announce {
                if let EventData::Anomaly { metric_key, point, anomaly } = &event.data {
                    self.found.push((metric_key.to_string(), point.timestamp, anomaly.mean));
                }
            }
        }
    }

    fn save(&mut self) {
        let states = self.processor.last_states();
        wait(self.store.commit(&Commit { states, ..Commit::default() })).unwrap();
    }

    /// Begins a refill and gives it what the store has.
    fn read(&mut self) -> Refill {
        let mut refill = Refill::new(self.processor.next_refill().unwrap());
        for slice in refill.slices() {
            let queries: Vec<RangeQuery> = refill.queries(&slice).collect();
            refill.push_old(queries.iter().flat_map(|query| wait(self.store.range(query)).unwrap()).collect());
        }
        refill.end_of_old();
        refill
    }

    fn fill(&mut self) -> u64 {
        let refill = self.read();
        let points = refill.points();
        assert!(self.processor.finish_refill(refill).0);
        points
    }

    fn points(&self, key: &str) -> Vec<(u64, f64)> {
        let key = key.parse().unwrap();
        let view = self.processor.registry().find(&key);
        let points = view.map(|view| view.points(Timestamp::MIN, Timestamp::MAX)).unwrap_or_default();
        points.into_iter().map(|point| (point.timestamp.since(at(0)).as_secs(), point.value)).collect()
    }
}

fn wait<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn at(second: u64) -> Timestamp {
    Timestamp::from_millis(1_750_000_000_000) + Duration::from_secs(second)
}

fn schema() -> Arc<Schema> {
    Schema::builder("q").column(&DONE).column(&DEPTH).column(&RATE).build().unwrap()
}

fn depth(second: u64) -> f64 {
    ((second * 37) % 101) as f64
}

/// One frame a second, as a producer makes them that starts with the first one.
fn frames(seconds: Range<u64>) -> impl Iterator<Item = Frame> {
    let (mut table, host) = Table::for_host(schema());
    seconds.map(move |second| {
        table.set(host, 0, (second * second) as f64);
        if !second.is_multiple_of(5) {
            table.set(host, 1, depth(second));
        }
        table.frame(at(second))
    })
}

#[test]
fn rings_hold_what_was_before_and_what_came_since_in_order() {
    let (interrupted, whole) = (FlakyStore::default(), FlakyStore::default());
    Run::begin(&interrupted).step(frames(0..300));
    let mut run = Run::begin(&interrupted);
    run.step(frames(300..303));

    let mut refill = run.read();
    run.step(frames(303..305));
    refill.push_new(run.processor.frames_since(&refill, 1));
    run.step(frames(305..307));
    let points = refill.points();
    assert!(run.processor.finish_refill(refill).0);
    run.step(frames(307..310));

    let mut expected = Run::begin(&whole);
    expected.processor.stop_refills();
    expected.step(frames(0..310));
    for key in ["q.done", "q.depth", "q.rate"] {
        assert_eq!(run.points(key), expected.points(key), "{key}");
    }
    assert_eq!(points, 300 + 240);
}

#[test]
fn detectors_go_on_where_they_were_and_tell_nothing_twice() {
    for (saved, stopped, filled) in [(200, 250, 253), (250, 250, 251), (7, 250, 260), (249, 250, 252)] {
        let (interrupted, whole) = (FlakyStore::default(), FlakyStore::default());
        let mut before = Run::begin(&interrupted);
        before.processor.stop_refills();
        before.step(frames(0..saved));
        before.save();
        before.step(frames(saved..stopped));
        let mut since = Run::begin(&interrupted);
        since.step(frames(stopped..filled));
        let were_held = since.processor.detector_stats().points == 0;
        since.fill();
        since.step(frames(filled..400));

        let mut expected = Run::begin(&whole);
        expected.processor.stop_refills();
        expected.step(frames(0..400));
        let mut found = [before.found, since.found].concat();
        for found in [&mut found, &mut expected.found] {
            found.sort_by(|one, other| (&one.0, one.1).cmp(&(&other.0, other.1)));
        }
        assert_eq!(found, expected.found, "saved at {saved}");
        assert!(were_held);
        assert_eq!(since.processor.detector_stats().anomalies, since_anomalies(&expected.found, stopped));
    }
}

fn since_anomalies(found: &[(String, Timestamp, f64)], second: u64) -> u64 {
    found.iter().filter(|(_, timestamp, _)| *timestamp >= at(second)).count() as u64
}

#[test]
fn a_detector_of_a_series_that_does_not_vary_any_more_is_still_there() {
    let store = FlakyStore::default();
    let constant = |seconds: Range<u64>| {
        let (mut table, host) = Table::for_host(schema());
        seconds.map(move |second| {
            table.set(host, 1, if second == 0 { 1.0 } else { 2.0 });
            table.frame(at(second))
        })
    };
    let mut before = Run::begin(&store);
    before.processor.stop_refills();
    before.step(constant(0..2_000));
    before.save();
    let mut since = Run::begin(&store);

    since.step(constant(2_000..2_001));
    since.fill();
    since.step(constant(2_001..2_010));

    assert_eq!(since.processor.detector_stats().points, 10);
}

#[test]
fn only_subjects_that_are_still_there_come_back_each_with_what_it_had() {
    let store = FlakyStore::default();
    let named = |name: &str| Attributes::new([("name", name.to_owned())]).unwrap();
    let frames = |names: &'static [&'static str], seconds: Range<u64>| {
        let mut table = Table::new(schema());
        let ids: Vec<_> = names.iter().map(|name| table.insert(named(name))).collect();
        seconds.map(move |second| {
            ids.iter().zip(1..).for_each(|(id, factor)| table.set(*id, 1, (second * factor) as f64));
            table.frame(at(second))
        })
    };
    Run::begin(&store).step(frames(&["gone", "stays"], 0..50).chain(frames(&["stays", "late"], 50..60)));
    let mut since = Run::begin(&store);
    since.step(frames(&["late", "new", "stays"], 60..61));

    since.fill();

    let seconds = |key: &str| since.points(key).first().map(|(second, _)| *second);
    assert_eq!(seconds("q.depth{name=stays}"), Some(0));
    assert_eq!(seconds("q.depth{name=late}"), Some(50));
    assert_eq!(seconds("q.depth{name=new}"), Some(60));
    assert_eq!(seconds("q.depth{name=gone}"), None);
    assert_eq!(since.points("q.depth{name=stays}")[..2], [(0, 0.0), (1, 2.0)]);
}

#[test]
fn frames_of_before_are_events_in_the_order_of_time() {
    let store = FlakyStore::default();
    Run::begin(&store).step(frames(0..100));
    let mut since = Run::begin(&store);
    since.step(frames(100..103));
    let newest = |since: &Run<'_>| since.processor.events(&EventQuery::newest(1_000));
    let first: Vec<EventId> = newest(&since).iter().map(|event| event.id).collect();

    since.fill();

    let events = newest(&since);
    assert_eq!(events.len(), 103);
    assert!(events.iter().all(|event| event.kind() == EventKind::Metric));
    assert!(events.is_sorted_by(|one, next| one.id > next.id && one.timestamp > next.timestamp));
    assert_eq!(events[..3].iter().map(|event| event.id).collect::<Vec<_>>(), first);
    assert!(events[3..].iter().all(|event| event.id.timestamp() == event.timestamp));
}

#[test]
fn ids_stay_below_those_of_now_when_a_producer_has_another_clock() {
    let store = FlakyStore::default();
    Run::begin(&store).step(frames(0..100));
    let mut since = Run::begin(&store);
    let frame = frames(100..101).next().unwrap();
    since.processor.step([Item::Frame(frame)], at(10));

    since.fill();

    let events = since.processor.events(&EventQuery::newest(1_000));
    assert!(events.is_sorted_by(|one, next| one.id > next.id && one.timestamp > next.timestamp));
}

#[test]
fn a_producer_with_many_series_is_filled_in_several_slices() {
    let store = FlakyStore::default();
    let schema = Schema::builder("many").column(&DEPTH).build().unwrap();
    let mut table = Table::new(schema);
    let ids: Vec<_> = (0..600).map(|n| table.insert(Attributes::new([("n", n.to_string())]).unwrap())).collect();
    let mut frame = |second: u64| {
        ids.iter().zip(0..).for_each(|(id, n)| table.set(*id, 0, (second + n) as f64));
        table.frame(at(second))
    };
    Run::begin(&store).step((0..450).map(&mut frame));
    let mut since = Run::begin(&store);
    since.step([frame(450)]);

    let slices = {
        let refill = Refill::new(since.processor.next_refill().unwrap());
        let slices = refill.slices();
        assert_eq!(refill.queries(&slices[0]).count(), 2);
        slices
    };

    assert!(slices.len() > 2, "{slices:?}");
    assert!(slices.iter().zip(slices.iter().skip(1)).all(|(one, next)| one.end == next.start));
    assert_eq!((slices[0].start, slices[slices.len() - 1].end), (at(450) - Duration::from_secs(1_000), at(450)));
}

#[test]
fn rings_that_are_filled_stay_within_their_share() {
    let limits = Limits { memory_max_bytes: 1 << 20, ..Limits::default() };
    let store = FlakyStore::default();
    let schema = Schema::builder("many").column(&DEPTH).build().unwrap();
    let mut table = Table::new(schema);
    let ids: Vec<_> = (0..100).map(|n| table.insert(Attributes::new([("n", n.to_string())]).unwrap())).collect();
    let mut frame = |second: u64| {
        ids.iter().for_each(|id| table.set(*id, 0, depth(second)));
        table.frame(at(second))
    };
    Run::with_limits(&store, &limits).step((0..1_000).map(&mut frame));
    let mut since = Run::with_limits(&store, &limits);
    since.step([frame(1_000)]);

    let points = since.fill();

    assert!((10_000..60_000).contains(&points), "{points}");
    assert!(since.processor.stats().ring_bytes <= limits.budget().rings + 64 * 1_024, "{:?}", since.processor.stats());
    assert_eq!(since.points("q.depth{n=7}").last(), Some(&(1_000, depth(1_000))));
}

#[test]
fn what_the_store_has_of_the_future_is_left_out() {
    let store = FlakyStore::default();
    let mut before = Run::begin(&store);
    before.processor.stop_refills();
    before.step(frames(500..600));
    before.save();
    let mut since = Run::begin(&store);
    since.step(frames(0..2));

    let points = since.fill();
    since.step(frames(2..10));

    assert_eq!((points, since.points("q.done").len()), (0, 10));
    assert_eq!(since.processor.detector_stats().points, 7 + 8, "of depth and rate, from the first variation on");
}

#[test]
fn a_producer_that_begins_anew_meanwhile_is_left_alone() {
    let store = FlakyStore::default();
    Run::begin(&store).step(frames(0..100));
    let mut since = Run::begin(&store);
    since.step(frames(100..102));

    let refill = since.read();
    since.step(frames(50..52));
    let (is_in_place, _) = since.processor.finish_refill(refill);
    since.step(frames(52..60));

    assert!(!is_in_place);
    assert_eq!(since.points("q.done").len(), 10);
    assert!(since.processor.detector_stats().points > 0, "detectors wait no longer");
}

#[test]
fn whoever_waits_goes_on_when_no_more_refills_come() {
    let store = FlakyStore::default();
    let mut run = Run::begin(&store);
    run.step(frames(0..5));
    let held = run.processor.detector_stats().points;

    run.processor.stop_refills();
    run.step(frames(5..10));

    assert_eq!(held, 0);
    assert!(run.processor.detector_stats().points > 0);
    assert!(!run.processor.wants_refill());
}
