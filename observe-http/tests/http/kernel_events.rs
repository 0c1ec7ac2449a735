//! Events of the kernel, field by field beside golden files.

use std::time::Duration;

use insta::assert_json_snapshot;
use observe_core::{
    EventData, Exec, Io, Packet, PacketKind, ProcessChange, ProcessInfo, Security, Severity, Syscall, SystemEvent, Task,
};
use serde_json::Value;

use crate::fixture::Fixture;

fn task(pid: u32) -> Task {
    Task { pid, tid: pid + 1, uid: 1000, name: "curl".into(), cgroup: 42 }
}

async fn publish(fixture: &Fixture, source: &'static str, data: EventData) {
    fixture.publish(SystemEvent::new(source, fixture.handle.now(), data)).await;
}

async fn exec(fixture: &Fixture, change: ProcessChange, path: &str, arguments: &[&str]) {
    let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
    let exec = Exec { change, task: task(7), ppid: 1, path: path.to_owned(), arguments };
    publish(fixture, "ebpf::exec", EventData::Exec(exec)).await;
}

/// Returns events of a kind, newest first, without their ids.
async fn events(fixture: &Fixture, kind: &str) -> Value {
    let mut events = fixture.get(&format!("/events?event_type={kind}")).await.json();
    events.as_array_mut().unwrap().iter_mut().for_each(|event| drop(event["id"].take()));
    events
}

#[tokio::test]
async fn system_calls_say_who_called_and_how_long_it_took() {
    let fixture = Fixture::new().await;
    fixture.handle.processes().insert(ProcessInfo {
        pid: 7,
        start_ticks: 1,
        ppid: 1,
        name: "curl".into(),
        cmdline: "curl http://localhost".into(),
        uid: 1000,
    });
    let duration = Duration::from_nanos(1_500_250);
    let syscall = Syscall { name: "openat".into(), task: task(7), duration, result: -2 };
    publish(&fixture, "simulated::syscall", EventData::Syscall(syscall)).await;

    assert_json_snapshot!(events(&fixture, "syscall").await);
}

#[tokio::test]
async fn processes_start_end_and_are_killed() {
    let fixture = Fixture::new().await;
    exec(&fixture, ProcessChange::Started, "/usr/bin/curl", &["curl", "http://localhost"]).await;
    let lifetime = Duration::from_micros(2_500);
    exec(&fixture, ProcessChange::Exited { status: 0, signal: 9, lifetime }, "", &[]).await;
    exec(&fixture, ProcessChange::OomKilled { anonymous_bytes: 1 << 30 }, "", &[]).await;

    assert_json_snapshot!(events(&fixture, "exec").await);
}

#[tokio::test]
async fn requests_to_devices_say_what_was_asked_for() {
    let fixture = Fixture::new().await;
    for (task, error) in [(Some(task(7)), 0), (None, 5)] {
        let duration = Duration::from_millis(70);
        let io = Io { device: "sda".into(), operation: "write", bytes: 4096, duration, error, task };
        publish(&fixture, "ebpf::block", EventData::Io(io)).await;
    }

    assert_json_snapshot!(events(&fixture, "io").await);
}

#[tokio::test]
async fn packets_say_where_from_and_where_to() {
    let fixture = Fixture::new().await;
    let http = Packet {
        kind: PacketKind::Http,
        protocol: "http".into(),
        interface: Some("eth0".into()),
        source: "10.0.0.1:51234".parse().unwrap(),
        destination: "[2001:db8::1]:80".parse().unwrap(),
        bytes: 892,
        packets: 9,
        duration: Some(Duration::from_micros(812)),
        detail: "GET /login 404".into(),
        task: Some(task(7)),
    };
    let drop = Packet { kind: PacketKind::Drop, interface: None, duration: None, task: None, ..http.clone() };
    publish(&fixture, "ebpf::net", EventData::Packet(http)).await;
    publish(&fixture, "ebpf::drops", EventData::Packet(drop)).await;

    assert_json_snapshot!(events(&fixture, "network_packet").await);
}

#[tokio::test]
async fn findings_of_rules_say_what_speaks_for_and_against_them() {
    let fixture = Fixture::new().await;
    let finding = Security {
        rule: "port_scan".into(),
        severity: Severity::Critical,
        explanation: "40 ports in 1 s.".into(),
        false_positives: "A monitor that checks many services.".into(),
        evidence: "ports 1, 2, 3".into(),
        task: Some(task(7)),
        source: Some("10.0.0.9".parse().unwrap()),
        destination: Some("10.0.0.1:22".parse().unwrap()),
        count: 3,
    };
    let sparse =
        Security { severity: Severity::Warning, task: None, source: None, destination: None, ..finding.clone() };
    publish(&fixture, "ebpf::rules", EventData::Security(finding)).await;
    publish(&fixture, "ebpf::rules", EventData::Security(sparse)).await;

    assert_json_snapshot!(events(&fixture, "security").await);
}

#[tokio::test]
async fn events_of_the_kernel_are_the_same_below_api_v1_but_for_their_times() {
    let fixture = Fixture::new().await;
    exec(&fixture, ProcessChange::Started, "/bin/true", &["true"]).await;

    let of_root = fixture.get("/events?event_type=EXEC").await.json();
    let page = fixture.get("/api/v1/events?event_type=EXEC&pid=7").await.json();

    assert_eq!(page["items"][0]["data"], of_root[0]["data"]);
    assert_eq!(page["items"][0]["timestamp"], "2024-01-20T12:35:05.000000Z");
}
