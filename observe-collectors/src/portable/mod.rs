//! Collectors for systems other than Linux, by way of sysinfo.
//!
//! They fill the rows that mean the same everywhere. sysinfo computes some values itself which on Linux are derived from
//! counters: those columns are gauges here, under the same name.

mod cpu;
mod memory;
mod network;
mod process;
mod storage;

use observe_core::{CollectError, Metric, MetricKind};

pub(crate) use self::{
    cpu::CpuCollector,
    memory::MemoryCollector,
    network::NetworkCollector,
    process::ProcessCollector,
    storage::{DiskCollector, FilesystemCollector},
};

/// Returns the row of a derived metric for a system that tells its value.
fn as_gauge(metric: &Metric) -> Metric {
    Metric { kind: MetricKind::Gauge, ..metric.clone() }
}

/// Opens a part of sysinfo with the first reading, and returns it with whether it is new.
fn opened<T>(
    slot: &mut Option<T>,
    open: impl FnOnce() -> Result<T, sysinfo::Error>,
) -> Result<(&mut T, bool), CollectError> {
    let is_new = slot.is_none();
    if is_new {
        *slot = open().ok();
    }
    slot.as_mut().map(|part| (part, is_new)).ok_or_else(|| CollectError::Unsupported("not known to sysinfo".into()))
}

#[cfg(test)]
mod tests;
