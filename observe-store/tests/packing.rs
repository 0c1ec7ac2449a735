//! Packing that is broken off and begins again.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use std::{fs, path::Path, time::Duration};

use observe_core::{
    Aggregate, Commit, Metric, MetricStore as _, Point, RangeQuery, Schema, Selector, Store as _, Table, Timestamp,
    Unit, Upkeep,
};
use observe_store::{Config, SqlStore};

static DEPTH: Metric = Metric::gauge("q.depth", Unit::Count, "Depth.");

async fn open(path: &Path) -> SqlStore {
    SqlStore::open(&Config::at(path.display().to_string())).await.unwrap()
}

/// Writes two minutes of a series, the first of which has a tick that comes ten minutes late.
async fn write(store: &SqlStore) {
    write_at(store, (0..60).step_by(5).chain([-600]).chain((60..80).step_by(5))).await;
}

/// Writes one more tick.
async fn write_one(store: &SqlStore) {
    write_at(store, [80].into_iter()).await;
}

async fn write_at(store: &SqlStore, seconds: impl Iterator<Item = i32>) {
    let schema = Schema::builder("q").interval(Duration::from_millis(60)).column(&DEPTH).build().unwrap();
    let (mut table, host) = Table::for_host(schema);
    for second in seconds {
        table.set(host, 0, f64::from(second));
        let frames = vec![table.frame(Timestamp::from_millis(START_MS + i64::from(second) * 1_000))];
        store.commit(&Commit { frames, ..Commit::default() }).await.unwrap();
    }
}

/// Does so many pieces of maintenance, or all there are.
async fn maintain(store: &SqlStore, pieces: usize) {
    for _ in 0..pieces {
        if store.maintain(Timestamp::from_millis(START_MS + 7_200_000)).await.unwrap() == Upkeep::Done {
            break;
        }
    }
}

async fn counts(store: &SqlStore) -> Vec<f64> {
    let (start, end) = (Timestamp::from_millis(START_MS - 3_600_000), Timestamp::from_millis(START_MS + 3_600_000));
    let query = RangeQuery {
        step: Duration::from_secs(60),
        aggregate: Aggregate::Count,
        ..RangeQuery::raw(Selector::Matching(Vec::new()), start, end)
    };
    let found = store.range(&query).await.unwrap();
    found[0].points.iter().map(|Point { value, .. }| *value).collect()
}

#[tokio::test]
async fn packing_that_begins_again_at_any_place_counts_nothing_twice() {
    let directory = tempfile::tempdir().unwrap();
    let written = directory.path().join("written.db");
    let store = open(&written).await;
    write(&store).await;
    store.close().await.unwrap();

    for (before, after) in (0..12).flat_map(|before| (0..12).map(move |after| (before, after))) {
        let path = directory.path().join(format!("{before}-{after}.db"));
        fs::copy(&written, &path).unwrap();
        let store = open(&path).await;
        maintain(&store, before).await;
        store.close().await.unwrap();

        let store = open(&path).await;
        maintain(&store, after).await;
        assert_eq!(counts(&store).await, [1.0, 12.0, 4.0], "{before} pieces, then {after}");
        write_one(&store).await;
        assert_eq!(counts(&store).await, [1.0, 12.0, 5.0], "{before} pieces, then {after} and a tick");
    }
}

/// The beginning of a minute.
const START_MS: i64 = 1_750_000_020_000;
