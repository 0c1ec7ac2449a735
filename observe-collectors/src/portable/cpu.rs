//! Processors and load.

use std::time::Duration;

use observe_core::{
    Attributes, Collect, CollectError, Collector, EventKind, KeyedTable, Schema, SubjectId, Table, names::cpu as names,
};
use sysinfo::{CpuRefreshKind, System};

use super::{as_gauge, opened};
use crate::{Config, InvalidConfig, config::interval};

/// Reads the use of processors, their clock, and the load.
#[derive(Debug)]
pub(crate) struct CpuCollector {
    interval: Duration,
    per_core: bool,
    system: Option<System>,
    host: Table,
    row: SubjectId,
    cores: KeyedTable<usize>,
}

impl CpuCollector {
    /// Makes the collector; nothing is read yet.
    ///
    /// # Errors
    ///
    /// Refuses an interval out of its range.
    pub(crate) fn new(config: &Config) -> Result<Self, InvalidConfig> {
        let interval = interval("collectors.cpu.interval_seconds", config.cpu.interval_seconds)?;
        let builder = |name| Schema::builder(name).kind(EventKind::CpuMetric).interval(interval);
        let host = builder("cpu")
            .column(&as_gauge(&names::TOTAL))
            .column(&names::COUNT)
            .column(&names::FREQUENCY)
            .column(&names::UPTIME)
            .column(&names::LOAD_1)
            .column(&names::LOAD_5)
            .column(&names::LOAD_15);
        let cores = builder("cpu_core").column(&as_gauge(&names::CORE)).column(&names::CORE_FREQUENCY);
        let (host, row) = Table::for_host(host.build()?);
        let cores = KeyedTable::new(cores.build()?);
        Ok(Self { interval, per_core: config.cpu.per_core, system: None, host, row, cores })
    }

    fn set_host(&mut self, values: [Option<f64>; 7]) {
        for (column, value) in values.into_iter().enumerate() {
            value.into_iter().for_each(|value| self.host.set(self.row, column, value));
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
        let (system, is_new) = opened(&mut self.system, System::new)?;
        system.refresh_cpu_specifics(CpuRefreshKind::everything());
        let cpus = system.cpus();
        let clocks: u64 = cpus.iter().map(sysinfo::Cpu::frequency).sum();
        for (core, cpu) in cpus.iter().enumerate().filter(|_| self.per_core) {
            let mut row = self.cores.row(&core, || Attributes::new([("core", core.to_string())]).unwrap_or_default());
            row.set(1, cpu.frequency() as f64);
            // Use is what happened since the reading before.
            if !is_new {
                row.set(0, f64::from(cpu.usage()));
            }
        }
        let load = System::load_average().ok();
        let values = [
            (!is_new).then(|| f64::from(system.global_cpu_usage())),
            Some(cpus.len() as f64),
            (clocks > 0).then(|| clocks as f64 / cpus.len() as f64),
            System::uptime().ok().map(|seconds| seconds as f64),
            load.as_ref().map(|load| load.one),
            load.as_ref().map(|load| load.five),
            load.as_ref().map(|load| load.fifteen),
        ];
        self.set_host(values);
        cx.emit(self.host.frame(cx.timestamp()));
        if !self.cores.is_empty() {
            cx.emit(self.cores.frame(cx.timestamp()));
        }
        Ok(())
    }
}
