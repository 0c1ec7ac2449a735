//! Processes: those that lead by processor time, and as many others as there is room for.

use std::{collections::HashSet, time::Duration};

use observe_core::{
    Attributes, Collect, CollectError, Collector, EventKind, KeyedTable, ProcessInfo, Schema, SubjectId, Table,
    command_line, names::process as names,
};
use sysinfo::{Process, ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};

use super::{as_gauge, opened};
use crate::{Config, InvalidConfig, bucket::Bucket, config::interval};

/// Reads all processes; at most so many as are allowed have series of their own.
#[derive(Debug)]
pub(crate) struct ProcessCollector {
    interval: Duration,
    has_command_lines: bool,
    system: Option<System>,
    tracked: Tracked,
    table: KeyedTable<Key>,
    host: Table,
    row: SubjectId,
}

/// A process id and when the process started.
type Key = (u32, u64);

/// The processes with series of their own.
#[derive(Debug)]
struct Tracked {
    keys: HashSet<Key>,
    max: usize,
    top: usize,
    bucket: Bucket,
}

impl ProcessCollector {
    /// Makes the collector; nothing is read yet.
    ///
    /// # Errors
    ///
    /// Refuses an interval out of its range.
    pub(crate) fn new(config: &Config) -> Result<Self, InvalidConfig> {
        let section = &config.process;
        let interval = interval("collectors.process.interval_seconds", section.interval_seconds)?;
        let builder = |name| Schema::builder(name).kind(EventKind::ProcessMetric).interval(interval);
        let columns = builder("process").column(&as_gauge(&names::CPU_USAGE)).column(&names::RSS).column(&names::VMS);
        let (host, row) =
            Table::for_host(builder("processes").column(&names::COUNT).column(&names::UNTRACKED).build()?);
        let max = section.max_tracked.max(1);
        let bucket = Bucket::new(max + section.top, section.new_per_hour.max(2));
        let tracked = Tracked { keys: HashSet::new(), max, top: section.top.min(max), bucket };
        Ok(Self {
            interval,
            has_command_lines: section.command_lines,
            system: None,
            tracked,
            table: KeyedTable::new(columns.build()?),
            host,
            row,
        })
    }
}

impl Collector for ProcessCollector {
    fn name(&self) -> &'static str {
        "process"
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    fn collect(&mut self, cx: &mut Collect<'_>) -> Result<(), CollectError> {
        let (system, _) = opened(&mut self.system, System::new)?;
        let once = UpdateKind::OnlyIfNotSet;
        let command_line = if self.has_command_lines { once } else { UpdateKind::Never };
        let kind = ProcessRefreshKind::nothing()
            .with_cpu()
            .with_memory()
            .with_cmd(command_line)
            .with_user(once)
            .without_tasks();
        system.refresh_processes_specifics(ProcessesToUpdate::All, true, kind);
        let count = system.processes().len();
        let mut ranked: Vec<&Process> =
            system.processes().values().filter(|process| process.run_time() >= MATURITY_SECONDS).collect();
        ranked.sort_unstable_by(|one, other| {
            other.cpu_usage().total_cmp(&one.cpu_usage()).then(other.memory().cmp(&one.memory()))
        });
        self.tracked.bucket.refill(cx.timestamp());
        let newcomers = self.tracked.review(&ranked);
        for process in ranked.iter().filter(|process| self.tracked.keys.contains(&key(process))) {
            let values = [f64::from(process.cpu_usage()), process.memory() as f64, process.virtual_memory() as f64];
            self.table.row(&key(process), || attributes(process)).set_all(0, values);
            if newcomers.contains(&key(process)) {
                cx.processes().insert(describe(process));
            }
        }
        self.host.set(self.row, 0, count as f64);
        self.host.set(self.row, 1, ranked.len().saturating_sub(self.tracked.keys.len()) as f64);
        cx.emit(self.host.frame(cx.timestamp()));
        if !self.table.is_empty() {
            cx.emit(self.table.frame(cx.timestamp()));
        }
        Ok(())
    }
}

impl Tracked {
    /// Chooses among processes in the order of their rank, and returns who is new.
    ///
    /// Those chosen before stay until they end, unless a leader needs their place.
    fn review(&mut self, ranked: &[&Process]) -> HashSet<Key> {
        let alive: HashSet<Key> = ranked.iter().map(|process| key(process)).collect();
        self.keys.retain(|key| alive.contains(key));
        let mut newcomers = HashSet::new();
        for (rank, process) in ranked.iter().enumerate() {
            if self.bucket.available() == 0 {
                break;
            }
            if self.keys.contains(&key(process)) || (self.keys.len() >= self.max && rank >= self.top) {
                continue;
            }
            if self.keys.len() >= self.max {
                let mut from_last = ranked.iter().rev().map(|process| key(process));
                if let Some(last) = from_last.find(|key| self.keys.contains(key)) {
                    self.keys.remove(&last);
                }
            }
            self.bucket.take();
            self.keys.insert(key(process));
            newcomers.insert(key(process));
        }
        newcomers
    }
}

fn key(process: &Process) -> Key {
    (process.pid().as_u32(), process.start_time())
}

fn attributes(process: &Process) -> Attributes {
    Attributes::new([("name", name(process)), ("pid", process.pid().to_string())]).unwrap_or_default()
}

fn name(process: &Process) -> String {
    let mut name = String::new();
    command_line::push_clean(&mut name, &process.name().to_string_lossy());
    name.truncate(name.floor_char_boundary(MAX_NAME_BYTES));
    name
}

fn describe(process: &Process) -> ProcessInfo {
    let arguments: Vec<_> = process.cmd().iter().map(|argument| argument.to_string_lossy()).collect();
    ProcessInfo {
        pid: process.pid().as_u32(),
        start_ticks: process.start_time(),
        ppid: process.parent().map_or(0, sysinfo::Pid::as_u32),
        name: name(process),
        cmdline: command_line::masked(arguments.join("\0").as_bytes()),
        uid: uid(process),
    }
}

#[cfg(unix)]
fn uid(process: &Process) -> u32 {
    process.effective_user_id().or_else(|| process.user_id()).map_or(0, |uid| **uid)
}

/// Users have no numbers here.
#[cfg(not(unix))]
fn uid(_: &Process) -> u32 {
    0
}

/// How long a process must have run before it may have series.
const MATURITY_SECONDS: u64 = 5;
const MAX_NAME_BYTES: usize = 255;
