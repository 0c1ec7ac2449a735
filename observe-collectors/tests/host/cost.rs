//! What a tick costs; run with `--ignored --nocapture` and optimised.

use std::time::{Duration, Instant};

use observe_collectors::{
    Config, CpuCollector, DiskCollector, FilesystemCollector, InvalidConfig, MemoryCollector, NetworkCollector,
    PressureCollector,
};
use observe_core::{Collect, Collector, ProcessCache, Timestamp};
use rustix::time::{ClockId, clock_gettime};

use crate::tree::Run;

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap())
}

/// Prints the number of series and the mean cost of a tick, and returns both.
fn measure<C: Collector>(make: impl Fn() -> Result<C, InvalidConfig>) -> (usize, f64) {
    let mut run = Run::new(make());
    let before = run.tick();
    let after = run.tick();
    let mut raw = before.values();
    raw.extend(after.values());
    let mut keys: Vec<String> = raw.iter().map(|(key, _)| key.to_string()).collect();
    keys.extend(after.all_derived(&before).iter().map(|(key, _)| key.to_string()));
    keys.sort();
    keys.dedup();

    let mut collector = make().unwrap();
    let processes = ProcessCache::new();
    let mut items = 0;
    let mut tick = |second: i64| {
        let mut cx = Collect::new(Timestamp::from_millis(second * 1000), Instant::now(), &processes);
        collector.collect(&mut cx).unwrap();
        items += cx.take_items().len();
    };
    (0..100).for_each(&mut tick);
    let start = cpu_time();
    (100..100 + TICKS).for_each(&mut tick);
    let micros = (cpu_time() - start).as_secs_f64() * 1e6 / TICKS as f64;
    println!("{:12} {:5} series {:8.1} us a tick", collector.name(), keys.len(), micros);
    (keys.len(), micros)
}

const TICKS: i64 = 2000;

#[test]
#[ignore = "measures, and proves nothing"]
fn print_series_and_cost() {
    let config = Config::default();
    let all = [
        measure(|| CpuCollector::new(&config)),
        measure(|| MemoryCollector::new(&config)),
        measure(|| PressureCollector::new(&config)),
        measure(|| DiskCollector::new(&config)),
        measure(|| NetworkCollector::new(&config)),
        measure(|| FilesystemCollector::new(&config)),
    ];

    let (series, micros) = all.iter().fold((0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    println!("{:12} {series:5} series {micros:8.1} us a tick", "all");
}
