//! Guards: 1 M samples a second of processor time, packing and tiers with it, for 100,000 series at 1 s with durable
//! commits, none of them above 50 ms; 1 ms of processor time, 1 GB a day and 5 MiB of memory for the 1,300 series of a
//! host; 900,000 samples a second on PostgreSQL.
//!
//! Values and times are those of a recording. Time passes as fast as it can: everything that there is to pack is packed
//! between two commits, as the engine does it. Making the frames is not counted.
//!
//! The rivals take the same frames and only compress them, by Gorilla or by zstd in chunks of 1,024: nothing is durable.
//!
//! Run: `cargo bench --bench store_ingest`; for PostgreSQL with `OBSERVE_TEST_POSTGRES=postgres://USER@HOST/DATABASE`
//! and `psql`. Processor time is that of all threads of the process.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a bench prints, and fails loudly")]

mod support;

use std::{
    env,
    path::Path,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use observe::{
    Store, Timestamp, Upkeep,
    store::{Config, SqlStore},
};

use self::support::{
    Effort,
    pages::Pages,
    process_time, quantile,
    recording::Recording,
    rivals::Gorilla,
    stored::{Hosts, block_on},
    thread_time,
    usage::{forget_peak, peak_kib, resident_kib, written_bytes},
};

fn main() {
    let effort = Effort::from_args();
    let recording = Arc::new(Recording::load());
    println!("store_ingest: values of {}", recording.describe());
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name).display().to_string();
    let is_asked =
        |name: &str| env::args().skip(1).all(|one| one.starts_with('-')) || env::args().any(|one| one == name);
    if is_asked("many") {
        rivals(&recording, effort);
        many(&file("many.db"), &recording, effort);
    }
    if is_asked("host") {
        host(&file("host.db"), &recording, effort);
    }
    if is_asked("postgres") {
        postgres(&recording, effort);
    }
}

/// A store that is filled, and what that took.
struct Filling {
    store: SqlStore,
    hosts: Hosts,
    tick: usize,
    commits: Vec<Duration>,
    pieces: Vec<Duration>,
    committing: Duration,
    keeping: Duration,
}

impl Filling {
    async fn new(url: &str, hosts: Hosts) -> Self {
        let store = SqlStore::open(&Config::at(url)).await.unwrap();
        let (commits, pieces) = (Vec::new(), Vec::new());
        let nothing = Duration::ZERO;
        Self { store, hosts, tick: 0, commits, pieces, committing: nothing, keeping: nothing }
    }

    fn forget_times(&mut self) {
        self.commits.clear();
        self.pieces.clear();
        (self.committing, self.keeping) = (Duration::ZERO, Duration::ZERO);
    }

    /// Commits some ticks, and does what is to be done within `patience`.
    async fn turn(&mut self, ticks: usize, patience: Duration) {
        let commit = self.hosts.commit(self.tick, ticks);
        self.tick += ticks;
        let (begun, spent) = (Instant::now(), process_time());
        self.store.commit(&commit).await.unwrap();
        self.commits.push(begun.elapsed());
        self.committing += process_time() - spent;
        drop(commit);
        self.keep(self.hosts.recording.stamp(self.tick), patience).await;
    }

    async fn keep(&mut self, now: Timestamp, patience: Duration) {
        let (begun, spent) = (Instant::now(), process_time());
        loop {
            let piece = Instant::now();
            let upkeep = self.store.maintain(now).await.unwrap();
            self.pieces.push(piece.elapsed());
            if upkeep == Upkeep::Done || begun.elapsed() > patience {
                break;
            }
        }
        self.keeping += process_time() - spent;
    }

    /// Packs everything that is left.
    async fn finish(&mut self) {
        self.keep(self.hosts.recording.stamp(self.tick) + Duration::from_secs(7_200), Duration::MAX).await;
        assert_eq!(self.figure("refused_series"), 0);
        assert!(self.figure("packed_points") >= (self.hosts.series() * self.tick) as u64, "points are missing");
    }

    fn figure(&self, name: &str) -> u64 {
        self.store.figures().iter().find(|figure| figure.name == name).map_or(0, |figure| figure.value)
    }

    fn print_times(&mut self) {
        for (name, times) in [("commit", &mut self.commits), ("piece of upkeep", &mut self.pieces)] {
            let [p50, p99, max] = [0.5, 0.99, 1.0].map(|share| quantile(times, share).as_secs_f64() * 1e3);
            println!(
                "    {name:<16} {p50:8.2} ms, p99 {p99:.2} ms, max {max:.2} ms by the wall clock, {}",
                times.len()
            );
        }
    }
}

fn many(url: &str, recording: &Arc<Recording>, effort: Effort) {
    let (subjects, ticks) = if effort.divisor > 1 { (2, 120) } else { (100, 1_500) };
    let hosts = Hosts::new(recording, 10, 100, subjects);
    let series = hosts.series();
    println!("  {series} series of 10 producers at 1 s for {ticks} s, a commit each second");
    block_on(async {
        let mut filling = Filling::new(url, hosts).await;
        filling.turn(1, Duration::MAX).await;
        println!("    the first commit, which makes them: {:.2} s", filling.commits[0].as_secs_f64());
        filling.forget_times();
        for _ in 0..ticks {
            filling.turn(1, Duration::from_millis(800)).await;
        }
        filling.print_times();
        filling.finish().await;
        let samples = (series * ticks) as f64;
        let [committing, keeping] = [filling.committing, filling.keeping].map(|time| time.as_nanos() as f64 / samples);
        let speed = 1e3 / (committing + keeping);
        println!("    {speed:.2} M samples a second of processor: commit {committing:.0} ns, upkeep {keeping:.0} ns");
        filling.store.close().await.unwrap();
        print_size(url, samples);
    });
}

fn host(url: &str, recording: &Arc<Recording>, effort: Effort) {
    let hours = if effort.divisor > 1 { 1 } else { 6 };
    let hosts = Hosts::one(recording);
    let series = hosts.series();
    println!("  {series} series of a host at 1 s for {hours} h, a commit every 2 s");
    block_on(async {
        let mut filling = Filling::new(url, hosts).await;
        filling.turn(2, Duration::MAX).await;
        filling.forget_times();
        let before = written_bytes();
        let seconds = hours * 3_600 / if effort.divisor > 1 { 10 } else { 1 };
        let mut grown = Vec::new();
        for _ in 0..seconds / 2 {
            let resident = resident_kib();
            forget_peak();
            let pieces = filling.pieces.len();
            filling.turn(2, Duration::MAX).await;
            if filling.pieces.len() > pieces + 2 {
                grown.push(Duration::from_millis(peak_kib().saturating_sub(resident)));
            }
        }
        let written = (written_bytes() - before) as f64 / seconds as f64 * 86_400.0;
        filling.print_times();
        let [committing, keeping] =
            [filling.committing, filling.keeping].map(|time| time.as_secs_f64() * 1e6 / seconds as f64);
        let share = (committing + keeping) / 1e4;
        println!("    processor {share:.3} % of a core: commits {committing:.0} us, upkeep {keeping:.0} us a second");
        println!("    written to the disk {:.2} GB a day", written / 1e9);
        let most = [0.5, 1.0].map(|share| quantile(&mut grown, share).as_millis());
        for (name, table) in [("packs", "raw"), ("minutes", "minute"), ("hours", "hour")] {
            let bytes = filling.figure(&format!("written_{table}_bytes"));
            println!("      of it {name} {:.3} GB, once", bytes as f64 / seconds as f64 * 86_400.0 / 1e9);
        }
        println!("    memory while slots are packed: {} KiB above before, at most {} KiB", most[0], most[1]);
        filling.finish().await;
        filling.store.close().await.unwrap();
        print_size(url, (series * seconds) as f64);
    });
}

fn print_size(url: &str, samples: f64) {
    let pages = Pages::of(Path::new(url));
    let [all, tiers] = [pages.file_bytes(), pages.bytes(&["tier1", "tier2"])].map(|bytes| bytes as f64 / samples);
    println!("    the file at the end: {:.3} bytes a sample, and {tiers:.3} of tiers", all - tiers);
}

/// Fills a schema of its own.
fn postgres(recording: &Arc<Recording>, effort: Effort) {
    let Some(server) = env::var_os("OBSERVE_TEST_POSTGRES").and_then(|server| server.into_string().ok()) else {
        println!("  postgres: skipped, OBSERVE_TEST_POSTGRES does not name a server");
        return;
    };
    let schema = format!("bench_{}", std::process::id());
    let run = |sql: String| Command::new("psql").args([&server, "-qc", &sql]).status().is_ok_and(|done| done.success());
    if !run(format!("CREATE SCHEMA {schema}")) {
        println!("  postgres: skipped, psql cannot make a schema");
        return;
    }
    let separator = if server.contains('?') { '&' } else { '?' };
    let url = format!("{server}{separator}options=-csearch_path%3D{schema}");
    let ticks = if effort.divisor > 1 { 120 } else { 3_600 };
    let hosts = Hosts::new(recording, 10, 100, 5);
    let series = hosts.series();
    println!("  postgres: {series} series of 10 producers at 1 s for {ticks} s, a commit each 2 s");
    block_on(async {
        let mut filling = Filling::new(&url, hosts).await;
        filling.turn(2, Duration::MAX).await;
        filling.forget_times();
        for _ in 0..ticks / 2 {
            filling.turn(2, Duration::MAX).await;
        }
        filling.finish().await;
        let wall: Duration = filling.commits.iter().chain(&filling.pieces).sum();
        let ours = filling.committing + filling.keeping;
        filling.print_times();
        let [wall, ours] = [wall, ours].map(|time| (series * ticks) as f64 / time.as_secs_f64() / 1e6);
        println!(
            "    {wall:.2} M samples a second by the wall clock, {ours:.2} M a second of this process's processor"
        );
        filling.store.close().await.unwrap();
    });
    run(format!("SET client_min_messages = warning; DROP SCHEMA {schema} CASCADE"));
}

/// Compresses what the frames of a host have, series by series.
fn rivals(recording: &Arc<Recording>, effort: Effort) {
    let ticks = 1_024 / if effort.divisor > 1 { 10 } else { 1 };
    let hosts = Hosts::one(recording);
    let columns = hosts.players.iter().flat_map(|player| (0..100).map(move |column| (player, column)));
    let chunks: Vec<Vec<f64>> =
        columns.map(|(player, column)| (0..ticks).map(|tick| player.value(0, column, tick)).collect()).collect();
    let time = |name: &str, work: &dyn Fn(&[f64]) -> usize| {
        let before = thread_time();
        let bytes: usize = chunks.iter().map(|chunk| work(chunk)).sum();
        let each = (thread_time() - before).as_nanos() as f64 / (chunks.len() * ticks) as f64;
        println!("  {name} alone: {:.2} M values a second, {:.3} bytes each", 1e3 / each, {
            bytes as f64 / (chunks.len() * ticks) as f64
        });
    };
    time("gorilla", &|values| Gorilla::of(values).bytes());
    time("zstd -3", &|values| {
        let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        zstd::bulk::compress(&raw, 3).unwrap().len()
    });
}
