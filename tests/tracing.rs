//! Tracing in the whole program: without privileges, with few, made up, and what is left at the end.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails loudly, in its helpers too")]

mod common;

use std::{
    collections::BTreeSet,
    env, fs, thread,
    time::{Duration, Instant},
};

use common::{Server, observe, observe_as_user, stderr, until};
use observe::{Metric, http::Profile, names};
use rustix::process::Signal;
use serde_json::Value;

/// Starts a server as a user who may no more than `capabilities` say.
fn start_as_user(capabilities: &str, arguments: &[&str]) -> Option<Server> {
    let folder = tempfile::tempdir().unwrap();
    let command = observe_as_user(folder.path(), capabilities)?;
    Some(Server::spawn(command, folder, "", arguments))
}

/// Returns what a server says of tracing, once it tried every feature.
fn status(server: &Server) -> Value {
    let is_tried = |status: &Value| status["features"].as_array().unwrap().iter().all(|it| it["state"] != "waiting");
    until(server, STATUS, |answer| is_tried(&answer.json())).json()
}

fn features(status: &Value) -> impl Iterator<Item = (&str, &Value)> {
    status["features"].as_array().unwrap().iter().map(|feature| (feature["name"].as_str().unwrap(), feature))
}

/// Says that nothing can be tested here, which is a failure where all can.
fn skip(reason: &Value) {
    assert!(env::var_os("OBSERVE_EBPF_REQUIRE").is_none(), "the kernel must be traced here: {reason}");
    eprintln!("SKIPPED: {reason}");
}

#[test]
fn every_profile_starts_without_privileges_and_says_why_nothing_is_traced() {
    for profile in Profile::ALL {
        let Some(server) = start_as_user("-all", &["--profile", profile.as_str()]) else { return };

        let status = status(&server);

        assert_eq!(status["mode"], "unavailable", "{status:#}");
        assert_eq!((&status["active"], &status["mock_mode"]), (&false.into(), &false.into()));
        assert_eq!((&status["reason"], &status["programs"]), (&"missing CAP_BPF".into(), &Value::Array(Vec::new())));
        assert!(features(&status).count() >= 5);
        for (name, feature) in features(&status) {
            assert_eq!((&feature["state"], &feature["reason"]), (&"off".into(), &"missing CAP_BPF".into()), "{name}");
            assert!(feature["advice"].as_str().unwrap().contains("setcap"), "{name}");
        }
        until(&server, "/metrics/prometheus", |answer| answer.body.contains("cpu"));
        assert_eq!(server.get("/health").status, 200);
    }
}

#[test]
fn a_user_with_two_capabilities_traces_what_needs_no_more() {
    let Some(server) = start_as_user("-all,+bpf,+perfmon", &[]) else { return };

    let status = status(&server);

    if status["mode"] != "live" {
        return skip(&status["reason"]);
    }
    for (name, feature) in features(&status) {
        let lacks_more = feature["reason"] == "missing CAP_NET_ADMIN";
        assert!(feature["state"] == "running" || name == "net" && lacks_more, "{name}: {feature:#}");
    }
}

#[test]
fn a_kernel_that_must_be_traced_and_cannot_ends_the_start_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut command) = observe_as_user(folder.path(), "-all") else { return };
    fs::write(folder.path().join("observe.toml"), "[ebpf]\nmode = \"kernel\"\n").unwrap();

    let output = command.args(["serve", "--port", "0", "--quiet"]).output().unwrap();

    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.starts_with("error: cannot trace the kernel, which `ebpf.mode = \"kernel\"` asks for: "), "{text}");
    assert!(text.contains(": missing CAP_BPF; ") && text.contains("\n  help: set ebpf.mode to \"auto\""), "{text}");
}

#[test]
fn what_is_made_up_says_so_wherever_it_is_shown() {
    let servers = [("[ebpf]\nmode = \"simulated\"\n", None), ("", Some(("EBPF_MOCK_MODE", "true")))];
    let servers = servers.map(|(mode, variable)| {
        let folder = tempfile::tempdir().unwrap();
        let mut command = observe(folder.path());
        command.envs(variable);
        Server::spawn(command, folder, &format!("{mode}[ebpf.syscalls]\nmin_readings = 1\n"), &[])
    });
    for server in servers {
        let has_counted = |status: &Value| status["kernel_metrics"]["syscalls_per_second"].is_number();
        let status = until(&server, STATUS, |answer| has_counted(&answer.json())).json();
        let exposition = server.get("/metrics/prometheus").body;

        assert_eq!((&status["mode"], &status["mock_mode"]), (&"simulated".into(), &true.into()), "{status:#}");
        assert!(features(&status).all(|(_, feature)| feature["state"] == "simulated"), "{status:#}");
        let samples = traced(&exposition);
        assert!(samples.len() > 50, "{samples:#?}");
        for sample in samples {
            let label = if sample.starts_with("observe_ebpf_mode{") { "mode" } else { "source" };
            assert!(sample.contains(&format!("{label}=\"simulated\"")), "{sample}");
        }
    }
}

#[test]
fn a_server_that_ends_leaves_nothing_in_the_kernel() {
    let server = Server::start("", &[]);
    let status = status(&server);
    let programs = programs_of(server.id());
    if programs.is_empty() {
        return skip(&status["reason"]);
    }
    assert!(programs.is_subset(&loaded()), "{programs:?}");

    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));

    // The kernel takes them apart once no processor is in them any more.
    let deadline = Instant::now() + PATIENCE;
    while !programs.is_disjoint(&loaded()) {
        assert!(Instant::now() < deadline, "{programs:?} are left");
        thread::yield_now();
    }
}

/// The programs that a process holds, by itself or by what attaches them.
fn programs_of(process: u32) -> BTreeSet<u32> {
    let descriptors = fs::read_dir(format!("/proc/{process}/fdinfo")).unwrap();
    let texts = descriptors.filter_map(|descriptor| fs::read_to_string(descriptor.ok()?.path()).ok());
    let ids = texts.filter_map(|text| text.lines().find_map(|line| line.strip_prefix("prog_id:")?.trim().parse().ok()));
    ids.collect()
}

/// The programs in the kernel, whoever loaded them.
fn loaded() -> BTreeSet<u32> {
    aya::programs::loaded_programs().filter_map(|program| Some(program.ok()?.id())).collect()
}

/// Returns the samples of metrics that only tracing fills.
fn traced(exposition: &str) -> Vec<&str> {
    let real: BTreeSet<&str> = REAL.into_iter().flatten().map(|metric| &*metric.help).collect();
    let all: BTreeSet<&str> = names::all().map(|metric| &*metric.help).collect();
    let families = exposition.split("# HELP ").filter_map(|family| {
        let (name, rest) = family.split_once(' ')?;
        let (help, samples) = rest.split_once('\n')?;
        (name.starts_with("observe_ebpf_") || all.contains(help) && !real.contains(help)).then_some(samples)
    });
    families.flat_map(str::lines).filter(|line| !line.starts_with('#')).collect()
}

/// Metrics that need no tracing.
const REAL: [&[&Metric]; 9] = [
    names::cgroup::ROWS,
    names::cpu::ROWS,
    names::disk::ROWS,
    names::filesystem::ROWS,
    names::hardware::ROWS,
    names::memory::ROWS,
    names::network::ROWS,
    names::pressure::ROWS,
    names::process::ROWS,
];

/// How long anything may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(20);

const STATUS: &str = "/api/v1/deep-system/status";
