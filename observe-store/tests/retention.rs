//! What is too old or too much leaves, and the rest stays.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use std::{sync::Arc, time::Duration};

use observe_core::{
    Aggregate, Attributes, Commit, Custom, Enriched, EventData, EventId, EventQuery, EventStore, Frame, IdSequence,
    KeyedTable, Metric, MetricStore, RangeQuery, Schema, Selector, SeriesQuery, State, StateStore, Store, StoreError,
    SystemEvent, Timestamp, Unit, Upkeep,
};
use observe_store::{Config, RetentionConfig, SqlStore};
use tempfile::TempDir;

static DONE: Metric = Metric::counter("q.done", Unit::Count, "Done.");

const DAY: u64 = 86_400;

struct Fixture {
    store: SqlStore,
    directory: TempDir,
}

fn at(second: u64) -> Timestamp {
    Timestamp::from_millis(1_704_067_200_000) + Duration::from_secs(second)
}

/// One tick in ten seconds, of the queue `mail`.
fn frames(seconds: std::ops::Range<u64>) -> Vec<Frame> {
    let schema = Schema::builder("q").interval(Duration::from_secs(1)).column(&DONE).build().unwrap();
    let mut table = KeyedTable::<&str>::new(schema);
    let frame = |second: u64| {
        table.row(&"mail", || Attributes::new([("queue", "mail")]).unwrap()).set(0, second as f64);
        table.frame(at(second))
    };
    seconds.step_by(10).map(frame).collect()
}

impl Fixture {
    async fn new(retention: RetentionConfig) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = directory.path().join("observe.db").display().to_string();
        let store = SqlStore::open(&Config { retention, ..Config::at(url) }).await.unwrap();
        Self { store, directory }
    }

    async fn fill(&self, seconds: std::ops::Range<u64>) {
        self.store.commit(&Commit { frames: frames(seconds), ..Commit::default() }).await.unwrap();
    }

    async fn keep_in_order(&self, second: u64) {
        while self.store.maintain(at(second)).await.unwrap() == Upkeep::More {}
    }

    async fn ask(&self, step: u64, aggregate: &str) -> Result<Vec<(u64, f64)>, StoreError> {
        let query = RangeQuery {
            step: Duration::from_secs(step),
            aggregate: aggregate.parse().unwrap(),
            ..RangeQuery::raw(Selector::key("q.done{queue=mail}".parse().unwrap()), at(0), at(100 * DAY))
        };
        let found = self.store.range(&query).await?;
        let second = |timestamp: Timestamp| timestamp.since(at(0)).as_secs();
        Ok(found.iter().flat_map(|series| &series.points).map(|point| (second(point.timestamp), point.value)).collect())
    }
}

#[tokio::test]
async fn points_minutes_and_hours_leave_at_their_own_time() {
    let retention = RetentionConfig { raw_days: 1.0, minute_days: 2.0, hour_days: 20.0, ..RetentionConfig::default() };
    let fixture = Fixture::new(retention).await;
    fixture.fill(0..4 * DAY).await;

    fixture.keep_in_order(4 * DAY + 1).await;

    let raw = fixture.ask(0, "last").await.unwrap();
    let minutes = fixture.ask(60, "last").await.unwrap();
    let hours = fixture.ask(3_600, "last").await.unwrap();
    assert!((3 * DAY - 1_800..=3 * DAY).contains(&raw[0].0), "raw from {}", raw[0].0);
    assert!((2 * DAY - 43_200..=2 * DAY).contains(&minutes[0].0), "minutes from {}", minutes[0].0);
    assert_eq!(hours[0].0, 0);
    let newest = (4 * DAY - 10, (4 * DAY - 10) as f64);
    assert_eq!(raw.last(), Some(&newest));
    assert_eq!((minutes.last().unwrap().1, hours.last().unwrap().1), (newest.1, newest.1));
}

#[tokio::test]
async fn what_comes_late_takes_no_hours_away_whose_minutes_have_left() {
    let retention = RetentionConfig { raw_days: 1.0, minute_days: 1.0, ..RetentionConfig::default() };
    let fixture = Fixture::new(retention).await;
    fixture.fill(0..4 * DAY).await;
    fixture.keep_in_order(4 * DAY + 1).await;
    let before = fixture.ask(3_600, "count").await.unwrap();

    // Twice in one hour: then minutes are there again, but not all.
    for second in [3_605, 5_405] {
        fixture.fill(second..second + 1).await;
        fixture.keep_in_order(4 * DAY + 7_200).await;
    }

    assert_eq!(before[..3], [(0, 360.0), (3_600, 360.0), (7_200, 360.0)]);
    assert_eq!(fixture.ask(3_600, "count").await.unwrap()[..3], before[..3]);
}

#[tokio::test]
async fn what_only_points_can_answer_is_refused_where_there_are_none_any_more() {
    let retention = RetentionConfig { raw_days: 1.0, ..RetentionConfig::default() };
    let fixture = Fixture::new(retention).await;
    fixture.fill(0..4 * DAY).await;
    assert!(fixture.ask(3_600, "p95").await.is_ok());

    fixture.keep_in_order(4 * DAY + 1).await;

    for (step, aggregate, advice) in [(3_600, "p95", "percentiles"), (7, "avg", "whole minutes")] {
        let Err(StoreError::Unanswerable { reason }) = fixture.ask(step, aggregate).await else {
            unreachable!("{aggregate} by {step} is answered")
        };
        assert!(reason.contains(advice), "{reason}");
    }
    assert_eq!(fixture.ask(3_600, "increase").await.unwrap().len(), 96);
}

#[tokio::test]
async fn the_oldest_points_leave_when_there_are_too_many_bytes() {
    let fixture = Fixture::new(RetentionConfig { raw_max_bytes: 40_000, ..RetentionConfig::default() }).await;
    let mut random = 1u64;
    let schema = Schema::builder("q").interval(Duration::from_secs(1)).column(&DONE).build().unwrap();
    let mut table = KeyedTable::<&str>::new(schema);
    let mut frames = Vec::new();
    for second in 0..12_000 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        table.row(&"mail", || Attributes::new([("queue", "mail")]).unwrap()).set(0, f64::from_bits(random >> 2));
        frames.push(table.frame(at(second)));
    }
    fixture.store.commit(&Commit { frames, ..Commit::default() }).await.unwrap();

    fixture.keep_in_order(13_000).await;
    fixture.keep_in_order(20_000).await;

    let left = fixture.ask(0, "last").await.unwrap();
    assert!((1_000..6_000).contains(&left.len()), "{} points of 8 bytes are left of 12,000", left.len());
    assert_eq!(left.last().unwrap().0, 11_999);
    let minutes = fixture.ask(60, "count").await.unwrap();
    assert_eq!(minutes.iter().map(|(_, count)| count).sum::<f64>(), 12_000.0, "minutes have their own bound");
}

/// Frames with a value of noise each, of the queue `mail`.
fn noise(seconds: impl Iterator<Item = u64>) -> Vec<Frame> {
    let schema = Schema::builder("q").interval(Duration::from_secs(1)).column(&DONE).build().unwrap();
    let mut table = KeyedTable::<&str>::new(schema);
    let frame = |second: u64| {
        let mixed = (second + 1).wrapping_mul(6_364_136_223_846_793_005);
        let mixed = (mixed ^ mixed >> 29).wrapping_mul(6_364_136_223_846_793_005);
        table.row(&"mail", || Attributes::new([("queue", "mail")]).unwrap()).set(0, f64::from_bits(mixed >> 2));
        table.frame(at(second))
    };
    seconds.map(frame).collect()
}

/// Commits a tick an hour for 25 days, which rewrites a row of hours each time, and keeps the store in order after each
/// day. The clock goes on by less than an hour: sizes are measured at its beginning alone.
async fn fill_with_hours(fixture: &Fixture) {
    for day in 0..25 {
        let frames = noise((day * 24..day * 24 + 24).map(|hour| hour * 3_600));
        fixture.store.commit(&Commit { frames, ..Commit::default() }).await.unwrap();
        fixture.keep_in_order(day * 140).await;
    }
    fixture.keep_in_order(3_599).await;
}

#[tokio::test]
async fn rows_that_are_written_again_and_again_count_once() {
    let unbound = Fixture::new(RetentionConfig::default()).await;
    fill_with_hours(&unbound).await;
    let whole = unbound.store.stats().await.unwrap().hours;
    let hours = unbound.ask(3_600, "count").await.unwrap();
    assert!(whole.rows == 3 && hours.len() == 600, "{whole:?}");

    for (bound, rows) in [(whole.bytes + 100, 3), (whole.bytes * 3 / 4, 2)] {
        let fixture = Fixture::new(RetentionConfig { hour_max_bytes: bound, ..RetentionConfig::default() }).await;
        fill_with_hours(&fixture).await;

        let left = fixture.ask(3_600, "count").await.unwrap();

        let stats = fixture.store.stats().await.unwrap().hours;
        assert!(stats.rows == rows && stats.bytes <= bound, "{stats:?} of {bound} bytes");
        assert_eq!(left, hours[hours.len() - left.len()..], "the oldest left first");
    }
}

#[tokio::test]
async fn what_was_too_old_does_not_count_as_too_much() {
    let slots = |slots: std::ops::Range<u64>| noise(slots.map(|slot| slot * 900).flat_map(|at| at..at + 100));
    let commit = |frames| Commit { frames, ..Commit::default() };
    let bound = RetentionConfig { raw_days: 1.0, raw_max_bytes: 9_200, ..RetentionConfig::default() };
    let fixture = Fixture::new(bound).await;
    fixture.store.commit(&commit(slots(0..11))).await.unwrap();
    fixture.keep_in_order(DAY + 900).await;
    let before = fixture.store.stats().await.unwrap().raw;
    assert!(before.rows == 22 && before.bytes > 8_900, "{before:?}");

    // Within the hour four slots become too old, and four come.
    fixture.keep_in_order(DAY + 900 + 3_000).await;
    fixture.store.commit(&commit(slots(11..15))).await.unwrap();
    fixture.keep_in_order(DAY + 900 + 3_100).await;

    assert_eq!(fixture.ask(0, "last").await.unwrap()[0].0, 4 * 900);
}

#[tokio::test]
async fn events_states_and_series_leave_with_their_time() {
    let days = RetentionConfig {
        event_days: 1.0,
        raw_days: 1.0,
        minute_days: 1.0,
        hour_days: 1.0,
        ..RetentionConfig::default()
    };
    let fixture = Fixture::new(days).await;
    let mut ids = IdSequence::default();
    let mut event = |second: u64| {
        let data = EventData::Custom(Custom { name: "note".to_owned(), data: second.into() });
        let mut event = SystemEvent::new("test", at(second), data);
        event.id = ids.next(at(second));
        Arc::new(Enriched { event, process: None })
    };
    let state = |key: &str, second| State {
        kind: "detector".into(),
        key: key.to_owned(),
        version: 1,
        data: vec![1],
        updated_at: at(second),
    };
    let mut frames = frames(0..100);
    // The queue is gone with the next frame.
    let schema = Schema::builder("q").interval(Duration::from_secs(1)).column(&DONE).build().unwrap();
    frames.push(KeyedTable::<&str>::new(schema).frame(at(200)));
    let events = vec![event(0), event(60 * DAY)];
    let states = vec![state("old", 0), state("new", 60 * DAY)];
    fixture.store.commit(&Commit { frames, events, states }).await.unwrap();

    fixture.keep_in_order(60 * DAY + 60).await;

    let events = fixture.store.events(&EventQuery::newest(10)).await.unwrap();
    assert_eq!(events.len(), 1);
    assert!(events[0].id > EventId::from_u64(1 << 40));
    let states = fixture.store.states("detector", None, 10).await.unwrap();
    assert_eq!(states.iter().map(|state| state.key.as_str()).collect::<Vec<_>>(), ["new"]);
    let all = SeriesQuery { selector: Selector::Matching(Vec::new()), after: None, limit: 10 };
    assert_eq!(fixture.store.series(&all).await.unwrap(), []);
    assert_eq!(fixture.ask(0, Aggregate::names()[0]).await.unwrap(), []);
}

#[tokio::test]
async fn the_file_shrinks_when_most_of_it_is_free() {
    let retention = RetentionConfig { raw_days: 1.0, minute_days: 1.0, hour_days: 1.0, ..RetentionConfig::default() };
    let fixture = Fixture::new(retention).await;
    let events = (1..3_000).map(|number: u64| {
        let data = EventData::Custom(Custom { name: "x".repeat(3_000), data: number.into() });
        let mut event = SystemEvent::new("test", at(0), data);
        event.id = EventId::from_u64(number);
        Arc::new(Enriched { event, process: None })
    });
    fixture.store.commit(&Commit { events: events.collect(), ..Commit::default() }).await.unwrap();
    let path = fixture.directory.path().join("observe.db");
    fixture.keep_in_order(10).await;
    fixture.keep_in_order(200 * DAY).await;

    fixture.store.close().await.unwrap();
    let left = std::fs::metadata(&path).unwrap().len();
    assert!(left < 6_000_000, "{left} bytes are left of about 12 million");
}
