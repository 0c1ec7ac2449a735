//! The process collector: every process on every tick.

mod admission;
mod description;
mod groups;
mod limits;
mod population;
mod schema;
mod stat;
mod top;
mod tree;
mod visibility;

use std::{os::unix::ffi::OsStrExt, time::Duration};

use observe_core::{Collect, CollectError, Collector, ProcessCache, SubjectId, Table, Timestamp};

pub use self::top::TopProcess;
use self::{
    admission::{Admission, MATURITY},
    description::Descriptions,
    groups::Groups,
    limits::{check, kept_files},
    population::{Population, Process},
    schema::STATES,
    tree::ProcTree,
};
use crate::{Config, InvalidConfig, ProcessConfig, Roots, config, read::read_small};

/// Processes, read from `/proc/[pid]/stat` through descriptors that stay open.
///
/// All are read on every tick and count in the sums of the host. One that lives long enough gets series of its own,
/// while there is room; the others count in sums by command. All are described to the engine's process cache.
#[derive(Debug)]
pub struct ProcessCollector {
    roots: Roots,
    interval: Duration,
    scale: Scale,
    max_kept_files: usize,
    population: Option<Population>,
    hidepid: Option<String>,
    /// When the last reading was, and the seconds from the one before to it.
    read_at: Option<Timestamp>,
    elapsed_seconds: f64,
    top: usize,
    admission: Admission,
    descriptions: Descriptions,
    tracked: Table,
    groups: Groups,
    host: Table,
    host_row: SubjectId,
}

impl ProcessCollector {
    /// Makes the collector, and lets this program open as many files as it may.
    ///
    /// # Errors
    ///
    /// Refuses settings out of their range.
    pub fn new(config: &Config) -> Result<Self, InvalidConfig> {
        let ProcessConfig { interval_seconds, max_tracked, new_per_hour, top, command_lines, .. } = config.process;
        let interval = config::interval("collectors.process.interval_seconds", interval_seconds)?;
        check("collectors.process.max_tracked", max_tracked, 1, 10_000, "set it to 1 to 10000 processes")?;
        check("collectors.process.new_per_hour", new_per_hour, 2, 100_000, "set it to 2 to 100000 processes")?;
        check("collectors.process.top", top, 1, 100, "set it to 1 to 100 processes")?;
        let (host, host_row) = Table::for_host(schema::host(interval)?);
        Ok(Self {
            roots: config.roots.clone(),
            interval,
            scale: Scale::of_host(),
            max_kept_files: kept_files(),
            population: None,
            hidepid: None,
            read_at: None,
            elapsed_seconds: 0.0,
            top,
            admission: Admission::new(max_tracked, new_per_hour, top.min(max_tracked)),
            descriptions: Descriptions::new(command_lines),
            tracked: Table::new(schema::process(interval)?),
            groups: Groups::new(schema::group(interval)?),
            host,
            host_row,
        })
    }

    /// Lists the processes that used processors most between the last two readings, at most `collectors.process.top`.
    ///
    /// Of equals those with more memory come first. Command lines come from `cache`, the one that readings fill.
    #[must_use]
    pub fn top(&self, cache: &ProcessCache) -> Vec<TopProcess> {
        let processes = self.population.as_ref().map_or(&[][..], |population| &population.processes);
        top::list(processes, self.top, self.scale, self.elapsed_seconds, cache)
    }

    fn open(&mut self) -> Result<Population, CollectError> {
        let mut buffer = Vec::new();
        // Without this file nothing is known about hiding; the processes tell whether that matters.
        if read_small(&self.roots.proc("self/mountinfo"), &mut buffer).is_ok() {
            let value = visibility::hidepid(&buffer, self.roots.proc.as_os_str().as_bytes());
            self.hidepid = value.map(|value| String::from_utf8_lossy(value).into_owned());
        }
        Ok(Population::new(ProcTree::open(&self.roots.proc)?, self.max_kept_files))
    }

    fn process(&mut self, population: &mut Population, cx: &mut Collect<'_>) -> Result<(), CollectError> {
        population.refresh()?;
        let since = self.read_at.replace(cx.timestamp());
        self.elapsed_seconds = since.map_or(0.0, |since| cx.timestamp().since(since).as_secs_f64());
        if population.listed == 0 {
            return Err(CollectError::Unsupported("no processes in procfs".into()));
        }
        let tracked = &mut self.tracked;
        population.bury(|process| {
            if let Some(subject) = process.subject {
                tracked.remove(subject);
            }
        });
        let untracked = self.admission.review(&mut population.processes, &mut self.tracked, cx.timestamp());
        let (tree, processes) = population.parts();
        self.descriptions.update(tree, processes, cx.processes());
        self.emit_host(population, untracked, cx);
        self.emit_processes(population, cx);
        self.explain(population, cx);
        Ok(())
    }

    fn emit_host(&mut self, population: &Population, untracked: usize, cx: &mut Collect<'_>) {
        let mut in_state = [0_u32; STATES.len()];
        let mut threads = 0_u64;
        for process in &population.processes {
            threads = threads.saturating_add(process.stat.threads);
            let state = STATES.iter().position(|(_, letters)| letters.contains(&process.stat.state));
            if let Some(count) = state.and_then(|state| in_state.get_mut(state)) {
                *count += 1;
            }
        }
        let sums = [population.listed as f64, threads as f64, untracked as f64, population.unread as f64];
        let values = sums.into_iter().chain(in_state.into_iter().map(f64::from));
        for (column, value) in values.enumerate() {
            self.host.set(self.host_row, column, value);
        }
        cx.emit(self.host.frame(cx.timestamp()));
    }

    fn emit_processes(&mut self, population: &mut Population, cx: &mut Collect<'_>) {
        let tick = population.tick();
        // Before, all processes would count here for lack of age.
        let has_groups = tick >= u64::from(MATURITY);
        self.groups.begin(tick);
        for process in &mut population.processes {
            match process.subject {
                Some(subject) if process.is_read => self.set_row(subject, process),
                None if has_groups => self.groups.add(process, tick),
                _ => {}
            }
        }
        if !self.tracked.is_empty() {
            cx.emit(self.tracked.frame(cx.timestamp()));
        }
        let sums = self.groups.frame(self.scale, cx.timestamp());
        sums.into_iter().for_each(|frame| cx.emit(frame));
    }

    fn set_row(&mut self, subject: SubjectId, process: &Process) {
        let stat = &process.stat;
        let values = [
            self.scale.seconds(stat.user_ticks),
            self.scale.seconds(stat.system_ticks),
            self.scale.bytes(stat.resident_pages),
            stat.virtual_bytes as f64,
            stat.threads as f64,
            stat.minor_faults as f64,
            stat.major_faults as f64,
        ];
        for (column, value) in values.into_iter().enumerate() {
            self.tracked.set(subject, column, value);
        }
    }

    /// Says why not all processes are there, if so.
    fn explain(&self, population: &Population, cx: &mut Collect<'_>) {
        let Population { listed, unread, processes, .. } = population;
        let sees_first = processes.first().is_some_and(|process| process.pid == 1);
        match &self.hidepid {
            Some(value) if !sees_first || unread * 2 > *listed => cx.degrade(format!(
                "processes of other users are hidden: {} is mounted with hidepid={value}",
                self.roots.proc.display()
            )),
            _ if *unread > 0 => cx.degrade(format!("{unread} of {listed} processes cannot be read")),
            _ => {}
        }
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
        let mut population = match self.population.take() {
            Some(population) => population,
            None => self.open()?,
        };
        let outcome = self.process(&mut population, cx);
        self.population = Some(population);
        outcome
    }
}

/// Turns the kernel's units into those of metrics.
#[derive(Clone, Copy, Debug)]
struct Scale {
    ticks_per_second: f64,
    page_bytes: f64,
}

impl Scale {
    fn of_host() -> Self {
        Self {
            ticks_per_second: rustix::param::clock_ticks_per_second() as f64,
            page_bytes: rustix::param::page_size() as f64,
        }
    }

    fn seconds(self, ticks: u64) -> f64 {
        ticks as f64 / self.ticks_per_second
    }

    fn bytes(self, pages: u64) -> f64 {
        pages as f64 * self.page_bytes
    }
}
