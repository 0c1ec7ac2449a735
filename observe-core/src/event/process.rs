//! Processes that events are about.

use std::{
    collections::{HashMap, VecDeque},
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

use parking_lot::Mutex;

use super::{EventData, SystemEvent};

/// What is known about a process.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProcessInfo {
    /// Its id.
    pub pid: u32,
    /// When it started, in clock ticks since boot; with the id it names the process for ever.
    pub start_ticks: u64,
    /// The id of its parent.
    pub ppid: u32,
    /// Its command name.
    pub name: String,
    /// Its command line, secrets masked.
    pub cmdline: String,
    /// The user it runs as.
    pub uid: u32,
}

/// An event with what is known about the process it concerns. The event itself is never changed.
#[derive(Clone, Debug)]
pub struct Enriched {
    /// The event.
    pub event: SystemEvent,
    /// The process it is about.
    pub process: Option<Arc<ProcessInfo>>,
}

impl Deref for Enriched {
    type Target = SystemEvent;

    fn deref(&self) -> &SystemEvent {
        &self.event
    }
}

/// The processes seen last, by id; the oldest entry leaves when the cache is full.
///
/// The process collector fills it, so nobody reads `/proc` to explain an event.
#[derive(Debug)]
pub struct ProcessCache {
    entries: Mutex<Entries>,
    hits: AtomicU64,
    misses: AtomicU64,
    distrusts_kernel: AtomicBool,
}

#[derive(Debug, Default)]
struct Entries {
    by_pid: HashMap<u32, Arc<ProcessInfo>>,
    order: VecDeque<(u32, u64)>,
}

/// Size and use of a [`ProcessCache`].
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ProcessCacheStats {
    /// Processes in the cache.
    pub size: usize,
    /// Look-ups that found a process.
    pub hits: u64,
    /// Look-ups that found none.
    pub misses: u64,
}

impl ProcessCache {
    /// The most processes in one cache.
    pub const CAPACITY: usize = 4096;

    /// Makes an empty cache.
    #[must_use]
    pub fn new() -> Self {
        Self {
            entries: Mutex::default(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            distrusts_kernel: AtomicBool::new(false),
        }
    }

    /// Remembers a process; one with the same id is replaced.
    pub fn insert(&self, process: ProcessInfo) {
        let mut entries = self.entries.lock();
        let Entries { by_pid, order } = &mut *entries;
        let (pid, started) = (process.pid, process.start_ticks);
        let before = by_pid.insert(pid, Arc::new(process));
        if before.is_some_and(|before| before.start_ticks == started) {
            return;
        }
        order.push_back((pid, started));
        while order.len() > Self::CAPACITY {
            if let Some((pid, started)) = order.pop_front()
                && by_pid.get(&pid).is_some_and(|process| process.start_ticks == started)
            {
                by_pid.remove(&pid);
            }
        }
    }

    /// Returns what is known about process `pid`, ended ones included.
    #[must_use]
    pub fn process(&self, pid: u32) -> Option<Arc<ProcessInfo>> {
        let found = self.entries.lock().by_pid.get(&pid).cloned();
        let counter = if found.is_some() { &self.hits } else { &self.misses };
        counter.fetch_add(1, Relaxed);
        found
    }

    /// Returns the process that an event is about, as far as it is known.
    #[must_use]
    pub fn explain(&self, data: &EventData) -> Option<Arc<ProcessInfo>> {
        if data.task().is_some() && !self.trusts_kernel() {
            return None;
        }
        self.process(data.pid()?)
    }

    /// Says that the kernel means other processes by its ids than `/proc` does here, as in a container. What the kernel
    /// tells is not explained from now on.
    pub fn distrust_kernel(&self) {
        self.distrusts_kernel.store(true, Relaxed);
    }

    /// Returns whether the kernel means the same processes by its ids as `/proc` does.
    #[must_use]
    pub fn trusts_kernel(&self) -> bool {
        !self.distrusts_kernel.load(Relaxed)
    }

    /// Returns size and use.
    #[must_use]
    pub fn stats(&self) -> ProcessCacheStats {
        ProcessCacheStats {
            size: self.entries.lock().by_pid.len(),
            hits: self.hits.load(Relaxed),
            misses: self.misses.load(Relaxed),
        }
    }
}

impl Default for ProcessCache {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Attributes, LogRecord, Syscall, Task, Timestamp};

    fn process(pid: u32, start_ticks: u64) -> ProcessInfo {
        ProcessInfo { pid, start_ticks, ppid: 0, name: "x".into(), cmdline: String::new(), uid: 0 }
    }

    #[test]
    fn the_oldest_process_leaves_a_full_cache() {
        let cache = ProcessCache::new();

        (0..=ProcessCache::CAPACITY as u32).for_each(|pid| cache.insert(process(pid, 1)));

        assert_eq!(cache.stats().size, ProcessCache::CAPACITY);
        assert!(cache.process(0).is_none() && cache.process(1).is_some());
    }

    #[test]
    fn a_reused_pid_is_the_new_process_and_survives_the_old_ones_turn_to_leave() {
        let cache = ProcessCache::new();
        cache.insert(process(7, 1));
        cache.insert(process(7, 2));

        (100..100 + ProcessCache::CAPACITY as u32 - 1).for_each(|pid| cache.insert(process(pid, 1)));

        assert_eq!(cache.process(7).map(|process| process.start_ticks), Some(2));
    }

    #[test]
    fn what_the_kernel_tells_is_not_explained_by_processes_that_have_the_same_ids_by_chance() {
        let cache = ProcessCache::new();
        cache.insert(process(7, 1));
        let task = Task { pid: 7, ..Task::default() };
        let syscall = Syscall { name: "read".into(), task, duration: Duration::ZERO, result: 0 };
        let of_kernel = EventData::Syscall(syscall);
        let mut record = LogRecord::new(Timestamp::default(), "");
        record.attributes = Attributes::new([("process.pid", "7")]).unwrap();
        let of_program = EventData::Log(record);
        assert!(cache.explain(&of_kernel).is_some());

        cache.distrust_kernel();

        assert!(cache.explain(&of_kernel).is_none() && cache.explain(&of_program).is_some());
    }
}
