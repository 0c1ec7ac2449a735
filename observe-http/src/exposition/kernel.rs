//! What tracing the kernel says about itself.

use observe_core::{FeatureStatus, KernelMode, KernelStatus, ProgramStatus, SecurityCounts};

use super::{Exposition, Name};

pub(super) fn add(exposition: &mut Exposition, status: &KernelStatus) {
    let reason = status.reason.as_deref().unwrap_or_default();
    let reason: String = reason.chars().take(MAX_REASON_CHARS).collect();
    exposition.add(&MODE, &[("mode", status.mode.as_str()), ("reason", &reason)], 1.0);
    // What is made up carries it with every sample.
    let source = (status.mode == KernelMode::Simulated).then_some(("source", "simulated"));
    if !status.features.is_empty() {
        let labels: Vec<(&str, &str)> = source.into_iter().collect();
        for (name, value) in SECURITY {
            exposition.add(name, &labels, value(&status.security));
        }
    }
    for (feature, status) in &status.features {
        let of_feature: Vec<(&str, &str)> = source.into_iter().chain([("feature", *feature)]).collect();
        exposition.add(&STATE, &[&of_feature[..], &[("state", status.state.as_str())]].concat(), 1.0);
        for (name, value) in FEATURE {
            exposition.add(name, &of_feature, value(status));
        }
        for program in &status.programs {
            let of_program = [&of_feature[..], &[("program", &program.name)]].concat();
            for (name, value) in PROGRAM {
                exposition.add(name, &of_program, value(program));
            }
        }
    }
}

static MODE: Name = Name::gauge(
    "observe_ebpf_mode",
    "Where numbers about the kernel come from: live, simulated, disabled or unavailable, and why; the value is always 1.",
);
static STATE: Name = Name::gauge(
    "observe_ebpf_feature_state",
    "Whether a feature is running, simulated, waiting or off; the value is always 1.",
);

type FeatureRow = (Name, fn(&FeatureStatus) -> f64);

static FEATURE: &[FeatureRow] = &[
    (Name::counter("observe_ebpf_events_total", "Events that reached the engine."), |f| f.events as f64),
    (Name::counter("observe_ebpf_lost_events_total", "Events that were lost because the ring was full."), |f| {
        f.lost as f64
    }),
    (
        Name::counter("observe_ebpf_limited_events_total", "Events that the kernel did not make: there were too many."),
        |f| f.limited as f64,
    ),
    (Name::gauge("observe_ebpf_memory_bytes", "Kernel memory of maps and programs."), |f| f.memory_bytes as f64),
    (Name::gauge("observe_ebpf_load_seconds", "How long loading took."), |f| f.load_time.as_secs_f64()),
];

type ProgramRow = (Name, fn(&ProgramStatus) -> f64);

static PROGRAM: &[ProgramRow] = &[
    (Name::counter("observe_ebpf_program_runs_total", "Runs of a program, if the kernel keeps count."), |p| {
        p.run_count as f64
    }),
    (Name::counter("observe_ebpf_program_seconds_total", "Time in a program, if the kernel keeps count."), |p| {
        p.run_time.as_secs_f64()
    }),
];

type SecurityRow = (Name, fn(&SecurityCounts) -> f64);

static SECURITY: &[SecurityRow] = &[
    (
        Name::counter(
            "observe_ebpf_suppressed_findings_total",
            "Findings that were not told because the same was told shortly before.",
        ),
        |s| s.suppressed as f64,
    ),
    (
        Name::counter(
            "observe_ebpf_forgotten_states_total",
            "Sources, destinations, processes and findings that rules forgot because there were too many.",
        ),
        |s| s.forgotten as f64,
    ),
];

/// The most of a reason that becomes a label.
const MAX_REASON_CHARS: usize = 200;
