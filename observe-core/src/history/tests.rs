use std::{collections::BTreeMap, sync::Arc, time::Duration};

use proptest::prelude::*;

use super::{
    double::{Stored, at},
    *,
};
use crate::{
    Attributes, EventData, Formula, Item, KeyedTable, Limits, Metric, Point, Schema, Selector, Term, Timestamp, Unit,
    testing::StepBench,
};

static DONE: Metric = Metric::counter("q.done", Unit::Count, "Done.");
static TIME: Metric = Metric::counter("q.time", Unit::Seconds, "Spent.");
static DEPTH: Metric = Metric::gauge("q.depth", Unit::Count, "Waits.");
static ROOM: Metric = Metric::gauge("q.room", Unit::Count, "Fits.");
static RATE: Metric = Metric::derived(
    "q.rate",
    Unit::CountPerSecond,
    Formula::Rate { of: &[Term::plus("q.done")], scale: 2.0 },
    "Done in a second.",
);
static COST: Metric = Metric::derived(
    "q.cost",
    Unit::Seconds,
    Formula::GrowthRatio {
        of: &[Term::plus("q.time{state=busy}"), Term::plus("q.time{state=idle}")],
        over: &[Term::plus("q.done")],
        scale: 1.0,
    },
    "Time for one.",
);
static FULL: Metric = Metric::derived(
    "q.full",
    Unit::Percent,
    Formula::Ratio { of: &[Term::plus("q.depth")], over: &[Term::plus("q.room")], scale: 100.0 },
    "How full.",
);
static FREE: Metric = Metric::derived(
    "q.free",
    Unit::Count,
    Formula::Sum { of: &[Term::plus("q.room"), Term::minus("q.depth")] },
    "What still fits.",
);

fn schema() -> Arc<Schema> {
    Schema::builder("q")
        .column(&DONE)
        .column_with(&TIME, &[("state", "busy")])
        .column_with(&TIME, &[("state", "idle")])
        .column(&DEPTH)
        .column(&ROOM)
        .column(&RATE)
        .column(&COST)
        .column(&FULL)
        .column(&FREE)
        .build()
        .unwrap()
}

fn formulas() -> Formulas {
    Formulas::with(schema().columns().iter().cloned())
}

fn query(selector: &str, seconds: std::ops::Range<i64>, step: u64, aggregate: &str) -> RangeQuery {
    RangeQuery {
        selector: selector.parse().unwrap(),
        start: at(seconds.start),
        end: at(seconds.end),
        step: Duration::from_secs(step),
        aggregate: aggregate.parse().unwrap(),
        max_points: 1_000,
    }
}

async fn asked(stored: &Stored, query: &RangeQuery) -> Vec<(String, Vec<f64>)> {
    let found = range(stored, &formulas(), query).await.unwrap();
    let values = |series: &SeriesPoints| series.points.iter().map(|point| point.value).collect();
    found.iter().map(|series| (series.key.to_string(), values(series))).collect()
}

/// What the tick computed: points by derived series.
type Ticked = BTreeMap<MetricKey, Vec<Point>>;

/// Lets an engine take frames in, and stores them. A reading is the time since the one before, and a value for each
/// cell: absent, less than before, or more.
fn record(readings: &[(u64, [Option<i16>; 5])]) -> (Stored, Ticked) {
    let mut bench = StepBench::new(&Limits::default());
    let mut table = KeyedTable::<String>::new(schema());
    let (mut stored, mut ticked, mut now) = (Stored::default(), Ticked::new(), at(1_000));
    let mut cells = [1_000.0; 5];
    for (millis, changes) in readings {
        now = now + Duration::from_millis(*millis);
        let mut row = table.row("mail", || Attributes::new([("queue", "mail")]).unwrap());
        for (column, change) in changes.iter().enumerate() {
            let Some(change) = change else { continue };
            cells[column] = f64::max(cells[column] + f64::from(*change) / 4.0, 0.0);
            row.set(column, cells[column]);
        }
        let (commit, announced) = bench.step(vec![Item::Frame(table.frame(now))], now);
        commit.frames.iter().for_each(|frame| stored.add(frame));
        for event in announced {
            let EventData::Frame(reading) = &event.data else { continue };
            let derived = reading.points().filter(|(key, _)| formulas().has(key.name()));
            for (key, value) in derived {
                ticked.entry(key).or_default().push(Point { timestamp: now, value });
            }
        }
    }
    (stored, ticked)
}

/// Readings in which each counter that a formula reads alone is there.
fn readings() -> impl Strategy<Value = Vec<(u64, [Option<i16>; 5])>> {
    let spacing = prop_oneof![8 => 900u64..1_100, 1 => 2_000u64..30_000];
    let growth = || prop_oneof![9 => 0i16..100, 1 => -3_000i16..0];
    let cell = || proptest::option::weighted(0.8, growth());
    let row = (growth(), cell(), cell(), cell(), cell()).prop_map(|(done, a, b, c, d)| [Some(done), a, b, c, d]);
    proptest::collection::vec((spacing, row), 1..60)
}

proptest! {
    #[test]
    fn the_past_has_exactly_the_values_that_the_tick_had(readings in readings(), skip in 0i64..60) {
        let (stored, ticked) = record(&readings);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut query = query(r#"{__name__=~"q\\.(rate|cost|full|free)"}"#, 0..0, 0, "last");
        query.start = at(1_000 + skip);
        query.end = Timestamp::MAX;

        let found = runtime.block_on(range(&stored, &formulas(), &query)).unwrap();

        prop_assert!(ticked.keys().all(|key| found.iter().any(|series| series.key == *key)));
        for series in found {
            let mut expected = ticked.get(&series.key).cloned().unwrap_or_default();
            expected.retain(|point| point.timestamp >= query.start);
            prop_assert_eq!(series.points, expected, "{}", series.key);
        }
    }
}

fn queues() -> Stored {
    let seconds = || (0..240).map(f64::from);
    Stored::default()
        .with("q.done{queue=a}", seconds().map(|second| 5.0 * second))
        .with("q.time{queue=a,state=busy}", seconds().map(|second| 2.0 * second))
        .with("q.time{queue=a,state=idle}", seconds().map(|second| 3.0 * second))
        .with("q.done{queue=b}", seconds())
        .with("q.depth{queue=a}", seconds().map(|second| second % 60.0))
        .with("q.room{queue=a}", seconds().map(|_| 100.0))
        .with("q.depth{queue=b}", [1.0])
        .with("cpu.count", [2.0])
}

#[tokio::test]
async fn averages_of_whole_steps_follow_from_sums_alone() {
    let stored = Stored { raw_from: Some(at(10_000)), ..queues() };

    for (name, expected) in [
        ("q.rate{queue=a}", vec![10.0, 10.0]),
        ("q.cost{queue=a}", vec![1.0, 1.0]),
        ("q.full{queue=a}", vec![29.5, 29.5]),
        ("q.free{queue=a}", vec![70.5, 70.5]),
    ] {
        let found = asked(&stored, &query(name, 60..180, 60, "avg")).await;

        assert_eq!(found, [(name.to_owned(), expected)]);
    }
}

#[tokio::test]
async fn other_aggregates_follow_from_points() {
    let stored = queues();

    for (aggregate, expected) in [
        ("max", vec![59.0, 59.0]),
        ("count", vec![60.0, 60.0]),
        ("p50", vec![29.5, 29.5]),
        ("last", vec![59.0, 59.0]),
        ("increase", vec![59.0, 59.0]),
    ] {
        let found = asked(&stored, &query("q.full{queue=a}", 60..180, 60, aggregate)).await;

        assert_eq!(found, [("q.full{queue=a}".to_owned(), expected)], "{aggregate}");
    }
}

#[tokio::test]
async fn what_points_are_missing_for_is_said_by_name() {
    let stored = Stored { raw_from: Some(at(10_000)), ..queues() };

    let refused = range(&stored, &formulas(), &query("q.rate{queue=a}", 60..180, 60, "max")).await.unwrap_err();

    let reason = "q.rate is computed from other series: their points are kept for a shorter time than the range reaches \
                  back; take a shorter range, or avg";
    assert_eq!(refused, StoreError::Unanswerable { reason: reason.to_owned() });
}

#[tokio::test]
async fn growth_counts_from_the_point_in_front_of_the_range() {
    let stored = queues();

    assert_eq!(asked(&stored, &query("q.rate{queue=b}", 10..12, 0, "last")).await[0].1, [2.0, 2.0]);
    assert_eq!(asked(&stored, &query("q.rate{queue=b}", 0..2, 0, "last")).await[0].1, [2.0]);
}

#[tokio::test]
async fn matchers_find_the_subjects_of_derived_series() {
    let stored = queues();
    let keys = async |selector: &str| -> Vec<String> {
        asked(&stored, &query(selector, 0..2, 0, "last")).await.into_iter().map(|(key, _)| key).collect()
    };

    assert_eq!(keys("q.rate").await, ["q.rate{queue=a}", "q.rate{queue=b}"]);
    assert_eq!(keys("q.rate{queue!=a}").await, ["q.rate{queue=b}"]);
    assert_eq!(keys("q.full").await, ["q.full{queue=a}"], "b has no room");
    assert_eq!(keys("q.cost{state=busy}").await, [] as [&str; 0], "the state is that of a term");
    assert_eq!(keys(r#"{__name__=~"q\\.(done|rate)",queue=b}"#).await, ["q.done{queue=b}", "q.rate{queue=b}"]);
}

#[tokio::test]
async fn series_are_known_when_all_their_terms_are() {
    let stored = queues();
    let known = async |key: &str| {
        let mut query = query("a", 500..600, 0, "last");
        query.selector = Selector::key(key.parse().unwrap());
        asked(&stored, &query).await
    };

    assert_eq!(known("q.rate{queue=a}").await, [("q.rate{queue=a}".to_owned(), Vec::new())]);
    assert_eq!(known("q.rate{queue=c}").await, []);
    assert_eq!(known("q.full{queue=b}").await, []);
    assert_eq!(known("q.cost{queue=a,state=busy}").await, []);
}

#[tokio::test]
async fn a_series_under_the_name_of_a_derived_metric_is_answered_as_stored() {
    let stored = queues().with("q.rate{queue=a}", [7.0, 8.0]);

    let found = asked(&stored, &query("q.rate{queue=a}", 0..10, 0, "last")).await;

    assert_eq!(found, [("q.rate{queue=a}".to_owned(), vec![7.0, 8.0])]);
}

#[tokio::test]
async fn answers_are_bounded() {
    let stored = queues();

    for (selector, step, aggregate) in [("q.rate", 0, "last"), ("q.free", 1, "avg"), ("q.free", 1, "max")] {
        let mut query = query(selector, 0..240, step, aggregate);
        query.max_points = 200;
        let refused = range(&stored, &formulas(), &query).await.unwrap_err();

        assert_eq!(refused, StoreError::TooMany { what: "points", limit: 200 }, "{selector}");
    }
}

#[tokio::test]
async fn a_range_without_ends_takes_no_longer() {
    let stored = queues();
    let mut query = query("q.rate{queue=b}", 0..0, 0, "last");
    (query.start, query.end) = (Timestamp::MIN, Timestamp::MAX);

    assert_eq!(asked(&stored, &query).await[0].1.len(), 239);
}

#[tokio::test]
async fn more_points_than_fit_into_a_window_are_read_in_several() {
    let count = 400_000;
    let stored = Stored::default()
        .with("q.depth", (0..count).map(|second| f64::from(second % 100)))
        .with("q.room", (0..count).map(|_| 100.0));

    let found = asked(&stored, &query("q.full", 0..i64::from(count), 100_000, "max")).await;

    assert_eq!(found, [("q.full".to_owned(), vec![99.0; 4])]);
}

#[tokio::test]
async fn the_catalogue_has_derived_series_page_by_page() {
    let stored = queues();
    let mut query = SeriesQuery { selector: "{}".parse().unwrap(), after: None, limit: 3 };
    let mut keys = Vec::new();

    loop {
        let page = series(&stored, &formulas(), &query).await.unwrap();
        keys.extend(page.iter().map(|info| info.key.to_string()));
        query.after = page.last().map(|info| info.key.clone());
        if page.len() < query.limit {
            break;
        }
    }

    let derived = ["q.cost{queue=a}", "q.free{queue=a}", "q.full{queue=a}", "q.rate{queue=a}", "q.rate{queue=b}"];
    let mut expected: Vec<String> = stored.series.keys().map(ToString::to_string).collect();
    expected.extend(derived.map(str::to_owned));
    expected.sort();
    assert_eq!(keys, expected);
}

#[tokio::test]
async fn metrics_of_the_table_need_no_schema() {
    let states = ["user", "nice", "system", "irq", "softirq", "steal", "idle", "iowait"];
    let stored = states.iter().fold(Stored::default(), |stored, state| {
        let share = if *state == "user" { 0.25 } else { 0.0 } + if *state == "idle" { 0.75 } else { 0.0 };
        stored.with(&format!("cpu.time{{state={state}}}"), (0..10).map(|second| share * f64::from(second)))
    });

    let found = range(&stored, &Formulas::default(), &query("cpu.total", 5..6, 0, "last")).await.unwrap();

    assert_eq!(found[0].points, [Point { timestamp: at(5), value: 25.0 }]);
}

#[test]
fn every_formula_of_the_table_can_be_read() {
    for metric in crate::metric::names::all() {
        let is_derived = matches!(metric.kind, crate::MetricKind::Derived(_));

        assert_eq!(Formulas::default().recipes(&metric.name).len(), usize::from(is_derived), "{}", metric.name);
        assert_eq!(Formulas::default().has(&metric.name), is_derived);
    }
}
