use std::time::Duration;

use super::*;
use crate::{EventQuery, Formula, KeyedTable, Metric, MetricKind, Table, Term, Unit};

static DONE: Metric = Metric::counter("q.done", Unit::Count, "Done.");
static DEPTH: Metric = Metric::gauge("q.depth", Unit::Count, "Depth.");
static RATE: Metric =
    Metric::derived("q.rate", Unit::CountPerSecond, Formula::Rate { of: &[Term::plus("q.done")], scale: 1.0 }, "Rate.");

/// Remembers what it was shown.
#[derive(Default)]
struct Seen {
    points: Vec<(String, f64)>,
    forgotten: usize,
}

impl Observer for Seen {
    type Watch = Option<()>;

    fn is_for(&self, metric: &Metric) -> bool {
        metric.kind != MetricKind::Counter
    }

    fn observe(&mut self, watch: &mut Option<()>, point: Point, key: &dyn Fn() -> MetricKey) {
        *watch = Some(());
        self.points.push((key().to_string(), point.value));
    }

    fn is_at_work(_watch: &Option<()>) -> bool {
        false
    }

    fn forget(&mut self, watch: Option<()>) {
        self.forgotten += usize::from(watch.is_some());
    }
}

/// The arrival of a frame when the clock shows `now`.
const fn arrival(now: Timestamp) -> Arrival {
    Arrival { id: EventId::from_u64(0), now }
}

/// The arrival of a frame long after whatever it says.
const LATER: Arrival = arrival(Timestamp::MAX);

fn schema() -> Arc<Schema> {
    Schema::builder("q").column(&DONE).column(&DEPTH).column(&RATE).build().unwrap()
}

fn group() -> Group<Option<()>> {
    Group::new(schema(), GroupLimits { points: 1_000, max_series: 300 })
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000) + Duration::from_secs(seconds)
}

fn named(name: &str) -> Attributes {
    Attributes::new([("name", name)]).unwrap()
}

fn latest(group: &Group<Option<()>>, column: usize, name: &str) -> Option<f64> {
    group.find(column, &named(name))?.latest().map(|point| point.value)
}

#[test]
fn rates_follow_from_counters_and_a_gap_is_not_a_spike() {
    let (mut table, host) = Table::for_host(schema());
    let (mut group, mut seen) = (group(), Seen::default());
    let mut rates = Vec::new();

    for (seconds, done) in [(0, 10.0), (1, 15.0), (3, 35.0), (28_800, 40.0), (28_801, 42.0)] {
        table.set(host, 0, done);
        group.push(table.frame(at(seconds)), LATER, &mut seen);
        let rate = group.find(2, &Attributes::empty()).and_then(|view| view.latest());
        rates.push(rate.filter(|rate| rate.timestamp == at(seconds)).map(|rate| rate.value));
    }

    assert_eq!(rates, [None, Some(5.0), Some(10.0), None, Some(2.0)]);
}

#[test]
fn only_what_varies_and_is_no_counter_is_observed() {
    let (mut table, host) = Table::for_host(schema());
    let (mut group, mut seen) = (group(), Seen::default());

    for (seconds, depth) in [(0, 1.0), (1, 1.0), (2, 2.0), (3, 2.0)] {
        table.set(host, 0, seconds as f64);
        table.set(host, 1, depth);
        group.push(table.frame(at(seconds)), LATER, &mut seen);
    }

    assert_eq!(seen.points, [("q.depth".to_owned(), 2.0), ("q.depth".to_owned(), 2.0)]);
}

#[test]
fn late_and_repeated_frames_stay_out_of_the_rings() {
    let (mut table, host) = Table::for_host(schema());
    let (mut group, mut seen) = (group(), Seen::default());
    let mut fresh = Vec::new();

    for seconds in [100, 101, 101, 99, 102] {
        table.set(host, 1, 1.0);
        fresh.push(matches!(group.push(table.frame(at(seconds)), LATER, &mut seen), Pushed::Fresh { .. }));
    }

    assert_eq!(fresh, [true, true, false, false, true]);
    assert_eq!(group.restarts(), 0);
}

#[test]
fn a_clock_set_back_far_begins_anew() {
    let (mut table, host) = Table::for_host(schema());
    let (mut group, mut seen) = (group(), Seen::default());
    for seconds in [3_600, 3_601, 1, 2] {
        table.set(host, 1, seconds as f64);
        group.push(table.frame(at(seconds)), arrival(at(seconds)), &mut seen);
    }

    let points = group.find(1, &Attributes::empty()).unwrap().points(Timestamp::MIN, Timestamp::MAX);

    assert_eq!(points.iter().map(|point| point.value).collect::<Vec<_>>(), [1.0, 2.0]);
    assert_eq!(group.restarts(), 1);
}

#[test]
fn a_subject_that_left_can_be_asked_about_and_goes_on_when_it_returns() {
    let mut table = KeyedTable::<String>::new(schema());
    let (mut group, mut seen) = (group(), Seen::default());
    table.row("a", || named("a")).set(1, 1.0);
    table.row("b", || named("b")).set(1, 5.0);
    group.push(table.frame(at(0)), LATER, &mut seen);
    table.row("b", || named("b")).set(1, 6.0);
    group.push(table.frame(at(1)), LATER, &mut seen);

    let gone = group.find(1, &named("a")).map(|view| (view.is_live(), view.latest().map(|point| point.value)));
    table.row("a", || named("a")).set(1, 3.0);
    table.row("b", || named("b")).set(1, 7.0);
    group.push(table.frame(at(2)), LATER, &mut seen);
    let back = group.find(1, &named("a")).unwrap().points(Timestamp::MIN, Timestamp::MAX);

    assert_eq!(gone, Some((false, Some(1.0))));
    assert_eq!(back.iter().map(|point| point.value).collect::<Vec<_>>(), [1.0, 3.0]);
    assert_eq!(latest(&group, 1, "b"), Some(7.0));
}

#[test]
fn a_slot_that_changes_hands_does_not_mix_histories() {
    let mut table = Table::new(schema());
    let (mut group, mut seen) = (group(), Seen::default());
    let first = table.insert(named("first"));
    table.set(first, 0, 100.0);
    group.push(table.frame(at(0)), LATER, &mut seen);
    table.remove(first);
    let second = table.insert(named("second"));
    table.set(second, 0, 130.0);
    group.push(table.frame(at(1)), LATER, &mut seen);

    assert_eq!(first.slot(), second.slot());
    assert_eq!(latest(&group, 2, "second"), None, "no rate between two subjects");
    assert_eq!((latest(&group, 0, "first"), latest(&group, 0, "second")), (Some(100.0), Some(130.0)));
}

#[test]
fn series_above_the_cap_are_refused_and_counted() {
    let mut table = Table::new(schema());
    let mut group = Group::new(schema(), GroupLimits { points: 1_000, max_series: 6 });
    let ids: Vec<_> = (0..3).map(|n| table.insert(named(&n.to_string()))).collect();
    ids.iter().for_each(|id| table.set(*id, 1, 1.0));

    group.push(table.frame(at(0)), LATER, &mut Seen::default());

    assert_eq!((group.series_len(), group.refused()), (2, 3), "one column was ever written");
}

#[test]
fn who_was_refused_comes_in_when_there_is_room() {
    let mut table = Table::new(schema());
    let mut group = Group::new(schema(), GroupLimits { points: 1_000, max_series: 6 });
    let ids: Vec<_> = (0..3).map(|n| table.insert(named(&n.to_string()))).collect();
    ids.iter().for_each(|id| table.set(*id, 1, 1.0));
    group.push(table.frame(at(0)), LATER, &mut Seen::default());

    table.remove(ids[0]);
    ids.iter().for_each(|id| table.set(*id, 1, 2.0));
    group.push(table.frame(at(1)), LATER, &mut Seen::default());

    assert_eq!(latest(&group, 1, "2"), Some(2.0));
}

#[test]
fn a_subject_that_would_share_a_key_with_another_series_is_refused() {
    static TIME: Metric = Metric::counter("q.time", Unit::Seconds, "Time.");
    let schema = Schema::builder("q").column_with(&TIME, &[("state", "idle")]).build().unwrap();
    let mut table = Table::new(Arc::clone(&schema));
    let id = table.insert(Attributes::new([("state", "busy")]).unwrap());
    table.set(id, 0, 1.0);
    let mut group: Group<Option<()>> = Group::new(schema, GroupLimits { points: 1_000, max_series: 300 });

    group.push(table.frame(at(0)), LATER, &mut Seen::default());

    assert_eq!((group.series_len(), group.refused()), (0, 1));
}

#[test]
fn one_late_frame_does_not_cost_the_past() {
    let (mut table, host) = Table::for_host(schema());
    let (mut group, mut seen) = (group(), Seen::default());
    for seconds in (1_000..1_500).chain([1_100, 1_500]) {
        table.set(host, 1, 1.0);
        group.push(table.frame(at(seconds)), arrival(at(1_500)), &mut seen);
    }

    assert_eq!(group.find(1, &Attributes::empty()).map(|view| view.point_count()), Some(501));
}

#[test]
fn rates_exist_whatever_the_schema_says_about_the_interval() {
    let (mut table, host) = Table::for_host(schema());
    let (mut group, mut seen) = (group(), Seen::default());
    for seconds in [0, 30, 60] {
        table.set(host, 0, seconds as f64);
        group.push(table.frame(at(seconds)), LATER, &mut seen);
    }

    assert_eq!(group.find(2, &Attributes::empty()).and_then(|view| view.latest()).map(|point| point.value), Some(1.0));
}

#[test]
fn rings_keep_their_length_and_leavers_age_out() {
    let mut table = KeyedTable::<String>::new(schema());
    let (mut group, mut seen) = (group(), Seen::default());
    for tick in 0..5_000 {
        table.row("stays", || named("stays")).set(1, tick as f64);
        if tick < 10 {
            table.row("leaves", || named("leaves")).set(1, tick as f64);
        }
        group.push(table.frame(at(tick)), LATER, &mut seen);
    }

    let kept = group.find(1, &named("stays")).unwrap().point_count();

    assert!((1_000..1_064 + 64).contains(&kept), "{kept}");
    assert!(group.find(1, &named("leaves")).is_none());
    assert_eq!(seen.forgotten, 1);
}

#[test]
fn a_million_short_lives_do_not_grow_memory() {
    let mut table = KeyedTable::<u64>::new(schema());
    let (mut group, mut seen) = (group(), Seen::default());
    let mut sizes = Vec::new();
    for tick in 0..40_000u64 {
        for life in 0..25 {
            let id = tick * 25 + life;
            table.row(&id, || named(&id.to_string())).set(1, id as f64);
        }
        group.push(table.frame(at(tick)), LATER, &mut seen);
        if tick == 2_000 || tick == 39_999 {
            sizes.push(group.size_bytes());
        }
    }

    assert!(sizes[1] <= sizes[0] + sizes[0] / 10, "{sizes:?}");
}

#[test]
fn memory_that_nobody_uses_goes_before_any_series() {
    let mut table = KeyedTable::<u64>::new(schema());
    let (mut group, mut seen) = (group(), Seen::default());
    for tick in 0..40 {
        for life in tick / 2 * 90..(tick / 2 + 1) * 90 {
            table.row(&life, || named(&life.to_string())).set(1, (life + tick) as f64);
        }
        group.push(table.frame(at(tick)), LATER, &mut seen);
    }
    group.push(table.frame(at(40)), LATER, &mut seen);
    let (size, series) = (group.size_bytes(), group.series_len());

    let first = group.shrink(1, &mut seen);

    assert_eq!((first, group.series_len()), (Some(0), series));
    assert!(size - group.size_bytes() > 90 * 500, "{} bytes are free", size - group.size_bytes());
    assert!(group.shrink(1, &mut seen) > Some(0), "then those that left go");
}

#[test]
fn shrinking_takes_leavers_first_and_then_the_oldest_points() {
    let mut table = KeyedTable::<String>::new(schema());
    let (mut group, mut seen) = (group(), Seen::default());
    for tick in 0..500 {
        table.row("stays", || named("stays")).set(1, tick as f64);
        if tick < 450 {
            table.row("leaves", || named("leaves")).set(1, tick as f64);
        }
        group.push(table.frame(at(tick)), LATER, &mut seen);
    }
    let before = group.size_bytes();

    let first = group.shrink(1, &mut seen);
    let second = group.shrink(1, &mut seen);

    assert_eq!((first, second), (Some(3), Some(0)));
    assert!(group.size_bytes() < before);
    assert!(group.find(1, &named("stays")).unwrap().point_count() >= 64);
}

#[test]
fn a_group_that_cannot_shrink_goes_on_without_its_last_subjects() {
    let mut table = Table::new(schema());
    let (mut group, mut seen) = (group(), Seen::default());
    let ids: Vec<_> = (0..4).map(|n| table.insert(named(&n.to_string()))).collect();
    for tick in 0..70 {
        ids.iter().for_each(|id| table.set(*id, 1, tick as f64));
        group.push(table.frame(at(tick)), LATER, &mut seen);
    }

    let gone = group.shrink(1, &mut seen);
    ids.iter().for_each(|id| table.set(*id, 1, 70.0));
    group.push(table.frame(at(70)), LATER, &mut seen);

    assert_eq!((gone, group.series_len(), group.refused(), seen.forgotten), (Some(3), 3, 0, 1));
    assert_eq!((latest(&group, 1, "2"), latest(&group, 1, "3")), (Some(70.0), None));
}

#[test]
fn readings_are_rebuilt_as_they_were() {
    let (mut table, host) = Table::for_host(schema());
    let (mut group, mut seen) = (group(), Seen::default());
    let mut shown = Vec::new();
    for tick in 0..3 {
        table.set(host, 0, f64::from(tick * 5));
        if tick != 1 {
            table.set(host, 1, 1.0);
        }
        if let Pushed::Fresh { reading, .. } = group.push(table.frame(at(tick as u64)), LATER, &mut seen) {
            shown.push(reading.points().map(|(key, value)| (key.to_string(), value)).collect::<Vec<_>>());
        }
    }

    let rebuilt: Vec<_> = group
        .readings(&EventQuery::newest(10))
        .map(|(_, reading)| reading.points().map(|(key, value)| (key.to_string(), value)).collect::<Vec<_>>())
        .collect();

    shown.reverse();
    assert_eq!(rebuilt, shown);
}
