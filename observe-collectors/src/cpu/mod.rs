//! Processors and load.

mod frequency;
mod held;
mod load;
mod schema;
mod stat;

use std::{path::Path, time::Duration};

use observe_core::{Attributes, Collect, CollectError, Collector, KeyedTable, SubjectId, Table};

use self::{
    frequency::Frequencies,
    held::Held,
    schema::column,
    stat::{STATES, Stat, Ticks},
};
use crate::{
    Config, InvalidConfig,
    config::interval,
    read::{KeptFile, Parts},
};

/// Reads `/proc/stat`, `/proc/loadavg`, `/proc/uptime`, and at times the clocks of the cores.
#[derive(Debug)]
pub struct CpuCollector {
    interval: Duration,
    ticks_per_second: u64,
    stat_file: KeptFile,
    load_file: KeptFile,
    uptime_file: KeptFile,
    stat: Stat,
    table: Table,
    host: SubjectId,
    held: Held,
    cores: Option<Cores>,
    frequencies: Frequencies,
}

/// The rows of the cores, and the times they had before, by number.
#[derive(Debug)]
struct Cores {
    table: KeyedTable<u32>,
    held: Vec<Held>,
}

impl CpuCollector {
    /// Makes the collector; nothing is read yet.
    ///
    /// # Errors
    ///
    /// Refuses intervals out of their range.
    pub fn new(config: &Config) -> Result<Self, InvalidConfig> {
        let section = &config.cpu;
        let interval_seconds = interval("collectors.cpu.interval_seconds", section.interval_seconds)?;
        let frequency = interval("collectors.cpu.frequency_interval_seconds", section.frequency_interval_seconds)?;
        let (table, host) = Table::for_host(schema::host(interval_seconds)?);
        let cores = match section.per_core {
            true => Some(Cores { table: KeyedTable::new(schema::core(interval_seconds)?), held: Vec::new() }),
            false => None,
        };
        Ok(Self {
            interval: interval_seconds,
            ticks_per_second: rustix::param::clock_ticks_per_second(),
            stat_file: KeptFile::new(config.roots.proc("stat")),
            load_file: KeptFile::new(config.roots.proc("loadavg")),
            uptime_file: KeptFile::new(config.roots.proc("uptime")),
            stat: Stat::default(),
            table,
            host,
            held: Held::default(),
            cores,
            frequencies: Frequencies::new(&config.roots, frequency, section.per_core)?,
        })
    }

    fn read_stat(&mut self, parts: &mut Parts<'_, '_>) {
        let Self { stat, table, .. } = self;
        let Some(text) = parts.required(self.stat_file.read()) else {
            return;
        };
        let scan = stat.parse(text);
        let path = self.stat_file.path();
        parts.judge(scan, path);
        if stat.host.is_none() && scan.found > 0 {
            parts.degrade(format!("no line of all processors in {}", path.display()));
        }
        let slack = HELD_SECONDS * self.ticks_per_second;
        if let Some(now) = stat.host {
            let times = seconds(self.held.settle(now, slack), self.ticks_per_second);
            times.enumerate().for_each(|(index, time)| table.set(self.host, column::TIME + index, time));
        }
        let counts = [
            (column::CONTEXT_SWITCHES, stat.context_switches),
            (column::INTERRUPTS, stat.interrupts),
            (column::FORKS, stat.forks),
            (column::RUNNING, stat.running),
            (column::BLOCKED, stat.blocked),
        ];
        for (column, count) in counts {
            set(table, self.host, column, count.map(|count| count as f64));
        }
        for (index, count) in stat.softirqs.iter().flatten().enumerate() {
            table.set(self.host, column::SOFTIRQ + index, *count as f64);
        }
        if !stat.cores.is_empty() {
            table.set(self.host, column::COUNT, stat.cores.len() as f64);
        }
        if let Some(cores) = &mut self.cores {
            cores.fill(&stat.cores, slack, self.ticks_per_second);
        }
    }

    fn read_load(&mut self, parts: &mut Parts<'_, '_>) {
        if let Some(text) = parts.required(self.load_file.read()) {
            match load::parse_load(text) {
                Some(load) => load
                    .into_iter()
                    .enumerate()
                    .for_each(|(index, value)| self.table.set(self.host, column::LOAD + index, value)),
                None => malformed(parts, self.load_file.path()),
            }
        }
        if let Some(text) = parts.optional(self.uptime_file.read()) {
            match load::parse_uptime(text) {
                Some(uptime) => self.table.set(self.host, column::UPTIME, uptime),
                None => malformed(parts, self.uptime_file.path()),
            }
        }
    }
}

impl Collector for CpuCollector {
    fn name(&self) -> &'static str {
        "cpu"
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    fn collect(&mut self, cx: &mut Collect<'_>) -> Result<(), CollectError> {
        let timestamp = cx.timestamp();
        let mut parts = Parts::new(cx);
        self.read_stat(&mut parts);
        self.read_load(&mut parts);
        if parts.has_any() {
            parts.cx().emit(self.table.frame(timestamp));
        }
        if let Some(Cores { table, .. }) = &mut self.cores
            && !table.is_empty()
        {
            parts.cx().emit(table.frame(timestamp));
        }
        let online = self.stat.cores.iter().map(|(core, _)| *core);
        self.frequencies.collect(online, self.interval, &mut parts);
        parts.finish("/proc/stat")
    }
}

impl Cores {
    fn fill(&mut self, cores: &[(u32, Ticks)], slack: u64, ticks_per_second: u64) {
        for (core, now) in cores {
            let index = *core as usize;
            if index >= self.held.len() {
                self.held.resize(index + 1, Held::default());
            }
            let times = self.held.get_mut(index).map_or(*now, |held| held.settle(*now, slack));
            let mut row = self.table.row(core, || core_attributes(*core));
            row.set_all(0, seconds(times, ticks_per_second).take(STATES.len()));
        }
    }
}

/// The attributes under which a core is known.
fn core_attributes(core: u32) -> Attributes {
    Attributes::new([("core", core.to_string())]).unwrap_or_default()
}

fn seconds(ticks: Ticks, ticks_per_second: u64) -> impl Iterator<Item = f64> {
    ticks.into_iter().map(move |ticks| ticks as f64 / ticks_per_second as f64)
}

fn set(table: &mut Table, host: SubjectId, column: usize, value: Option<f64>) {
    if let Some(value) = value {
        table.set(host, column, value);
    }
}

fn malformed(parts: &mut Parts<'_, '_>, path: &Path) {
    parts.degrade(format!("nothing of use in {}", path.display()));
}

/// Steps back of a time up to this many seconds are held.
const HELD_SECONDS: u64 = 3;
