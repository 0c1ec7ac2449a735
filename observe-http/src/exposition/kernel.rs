//! What tracing the kernel says about itself.

use observe_core::{
    FeatureStatus, KernelBoard, KernelHistogram, KernelMode, KernelStatus, ProgramStatus, SecurityCounts,
};

use super::{Exposition, Histogram, Name};

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
    exposition.add(&UNPOSTED, source.as_slice(), status.unposted_histograms as f64);
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

/// Adds the histograms on the board, but those whose keys begin with one of `exclude`.
pub(super) fn add_histograms(exposition: &mut Exposition, board: &KernelBoard, exclude: &[String]) {
    for posted in board.histograms() {
        let key = format!("{}{}", posted.family.name, posted.attributes);
        if exclude.iter().any(|prefix| key.starts_with(prefix.as_str())) {
            continue;
        }
        let labels: Vec<(&str, &str)> =
            posted.attributes.iter().map(|attribute| (&*attribute.key, &*attribute.value)).collect();
        exposition.add_histogram(&Name::of_durations(posted.family), &labels, histogram(&posted));
    }
}

fn histogram(posted: &KernelHistogram) -> Histogram {
    let mut below = 0;
    let buckets = BOUNDS.iter().zip(posted.counts).map(|(bound, count)| {
        below += count;
        (*bound, below)
    });
    Histogram { buckets: buckets.collect(), count: posted.count, sum: posted.sum_seconds }
}

/// The bounds of histograms in seconds, as Prometheus writes numbers.
static BOUNDS: [&str; KernelHistogram::BOUNDS] = [
    "6.4e-08",
    "2.56e-07",
    "1.024e-06",
    "4.096e-06",
    "1.6384e-05",
    "6.5536e-05",
    "0.000262144",
    "0.001048576",
    "0.004194304",
    "0.016777216",
    "0.067108864",
    "0.268435456",
    "1.073741824",
    "4.294967296",
    "17.179869184",
    "68.719476736",
];

static UNPOSTED: Name = Name::counter(
    "observe_ebpf_unposted_histograms_total",
    "Histograms that are not shown because there are too many.",
);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_those_of_the_board() {
        for (text, nanos) in BOUNDS.iter().zip(KernelHistogram::BOUNDS_NANOS) {
            let seconds: f64 = text.parse().unwrap();

            assert!((seconds * 1e9 / nanos as f64 - 1.0).abs() < 1e-12, "{text} is not {nanos} ns");
        }
    }
}
