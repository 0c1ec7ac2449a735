//! How tracing the kernel is doing.

use observe_core::{FeatureState, FeatureStatus, KernelFacts, KernelMode, KernelStatus, ProgramStatus, SecurityCounts};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    AppState,
    kernel::{self, KernelReadings, PAYLOAD},
    time::{self, Rfc3339},
};

/// Whether the kernel is traced.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub(crate) struct DeepMonitoring {
    /// Whether anything is traced, for real or simulated.
    active: bool,
    /// Whether the settings ask for it.
    ebpf_enabled: bool,
    /// Whether all numbers about the kernel are made up.
    mock_mode: bool,
    /// Whether system calls, processes, devices or connections are traced.
    kernel_monitoring: bool,
    /// Whether packets are looked into.
    payload_inspection: bool,
}

/// What tracing the kernel counts. All are 0 where it is off or cannot work.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct EbpfBody {
    /// System calls in a second.
    syscalls_per_second: u64,
    /// Events that reached the engine.
    kernel_events: u64,
    /// Packets that were looked at.
    payload_packets_processed: u64,
    /// Whether anything is traced, for real or simulated.
    deep_monitoring_active: bool,
    /// Whether these numbers are made up.
    mock_mode: bool,
}

/// The kernel, as far as it was looked at. What is not known is null.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KernelBody {
    /// Its release: `6.1.0-18-amd64`.
    release: Option<String>,
    /// Whether it describes its types.
    btf: Option<bool>,
    /// Whether it has ring buffers.
    ringbuf: Option<bool>,
    /// Capabilities of this process that matter here: `CAP_BPF`.
    capabilities: Vec<&'static str>,
    /// The mode of lockdown: `none`, `integrity`, `confidentiality`.
    lockdown: Option<String>,
}

/// A feature: programs that belong together.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FeatureBody {
    /// Its name: `syscalls`.
    name: &'static str,
    /// `off`, `running`, `simulated` or `waiting`.
    state: &'static str,
    /// Why it is off.
    reason: Option<String>,
    /// What to do about that.
    advice: Option<String>,
    /// What real source stands in for it.
    instead: Option<&'static str>,
    /// Events that reached the engine.
    events: u64,
    /// Events that were lost because the ring was full.
    lost: u64,
    /// Events that the kernel did not make because there were too many.
    limited: u64,
    /// Kernel memory of its maps and programs.
    memory_bytes: u64,
    /// How long loading took; null where nothing was loaded.
    load_ms: Option<f64>,
}

/// A program in the kernel.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProgramBody {
    /// The feature that it belongs to.
    feature: &'static str,
    /// Its name: `sys_exit`.
    name: String,
    /// Its type: `tp_btf`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Whether it is attached.
    attached: bool,
    /// Events of the whole feature on its first program, 0 on others: the sum over all programs is right.
    events: u64,
    /// Lost events, likewise.
    lost: u64,
    /// How often it ran; 0 unless the kernel keeps count (`kernel.bpf_stats_enabled`).
    run_count: u64,
    /// How long it ran in all, likewise.
    run_time_ns: u64,
    /// Kernel memory of the program.
    memory_bytes: u64,
}

/// What rules over events of the kernel found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SecurityCountsBody {
    /// Findings that are warnings or worse.
    threats: u64,
    /// All other findings.
    anomalies: u64,
    /// When the last one was made.
    last_event_at: Option<Rfc3339>,
    /// Findings that were not told because the same was told shortly before.
    suppressed: u64,
    /// Sources, destinations, processes and findings that rules forgot because there were too many.
    forgotten: u64,
}

impl DeepMonitoring {
    pub(crate) fn new(status: &KernelStatus) -> Self {
        Self {
            active: kernel::has_active(status, |_| true),
            ebpf_enabled: status.mode != KernelMode::Disabled,
            mock_mode: status.mode == KernelMode::Simulated,
            kernel_monitoring: kernel::has_active(status, |feature| feature != PAYLOAD),
            payload_inspection: kernel::has_active(status, |feature| feature == PAYLOAD),
        }
    }
}

impl EbpfBody {
    /// Makes the body from what is on the board and from the newest readings.
    pub(crate) fn new(status: &KernelStatus, readings: &KernelReadings) -> Self {
        let DeepMonitoring { active, mock_mode, .. } = DeepMonitoring::new(status);
        if !active {
            return Self { mock_mode, ..Self::default() };
        }
        Self {
            syscalls_per_second: readings.syscalls_per_second.map_or(0, nearest),
            kernel_events: status.events(),
            payload_packets_processed: readings.packets.map_or(0, nearest),
            deep_monitoring_active: active,
            mock_mode,
        }
    }

    /// Reads the board, and the newest samples where something is traced.
    pub(crate) fn read(state: &AppState) -> Self {
        let status = state.kernel().read();
        let mut readings = KernelReadings::default();
        if kernel::has_active(&status, |_| true) {
            state.handle().visit(|series| {
                if kernel::is_of_this_host(series) {
                    readings.take(series);
                }
            });
        }
        Self::new(&status, &readings)
    }
}

impl KernelBody {
    pub(crate) fn new(facts: &KernelFacts) -> Self {
        let is_known = !facts.release.is_empty();
        Self {
            release: is_known.then(|| facts.release.clone()),
            btf: is_known.then_some(facts.has_btf),
            ringbuf: is_known.then_some(facts.has_ring_buffers),
            capabilities: facts.capabilities.clone(),
            lockdown: facts.lockdown.clone(),
        }
    }
}

impl FeatureBody {
    pub(crate) fn new(name: &'static str, status: &FeatureStatus) -> Self {
        let (reason, advice, instead) = match &status.state {
            FeatureState::Off { reason, advice, instead } => {
                (Some(reason.clone()), Some(advice.clone()).filter(|advice| !advice.is_empty()), *instead)
            }
            _ => (None, None, None),
        };
        Self {
            name,
            state: status.state.as_str(),
            reason,
            advice,
            instead,
            events: status.events,
            lost: status.lost,
            limited: status.limited,
            memory_bytes: status.memory_bytes,
            load_ms: (!status.load_time.is_zero()).then(|| time::millis(status.load_time)),
        }
    }
}

impl ProgramBody {
    /// Makes the bodies of a feature's programs.
    pub(crate) fn of(feature: &'static str, status: &FeatureStatus) -> impl Iterator<Item = Self> {
        let counts = std::iter::once((status.events, status.lost)).chain(std::iter::repeat((0, 0)));
        status.programs.iter().zip(counts).map(move |(program, counts)| Self::new(feature, program, counts))
    }

    fn new(feature: &'static str, program: &ProgramStatus, (events, lost): (u64, u64)) -> Self {
        Self {
            feature,
            name: program.name.clone(),
            kind: program.kind,
            attached: program.is_attached,
            events,
            lost,
            run_count: program.run_count,
            run_time_ns: u64::try_from(program.run_time.as_nanos()).unwrap_or(u64::MAX),
            memory_bytes: program.memory_bytes,
        }
    }
}

impl SecurityCountsBody {
    pub(crate) fn new(status: &KernelStatus) -> Self {
        let SecurityCounts { threats, anomalies, last_event_at, suppressed, forgotten } = status.security;
        Self { threats, anomalies, last_event_at: last_event_at.map(Rfc3339), suppressed, forgotten }
    }
}

/// Returns the nearest whole number; what is below zero or no number becomes zero.
pub(crate) const fn nearest(value: f64) -> u64 {
    value.round() as u64
}
