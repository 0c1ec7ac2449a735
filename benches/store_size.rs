//! Guards: 0.65 bytes a sample for the whole file of SQLite without tiers, every sample there again bit by bit.
//!
//! A recording of a host is stored as the frames of one producer, packed, and read again. Beside it stand the same values
//! as raw doubles, by Gorilla, by zstd, and, where the programs are here, by Prometheus and VictoriaMetrics.
//!
//! Run: `cargo bench --bench store_size`. `promtool` and `victoria-metrics` are looked for in `PATH`.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a bench prints, and fails loudly")]

mod support;

use std::{collections::HashMap, path::Path, sync::Arc};

use observe::{
    Commit, MetricKey, MetricStore, RangeQuery, Selector, Store, Timestamp,
    store::{Config, SqlStore},
};

use self::support::{
    Effort,
    pages::Pages,
    recording::{Player, Recording},
    rivals::{Gorilla, gorilla_stamps, prometheus, victoria_metrics},
    stored::{finish, keep},
};

fn main() {
    let effort = Effort::from_args();
    let recording = Arc::new(Recording::load().shortened(effort));
    println!("store_size: bytes a sample of {}", recording.describe());
    for slot_points in [1_024, 3_600] {
        ours(&recording, slot_points);
    }
    let row = |name: &str, bytes: usize| println!("  {name:<52} {:8.3}", per_sample(bytes, &recording));
    row("raw doubles, times aside", recording.samples() * 8);
    row("gorilla, chunks of 1,024, times of each series", gorilla(&recording, true));
    row("gorilla, chunks of 1,024, times aside", gorilla(&recording, false));
    for level in [3, 19] {
        row(&format!("zstd -{level} of raw doubles by series, times aside"), zstd(&recording, level));
    }
    let directory = tempfile::tempdir().unwrap();
    for (name, bytes) in [
        ("prometheus, blocks by promtool", prometheus(&recording, &directory.path().join("prometheus"))),
        ("victoria-metrics, imported and merged", victoria_metrics(&recording, &directory.path().join("victoria"))),
    ] {
        match bytes {
            Ok(bytes) => row(name, bytes),
            Err(reason) => println!("  {name:<52}  skipped: {reason}"),
        }
    }
}

fn per_sample(bytes: usize, recording: &Recording) -> f64 {
    bytes as f64 / recording.samples() as f64
}

/// Stores the recording in a file, and prints what of it takes how much.
fn ours(recording: &Arc<Recording>, slot_points: u32) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("observe.db");
    let config = Config { slot_points, ..Config::at(path.display().to_string()) };
    let empty = Config::at(directory.path().join("empty.db").display().to_string());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        SqlStore::open(&empty).await.unwrap().close().await.unwrap();
        let mut player = Player::whole(recording);
        fill(&config, recording, &mut player).await;
        verify(&config, recording, &mut player).await;
    });
    report(recording, slot_points, &path, Pages::of(Path::new(&empty.url)).file_bytes());
}

async fn fill(config: &Config, recording: &Recording, player: &mut Player) {
    let store = SqlStore::open(config).await.unwrap();
    for tick in 0..recording.stamps.len() {
        store.commit(&Commit { frames: vec![player.frame(tick)], ..Commit::default() }).await.unwrap();
        if tick % 2 == 0 {
            keep(&store, recording.stamp(tick)).await;
        }
    }
    finish(&store, recording.stamp(recording.stamps.len())).await;
    store.close().await.unwrap();
}

/// Reads everything back and compares it bit by bit.
async fn verify(config: &Config, recording: &Recording, player: &mut Player) {
    let store = SqlStore::open(config).await.unwrap();
    let all = RangeQuery::raw(Selector::Matching(Vec::new()), Timestamp::MIN, Timestamp::MAX);
    let found = store.range(&all).await.unwrap();
    let columns: HashMap<MetricKey, usize> =
        (0..recording.series.len()).map(|column| (player.key(0, column), column)).collect();
    assert_eq!(found.len(), columns.len());
    for series in &found {
        let column = columns[&series.key];
        assert_eq!(series.points.len(), recording.stamps.len(), "{}", series.key);
        for (tick, point) in series.points.iter().enumerate() {
            assert_eq!(point.timestamp, recording.stamp(tick), "{}", series.key);
            assert_eq!(point.value.to_bits(), player.value(0, column, tick).to_bits(), "{}", series.key);
        }
    }
    store.close().await.unwrap();
}

fn report(recording: &Recording, slot_points: u32, path: &Path, empty_bytes: usize) {
    let pages = Pages::of(path);
    let tiers = pages.bytes(&["tier1", "tier2"]);
    let row = |name: &str, bytes: usize| println!("    {name:<50} {:8.3}", per_sample(bytes, recording));
    println!("  observe, slots of about {slot_points} points, bit-exact");
    row("whole file without tiers", pages.file_bytes() - tiers);
    row("  of it packs", pages.bytes(&["pack"]));
    row("  of it a file without anything in it", empty_bytes);
    row("  of it pages that are free again", pages.free_bytes());
    row("whole file without tiers and free pages", pages.file_bytes() - tiers - pages.free_bytes());
    row("tiers, minutes", pages.bytes(&["tier1"]));
    row("tiers, hours", pages.bytes(&["tier2"]));
}

fn gorilla(recording: &Recording, has_stamps: bool) -> usize {
    let stamps: Vec<i64> = recording.stamps.iter().map(|stamp| stamp / 1_000_000).collect();
    let stamps: usize = stamps.chunks(1_024).map(gorilla_stamps).sum();
    let values = recording.series.iter().flat_map(|series| series.values.chunks(1_024));
    values.map(|values| Gorilla::of(values).bytes()).sum::<usize>()
        + if has_stamps { stamps * recording.series.len() } else { 0 }
}

fn zstd(recording: &Recording, level: i32) -> usize {
    let values = recording.series.iter().flat_map(|series| &series.values);
    let raw: Vec<u8> = values.flat_map(|value| value.to_le_bytes()).collect();
    zstd::bulk::compress(&raw, level).unwrap().len()
}
