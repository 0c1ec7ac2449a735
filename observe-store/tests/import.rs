//! What comes from elsewhere, and what moves elsewhere: every point is there, bit by bit, once.

#![expect(clippy::unwrap_used, reason = "a test fails loudly, in its helpers too")]

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use observe_core::{
    Aggregate, Attributes, Commit, Custom, Enriched, EventData, EventId, EventQuery, EventStore, KeyedTable, LogQuery,
    LogRecord, LogStore, Metric, MetricKey, MetricStore, Point, RangeQuery, Schema, Selector, SeriesInfo, SeriesKind,
    State, StateStore, Store, StoreError, SystemEvent, Timestamp, Unit, Upkeep,
};
use observe_store::{Config, Damage, Importer, SqlStore};
use proptest::prelude::*;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection, raw_sql};

static DEPTH: Metric = Metric::gauge("q.depth", Unit::Count, "Depth.");
static DONE: Metric = Metric::counter("q.done", Unit::Count, "Done.");

/// Of each series its points, by time, as bits.
type Model = BTreeMap<MetricKey, BTreeMap<i64, u64>>;
/// A queue, milliseconds since the start, and a value.
type Sample = (u8, i64, f64);

/// Recent, so that nothing is too old to be kept, and in the middle of a slot.
fn start_ms() -> i64 {
    (now().as_millis() - 6 * 3_600_000).div_euclid(3_600_000) * 3_600_000 + 1_234_567
}

fn now() -> Timestamp {
    use observe_core::Clock as _;
    observe_core::SystemClock.now()
}

fn info(queue: u8) -> SeriesInfo {
    let kind = if queue.is_multiple_of(2) { SeriesKind::Gauge } else { SeriesKind::Counter };
    let name = if queue.is_multiple_of(2) { "q.depth" } else { "q.done" };
    let mut info = SeriesInfo::new(format!("{name}{{queue={queue}}}").parse().unwrap(), kind);
    info.interval = Duration::from_millis(500);
    info
}

fn batch(samples: &[Sample], model: &mut Model) -> Vec<(SeriesInfo, Vec<Point>)> {
    let mut batch: BTreeMap<u8, Vec<Point>> = BTreeMap::new();
    for (queue, millis, value) in samples {
        let timestamp = Timestamp::from_millis(start_ms() + millis);
        batch.entry(*queue).or_default().push(Point { timestamp, value: *value });
        model.entry(info(*queue).key).or_default().insert(timestamp.as_nanos(), value.to_bits());
    }
    batch.into_iter().map(|(queue, points)| (info(queue), points)).collect()
}

async fn stored(store: &SqlStore) -> Model {
    let all = Selector::Matching(Vec::new());
    let found = store.range(&RangeQuery::raw(all, Timestamp::MIN, Timestamp::MAX)).await.unwrap();
    let bits = |points: Vec<Point>| points.iter().map(|one| (one.timestamp.as_nanos(), one.value.to_bits())).collect();
    found.into_iter().map(|series| (series.key, bits(series.points))).collect()
}

async fn check(store: &SqlStore) -> Vec<Damage> {
    let mut found = Vec::new();
    let checked = store.check(|damage| found.push(damage)).await.unwrap();
    assert_eq!(checked.damages, found.len() as u64);
    found
}

/// Commits frames of a producer, as a server does, and packs some of them.
async fn serve(config: &Config, samples: &[Sample], pieces: usize, model: &mut Model) {
    let store = SqlStore::open(config).await.unwrap();
    let schema =
        Schema::builder("q").interval(Duration::from_millis(500)).column(&DEPTH).column(&DONE).build().unwrap();
    let mut table: KeyedTable<u8> = KeyedTable::new(schema);
    let mut commit = Commit::default();
    for (queue, millis, value) in samples {
        let timestamp = Timestamp::from_millis(start_ms() + millis);
        let describe = || Attributes::new([("queue", queue.to_string())]).unwrap();
        table.row(queue, describe).set(usize::from(queue % 2), *value);
        commit.frames.push(table.frame(timestamp));
        if commit.frames.len() == 20 {
            store.commit(&std::mem::take(&mut commit)).await.unwrap();
        }
        // A frame has both columns of its subject; the one without a value is a series without points.
        for name in ["q.depth", "q.done"] {
            model.entry(format!("{name}{{queue={queue}}}").parse().unwrap()).or_default();
        }
        model.entry(info(*queue).key).or_default().insert(timestamp.as_nanos(), value.to_bits());
    }
    store.commit(&commit).await.unwrap();
    for _ in 0..pieces {
        if store.maintain(now()).await.unwrap() == Upkeep::Done {
            break;
        }
    }
    store.close().await.unwrap();
}

fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let value = prop_oneof![
        4 => (0i32..50).prop_map(f64::from),
        1 => any::<u64>().prop_map(f64::from_bits),
    ];
    proptest::collection::vec((0u8..24, 0i64..9_000_000, value), 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_taken_in_is_there_with_what_was_and_what_comes(
        before in samples(),
        batches in proptest::collection::vec(samples(), 1..4),
        after in samples(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let directory = tempfile::tempdir().unwrap();
            let config = Config::at(directory.path().join("o.db").display().to_string());
            let mut model = Model::new();
            serve(&config, &before, before.len(), &mut model).await;
            let mut importer = Importer::open(&config).await.unwrap();
            for some in &batches {
                importer.points(batch(some, &mut model)).await.unwrap();
            }
            importer.close().await.unwrap();
            serve(&config, &after, after.len(), &mut model).await;

            let store = SqlStore::read(&config).await.unwrap();
            assert_eq!(stored(&store).await, model);
            assert_eq!(check(&store).await, []);
            let stats = store.stats().await.unwrap();
            assert_eq!(stats.live_series + stats.ended_series, model.len() as u64);
        });
    }
}

#[tokio::test]
async fn minutes_follow_from_points_that_are_taken_in() {
    let directory = tempfile::tempdir().unwrap();
    let config = Config::at(directory.path().join("o.db").display().to_string());
    let samples: Vec<Sample> = (0..7_000).map(|at| (1, at * 500, f64::from(at as i32 % 900))).collect();
    let mut importer = Importer::open(&config).await.unwrap();
    // The later half comes first.
    for half in [&samples[3_500..], &samples[..3_500]] {
        importer.points(batch(half, &mut Model::new())).await.unwrap();
    }
    importer.close().await.unwrap();

    let store = SqlStore::read(&config).await.unwrap();
    let raw = RangeQuery::raw(Selector::key(info(1).key), Timestamp::MIN, Timestamp::MAX);
    let points = store.range(&raw).await.unwrap().remove(0).points;
    for aggregate in [Aggregate::Count, Aggregate::Sum, Aggregate::Max, Aggregate::Last, Aggregate::Increase] {
        let step = Duration::from_secs(60);
        let found = store.range(&RangeQuery { step, aggregate, ..raw.clone() }).await.unwrap().remove(0).points;
        // Where the halves meet, growth was counted before its beginning was there.
        let skipped = if aggregate == Aggregate::Increase { 1 } else { 0 };
        assert_eq!(found[skipped..], aggregate.by_step(&points, None, step)[skipped..], "{aggregate:?}");
    }
    assert_eq!(points.len(), 7_000);
}

#[tokio::test]
async fn points_from_long_before_a_series_was_known_are_found() {
    let directory = tempfile::tempdir().unwrap();
    let config = Config::at(directory.path().join("o.db").display().to_string());
    serve(&config, &[(0, 0, 1.0)], 0, &mut Model::new()).await;
    let old = Point { timestamp: Timestamp::from_millis(start_ms() - 9 * 86_400_000), value: 7.0 };

    let mut importer = Importer::open(&config).await.unwrap();
    let written = importer.points(vec![(info(0), vec![old])]).await.unwrap();
    importer.close().await.unwrap();

    let store = SqlStore::read(&config).await.unwrap();
    let found = store.points(&info(0).key, Timestamp::MIN, Timestamp::MAX, 10).await.unwrap().unwrap();
    assert_eq!((written.new_series, found.len(), found[0]), (0, 2, old));
}

#[tokio::test]
async fn a_store_in_use_takes_nothing_in() {
    let directory = tempfile::tempdir().unwrap();
    let config = Config::at(directory.path().join("o.db").display().to_string());
    let store = SqlStore::open(&config).await.unwrap();

    let refused = Importer::open(&config).await;

    assert!(matches!(refused, Err(StoreError::Held { .. })), "{refused:?}");
    store.close().await.unwrap();
}

/// Fills a store with something of every kind, some of it unpacked.
async fn fill(config: &Config) -> Model {
    let mut model = Model::new();
    let samples: Vec<Sample> = (0..600).map(|at| ((at % 40) as u8, at * 20_000, f64::from_bits(at as u64))).collect();
    serve(config, &samples, 1_000, &mut model).await;
    let unpacked = [(1, now().as_millis() - start_ms(), 5.0)];
    serve(config, &unpacked, 0, &mut model).await;
    let store = SqlStore::open(config).await.unwrap();
    let event = |number: u64, data| {
        let mut event = SystemEvent::new("test", Timestamp::from_millis(1_700_000_000_000), data);
        event.id = EventId::from_u64(number);
        Arc::new(Enriched { event, process: None })
    };
    let custom = EventData::Custom(Custom { name: "n".to_owned(), data: serde_json::json!({ "a": [1, null, "é"] }) });
    let record = LogRecord::new(Timestamp::from_millis(1_700_000_000_001), "disk \0 is full");
    let state = State {
        kind: "detector".into(),
        key: "a".to_owned(),
        version: 3,
        data: vec![0, 255],
        updated_at: Timestamp::from_nanos(5),
    };
    let events = vec![event(1, custom), event(2, EventData::Log(record))];
    store.commit(&Commit { events, states: vec![state], ..Commit::default() }).await.unwrap();
    store.close().await.unwrap();
    model
}

async fn is_moved(from: &Config, to: &Config, model: &Model) {
    let source = SqlStore::read(from).await.unwrap();
    source.copy_to(to, drop).await.unwrap();

    let copy = SqlStore::read(to).await.unwrap();
    assert_eq!(stored(&copy).await, *model);
    assert_eq!(check(&copy).await, []);
    let events = [&copy, &source].map(|store| async { store.events(&EventQuery::newest(100)).await.unwrap() });
    let [copied, events] = events;
    assert_eq!(format!("{:?}", copied.await), format!("{:?}", events.await));
    let logs = copy.logs(&LogQuery { text: Some("FULL disk".to_owned()), ..LogQuery::newest(9) }).await.unwrap();
    assert_eq!(logs.len(), 1);
    let states = copy.states("detector", None, 9).await.unwrap();
    assert_eq!(states, source.states("detector", None, 9).await.unwrap());
    let again = source.copy_to(to, drop).await;
    assert!(matches!(again, Err(StoreError::Refused { .. })), "{again:?}");
}

#[tokio::test]
async fn a_copy_has_everything() {
    let directory = tempfile::tempdir().unwrap();
    let [from, to] = ["a.db", "b.db"].map(|name| Config::at(directory.path().join(name).display().to_string()));
    let model = fill(&from).await;

    is_moved(&from, &to, &model).await;
}

#[tokio::test]
async fn a_store_moves_to_postgres_and_back() {
    let Some(server) = std::env::var_os("OBSERVE_TEST_POSTGRES") else {
        println!("skipped: OBSERVE_TEST_POSTGRES does not name a server");
        return;
    };
    let server = server.into_string().unwrap();
    let schema = format!("copy_{}_{}", std::process::id(), now().as_nanos());
    let mut connection = PgConnection::connect(&server).await.unwrap();
    raw_sql(AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).execute(&mut connection).await.unwrap();
    let separator = if server.contains('?') { '&' } else { '?' };
    let postgres = Config::at(format!("{server}{separator}options=-csearch_path%3D{schema}"));
    let directory = tempfile::tempdir().unwrap();
    let [from, back] = ["a.db", "b.db"].map(|name| Config::at(directory.path().join(name).display().to_string()));
    let model = fill(&from).await;

    is_moved(&from, &postgres, &model).await;
    is_moved(&postgres, &back, &model).await;
    let stats = SqlStore::read(&postgres).await.unwrap().stats().await.unwrap();
    assert!(stats.disk_bytes > 0 && stats.logs == 1, "{stats:?}");
    raw_sql(AssertSqlSafe(format!("DROP SCHEMA {schema} CASCADE"))).execute(&mut connection).await.unwrap();
}

#[tokio::test]
async fn every_kind_of_damage_is_found() {
    for (sql, what) in [
        ("UPDATE pack SET data = zeroblob(40) WHERE id = (SELECT MIN(id) FROM pack WHERE id & 63 < 32)", "of pack"),
        ("UPDATE pack SET n = n + 1 WHERE id = (SELECT MIN(id) FROM pack WHERE id & 63 < 32)", "of pack"),
        ("UPDATE pack SET data = x'00' WHERE id = (SELECT MIN(id) FROM pack WHERE id & 63 = 32)", "of pack"),
        ("DELETE FROM pack WHERE id = (SELECT MIN(id) FROM pack WHERE id & 63 = 32)", "of pack"),
        (
            "UPDATE tier1 SET data = substr(data, 1, length(data) - 1) WHERE id = (SELECT MIN(id) FROM tier1)",
            "of tier1",
        ),
        ("UPDATE tier2 SET data = x'' WHERE id = (SELECT MIN(id) FROM tier2)", "of tier2"),
        ("UPDATE head SET data = x'0102030405' WHERE seq = (SELECT MAX(seq) FROM head)", "of the head"),
        ("UPDATE series SET labels = '{' WHERE series_id = 1", "series 1"),
        ("DELETE FROM series WHERE series_id = 1", "of pack"),
        ("UPDATE events SET body = '{'", "event 1"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("o.db").display().to_string();
        let config = Config::at(path.clone());
        fill(&config).await;
        let mut connection = SqliteConnection::connect(&format!("sqlite:{path}")).await.unwrap();
        let changed = raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        assert!(changed.rows_affected() > 0, "{sql}");

        let found = check(&SqlStore::read(&config).await.unwrap()).await;

        assert!(found.iter().any(|damage| damage.what.contains(what)), "{sql}: {found:?}");
    }
}
