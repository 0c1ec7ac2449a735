//! Checks of tracing, by trying each feature in the kernel.

use observe::{FeatureState, FeatureStatus, KernelMode, KernelStatus, ebpf::Tracing};

use super::Check;

/// Loads each feature that is switched on, says what came out, and takes it out of the kernel again.
pub(super) fn checks(tracing: Tracing) -> Vec<Check> {
    let status = tracing.try_all();
    match status.mode {
        KernelMode::Disabled => vec![Check::limited(TRACING, "switched off", "set ebpf.mode and deep.enabled")],
        KernelMode::Simulated => {
            vec![Check::limited(TRACING, "simulated: its numbers mean nothing", "set ebpf.mode to \"auto\"")]
        }
        KernelMode::Unavailable if status.features.is_empty() => {
            let reason = status.reason.unwrap_or_default();
            vec![Check::limited(TRACING, reason, "tracing needs Linux 5.15 or later")]
        }
        KernelMode::Live | KernelMode::Unavailable => features(&status),
    }
}

fn features(status: &KernelStatus) -> Vec<Check> {
    let features = status.features.iter();
    features.map(|(name, feature)| check(name, feature)).collect()
}

fn check(name: &'static str, feature: &FeatureStatus) -> Check {
    match &feature.state {
        FeatureState::Off { reason, advice, instead } => {
            let instead = instead.map(|source| format!("; in its place: {source}")).unwrap_or_default();
            Check::limited(name, format!("{reason}{instead}"), advice.as_str())
        }
        FeatureState::Running => Check::ok(name, cost(feature)),
        other => Check::limited(name, other.as_str(), "report this: it is a defect of observe"),
    }
}

/// Says what a feature takes: `2 programs of 312 KB, loaded in 12 ms`.
fn cost(feature: &FeatureStatus) -> String {
    let (count, millis) = (feature.programs.len(), feature.load_time.as_secs_f64() * 1e3);
    let programs = if count == 1 { "program" } else { "programs" };
    format!("{count} {programs}, {} KB, loaded in {millis:.1} ms", feature.memory_bytes / 1000)
}

const TRACING: &str = "tracing";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::Outcome;

    #[test]
    fn a_feature_that_is_off_says_why_what_stands_in_and_what_to_do() {
        let mut feature = FeatureStatus::default();
        feature.state = FeatureState::Off {
            reason: "missing CAP_BPF".to_owned(),
            advice: "run as root".to_owned(),
            instead: Some("/proc/schedstat"),
        };

        let Check { outcome, detail, fix, .. } = check("sched", &feature);

        assert_eq!(outcome, Outcome::Limited);
        assert_eq!(detail, "missing CAP_BPF; in its place: /proc/schedstat");
        assert_eq!(fix.as_deref(), Some("run as root"));
    }

    #[test]
    fn what_is_simulated_is_never_ok() {
        let config = observe::ebpf::Config { mode: observe::ebpf::Mode::Simulated, ..Default::default() };

        let checks = checks(observe::ebpf::tracing(&config).unwrap());

        assert!(checks.iter().all(|check| check.outcome == Outcome::Limited && check.detail.contains("simulated")));
    }
}
