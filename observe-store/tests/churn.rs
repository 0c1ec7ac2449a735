//! Series that come and go: however many, all of their points stay.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use std::{path::Path, time::Duration};

use observe_core::{
    Aggregate, Attributes, Commit, KeyedTable, Metric, MetricStore as _, RangeQuery, Schema, Store, Timestamp, Unit,
    Upkeep,
};
use observe_store::{Config, SqlStore};

static DONE: Metric = Metric::counter("q.done", Unit::Count, "Done.");

/// Writes two ticks of 16 new series in each of some periods of a quarter of an hour, and packs them.
async fn write(path: &Path, periods: std::ops::Range<i64>) -> SqlStore {
    let store = SqlStore::open(&Config::at(path.display().to_string())).await.unwrap();
    let schema = Schema::builder("q").interval(Duration::from_secs(1)).column(&DONE).build().unwrap();
    let mut table: KeyedTable<i64> = KeyedTable::new(schema);
    for period in periods {
        let start = START_MS + period * 900_000;
        for tick in 0..2 {
            for queue in period * 16..(period + 1) * 16 {
                let attributes = || Attributes::new([("queue", queue.to_string())]).unwrap();
                table.row(&queue, attributes).set(0, (queue + tick) as f64);
            }
            let frames = vec![table.frame(Timestamp::from_millis(start + tick * 1_000))];
            store.commit(&Commit { frames, ..Commit::default() }).await.unwrap();
        }
        while store.maintain(Timestamp::from_millis(start + 2_000)).await.unwrap() == Upkeep::More {}
    }
    while store.maintain(Timestamp::from_millis(START_MS + 86_400_000 * 9)).await.unwrap() == Upkeep::More {}
    store
}

async fn total(store: &SqlStore, step: u64, aggregate: Aggregate) -> f64 {
    let (start, end) = (Timestamp::from_millis(START_MS), Timestamp::from_millis(START_MS + 86_400_000 * 9));
    let query = RangeQuery {
        step: Duration::from_secs(step),
        aggregate,
        ..RangeQuery::raw(r#"{__name__="q.done"}"#.parse().unwrap(), start, end)
    };
    let found = store.range(&query).await.unwrap();
    found.iter().flat_map(|series| &series.points).map(|point| point.value).sum()
}

fn figure(store: &SqlStore, name: &str) -> u64 {
    store.figures().into_iter().find(|figure| figure.name == name).unwrap().value
}

#[tokio::test]
async fn more_series_than_a_row_of_hours_has_columns_for_are_spread_over_several() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("o.db");

    // A restart does not forget how many there were.
    write(&path, 0..PERIODS / 2).await.close().await.unwrap();
    let store = write(&path, PERIODS / 2..PERIODS).await;

    let points = (PERIODS * 32) as f64;
    for step in [7, 60, 3_600] {
        assert_eq!(total(&store, step, Aggregate::Count).await, points, "by {step} s");
        assert_eq!(total(&store, step, Aggregate::Increase).await, points / 2.0, "by {step} s");
    }
    assert_eq!(["head_bytes", "corrupt_packs", "shed_buckets"].map(|name| figure(&store, name)), [0; 3]);
    store.close().await.unwrap();
}

/// The beginning of ten days that share a row.
const START_MS: i64 = 1_766_880_000_000;
/// With 16 new series each, their seven fields are half as many again as the columns of a row.
const PERIODS: i64 = 55;
