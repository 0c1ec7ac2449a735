//! Features where capabilities are missing.

use std::{env, fs, os::unix::fs::PermissionsExt, process::Command};

use observe_core::{FeatureState, KernelBoard, KernelMode};
use observe_ebpf::{Config, Kernel, ProfileConfig, Profiler, tracing};
use rustix::process::geteuid;

use crate::host::alone;

/// Returns what a feature may name, as any of several may be asked for first.
fn missing(feature: &str, held: &[&str]) -> Vec<&'static str> {
    let lacks = |capability: &&str| !held.contains(capability) && !held.contains(&"CAP_SYS_ADMIN");
    if lacks(&"CAP_BPF") {
        return vec!["CAP_BPF"];
    }
    let needs: &[_] = if feature == "net" { &["CAP_NET_ADMIN", "CAP_PERFMON"] } else { &["CAP_PERFMON"] };
    needs.iter().copied().filter(lacks).collect()
}

#[test]
fn every_feature_works_or_names_what_is_missing() {
    let _alone = alone();
    let mut config = Config::default();
    config.profile.enabled = true;

    let status = tracing(&config).unwrap().try_all();

    assert!(status.features.len() >= 6, "{status:?}");
    for (name, feature) in status.features {
        let missing = missing(name, &status.facts.capabilities);
        match feature.state {
            FeatureState::Running => assert!(missing.is_empty(), "{name}: {missing:?}"),
            FeatureState::Off { reason, .. } if missing.is_empty() => {
                assert!(env::var_os("OBSERVE_EBPF_REQUIRE").is_none(), "{name} must be traced here: {reason}");
                eprintln!("SKIPPED: {name}: {reason}");
            }
            FeatureState::Off { reason, advice, .. } => {
                assert!(missing.iter().any(|missing| reason == format!("missing {missing}")), "{name}: {reason}");
                assert!(advice.contains("setcap cap_bpf,cap_perfmon"), "{name}: {advice}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn a_profile_on_demand_names_what_is_missing() {
    let _alone = alone();
    let kernel = Kernel::new(KernelBoard::new(KernelMode::Live));
    let missing = missing("profile", &kernel.board().read().facts.capabilities);

    let started = Profiler::start(&kernel, &ProfileConfig::default());

    if let Some(missing) = missing.first() {
        assert_eq!(started.unwrap_err().to_string(), format!("missing {missing}"));
    }
}

/// Prepares a command of a user who may nothing but what `capabilities` say.
fn as_nobody(capabilities: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    command.args(["inh-caps", "ambient-caps", "bounding-set"].map(|set| format!("--{set}={capabilities}")));
    command
}

#[test]
fn a_user_with_few_capabilities_or_none_is_told_which_are_missing() {
    let most = "-all,+bpf,+perfmon";
    if !as_nobody(most).arg("true").output().is_ok_and(|output| output.status.success()) {
        let must = env::var_os("OBSERVE_EBPF_REQUIRE").is_some() && geteuid().is_root();
        assert!(!must, "another user must be had here, with {most}");
        eprintln!("SKIPPED: another user with {most} cannot be had");
        return;
    }
    // That user may not get to where this was built.
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
    let tests = folder.path().join("live");
    fs::copy(env::current_exe().unwrap(), &tests).unwrap();

    for capabilities in ["-all", "-all,+bpf", "-all,+perfmon", most] {
        let output =
            as_nobody(capabilities).arg(&tests).args(["names_what_is_missing", "--nocapture"]).output().unwrap();

        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{capabilities}: {text}{}", String::from_utf8_lossy(&output.stderr));
        assert!(text.contains("\ntest result: ok. 2 passed;"), "{capabilities}: {text}");
    }
}
