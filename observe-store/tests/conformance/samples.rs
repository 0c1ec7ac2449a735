//! Samples: those that every store has to give back.

use std::{sync::Arc, time::Duration};

use observe_core::{
    Aggregate, Attributes, Commit, Frame, KeyedTable, Matcher, Metric, MetricKey, RangeQuery, Schema, Selector,
    SeriesKind, SeriesQuery, Store, StoreError, Timestamp, Unit, Upkeep,
};

use crate::support::at;

static DEPTH: Metric = Metric::gauge("q.depth", Unit::Count, "Depth.");
static DONE: Metric = Metric::counter("q.done", Unit::Count, "Done.");

fn schema() -> Arc<Schema> {
    Schema::builder("q").column(&DEPTH).column(&DONE).build().unwrap()
}

/// Ticks of two queues, one a second: of the one, depth and done follow the second, and of the other they stand still.
fn frames(seconds: std::ops::Range<u64>) -> Vec<Frame> {
    let mut table = KeyedTable::<&str>::new(schema());
    let frame = |second: u64| {
        let moving = second as f64;
        for (queue, values) in [("mail", [moving % 60.0, moving * 2.0]), ("fax", [f64::NAN, 7.5])] {
            table.row(&queue, || Attributes::new([("queue", queue)]).unwrap()).set_all(0, values);
        }
        table.frame(at(second))
    };
    seconds.map(frame).collect()
}

async fn commit(store: &dyn Store, frames: Vec<Frame>) {
    store.commit(&Commit { frames, ..Commit::default() }).await.unwrap();
}

async fn keep_in_order(store: &dyn Store, second: u64) {
    while store.maintain(at(second)).await.unwrap() == Upkeep::More {}
}

fn key(text: &str) -> MetricKey {
    text.parse().unwrap()
}

async fn values(store: &dyn Store, query: &RangeQuery) -> Vec<(String, Vec<f64>)> {
    let found = store.range(query).await.unwrap();
    let values = found
        .into_iter()
        .map(|series| (series.key.to_string(), series.points.into_iter().map(|point| point.value).collect()));
    values.collect()
}

fn raw(key: &str, seconds: std::ops::Range<u64>) -> RangeQuery {
    RangeQuery::raw(Selector::key(self::key(key)), at(seconds.start), at(seconds.end))
}

pub(crate) async fn points_come_back_in_the_order_of_time(store: &dyn Store) {
    let mut all = frames(0..2_000);
    let late = all.split_off(1_500);
    commit(store, late).await;
    commit(store, all).await;
    keep_in_order(store, 1_000).await;

    let expected: Vec<f64> = (0..2_000).map(|second| f64::from(second) * 2.0).collect();
    assert_eq!(values(store, &raw("q.done{queue=mail}", 0..5_000)).await[0].1, expected);
    keep_in_order(store, 100_000).await;
    assert_eq!(values(store, &raw("q.done{queue=mail}", 0..5_000)).await[0].1, expected);
    assert_eq!(values(store, &raw("q.done{queue=mail}", 10..12)).await[0].1, [20.0, 22.0]);
}

pub(crate) async fn a_key_that_is_given_twice_counts_once(store: &dyn Store) {
    commit(store, frames(0..120)).await;
    keep_in_order(store, 100_000).await;
    let mut keys = vec![key("q.depth{queue=mail}")];
    keys.extend((0..200).map(|number| key(&format!("q.depth{{queue=none{number:03}}}"))));
    keys.push(key("q.depth{queue=mail}"));

    let query = RangeQuery {
        step: Duration::from_secs(60),
        aggregate: Aggregate::Count,
        ..RangeQuery::raw(Selector::Keys(keys), at(0), at(120))
    };

    let found = values(store, &query).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].1.iter().sum::<f64>(), 120.0);
}

pub(crate) async fn the_value_written_last_stays(store: &dyn Store) {
    commit(store, frames(0..10)).await;
    keep_in_order(store, 100_000).await;
    let mut table = KeyedTable::<&str>::new(schema());
    table.row(&"mail", || Attributes::new([("queue", "mail")]).unwrap()).set(0, 99.0);
    commit(store, vec![table.frame(at(5))]).await;

    let expected = [4.0, 99.0, 6.0];
    assert_eq!(values(store, &raw("q.depth{queue=mail}", 4..7)).await[0].1, expected);
    keep_in_order(store, 200_000).await;
    assert_eq!(values(store, &raw("q.depth{queue=mail}", 4..7)).await[0].1, expected);
    assert_eq!(values(store, &raw("q.done{queue=mail}", 4..7)).await[0].1, [8.0, 10.0, 12.0]);
}

pub(crate) async fn known_series_without_points_are_told_from_unknown_ones(store: &dyn Store) {
    commit(store, frames(0..3)).await;

    assert_eq!(values(store, &raw("q.depth{queue=mail}", 10..20)).await, [("q.depth{queue=mail}".into(), vec![])]);
    assert_eq!(values(store, &raw("q.depth{queue=none}", 0..20)).await, []);
    assert_eq!(store.points(&key("q.width"), at(0), at(9), 5).await, Ok(None));
}

pub(crate) async fn steps_are_answered_alike_before_and_after_packing(store: &dyn Store) {
    commit(store, frames(0..4_000)).await;
    let ask = async |step, aggregate: &str, metric| {
        let aggregate: Aggregate = aggregate.parse().unwrap();
        let query = RangeQuery { step: Duration::from_secs(step), aggregate, ..raw(metric, 0..4_000) };
        values(store, &query).await.remove(0).1
    };
    let every = ["avg", "min", "max", "sum", "count", "p50", "p95", "p99", "last", "rate", "increase"];
    let mut before = Vec::new();
    for step in [7, 60, 3_600] {
        for aggregate in every {
            before.push((step, aggregate, ask(step, aggregate, "q.done{queue=mail}").await));
        }
    }
    keep_in_order(store, 100_000).await;

    for (step, aggregate, expected) in before {
        assert!(!expected.is_empty(), "{aggregate} by {step}");
        assert_eq!(ask(step, aggregate, "q.done{queue=mail}").await, expected, "{aggregate} by {step}");
    }
    let rates = ask(60, "rate", "q.done{queue=mail}").await;
    assert!(rates.iter().all(|rate| *rate == 2.0), "{rates:?}");
    assert_eq!(ask(3_600, "avg", "q.depth{queue=fax}").await, [] as [f64; 0], "not a number at any time");
}

pub(crate) async fn growth_survives_a_counter_that_starts_anew(store: &dyn Store) {
    let mut table = KeyedTable::<&str>::new(schema());
    let mut tick = |second: u64, done: f64| {
        table.row(&"mail", || Attributes::new([("queue", "mail")]).unwrap()).set(1, done);
        table.frame(at(second))
    };
    // at(0) is 20 seconds into a minute: 1,699,999,980 begins one.
    let frames =
        (0..200).map(|second| tick(second, if second < 90 { 1_000.0 + second as f64 } else { second as f64 - 90.0 }));
    commit(store, frames.collect()).await;
    let query = RangeQuery {
        step: Duration::from_secs(60),
        aggregate: Aggregate::Increase,
        ..raw("q.done{queue=mail}", 0..200)
    };
    let before = values(store, &query).await;

    keep_in_order(store, 100_000).await;

    let after = values(store, &query).await;
    assert_eq!(after, before);
    assert_eq!(after[0].1.iter().sum::<f64>(), 198.0, "89 up to the restart, and 109 since");
}

pub(crate) async fn series_are_chosen_by_what_they_are_like(store: &dyn Store) {
    commit(store, frames(0..3)).await;
    let chosen = async |matchers: Vec<Matcher>| {
        let query = RangeQuery::raw(Selector::Matching(matchers), at(0), at(9));
        values(store, &query).await.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
    };

    let depth = Matcher::equal(None, "q.depth");
    assert_eq!(chosen(vec![depth.clone()]).await, ["q.depth{queue=fax}", "q.depth{queue=mail}"]);
    let not_fax = Matcher::equal(Some("queue"), "fax").negated();
    assert_eq!(chosen(vec![depth, not_fax.clone()]).await, ["q.depth{queue=mail}"]);
    let like = Matcher::like(None, "q\\..*e.*").unwrap();
    assert_eq!(chosen(vec![like, not_fax]).await, ["q.depth{queue=mail}", "q.done{queue=mail}"]);
}

pub(crate) async fn series_are_described(store: &dyn Store) {
    commit(store, frames(0..3)).await;
    let query = |after: Option<&str>, limit| SeriesQuery {
        selector: Selector::Matching(Vec::new()),
        after: after.map(key),
        limit,
    };

    let first = store.series(&query(None, 2)).await.unwrap();
    let rest = store.series(&query(Some("q.depth{queue=mail}"), 10)).await.unwrap();

    let keys: Vec<String> = first.iter().chain(&rest).map(|info| info.key.to_string()).collect();
    assert_eq!(keys, ["q.depth{queue=fax}", "q.depth{queue=mail}", "q.done{queue=fax}", "q.done{queue=mail}"]);
    let done = &rest[1];
    assert_eq!((done.kind, &*done.unit, &*done.producer), (SeriesKind::Counter, "count", "q"));
    assert_eq!((done.interval, done.created_at, done.ended_at), (Duration::from_secs(1), at(0), None));
}

pub(crate) async fn an_answer_that_would_be_too_large_is_refused(store: &dyn Store) {
    commit(store, frames(0..100)).await;

    let refused = store.range(&RangeQuery { max_points: 99, ..raw("q.depth{queue=mail}", 0..100) }).await;
    let granted = store.range(&RangeQuery { max_points: 100, ..raw("q.depth{queue=mail}", 0..100) }).await;

    assert_eq!(refused, Err(StoreError::TooMany { what: "points", limit: 99 }));
    assert_eq!(granted.unwrap()[0].points.len(), 100);
    assert_eq!(
        store.points(&key("q.done{queue=mail}"), Timestamp::MIN, at(50), 1).await.unwrap().unwrap()[0].value,
        98.0
    );
}

pub(crate) async fn what_is_too_old_leaves(store: &dyn Store) {
    if store.name() == "memory" {
        // Its bound is that of bytes.
        return;
    }
    const DAY: u64 = 86_400;
    commit(store, frames(0..2_000)).await;
    keep_in_order(store, 10_000).await;
    let hours = RangeQuery {
        step: Duration::from_secs(3_600),
        aggregate: Aggregate::Count,
        ..raw("q.done{queue=mail}", 0..2_000)
    };

    keep_in_order(store, 100 * DAY).await;

    assert!(values(store, &raw("q.done{queue=mail}", 0..2_000)).await[0].1.is_empty());
    assert_eq!(values(store, &hours).await[0].1.iter().sum::<f64>(), 2_000.0);
    keep_in_order(store, 1_000 * DAY).await;
    assert!(values(store, &hours).await[0].1.is_empty());
}
