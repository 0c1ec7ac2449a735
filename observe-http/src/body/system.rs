//! The host at a glance, from the newest samples.

use observe_core::{
    SeriesView, Timestamp,
    names::{cpu, filesystem, memory, network},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::EbpfBody;
use crate::{
    AppState,
    kernel::{self, KernelReadings},
    time::Rfc3339,
};

/// The newest readings of the host. What has not been read yet is null.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct SystemMetrics {
    pub(crate) cpu: CpuBody,
    pub(crate) memory: MemoryBody,
    pub(crate) disk: DiskBody,
    pub(crate) network: NetworkBody,
    pub(crate) ebpf: EbpfBody,
}

/// Processors.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct CpuBody {
    /// Busy share of all processors, one decimal.
    usage_percent: Option<f64>,
    /// Processors.
    count: Option<u64>,
}

/// Memory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct MemoryBody {
    /// Bytes that the host has.
    total: Option<u64>,
    /// Used share, one decimal.
    percent: Option<f64>,
}

/// The root filesystem.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct DiskBody {
    /// Bytes that it has.
    total: Option<u64>,
    /// Used share, two decimals.
    percent: Option<f64>,
}

/// All interfaces but loopback.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct NetworkBody {
    /// Bytes sent since boot.
    bytes_sent: Option<u64>,
    /// Bytes received since boot.
    bytes_recv: Option<u64>,
}

/// How one part of the engine is doing.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ComponentBody {
    /// `healthy`, `degraded`, `unhealthy`, `starting` or `disabled`.
    pub(crate) status: &'static str,
    /// How long its last work took.
    pub(crate) latency_ms: Option<f64>,
    /// When this was found out.
    pub(crate) checked_at: Rfc3339,
    /// What is wrong.
    pub(crate) detail: Option<String>,
}

impl ComponentBody {
    pub(crate) const fn new(status: &'static str, now: Timestamp) -> Self {
        Self { status, latency_ms: None, checked_at: Rfc3339(now), detail: None }
    }
}

impl SystemMetrics {
    /// Reads the newest samples, and what stands on the board; nothing is sampled for it.
    pub(crate) fn read(state: &AppState) -> Self {
        let (mut found, mut readings) = (Self::default(), KernelReadings::default());
        state.handle().visit(|series| {
            if kernel::is_of_this_host(series) {
                found.take(series);
                readings.take(series);
            }
        });
        found.ebpf = EbpfBody::new(&state.kernel().read(), &readings);
        found
    }

    fn take(&mut self, series: &SeriesView<'_>) {
        let attributes = series.subject_attributes();
        let value = || series.latest().map(|point| point.value);
        let is_root = || attributes.value("mountpoint") == Some("/");
        let is_device = || attributes.value("interface").is_some_and(|interface| interface != "lo");
        let name = &series.metric().name;
        if *name == cpu::TOTAL.name {
            self.cpu.usage_percent = value().map(|percent| rounded(percent, 10.0));
        } else if *name == cpu::COUNT.name {
            self.cpu.count = value().map(whole);
        } else if *name == memory::TOTAL.name {
            self.memory.total = value().map(whole);
        } else if *name == memory::PERCENT.name {
            self.memory.percent = value().map(|percent| rounded(percent, 10.0));
        } else if *name == filesystem::TOTAL.name && is_root() {
            self.disk.total = value().map(whole);
        } else if *name == filesystem::PERCENT.name && is_root() {
            self.disk.percent = value().map(|percent| rounded(percent, 100.0));
        } else if *name == network::BYTES_SENT.name && is_device() {
            add(&mut self.network.bytes_sent, value());
        } else if *name == network::BYTES_RECV.name && is_device() {
            add(&mut self.network.bytes_recv, value());
        }
    }
}

fn add(sum: &mut Option<u64>, value: Option<f64>) {
    if let Some(value) = value {
        let sum = sum.get_or_insert(0);
        *sum = sum.saturating_add(whole(value));
    }
}

fn rounded(value: f64, steps: f64) -> f64 {
    (value * steps).round() / steps
}

/// Drops the fraction; what is below zero or no number becomes zero.
const fn whole(value: f64) -> u64 {
    value as u64
}
