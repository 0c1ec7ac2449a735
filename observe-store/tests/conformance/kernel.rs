use std::{sync::Arc, time::Duration};

use observe_core::{
    Enriched, EventData, EventKind, EventKinds, EventQuery, Exec, Io, Packet, PacketKind, ProcessChange, ProcessInfo,
    Security, Severity, Store, Syscall, Task,
};

use crate::support::{commit, event, numbers};

fn task(pid: u32) -> Task {
    Task { pid, tid: pid + 1, uid: u32::MAX, name: "a \"b\"\n\0".into(), cgroup: u64::MAX }
}

fn syscall(number: u64) -> Enriched {
    let syscall = Syscall { name: "openat".into(), task: task(7), duration: Duration::from_nanos(1), result: i64::MIN };
    let mut event = event(number, EventData::Syscall(syscall));
    event.event.source = "ebpf::syscall".into();
    event.event.host = Some("web1".into());
    event.process = Some(Arc::new(ProcessInfo {
        pid: 7,
        start_ticks: u64::MAX,
        ppid: 1,
        name: "a".into(),
        cmdline: "a\t--b".into(),
        uid: 0,
    }));
    event
}

fn exec(number: u64, change: ProcessChange) -> Enriched {
    let is_start = change == ProcessChange::Started;
    let arguments = if is_start { vec!["true".to_owned(), String::new(), "é\0".to_owned()] } else { Vec::new() };
    let path = if is_start { "/bin/true".to_owned() } else { String::new() };
    event(number, EventData::Exec(Exec { change, task: task(8), ppid: 1, path, arguments }))
}

fn io(number: u64, operation: &'static str, task: Option<Task>) -> Enriched {
    let duration = Duration::from_secs(70);
    event(number, EventData::Io(Io { device: "8:0".into(), operation, bytes: 1 << 40, duration, error: -5, task }))
}

fn packet(number: u64, kind: PacketKind, destination: &str) -> Enriched {
    let is_known = kind == PacketKind::Http;
    let packet = Packet {
        kind,
        protocol: "tcp".into(),
        interface: is_known.then(|| "eth0".into()),
        source: "10.0.0.1:1".parse().unwrap(),
        destination: destination.parse().unwrap(),
        bytes: u64::MAX,
        packets: 2,
        duration: is_known.then_some(Duration::from_micros(1_500)),
        detail: "GET /login 404".into(),
        task: is_known.then(|| task(9)),
    };
    event(number, EventData::Packet(packet))
}

fn security(number: u64, severity: Severity, task: Option<Task>) -> Enriched {
    let finding = Security {
        rule: "port_scan".into(),
        severity,
        explanation: "40 ports in 1 s".into(),
        false_positives: "a monitor".into(),
        evidence: "10.0.0.9 -> 1, 2, 3".into(),
        source: task.is_some().then(|| "::1".parse().unwrap()),
        destination: task.is_some().then(|| "[fe80::1]:22".parse().unwrap()),
        task,
        count: 3,
    };
    event(number, EventData::Security(finding))
}

fn all() -> Vec<Enriched> {
    let lifetime = Duration::from_millis(1_234);
    vec![
        syscall(1),
        exec(2, ProcessChange::Started),
        exec(3, ProcessChange::Exited { status: 256, signal: 9, lifetime }),
        exec(4, ProcessChange::OomKilled { anonymous_bytes: u64::MAX }),
        io(5, "discard", None),
        io(6, "flush", None),
        io(7, "other", None),
        io(8, "read", Some(task(0))),
        io(9, "write", None),
        packet(10, PacketKind::Connect, "10.0.0.2:80"),
        packet(11, PacketKind::Drop, "[fe80::1%3]:443"),
        packet(12, PacketKind::Http, "[::1]:65535"),
        packet(13, PacketKind::Malformed, "0.0.0.0:0"),
        packet(14, PacketKind::Retransmit, "10.0.0.2:80"),
        security(15, Severity::Critical, Some(task(9))),
        security(16, Severity::Info, None),
        security(17, Severity::Warning, None),
    ]
}

pub(crate) async fn events_of_the_kernel_come_back_as_they_were(store: &dyn Store) {
    commit(store, all()).await;

    let read = store.events(&EventQuery::newest(100)).await.unwrap();
    let shown: Vec<String> = read.iter().rev().map(|event| format!("{event:?}")).collect();
    let expected: Vec<String> = all().iter().map(|event| format!("{event:?}")).collect();
    assert_eq!(shown, expected);
}

pub(crate) async fn events_of_the_kernel_are_those_that_are_asked_for(store: &dyn Store) {
    commit(store, all()).await;

    for (kind, expected) in [
        (EventKind::Syscall, &[1][..]),
        (EventKind::Exec, &[4, 3, 2]),
        (EventKind::Io, &[9, 8, 7, 6, 5]),
        (EventKind::NetworkPacket, &[14, 13, 12, 11, 10]),
        (EventKind::Security, &[17, 16, 15]),
    ] {
        let query = EventQuery { kinds: EventKinds::from_iter([kind]), ..EventQuery::newest(100) };
        let found = store.events(&query).await.unwrap();
        assert_eq!(numbers(found.iter().map(|event| &event.id)), expected, "{kind}");
    }
    for (pid, expected) in [(7, &[1][..]), (9, &[15, 12]), (0, &[8])] {
        let found = store.events(&EventQuery { pid: Some(pid), ..EventQuery::newest(100) }).await.unwrap();
        assert_eq!(numbers(found.iter().map(|event| &event.id)), expected, "{pid}");
    }
}
