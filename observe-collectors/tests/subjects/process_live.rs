//! The process collector over this host.

use std::{
    fs, hint,
    process::{Child, Command, Stdio, id},
};

use observe_collectors::{Config, ProcessCollector};
use observe_core::{Collector, ProcessCache, Timestamp};

use super::tick::{Tick, collect, collector};

struct Live {
    collector: Box<dyn Collector>,
    cache: ProcessCache,
    now_ms: i64,
}

impl Live {
    fn new() -> Self {
        Self { collector: collector(&Config::default(), "process"), cache: ProcessCache::new(), now_ms: 0 }
    }

    fn ticks(&mut self, count: usize) -> Tick {
        let mut last = None;
        for _ in 0..count {
            self.now_ms += 1_000;
            last = Some(collect(&mut *self.collector, Timestamp::from_millis(self.now_ms), &self.cache));
        }
        last.unwrap()
    }
}

fn child() -> Child {
    Command::new("cat").stdin(Stdio::piped()).spawn().unwrap()
}

#[test]
fn the_own_process_is_found_with_its_memory() {
    let mut live = Live::new();
    let name = fs::read_to_string("/proc/self/comm").unwrap();

    let tick = live.ticks(5);

    let key = format!("process.rss{{name={},pid={}}}", name.trim_end(), id());
    let rss = tick.value(&key).unwrap();
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    let expected = statm.split(' ').nth(1).unwrap().parse::<f64>().unwrap() * rustix::param::page_size() as f64;
    assert!((rss / expected - 1.0).abs() < 0.2, "{rss} {expected}");
    assert!(live.cache.process(id()).is_some_and(|process| !process.cmdline.is_empty()));
}

#[test]
fn a_child_is_seen_and_its_end_is_noticed() {
    let mut live = Live::new();
    let mut child = child();
    let alive = live.ticks(5);

    child.kill().unwrap();
    child.wait().unwrap();
    let ended = live.ticks(1);

    assert!(alive.tracked().contains(&child.id()));
    assert!(!ended.tracked().contains(&child.id()));
    assert!(ended.outcome.is_ok());
    assert_eq!(live.cache.process(child.id()).map(|process| process.ppid), Some(id()));
}

#[test]
fn a_child_that_nobody_waited_for_is_a_zombie_with_series() {
    let mut live = Live::new();
    let mut child = child();
    drop(live.ticks(5));

    child.kill().unwrap();
    let zombies = || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
        stat.contains(") Z ")
    };
    while !zombies() {
        std::thread::yield_now();
    }
    let tick = live.ticks(1);

    assert!(tick.tracked().contains(&child.id()));
    assert!(tick.value("processes.in_state{state=zombie}").unwrap() >= 1.0);
    child.wait().unwrap();
}

#[test]
fn a_busy_process_leads_the_top_list() {
    let cache = ProcessCache::new();
    let mut collector = ProcessCollector::new(&Config::default()).unwrap();
    let own_ticks = || {
        let stat = fs::read_to_string("/proc/self/stat").unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    };
    assert_eq!(collector.top(&cache), []);
    (1..=2).for_each(|second| drop(collect(&mut collector, Timestamp::from_millis(second * 1_000), &cache)));

    let enough = own_ticks() + 10;
    while own_ticks() < enough {
        hint::spin_loop();
    }
    drop(collect(&mut collector, Timestamp::from_millis(3_000), &cache));

    let top = collector.top(&cache);
    let own = top.iter().find(|process| process.pid == id()).unwrap_or_else(|| panic!("{top:?}"));
    let share = 1e4 / rustix::param::clock_ticks_per_second() as f64 / 10.0;
    assert!(own.cpu_percent >= share && own.threads >= 1, "{own:?}");
    assert!(own.rss_bytes > 0 && own.vms_bytes > own.rss_bytes, "{own:?}");
    assert!(!own.command_line.is_empty(), "{own:?}");
    assert!(top.len() <= 10 && top.is_sorted_by(|one, other| one.cpu_percent >= other.cpu_percent), "{top:?}");
}
