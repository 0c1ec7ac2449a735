//! Guards: all collectors with every process, at one reading a second, at or below 0.30 % of a core, beside the same
//! reads by `sysinfo` and `procfs` in the same run.
//!
//! Run: `cargo bench --bench collectors`. All numbers are processor time of one thread, the kernel's share included.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a bench prints, and fails loudly")]

mod support;

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use observe::{
    Clock, Collect, Collector, Item, Limits, ProcessCache, SystemClock, Timestamp, collectors, testing::StepBench,
};

use self::support::{Effort, thread_time};

/// Readings before the clock counts: descriptors are opened, and processes become subjects after five.
const WARM_UP: usize = 8;

fn main() {
    let effort = Effort::from_args();
    let readings = effort.of(200);
    let mut readers = collectors::collectors(&collectors::Config::default()).unwrap();
    let processes = ProcessCache::new();
    let mut bench = StepBench::new(&Limits::default());
    let mut now = SystemClock.now();
    for _ in 0..WARM_UP {
        now = now + Duration::from_secs(1);
        let items = readers.iter_mut().flat_map(|reader| read(&mut **reader, now, &processes)).collect();
        bench.step(items, now);
    }

    let mut total = 0.0;
    println!("collectors: us of processor time a reading, and a second at the default interval");
    for reader in &mut readers {
        let mut ours = Duration::ZERO;
        for _ in 0..readings {
            now = now + Duration::from_secs(1);
            let before = thread_time();
            black_box(read(&mut **reader, now, &processes));
            ours += thread_time() - before;
        }
        let each = ours.as_secs_f64() * 1e6 / readings as f64;
        let second = each / reader.interval().as_secs_f64();
        total += second;
        println!("  {:<12} {each:8.1}  {second:8.1}", reader.name());
    }
    let live = std::fs::read_dir("/proc").unwrap().filter(|entry| is_process(entry.as_ref().unwrap())).count();
    println!(
        "  {live} processes, {} series: {total:.0} us a second = {:.3} % of a core",
        bench.series_len(),
        total / 1e4
    );

    let sysinfo = mean(readings.min(50), sysinfo_reads());
    let procfs = mean(readings.min(50), procfs_reads);
    println!("  sysinfo, cpu, memory, disks, networks, processes: {sysinfo:.0} us = {:.1} x ours", sysinfo / total);
    println!(
        "  procfs, stat, meminfo, vmstat, diskstats, net/dev, processes: {procfs:.0} us = {:.1} x ours",
        procfs / total
    );
}

fn read(reader: &mut dyn Collector, now: Timestamp, processes: &ProcessCache) -> Vec<Item> {
    let mut cx = Collect::new(now, Instant::now() + Duration::from_secs(1), processes);
    let _ = black_box(reader.collect(&mut cx));
    cx.take_items()
}

fn is_process(entry: &std::fs::DirEntry) -> bool {
    entry.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns the mean processor time of a call in microseconds.
fn mean(times: usize, mut work: impl FnMut()) -> f64 {
    work();
    let before = thread_time();
    (0..times).for_each(|_| work());
    (thread_time() - before).as_secs_f64() * 1e6 / times as f64
}

fn sysinfo_reads() -> impl FnMut() {
    let mut system = sysinfo::System::new().unwrap();
    let mut disks = sysinfo::Disks::new_with_refreshed_list().unwrap();
    let mut networks = sysinfo::Networks::new_with_refreshed_list().unwrap();
    move || {
        system.refresh_cpu_usage();
        system.refresh_memory();
        system.refresh_processes(sysinfo::ProcessesToUpdate::All, true);
        disks.refresh(true);
        networks.refresh(true);
        black_box(&system);
    }
}

fn procfs_reads() {
    use procfs::{Current, CurrentSI, ProcResult};
    let processes = procfs::process::all_processes().unwrap();
    processes.filter_map(ProcResult::ok).for_each(|process| drop(black_box(process.stat())));
    black_box(procfs::KernelStats::current().unwrap());
    black_box(procfs::Meminfo::current().unwrap());
    black_box(procfs::vmstat().unwrap());
    black_box(procfs::diskstats().unwrap());
    black_box(procfs::net::dev_status().unwrap());
}
