//! The processes that use processors most.

use std::cmp::Reverse;

use observe_core::ProcessCache;

use super::{Scale, population::Process};

/// One of the processes that use processors most, as [`ProcessCollector::top`](super::ProcessCollector::top) lists it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TopProcess {
    /// Its id.
    pub pid: u32,
    /// Its command name.
    pub name: String,
    /// The share of one processor that it used between the last two readings; above 100 with several.
    pub cpu_percent: f64,
    /// Its memory that is resident.
    pub rss_bytes: u64,
    /// Its virtual memory.
    pub vms_bytes: u64,
    /// Its threads.
    pub threads: u64,
    /// Its command line, secrets masked; empty where there is none, and before the second reading that finds it.
    pub command_line: String,
}

/// Lists the first `count` by processor time, then by memory.
pub(super) fn list(
    processes: &[Process],
    count: usize,
    scale: Scale,
    elapsed_seconds: f64,
    cache: &ProcessCache,
) -> Vec<TopProcess> {
    let mut found: Vec<&Process> = processes.iter().filter(|process| process.is_read).collect();
    found.sort_unstable_by_key(|process| Reverse((process.grown_ticks, process.stat.resident_pages)));
    found.truncate(count);
    found.into_iter().map(|process| describe(process, scale, elapsed_seconds, cache)).collect()
}

fn describe(process: &Process, scale: Scale, elapsed_seconds: f64, cache: &ProcessCache) -> TopProcess {
    let Process { pid, stat, comm, grown_ticks, .. } = process;
    let known = cache.process(*pid).filter(|known| known.start_ticks == stat.start_ticks);
    let share = if elapsed_seconds > 0.0 { scale.seconds(*grown_ticks) / elapsed_seconds } else { 0.0 };
    TopProcess {
        pid: *pid,
        name: comm.to_text(),
        cpu_percent: 100.0 * share,
        rss_bytes: scale.bytes(stat.resident_pages) as u64,
        vms_bytes: stat.virtual_bytes,
        threads: stat.threads,
        command_line: known.map(|known| known.cmdline.clone()).unwrap_or_default(),
    }
}
