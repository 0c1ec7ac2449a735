//! Rows that a disk has damaged are left out and counted, and the rest is as it was.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails loudly")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use observe_core::{
    Attributes, Commit, Frame, KeyedTable, Metric, MetricKey, MetricStore as _, RangeQuery, Schema, Selector,
    SeriesQuery, Store as _, Timestamp, Unit, Upkeep,
};
use observe_store::{Config, SqlStore};
use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

static DEPTH: Metric = Metric::gauge("q.depth", Unit::Count, "Depth.");
static LOAD: Metric = Metric::gauge("r.load", Unit::Count, "Load.");

/// Of each series, the points by time.
type Answer = BTreeMap<MetricKey, BTreeMap<i64, u64>>;

/// What is damaged in a row.
const DAMAGES: [fn(&mut Vec<u8>); 6] = [
    |bytes| flip(bytes, 0),
    |bytes| flip(bytes, 1),
    |bytes| flip(bytes, 2),
    |bytes| bytes.truncate(bytes.len() / 2),
    Vec::clear,
    |bytes| bytes.fill(0),
];

/// Flips a bit in one of three places of the bytes.
fn flip(bytes: &mut [u8], place: usize) {
    let at = (bytes.len() - 1) * place / 2;
    bytes[at] ^= 0x10;
}

/// Two producers of 40 series each, with four minutes that are packed and some ticks that are not.
struct Fixture {
    directory: TempDir,
}

impl Fixture {
    async fn new() -> Self {
        let fixture = Self { directory: tempfile::tempdir().unwrap() };
        let store = fixture.open("whole").await;
        commit(&store, (0..240).step_by(4), 40).await;
        keep_in_order(&store).await;
        commit(&store, (240..280).step_by(4), 40).await;
        store.close().await.unwrap();
        fixture
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    async fn open(&self, name: &str) -> SqlStore {
        SqlStore::open(&Config::at(self.path(name).display().to_string())).await.unwrap()
    }

    async fn reader(&self, name: &str) -> SqlStore {
        SqlStore::read(&Config::at(self.path(name).display().to_string())).await.unwrap()
    }

    /// Makes a copy in which a statement was run.
    async fn changed(&self, name: &str, sql: &'static str) {
        fs::copy(self.path("whole"), self.path(name)).unwrap();
        let mut connection = connect(&self.path(name)).await;
        assert_eq!(sqlx::query(sql).execute(&mut connection).await.unwrap().rows_affected(), 1, "{sql}");
        connection.close().await.unwrap();
    }

    /// Makes a copy in which some rows of a table are damaged.
    async fn damaged(&self, name: &str, table: &str, ids: &[i64], damage: fn(&mut Vec<u8>)) {
        fs::copy(self.path("whole"), self.path(name)).unwrap();
        let mut connection = connect(&self.path(name)).await;
        for id in ids {
            let select = format!("SELECT data FROM {table} WHERE rowid = {id}");
            let row = sqlx::query(AssertSqlSafe(select)).fetch_one(&mut connection).await.unwrap();
            let mut data: Vec<u8> = row.get(0);
            damage(&mut data);
            let update = format!("UPDATE {table} SET data = $1 WHERE rowid = {id}");
            sqlx::query(AssertSqlSafe(update)).bind(data).execute(&mut connection).await.unwrap();
        }
        connection.close().await.unwrap();
    }

    async fn ids(&self, table: &str) -> Vec<i64> {
        let mut connection = connect(&self.path("whole")).await;
        let select = format!("SELECT rowid FROM {table} ORDER BY rowid");
        let rows = sqlx::query(AssertSqlSafe(select)).fetch_all(&mut connection).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }
}

async fn connect(path: &Path) -> SqliteConnection {
    SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(path)).await.unwrap()
}

/// Writes ticks of the first series of both producers.
async fn commit(store: &SqlStore, seconds: impl Iterator<Item = i64>, names: u8) {
    let schema =
        |name, metric| Schema::builder(name).interval(Duration::from_millis(60)).column(metric).build().unwrap();
    let mut tables = [KeyedTable::new(schema("q", &DEPTH)), KeyedTable::new(schema("r", &LOAD))];
    for second in seconds {
        let frames = tables.iter_mut().map(|table| frame(table, second, names)).collect();
        store.commit(&Commit { frames, ..Commit::default() }).await.unwrap();
    }
}

fn frame(table: &mut KeyedTable<u8>, second: i64, names: u8) -> Frame {
    for name in 0..names {
        let value = second as f64 + f64::from(name) / 100.0;
        table.row(&name, || Attributes::new([("name", name.to_string())]).unwrap()).set(0, value);
    }
    table.frame(Timestamp::from_millis(START_MS + second * 1_000))
}

/// Writes ticks that come late, of the series of one pack, as many in a minute as there are: nothing then seems to fit
/// because of its number alone.
async fn write_late(store: &SqlStore) {
    commit(store, (2..240).step_by(4), 10).await;
    keep_in_order(store).await;
}

async fn keep_in_order(store: &SqlStore) {
    while store.maintain(Timestamp::from_millis(START_MS + 7_200_000)).await.unwrap() == Upkeep::More {}
}

async fn ask(store: &SqlStore, step: u64, aggregate: &str) -> Answer {
    let (start, end) = (Timestamp::from_millis(START_MS - 3_600_000), Timestamp::from_millis(START_MS + 3_600_000));
    let query = RangeQuery {
        step: Duration::from_secs(step),
        aggregate: aggregate.parse().unwrap(),
        ..RangeQuery::raw(Selector::Matching(Vec::new()), start, end)
    };
    let found = store.range(&query).await.unwrap();
    let points = found.into_iter().map(|series| {
        let points = series.points.iter().map(|point| (point.timestamp.as_nanos(), point.value.to_bits()));
        (series.key, points.collect())
    });
    points.collect()
}

fn corrupt(store: &SqlStore) -> u64 {
    store.figures().iter().filter(|figure| figure.name.starts_with("corrupt")).map(|figure| figure.value).sum()
}

/// Whatever is answered is right, and the series that are not damaged have all their points.
fn check(whole: &Answer, found: &Answer, what: &str) -> usize {
    let mut missing = BTreeSet::new();
    for (key, expected) in whole {
        let points = found.get(key).cloned().unwrap_or_default();
        for (at, value) in &points {
            assert_eq!(expected.get(at), Some(value), "{what}: {key} at {at}");
        }
        if points.len() < expected.len() {
            missing.insert(key.name().to_owned());
        }
    }
    assert!(missing.len() < 2, "{what}: both producers miss points");
    missing.len()
}

#[tokio::test]
async fn a_damaged_pack_is_left_out_and_counted_and_all_else_is_answered() {
    let fixture = Fixture::new().await;
    let store = fixture.open("whole").await;
    let asked = [("pack", 0, "avg"), ("tier1", 60, "max"), ("tier2", 3_600, "max")];
    for (table, step, aggregate) in asked {
        let whole = ask(&store, step, aggregate).await;
        for (index, id) in fixture.ids(table).await.into_iter().enumerate() {
            let what = format!("row {id} of {table}");
            fixture.damaged("damaged", table, &[id], DAMAGES[index % DAMAGES.len()]).await;
            let reader = fixture.reader("damaged").await;

            let found = ask(&reader, step, aggregate).await;

            assert_eq!(corrupt(&reader), 1, "{what}");
            if table == "pack" {
                assert_eq!(check(&whole, &found, &what), 1, "{what}");
            } else {
                // What is not packed is answered still, as a part of the last step.
                let without_last = |answer: &Answer| {
                    let mut answer = answer.clone();
                    answer
                        .values_mut()
                        .for_each(|points| points.retain(|at, _| *at < (START_MS + 180_000) * 1_000_000));
                    answer
                };
                check(&without_last(&whole), &without_last(&found), &what);
            }
            reader.close().await.unwrap();
        }
    }
}

#[tokio::test]
async fn what_comes_late_takes_the_place_of_what_is_damaged() {
    let fixture = Fixture::new().await;
    fixture.damaged("undamaged", "pack", &[], Vec::clear).await;
    let store = fixture.open("undamaged").await;
    write_late(&store).await;
    let whole = ask(&store, 0, "avg").await;
    store.close().await.unwrap();
    for table in ["pack", "tier1", "tier2"] {
        let ids = fixture.ids(table).await;
        for (index, some) in ids.chunks(1).chain([&ids[..]]).enumerate() {
            let what = format!("rows {some:?} of {table}");
            fixture.damaged("damaged", table, some, DAMAGES[index % DAMAGES.len()]).await;
            let store = fixture.open("damaged").await;
            write_late(&store).await;

            let found = ask(&store, 0, "avg").await;

            let mut lost = 0;
            for (key, expected) in &whole {
                for (at, value) in expected {
                    let second = (at / 1_000_000 - START_MS) / 1_000;
                    let point = found[key].get(at);
                    lost += usize::from(point.is_none());
                    assert!(point == Some(value) || point.is_none() && second % 4 == 0, "{what}: {key} at {second}");
                }
                assert!(found[key].keys().all(|at| expected.contains_key(at)), "{what}: {key}");
            }
            assert_eq!(lost > 0, table == "pack", "{what}");
            assert!(corrupt(&store) > 0, "{what}");
            let before = corrupt(&store);
            ask(&store, 0, "avg").await;
            assert_eq!(corrupt(&store), before, "{what}: nothing damaged is left");
            store.close().await.unwrap();
            fs::remove_file(fixture.path("damaged")).unwrap();
        }
    }
}

#[tokio::test]
async fn what_comes_late_leaves_the_minutes_of_damaged_points() {
    let fixture = Fixture::new().await;
    let mut packs = fixture.ids("pack").await;
    packs.retain(|id| id & 63 != 32);
    fixture.damaged("damaged", "pack", &packs, Vec::clear).await;
    let store = fixture.open("damaged").await;
    let (minutes, hours) = (ask(&store, 60, "min").await, ask(&store, 3_600, "min").await);

    write_late(&store).await;

    // The least value of a minute is one of those that were damaged.
    assert_eq!(minutes.values().map(BTreeMap::len).sum::<usize>(), 80 * 5);
    assert!(ask(&store, 60, "min").await == minutes, "minutes are lost");
    assert!(ask(&store, 3_600, "min").await == hours, "hours are lost");
}

#[tokio::test]
async fn of_a_damaged_head_what_follows_is_left_out_until_everything_is_said_anew() {
    let fixture = Fixture::new().await;
    let store = fixture.open("whole").await;
    let whole = ask(&store, 0, "avg").await;
    store.close().await.unwrap();
    for (index, id) in fixture.ids("head").await.into_iter().enumerate() {
        let what = format!("row {id} of the head");
        fixture.damaged("damaged", "head", &[id], DAMAGES[index % DAMAGES.len()]).await;
        let reader = fixture.reader("damaged").await;
        assert!(ask(&reader, 0, "avg").await.values().all(|points| points.len() == 60 + index), "{what}");
        assert_eq!(corrupt(&reader), 1, "{what}");
        reader.close().await.unwrap();
        let store = fixture.open("damaged").await;

        let found = ask(&store, 0, "avg").await;

        for (key, expected) in &whole {
            let is_right = |(at, value): (&i64, &u64)| expected.get(at) == Some(value);
            assert!(found[key].iter().all(is_right), "{what}: {key}");
            assert_eq!(found[key].len(), 60 + index, "{what}: {key}");
        }
        commit(&store, [300, 304].into_iter(), 40).await;
        keep_in_order(&store).await;
        assert!(corrupt(&store) > 0, "{what}");
        assert!(ask(&store, 0, "avg").await.values().all(|points| points.len() == 62 + index), "{what}");
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_damaged_series_is_left_out_and_counted_and_all_others_are_answered() {
    let fixture = Fixture::new().await;
    let store = fixture.open("whole").await;
    let whole = ask(&store, 0, "avg").await;
    store.close().await.unwrap();
    let damages = [
        "UPDATE series SET labels='{not=one' WHERE series_id=7",
        "UPDATE series SET labels=CAST(x'ff61' AS TEXT) WHERE series_id=7",
        "UPDATE series SET labels=x'7b7d' WHERE series_id=7",
        "UPDATE series SET name='' WHERE series_id=7",
        "UPDATE series SET kind='gauge' WHERE series_id=7",
        "UPDATE series SET step_ms='often' WHERE series_id=7",
        "UPDATE series SET series_id=5000000000 WHERE series_id=7",
    ];
    for sql in damages {
        fixture.changed("damaged", sql).await;
        let reader = fixture.reader("damaged").await;
        let all = SeriesQuery { selector: Selector::Matching(Vec::new()), after: None, limit: 1_000 };

        assert_eq!(reader.series(&all).await.unwrap().len(), 79, "{sql}");
        assert_eq!(corrupt(&reader), 1, "{sql}");
        let found = ask(&reader, 0, "avg").await;
        assert_eq!((found.len(), corrupt(&reader)), (79, 2), "{sql}");
        assert!(found.iter().all(|(key, points)| whole[key] == *points), "{sql}");
        let mut damages = Vec::new();
        reader.check(|damage| damages.push(damage.what)).await.unwrap();
        assert!(!damages.contains(&"the catalogue".to_owned()), "{sql}: {damages:?}");
        reader.close().await.unwrap();

        let store = fixture.open("damaged").await;
        commit(&store, [300, 304].into_iter(), 40).await;
        keep_in_order(&store).await;
        let found = ask(&store, 0, "avg").await;
        assert!(found.len() >= 79 && found.values().filter(|points| points.len() == 72).count() >= 79, "{sql}");
        store.close().await.unwrap();
        fs::remove_file(fixture.path("damaged")).unwrap();
    }
}

#[tokio::test]
async fn damaged_series_at_the_end_of_a_page_do_not_end_the_list() {
    let fixture = Fixture { directory: tempfile::tempdir().unwrap() };
    let store = fixture.open("whole").await;
    let mut table = KeyedTable::new(Schema::builder("q").column(&DEPTH).build().unwrap());
    for name in 0..1_500_u16 {
        table.row(&name, || Attributes::new([("name", name.to_string())]).unwrap()).set(0, 1.0);
    }
    let frames = vec![table.frame(Timestamp::from_millis(START_MS))];
    store.commit(&Commit { frames, ..Commit::default() }).await.unwrap();
    let mut connection = connect(&fixture.path("whole")).await;
    let damage = "UPDATE series SET step_ms='often' WHERE series_id IN \
                  (SELECT series_id FROM series ORDER BY name, labels LIMIT 3 OFFSET 998)";
    sqlx::query(damage).execute(&mut connection).await.unwrap();

    let found = ask(&store, 0, "avg").await;

    assert_eq!((found.len(), corrupt(&store)), (1_497, 3));
}

/// The beginning of a minute, and of an hour.
const START_MS: i64 = 1_749_999_600_000;
