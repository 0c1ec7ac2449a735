//! `GET /deep-system/status`: what is seen below processes and files.

use axum::{body::Bytes, extract::State, response::Response};
use observe_core::{SeriesView, names::pressure};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Row, json, to_json};
use crate::{
    AppState,
    body::{
        DeepMonitoring, FeatureBody, HardwareBody, KernelBody, ProgramBody, SecurityCountsBody, TopSyscallsBody,
        nearest,
    },
    kernel::{self, KernelReadings},
    time::Rfc3339,
};

pub(crate) fn rows() -> Vec<Row> {
    vec![row("/deep-system/status")]
}

pub(crate) fn unified() -> Vec<Row> {
    vec![row("/api/v1/deep-system/status")]
}

fn row(path: &'static str) -> Row {
    Row::get(path, "How tracing the kernel is doing, and what the hardware says", status)
        .answers::<DeepStatus>()
        .compressed()
}

/// How tracing the kernel is doing. What cannot be read is null or an empty list.
#[derive(Debug, Serialize, ToSchema)]
struct DeepStatus {
    #[serde(flatten)]
    monitoring: DeepMonitoring,
    /// Where numbers about the kernel come from: `live`, `simulated`, `disabled` or `unavailable`.
    mode: &'static str,
    /// Why nothing is traced.
    reason: Option<String>,
    /// The present moment.
    timestamp: Rfc3339,
    kernel: KernelBody,
    /// Programs in the kernel, feature by feature.
    programs: Vec<ProgramBody>,
    /// What can be traced, and why it is not where it is not.
    features: Vec<FeatureBody>,
    kernel_metrics: KernelMetrics,
    payload: PayloadBody,
    hardware: HardwareBody,
    security: SecurityCountsBody,
    top_syscalls: TopSyscallsBody,
}

/// Load on the kernel.
#[derive(Debug, Default, Serialize, ToSchema)]
struct KernelMetrics {
    /// System calls in a second.
    syscalls_per_second: Option<u64>,
    /// Events that reached the engine.
    kernel_events: u64,
    memory_pressure: MemoryPressure,
}

/// Share of the last 10 s in which threads waited for memory, in percent.
#[derive(Debug, Default, Serialize, ToSchema)]
struct MemoryPressure {
    /// Some threads.
    some_avg10: Option<f64>,
    /// All threads.
    full_avg10: Option<f64>,
}

/// Packets.
#[derive(Debug, Serialize, ToSchema)]
struct PayloadBody {
    /// Packets that were looked at.
    packets_processed: Option<u64>,
    /// Packets that were lost in this host in a second.
    drop_rate: Option<f64>,
    latency_us: LatencyBody,
}

/// How long it takes to make a connection over TCP, in microseconds.
#[derive(Debug, Serialize, ToSchema)]
struct LatencyBody {
    /// Half of them are faster.
    p50: Option<f64>,
    /// 99 of 100 are faster.
    p99: Option<f64>,
}

async fn status(State(state): State<AppState>) -> Response {
    json(state.rendered().deep.of_tick(state.handle().tick(), || render(&state)))
}

fn render(state: &AppState) -> Bytes {
    let (handle, status) = (state.handle(), state.kernel().read());
    let (mut readings, mut hardware) = (KernelReadings::default(), HardwareBody::default());
    let mut memory_pressure = MemoryPressure::default();
    handle.visit(|series| {
        if kernel::is_of_this_host(series) {
            readings.take(series);
            hardware.take(series);
            memory_pressure.take(series);
        }
    });
    let features = || status.features.iter().map(|(name, feature)| (*name, feature));
    to_json(&DeepStatus {
        monitoring: DeepMonitoring::new(&status),
        mode: status.mode.as_str(),
        reason: status.reason.clone(),
        timestamp: Rfc3339(handle.now()),
        kernel: KernelBody::new(&status.facts),
        programs: features().flat_map(|(name, feature)| ProgramBody::of(name, feature)).collect(),
        features: features().map(|(name, feature)| FeatureBody::new(name, feature)).collect(),
        kernel_metrics: KernelMetrics {
            syscalls_per_second: readings.syscalls_per_second.map(nearest),
            kernel_events: status.events(),
            memory_pressure,
        },
        payload: PayloadBody::new(&readings),
        hardware,
        security: SecurityCountsBody::new(&status),
        top_syscalls: TopSyscallsBody::new(&status.top_syscalls),
    })
}

impl MemoryPressure {
    fn take(&mut self, series: &SeriesView<'_>) {
        let name = &series.metric().name;
        let share = match () {
            () if *name == pressure::SOME_AVG10.name => &mut self.some_avg10,
            () if *name == pressure::FULL_AVG10.name => &mut self.full_avg10,
            () => return,
        };
        if series.subject_attributes().value("resource") == Some("memory") {
            *share = series.latest().map(|point| point.value);
        }
    }
}

impl PayloadBody {
    fn new(readings: &KernelReadings) -> Self {
        let micros = |nanos: f64| nanos / 1e3;
        Self {
            packets_processed: readings.packets.map(nearest),
            drop_rate: readings.drops_per_second,
            latency_us: LatencyBody {
                p50: readings.connect_p50_ns.map(micros),
                p99: readings.connect_p99_ns.map(micros),
            },
        }
    }
}
