//! The commands that do not serve, and all the ways in which `serve` refuses to start.

#![expect(clippy::unwrap_used, reason = "a test fails loudly, in its helpers too")]

mod common;

use std::{fs, net::TcpListener};

use common::{Server, observe, run, stderr, stdout};
use serde_json::Value;

#[test]
fn a_good_file_is_shown_with_the_origin_of_every_value() {
    let output = run("[server]\nport = 9000\n", &["check-config"]);

    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let line =
        |start: &str| stdout(&output).lines().find(|line| line.starts_with(start)).unwrap_or_default().to_owned();
    assert!(line("port = 9000").ends_with("# observe.toml:2:1"), "{}", stdout(&output));
    assert!(line("host = ").ends_with("# default"), "{}", stdout(&output));
}

#[test]
fn what_check_config_prints_is_a_settings_file_of_the_same_effect() {
    let first = run("[server]\nport = 9000\n[ml.zscore]\nthreshold = 4.5\n", &["check-config"]);

    let second = run(stdout(&first), &["check-config"]);

    assert_eq!(second.status.code(), Some(0), "{}", stderr(&second));
    let values = |text: &str| -> Vec<String> {
        text.lines().map(|line| line.split(" # ").next().unwrap_or_default().trim().to_owned()).collect()
    };
    assert_eq!(values(stdout(&first)), values(stdout(&second)));
}

#[test]
fn the_shipped_file_is_good() {
    let output = run(include_str!("../observe.toml"), &["check-config"]);

    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn json_names_file_key_value_and_origin() {
    let output = run("[server]\nport = 9000\n", &["check-config", "--json"]);

    let answer: Value = serde_json::from_str(stdout(&output)).unwrap();
    let settings = answer["settings"].as_array().unwrap();
    let port = settings.iter().find(|row| row["key"] == "server.port").unwrap();
    assert_eq!(answer["file"], "observe.toml");
    assert_eq!((&port["value"], &port["origin"]), (&9000.into(), &"observe.toml:2:1".into()));
}

#[test]
fn an_unknown_key_ends_with_78_file_line_and_the_nearest_key() {
    for arguments in [&["check-config"][..], &["serve"], &["server"]] {
        let output = run("# mine\n[server]\nprot = 9000\n", arguments);

        assert_eq!(output.status.code(), Some(78), "{arguments:?}");
        assert_eq!(
            stderr(&output),
            "error: observe.toml:3:1: unknown key `server.prot`\n  help: did you mean `server.port`?\n"
        );
    }
}

#[test]
fn all_errors_are_told_at_once() {
    let settings = "[server]\nprot = 9000\nmax_streams = 0\nhost = 5\n[colectors]\nx = 1\n[ml.zscore]\nthreshold = -1.0\n\
        window_seconds = 1\n[collectors.cpu]\ninterval_seconds = nan\n[collectors.disk]\ninterval_seconds = 0.0\n";

    let output = run(settings, &["check-config"]);

    assert_eq!(output.status.code(), Some(78));
    let text = stderr(&output);
    for line in [2, 3, 4, 5, 8, 9, 11, 13] {
        assert_eq!(text.matches(&format!("error: observe.toml:{line}:")).count(), 1, "{line}: {text}");
    }
    assert_eq!(text.matches("\n  help: ").count(), 8, "{text}");
    for nearest in ["`server.port`", "`collectors`"] {
        assert!(text.contains(&format!("did you mean {nearest}?")), "{text}");
    }
}

#[test]
fn a_pattern_without_a_metric_is_a_warning_with_the_nearest() {
    let output = run("[ml.zscore]\nmetrics = [\"cpu.totl\", \"memory.*\"]\n", &["check-config"]);

    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        stderr(&output),
        "warning: observe.toml:2:1: `ml.zscore.metrics`: \"cpu.totl\" matches no metric that is known; \
         did you mean \"cpu.total\"?\n"
    );
}

#[test]
fn every_kind_of_bad_file_ends_with_78_and_its_line() {
    for (settings, line) in [
        ("[server]\nport = \n", "observe.toml:2:"),
        ("[server]\nport = 1\nport = 2\n", "observe.toml:3:"),
        ("[server]\n\nport = \"x\"\n", "observe.toml:3:"),
        ("server = 1\n", "observe.toml:1:"),
        ("[server]\nprofile = \"webhooks\"\n", "observe.toml:2:"),
        ("[ml.zscore]\nthreshold = -1.0\n", "observe.toml:2:"),
        ("[ml]\ndetectors = [\"zcore\"]\n", "observe.toml:2:"),
        ("[collectors.cpu]\ninterval_seconds = 0.0\n", "observe.toml:2:"),
        ("[collectors.cpu]\ninterval_seconds = nan\n", "observe.toml:2:"),
        ("[memory]\nmax_bytes = 0\n", "observe.toml:2:1: `memory.max_bytes`: 0 cannot be used"),
        ("[memory]\nmax_bytes = 9000000000000000000\n", "observe.toml:2:1: `memory.max_bytes`: "),
        ("[server]\nmax_connections = 0\n", "observe.toml:2:1: `server.max_connections`: "),
    ] {
        let output = run(settings, &["check-config"]);

        assert_eq!(output.status.code(), Some(78), "{settings}");
        assert!(stderr(&output).contains(line), "{settings}: {}", stderr(&output));
        assert!(stderr(&output).contains("\n  help: "), "{}", stderr(&output));
    }
}

#[test]
fn values_out_of_range_keep_every_command_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    for (name, value, key) in [
        ("OBSERVE_SERVER__MAX_CONNECTIONS", "0", "server.max_connections"),
        ("OBSERVE_SERVER__EXTRA_LISTENERS", "nowhere", "server.extra_listeners"),
        ("OBSERVE_MEMORY__MAX_BYTES", "1000", "memory.max_bytes"),
    ] {
        for command in ["serve", "check-config"] {
            let output = observe(folder.path()).arg(command).env(name, value).output().unwrap();

            assert_eq!(output.status.code(), Some(78), "{command} {name}");
            let start = format!("error: {name}: `{key}`: ");
            assert!(stderr(&output).starts_with(&start), "{}", stderr(&output));
        }
    }
}

#[test]
fn a_bad_file_is_reported_as_json_too() {
    let output = run("[server]\nprot = 1\n", &["check-config", "--json"]);

    let answer: Value = serde_json::from_str(stdout(&output)).unwrap();
    let errors = answer["errors"].as_array().unwrap();
    assert_eq!((&answer["valid"], errors.len()), (&false.into(), 1));
    assert_eq!(errors[0]["help"], "did you mean `server.port`?");
    assert_eq!(output.status.code(), Some(78));
}

#[test]
fn the_environment_stands_between_file_and_flags() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mine.toml"), "[server]\nport = 1\nhost = \"::1\"\n").unwrap();

    let output = observe(folder.path())
        .args(["check-config", "mine.toml", "-v"])
        .envs([("FASTAPI_PORT", "2"), ("LOG_LEVEL", "ERROR"), ("REDIS_URL", "redis://x")])
        .output()
        .unwrap();

    let text = stdout(&output);
    assert!(text.lines().any(|line| line.starts_with("port = 2 ") && line.ends_with("# FASTAPI_PORT")), "{text}");
    assert!(text.lines().any(|line| line.starts_with("host = \"::1\"") && line.ends_with("# mine.toml:3:1")), "{text}");
    assert!(text.lines().any(|line| line.starts_with("level = \"debug\"") && line.ends_with("# --verbose")), "{text}");
    assert_eq!(stderr(&output), "warning: REDIS_URL has no effect: the bus is in process\n");
}

#[test]
fn documents_that_disagree_end_with_78_and_both_names() {
    let folder = tempfile::tempdir().unwrap();

    let output = observe(folder.path()).arg("serve").envs([("FASTAPI_PORT", "1"), ("PORT", "2")]).output().unwrap();

    assert_eq!(output.status.code(), Some(78));
    assert!(stderr(&output).contains("FASTAPI_PORT and PORT set `server.port`"), "{}", stderr(&output));
}

#[test]
fn a_named_file_that_is_missing_ends_with_78() {
    let output = run("", &["serve", "--config", "missing.toml"]);

    assert_eq!(output.status.code(), Some(78));
    assert!(stderr(&output).contains("missing.toml"), "{}", stderr(&output));
}

#[test]
fn production_refuses_debugging_with_78() {
    let folder = tempfile::tempdir().unwrap();

    let output = observe(folder.path()).args(["serve", "--production"]).env("DEBUG", "1").output().unwrap();

    assert_eq!(output.status.code(), Some(78));
    assert!(stderr(&output).contains("DEBUG: `server.debug`: debugging is on"), "{}", stderr(&output));
}

#[test]
fn a_port_that_is_taken_ends_with_1_and_names_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();

    let output = run("", &["serve", "--port", &port]);

    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains(&format!("127.0.0.1:{port}")), "{}", stderr(&output));
    assert!(stderr(&output).contains("--port"), "{}", stderr(&output));
    assert_eq!(stdout(&output), "");
}

#[test]
fn wrong_usage_ends_with_2() {
    for arguments in [
        &["serve", "--prot", "1"][..],
        &["serve", "--port", "70000"],
        &["serve", "--reload", "--production"],
        &["dance"],
        &[],
    ] {
        let output = run("", arguments);

        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty());
    }
}

#[test]
fn help_and_version_are_results() {
    let help = run("", &["--help"]);
    let version = run("", &["--version"]);

    assert_eq!((help.status.code(), version.status.code()), (Some(0), Some(0)));
    for command in ["serve", "check-config", "doctor", "--config", "--color"] {
        assert!(stdout(&help).contains(command), "{}", stdout(&help));
    }
    assert_eq!(stdout(&version), format!("observe {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn doctor_says_one_line_for_each_check() {
    let output = run("[server]\nport = 0\n", &["doctor"]);

    let text = stdout(&output);
    for check in [
        "kernel",
        "btf",
        "capabilities",
        "proc",
        "pressure",
        "cgroup",
        "open files",
        "clock",
        "port",
        "store",
        "settings",
    ] {
        assert_eq!(text.lines().filter(|line| line[9..].starts_with(check)).count(), 1, "{check}: {text}");
    }
    assert_eq!(output.status.code(), Some(0), "{text}");
}

#[test]
fn a_store_that_cannot_be_written_is_noticed_before_the_start() {
    let settings = "[store]\nurl = \"no/such/folder/observe.db\"\n";

    let doctor = run(settings, &["doctor"]);
    let checked = run(settings, &["check-config"]);

    let line = stdout(&doctor).lines().find(|line| line.contains(" store ")).unwrap_or_default();
    assert!(line.starts_with("broken") && line.contains("/no/such/folder cannot be written: "), "{line}");
    assert!(stderr(&checked).starts_with("warning: observe.toml:2:1: `store.url`: "), "{}", stderr(&checked));
    assert_eq!((doctor.status.code(), checked.status.code()), (Some(1), Some(0)));
}

#[test]
fn doctor_ends_with_1_when_something_is_broken() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();

    let output = run(&format!("[server]\nport = {port}\n"), &["doctor", "--json"]);

    let answer: Value = serde_json::from_str(stdout(&output)).unwrap();
    let checks = answer["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == "port").unwrap();
    assert_eq!(check["outcome"], "broken");
    assert!(check["fix"].as_str().unwrap().contains("server.port"));
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn doctor_knows_a_running_server() {
    let server = Server::start("", &[]);
    let (_, port) = server.address.rsplit_once(':').unwrap();

    let output = run(&format!("[server]\nport = {port}\n"), &["doctor"]);

    let in_use = format!("{} is in use by a running observe {}", server.address, env!("CARGO_PKG_VERSION"));
    assert!(stdout(&output).contains(&in_use), "{}", stdout(&output));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn doctor_reports_bad_settings_among_the_rest() {
    let output = run("[server]\nprot = 1\n", &["doctor"]);

    assert!(stdout(&output).contains("unknown key `server.prot`; did you mean `server.port`?"), "{}", stdout(&output));
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn doctor_counts_what_else_is_wrong() {
    let output = run("[server]\nprot = 1\nmax_streams = 0\n", &["doctor"]);

    let line = "`server.prot`, and 1 more; `observe check-config` tells all of them";
    assert!(stdout(&output).contains(line), "{}", stdout(&output));
}

#[test]
fn colour_is_asked_for() {
    let plain = run("", &["doctor"]);
    let colored = run("", &["doctor", "--color", "always"]);

    assert!(!stdout(&plain).contains('\u{1b}'));
    assert!(stdout(&colored).contains("\u{1b}["));
}
