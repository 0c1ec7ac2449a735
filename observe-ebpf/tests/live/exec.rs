//! Processes.

use std::{
    env,
    io::{Read, Write},
    os::unix::process::CommandExt,
    process::{self, Child, Command, Stdio},
    thread,
    time::Duration,
};

use observe_core::{EventData, Frame, ProcessChange, SystemEvent};
use observe_ebpf::{Config, tracing};
use rustix::process::{Uid, getuid};

use crate::host::{Host, Reading};

fn load(change: impl FnOnce(&mut Config)) -> Option<Host> {
    let mut config = Config::default();
    config.exec.max_events_per_second = 10_000;
    change(&mut config);
    Host::load(&config, "ebpf.exec")
}

/// Waits for a child to end, and returns its id.
fn ended(mut child: Child) -> u32 {
    child.wait().unwrap();
    child.id()
}

/// Runs one of the tests below that do nothing unless they are run in this way.
fn run_again(test: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--ignored", "--exact", test]).stdout(Stdio::null());
    command
}

fn ends(reading: &Reading, pid: u32) -> Vec<(i32, i32)> {
    let end = |change: &ProcessChange| match change {
        ProcessChange::Exited { status, signal, .. } => Some((*status, *signal)),
        _ => None,
    };
    reading.changes_of(pid).iter().filter_map(|exec| end(&exec.change)).collect()
}

#[test]
fn a_program_is_told_once_with_its_arguments_its_parent_and_its_user() {
    let Some(mut host) = load(|_| {}) else { return };
    let uid = if getuid() == Uid::ROOT { 65_534 } else { getuid().as_raw() };

    let mut command = Command::new("/bin/true");
    let pid = ended(command.args(["a b", "--password", "hunter2", ""]).uid(uid).spawn().unwrap());
    let reading = host.read();

    let [exec] = reading.changes_of(pid)[..] else { panic!("{:?}", reading.changes_of(pid)) };
    assert_eq!((exec.change, exec.ppid, exec.task.uid), (ProcessChange::Started, process::id(), uid));
    assert_eq!((exec.path.as_str(), exec.task.name.as_str()), ("/bin/true", "true"));
    assert_eq!(exec.arguments, ["/bin/true", "a b", "--password", "***"]);
}

#[test]
fn a_long_command_line_is_cut_and_says_so() {
    let Some(mut host) = load(|_| {}) else { return };

    let pid = ended(Command::new("/bin/true").arg("x".repeat(10_000)).spawn().unwrap());
    let reading = host.read();

    let [exec] = reading.changes_of(pid)[..] else { panic!("{:?}", reading.changes_of(pid)) };
    let expected = format!("{}…", "x".repeat(256 - "/bin/true\0".len()));
    assert_eq!(exec.arguments, ["/bin/true", &expected]);
}

#[test]
fn command_lines_stay_away_when_switched_off() {
    let Some(mut host) = load(|config| config.exec.command_lines = false) else { return };

    let pid = ended(Command::new("/bin/true").arg("x").spawn().unwrap());
    let reading = host.read();

    let [exec] = reading.changes_of(pid)[..] else { panic!("{:?}", reading.changes_of(pid)) };
    assert!(exec.arguments.is_empty() && exec.path == "/bin/true");
}

#[test]
fn a_process_that_starts_is_known_with_the_start_that_proc_tells() {
    let Some(mut host) = load(|_| {}) else { return };

    let mut child = Command::new("/bin/cat").arg("-").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    // Once it answers, it surely runs.
    child.stdin.as_mut().unwrap().write_all(b"x").unwrap();
    child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    host.read();
    let pid = ended(child);

    let known = host.processes.process(pid).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    assert_eq!(fields.split(' ').nth(19).unwrap(), known.start_ticks.to_string());
    assert_eq!((known.cmdline.as_str(), known.ppid), ("/bin/cat -", process::id()));
}

#[test]
fn in_a_container_ids_of_the_kernel_are_not_taken_for_those_of_proc() {
    let mut unshare = Command::new("unshare");
    unshare.args(["--pid", "--fork"]);
    if load(|_| {}).is_none() || !unshare.arg("true").status().is_ok_and(|status| status.success()) {
        return eprintln!("SKIPPED: no namespace of processes can be made");
    }

    let mut again = Command::new("unshare");
    again.args(["--pid", "--fork"]).arg(env::current_exe().unwrap());
    let outcome = again.args(["--ignored", "--exact", "exec::in_another_namespace"]).output().unwrap();

    assert!(outcome.status.success(), "{}", String::from_utf8_lossy(&outcome.stdout));
}

#[test]
#[ignore = "run by another test, in a namespace of its own"]
fn in_another_namespace() {
    let mut host = load(|_| {}).unwrap();
    let mut config = Config::default();
    config.syscalls.pid = 7;

    ended(Command::new("/bin/true").spawn().unwrap());
    let reading = host.read();

    assert!(reading.degraded.is_some_and(|reason| reason.contains("--pid=host")));
    assert_eq!((reading.events.is_empty(), host.processes.stats().size), (false, 0));
    assert!(tracing(&config).unwrap_err().to_string().starts_with("ebpf.syscalls.pid = 7 cannot be used"));
}

#[test]
fn programs_have_the_times_at_which_they_started() {
    let Some(mut host) = load(|_| {}) else { return };
    let before = host.read();

    let pids = [(); 2].map(|()| ended(Command::new("/bin/true").spawn().unwrap()));
    let reading = host.read();

    let time = |pid| {
        let is_its = |event: &&SystemEvent| matches!(&event.data, EventData::Exec(exec) if exec.task.pid == pid);
        reading.events.iter().find(is_its).map(|event| event.timestamp).unwrap()
    };
    let stamp = |reading: &Reading| reading.frames.first().map(Frame::timestamp).unwrap();
    let [first, second] = pids.map(time);
    assert!(stamp(&before) - Duration::from_secs(1) <= first && first < second && second < stamp(&reading));
}

#[test]
fn ends_are_told_with_status_and_signal_only_when_asked_for() {
    for wanted in [false, true] {
        let Some(mut host) = load(|config| config.exec.exit_events = wanted) else { return };
        let before = host.read();

        let failed = ended(Command::new("/bin/sh").args(["-c", "exit 3"]).spawn().unwrap());
        let killed = ended(Command::new("/bin/sh").args(["-c", "kill -9 $$"]).spawn().unwrap());
        let reading = host.read();

        let expected = [(failed, (3, 0)), (killed, (0, 9))];
        for (pid, end) in expected {
            assert_eq!(ends(&reading, pid), if wanted { vec![end] } else { Vec::new() });
        }
        for key in ["exec.failed", "exec.signalled"] {
            assert!(reading.value(key) > before.value(key), "{key}");
        }
        assert!(reading.value("exec.lifetime_p50") <= reading.value("exec.lifetime_p99"));
        assert!(reading.value("exec.lifetime_p50").is_some());
    }
}

#[test]
fn a_process_with_threads_ends_once() {
    let Some(mut host) = load(|config| config.exec.exit_events = true) else { return };

    let pid = ended(run_again("exec::threads").spawn().unwrap());
    let reading = host.read();

    assert_eq!(ends(&reading, pid), [(0, 0)]);
}

#[test]
fn a_thread_that_runs_another_program_ends_no_process() {
    let Some(mut host) = load(|config| config.exec.exit_events = true) else { return };

    let pid = ended(run_again("exec::thread_that_runs_another_program").spawn().unwrap());
    let reading = host.read();

    let changes: Vec<_> = reading.changes_of(pid).iter().map(|exec| exec.change.as_str()).collect();
    assert_eq!(changes, ["started", "started", "exited"]);
    assert_eq!(ends(&reading, pid), [(0, 0)]);
}

/// Offers at least 3,000 events in one reading, and checks that each was told, limited or lost.
fn weather_storm(max_events_per_second: u32) -> Option<(u64, u64)> {
    let mut host = load(|config| {
        config.exec.exit_events = true;
        config.exec.max_events_per_second = max_events_per_second;
    })?;
    let before = host.read();

    let script = "i=0; while [ $i -lt 3000 ]; do (exit 1); i=$((i+1)); done";
    ended(Command::new("/bin/sh").args(["-c", script]).spawn().unwrap());
    let mut reading = host.read();

    for key in ["exec.forked", "exec.exited", "exec.failed"] {
        let grown = reading.value(key).unwrap() - before.value(key).unwrap();
        assert!(grown >= 3_000.0, "{key}: {grown}");
    }
    assert!(reading.events.len() <= 2_000);
    // Other processes start and end between two looks at the counters, so these agree at some look, never beyond.
    for _ in 0..100 {
        let board = host.board.read();
        let (status, findings) = (&board.features["exec"], board.security.threats + board.security.anomalies);
        let offered = (reading.value("exec.started").unwrap() + reading.value("exec.exited").unwrap()) as u64;
        let accounted = status.events - findings + status.limited + status.lost;
        assert!(offered <= accounted, "{offered} {accounted}");
        if offered == accounted {
            return Some((status.limited, status.lost));
        }
        reading = host.read();
    }
    panic!("the counters do not add up");
}

#[test]
fn a_storm_beyond_the_limit_is_counted_to_the_last_process() {
    let Some((limited, _)) = weather_storm(10) else { return };

    assert!(limited >= 2_000, "{limited}");
}

#[test]
fn a_storm_beyond_the_ring_is_counted_to_the_last_process() {
    let Some((_, lost)) = weather_storm(100_000) else { return };

    assert!(lost >= 1_000, "{lost}");
}

#[test]
#[ignore = "another test runs it"]
fn threads() {
    let threads: Vec<_> = (0..8).map(|_| thread::spawn(|| {})).collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    // Some are still there when the process ends.
    (0..8).for_each(|_| drop(thread::spawn(thread::park)));
}

#[test]
#[ignore = "another test runs it"]
fn thread_that_runs_another_program() {
    let error = thread::spawn(|| Command::new("/bin/true").exec()).join().unwrap();
    panic!("{error}");
}
