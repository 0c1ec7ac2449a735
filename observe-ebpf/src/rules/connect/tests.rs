use super::*;
use crate::rules::{
    Observation,
    testing::{Bench, connect, exec, is_only, task, told},
};

const HERE: &str = "10.0.0.5:40000";

/// A program connects to `destination`.
fn go(bench: &mut Bench, pid: u32, name: &str, destination: &str) -> Vec<(String, String)> {
    let task = task(pid, name);
    let connect = connect(HERE, destination, ConnectOutcome::Connected);
    told(&bench.see(Observation::Connect(Connect { task: Some(&task), ..connect })))
}

#[test]
fn shells_that_connect_are_found() {
    let mut bench = Bench::new("[shell_connection]\nallow = ['10.0.0.9']");

    assert_eq!(
        go(&mut bench, 7, "bash", "192.0.2.9:443"),
        [("shell_connection".into(), "bash to 192.0.2.9:443".into())]
    );
    assert_eq!(go(&mut bench, 7, "curl", "192.0.2.10:443"), []);
    assert_eq!(go(&mut bench, 7, "bash", "127.0.0.1:443"), []);
    assert_eq!(go(&mut bench, 7, "bash", "10.0.0.9:443"), []);
}

#[test]
fn shells_that_are_reached_or_refused_are_passed_over() {
    let mut bench = Bench::new("");
    let bash = task(7, "bash");
    let base = Connect { task: Some(&bash), ..connect(HERE, "192.0.2.9:443", ConnectOutcome::Connected) };
    let is_incoming = Connect { is_incoming: true, ..base };
    let refused = Connect { outcome: ConnectOutcome::Refused, ..base };

    assert_eq!(bench.see(Observation::Connect(is_incoming)), []);
    assert_eq!(bench.see(Observation::Connect(refused)), []);
}

#[test]
fn a_process_that_connects_and_becomes_a_shell_is_found() {
    let mut bench = Bench::new("");
    go(&mut bench, 100, "python3", "192.0.2.9:443");
    let found = bench.start(&exec("/bin/sh", &["/bin/sh", "-i"]));

    let evidence = "started after a connection to 192.0.2.9:443: /bin/sh";
    assert_eq!(told(&found), [("reverse_shell".into(), evidence.into())]);
    assert_eq!(found[0].destination, Some("192.0.2.9:443".parse().unwrap()));
}

#[test]
fn a_shell_whose_parent_has_just_connected_is_found() {
    let mut bench = Bench::new("");
    go(&mut bench, 50, "ruby", "192.0.2.9:443");
    let mut shell = exec("/bin/sh", &["sh"]);
    shell.ppid = 50;

    assert!(is_only(&told(&bench.start(&shell)), "reverse_shell"));
}

#[test]
fn a_shell_that_is_seen_before_the_connection_that_led_to_it_is_found() {
    for parent in [100, 50] {
        let mut bench = Bench::new("");
        let mut shell = exec("/bin/sh", &["sh", "-i"]);
        shell.ppid = 50;
        bench.wait(1);
        assert_eq!(bench.start(&shell), []);

        bench.wait(-1);
        let found = go(&mut bench, parent, "python3", "192.0.2.9:443");

        let evidence = "started after a connection to 192.0.2.9:443: /bin/sh";
        assert_eq!(found, [("reverse_shell".into(), evidence.into())]);
    }
}

#[test]
fn a_connection_after_the_shell_or_long_before_or_of_another_process_is_passed_over() {
    let mut bench = Bench::new("");
    bench.wait(20);
    bench.start(&exec("/bin/sh", &["sh"]));

    for (pid, seconds) in [(100, 1), (100, -11), (102, 10)] {
        bench.wait(seconds);
        assert_eq!(go(&mut bench, pid, "python3", "192.0.2.9:443"), [], "{pid} {seconds}");
    }
}

#[test]
fn scripts_late_shells_and_other_processes_are_passed_over() {
    let mut bench = Bench::new("");
    go(&mut bench, 100, "wrapper", "192.0.2.9:443");
    go(&mut bench, 101, "local", "127.0.0.1:443");

    assert_eq!(bench.start(&exec("/bin/sh", &["sh", "-c", "make"])), []);
    assert_eq!(bench.start(&exec("/bin/sh", &["sh", "build.sh"])), []);
    assert_eq!(bench.start(&exec("/usr/bin/make", &["make"])), []);
    for (pid, seconds) in [(101, 0), (102, 0), (100, 11)] {
        bench.wait(seconds);
        let mut shell = exec("/bin/sh", &["sh"]);
        shell.task.pid = pid;
        assert_eq!(bench.start(&shell), [], "{pid}");
    }
}

#[test]
fn ports_of_mining_pools_count_on_the_internet_only() {
    let mut bench = Bench::new("");

    assert_eq!(
        go(&mut bench, 7, "kworker", "198.51.100.9:3333"),
        [("crypto_miner_port".into(), "kworker to 198.51.100.9:3333".into())]
    );
    assert!(is_only(&go(&mut bench, 7, "a", "[2001:db8::1]:3333"), "crypto_miner_port"));
    for destination in ["10.0.0.9:3333", "100.64.0.1:3333", "198.51.100.9:443", "[fd00::1]:3333", "[fe80::1]:3333"] {
        assert_eq!(go(&mut bench, 7, "a", destination), [], "{destination}");
    }
    let mut bench = Bench::new("[crypto_miner_port]\nports = [99]");
    assert_eq!(go(&mut bench, 7, "a", "198.51.100.9:3333"), []);
    assert_eq!(go(&mut bench, 7, "a", "198.51.100.9:99").len(), 1);
}

#[test]
fn many_logins_from_one_source_are_told_once() {
    let mut bench = Bench::new("");
    let base = connect("192.0.2.7:5000", "10.0.0.5:22", ConnectOutcome::Connected);
    let mut login = || bench.see(Observation::Connect(Connect { is_incoming: true, ..base }));

    assert_eq!((0..29).map(|_| login().len()).sum::<usize>(), 0);
    assert_eq!(told(&login()), [("ssh_brute_force".into(), "30 connections within 60 s".into())]);
    assert_eq!((0..100).map(|_| login().len()).sum::<usize>(), 0);
}

#[test]
fn logins_to_many_hosts_or_now_and_then_are_passed_over() {
    let mut bench = Bench::new("");
    for host in 0..200 {
        assert_eq!(go(&mut bench, 7, "ansible", &format!("10.2.0.{host}:22")), []);
        assert_eq!(go(&mut bench, 7, "curl", "10.0.0.9:443"), []);
    }
    for _ in 0..200 {
        bench.wait(3);
        assert_eq!(go(&mut bench, 7, "git", "10.0.0.9:22"), []);
    }
}
