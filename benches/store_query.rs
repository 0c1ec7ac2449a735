//! Guards: one series of 6 h at 1 s in 0.35 ms; the means by minute of 100 series of 6 h in 1 ms from a tier, and what
//! only their points can answer in 15 ms; from opening a store with a day of 1,300 series to its first answer 300 ms;
//! 5 MiB of memory above what there was before.
//!
//! The rivals have the values of the same points in memory, by Gorilla or by zstd in chunks of 1,024, and only decode
//! them: no database, no times, no catalogue.
//!
//! Run: `cargo bench --bench store_query`. Times are medians by the wall clock, for a query waits for a thread of SQLite;
//! beside them is the least processor time of all threads.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a bench prints, and fails loudly")]

mod support;

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use observe::{
    Aggregate, MetricKey, MetricStore, RangeQuery, Selector, Store,
    store::{Config, SqlStore},
};

use self::support::{
    Effort, process_time, quantile,
    recording::Recording,
    rivals::Gorilla,
    stored::{Hosts, block_on, keep},
    usage::{forget_peak, peak_kib, resident_kib},
};

fn main() {
    let effort = Effort::from_args();
    let recording = Arc::new(Recording::load());
    let directory = tempfile::tempdir().unwrap();
    let config = Config::at(directory.path().join("observe.db").display().to_string());
    // The last slot is not packed, as it is most of the time.
    let ticks = if effort.divisor > 1 { 2_000 } else { 86_400 - 300 };
    let mut hosts = Hosts::one(&recording);
    println!("store_query: {} series, {} h at 1 s, from {}", hosts.series(), ticks / 3_600, recording.describe());
    let bench = Bench { effort, ticks: ticks.min(21_600), config };
    block_on(async {
        fill(&bench.config, &mut hosts, ticks).await;
        bench.run(&mut hosts, ticks).await;
    });
}

async fn fill(config: &Config, hosts: &mut Hosts, ticks: usize) {
    let store = SqlStore::open(config).await.unwrap();
    for tick in (0..ticks).step_by(60) {
        store.commit(&hosts.commit(tick, 60.min(ticks - tick))).await.unwrap();
        keep(&store, hosts.recording.stamp(tick)).await;
    }
    store.close().await.unwrap();
}

struct Bench {
    effort: Effort,
    /// How many ticks a query asks for.
    ticks: usize,
    config: Config,
}

impl Bench {
    async fn run(&self, hosts: &mut Hosts, ticks: usize) {
        let (start, end) = (hosts.recording.stamp(ticks - self.ticks), hosts.recording.stamp(ticks));
        let query = |keys: &[MetricKey], step: u64, aggregate| RangeQuery {
            step: Duration::from_secs(step),
            aggregate,
            ..RangeQuery::raw(Selector::Keys(keys.to_vec()), start, end)
        };
        let together: Vec<MetricKey> = (0..100).map(|column| hosts.players[4].key(0, column)).collect();
        let apart: Vec<MetricKey> = (0..100).map(|at| hosts.players[at % 13].key(0, at)).collect();
        let counter = (0..100).find(|column| hosts.players[4].value(0, *column, 1_000).fract() != 0.0).unwrap_or(0);
        let values = |at: usize| -> Vec<f64> {
            (ticks - self.ticks..ticks).map(|tick| hosts.players[4].value(0, at, tick)).collect()
        };
        self.open(&query(&together[..1], 0, Aggregate::Last)).await;
        let store = SqlStore::open(&self.config).await.unwrap();

        let one = [values(counter)];
        println!("  one series, as it was stored, {} points", self.ticks);
        let ours = self.ask(&store, &query(&together[counter..=counter], 0, Aggregate::Last)).await;
        self.rivals(&one, ours);

        let all: Vec<Vec<f64>> = (0..100).map(values).collect();
        for (name, keys) in [("of one producer", &together), ("of 13 producers", &apart)] {
            // First what takes the most memory: what comes later uses again what the allocator kept.
            println!("  100 series {name}, p95 by minute, from points");
            self.ask(&store, &query(keys, 60, Aggregate::Percentile(95))).await;
            println!("  100 series {name}, mean by minute, from the tier");
            self.ask(&store, &query(keys, 60, Aggregate::Avg)).await;
            println!("  100 series {name}, mean by 61 s, from points");
            let ours = self.ask(&store, &query(keys, 61, Aggregate::Avg)).await;
            self.rivals(&all, ours);
        }
        store.close().await.unwrap();
    }

    /// Measures from the opening of the store to its first answer.
    async fn open(&self, query: &RangeQuery) {
        let mut times = Vec::new();
        for _ in 0..self.effort.of(15) {
            let begun = Instant::now();
            let store = SqlStore::open(&self.config).await.unwrap();
            black_box(store.range(query).await.unwrap());
            times.push(begun.elapsed());
            store.close().await.unwrap();
        }
        println!("  open, and answer for one series    {:8.3} ms", millis(quantile(&mut times, 0.5)));
    }

    async fn ask(&self, store: &SqlStore, query: &RangeQuery) -> f64 {
        let (mut times, mut points, mut least) = (Vec::new(), 0, Duration::MAX);
        // From before the first time: later ones use memory again that the allocator kept.
        let before = resident_kib();
        forget_peak();
        black_box(store.range(query).await.unwrap());
        for _ in 0..self.effort.of(100).max(3) {
            let (begun, spent) = (Instant::now(), process_time());
            let answer = black_box(store.range(query).await.unwrap());
            times.push(begun.elapsed());
            least = least.min(process_time() - spent);
            points = answer.iter().map(|series| series.points.len()).sum();
        }
        let grown = peak_kib().saturating_sub(before);
        let (p50, p99) = (millis(quantile(&mut times, 0.5)), millis(quantile(&mut times, 0.99)));
        let least = millis(least);
        println!(
            "    observe  {p50:8.3} ms, p99 {p99:.3} ms; {least:.3} ms of processor at least; {points} points out"
        );
        println!("             memory at most {grown} KiB above before");
        p50
    }

    fn rivals(&self, series: &[Vec<f64>], ours: f64) {
        let chunks: Vec<&[f64]> = series.iter().flat_map(|values| values.chunks(1_024)).collect();
        let gorilla: Vec<Gorilla> = chunks.iter().map(|values| Gorilla::of(values)).collect();
        let raw = |values: &&[f64]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
        let zstd: Vec<Vec<u8>> = chunks.iter().map(|chunk| zstd::bulk::compress(&raw(chunk), 3).unwrap()).collect();
        let mut decoder = zstd::bulk::Decompressor::new().unwrap();
        self.rival("gorilla", ours, || gorilla.iter().map(|chunk| sum(&chunk.values())).sum());
        self.rival("zstd", ours, || {
            let sums = zstd.iter().map(|chunk| {
                let bytes = decoder.decompress(chunk, 8 * 1_024).unwrap();
                sum(&bytes.as_chunks().0.iter().map(|word| f64::from_le_bytes(*word)).collect::<Vec<f64>>())
            });
            sums.sum()
        });
    }

    fn rival(&self, name: &str, ours: f64, mut decode: impl FnMut() -> f64) {
        let mut times: Vec<Duration> = Vec::new();
        for _ in 0..self.effort.of(50).max(3) {
            let begun = Instant::now();
            black_box(decode());
            times.push(begun.elapsed());
        }
        let p50 = millis(quantile(&mut times, 0.5));
        println!("    {name:<8} {p50:8.3} ms to decode the values alone = {:.2} x ours", p50 / ours);
    }
}

fn sum(values: &[f64]) -> f64 {
    values.iter().sum()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
