//! What is said about tracing the kernel, in each of the four modes.

use std::{sync::Arc, time::Duration};

use insta::assert_json_snapshot;
use observe_core::{
    Attributes, FeatureState, KernelBoard, KernelFacts, KernelMode, KeyedTable, Metric, ProgramStatus, Schema,
    SecurityCounts, TopSyscall, TopSyscalls, Unit,
    names::{disk, hardware, pressure, syscall, tcp},
};
use serde_json::Value;

use crate::fixture::{Fixture, START};

static PACKETS: Metric = Metric::counter("packet.total", Unit::Count, "Packets of all interfaces.");
static PACKETS_OF_ONE: Metric = Metric::counter("packet.count", Unit::Count, "Packets of one interface.");
static DROP_RATE: Metric = Metric::gauge("drops.rate", Unit::CountPerSecond, "Packets lost in a second.");
static P50: Metric = Metric::gauge("tcp.connect_latency_p50", Unit::Nanoseconds, "Half are faster.");
static P99: Metric = Metric::gauge("tcp.connect_latency_p99", Unit::Nanoseconds, "99 of 100 are faster.");

fn live() -> KernelBoard {
    let board = KernelBoard::new(KernelMode::Live);
    board.set(|status| {
        status.facts = KernelFacts {
            release: "6.1.0-18-amd64".into(),
            has_btf: true,
            has_ring_buffers: true,
            capabilities: vec!["CAP_BPF", "CAP_PERFMON"],
            lockdown: Some("none".into()),
        };
        status.security =
            SecurityCounts { threats: 2, anomalies: 1, last_event_at: Some(START), suppressed: 7, forgotten: 5 };
        let top = |id, name: Option<&str>, syscall: &'static str, calls_per_second| TopSyscall {
            id,
            name: name.map(Into::into),
            syscall: syscall.into(),
            calls_per_second,
        };
        let by_process = vec![top(4242, Some("nginx"), "epoll_wait", 812.8), top(77, None, "read", 64.0)];
        let by_cgroup = vec![top(1337, Some("/system.slice/nginx.service"), "epoll_wait", 806.4)];
        status.top_syscalls = Arc::new(TopSyscalls { reason: None, by_process, by_cgroup });
    });
    board.update("syscalls", |feature| {
        feature.state = FeatureState::Running;
        feature.programs = ["sys_enter", "sys_exit"].map(program).into();
        (feature.events, feature.lost, feature.limited) = (120, 3, 4);
        (feature.memory_bytes, feature.load_time) = (800_000, Duration::from_micros(18_500));
    });
    board.update("exec", |feature| feature.state = FeatureState::Waiting);
    board.update("net", |feature| {
        feature.state = FeatureState::Off {
            reason: "missing CAP_NET_ADMIN".into(),
            advice: "grant it: `setcap cap_bpf,cap_perfmon,cap_net_admin+ep observe`".into(),
            instead: Some("procfs"),
        };
    });
    board
}

fn program(name: &str) -> ProgramStatus {
    ProgramStatus {
        name: name.into(),
        kind: "tp_btf",
        is_attached: true,
        run_count: 120,
        run_time: Duration::from_micros(51),
        memory_bytes: 4096,
    }
}

fn simulated() -> KernelBoard {
    let board = KernelBoard::new(KernelMode::Simulated);
    for name in ["net", "syscalls"] {
        board.update(name, |feature| {
            feature.state = FeatureState::Simulated;
            feature.events = 20;
        });
    }
    board
}

fn unavailable() -> KernelBoard {
    let board = KernelBoard::new(KernelMode::Unavailable);
    board.set(|status| {
        status.reason = Some("missing CAP_BPF".into());
        status.facts.release = "5.15.0".into();
    });
    board.update("syscalls", |feature| {
        feature.state = FeatureState::Off { reason: "missing CAP_BPF".into(), advice: String::new(), instead: None };
        feature.events = 7;
    });
    board
}

fn boards() -> [(&'static str, KernelBoard); 4] {
    let disabled = KernelBoard::new(KernelMode::Disabled);
    [("disabled", disabled), ("live", live()), ("simulated", simulated()), ("unavailable", unavailable())]
}

/// Makes an engine that has seen devices, and, if anything is traced, two seconds of the kernel.
async fn fixture(board: KernelBoard) -> Fixture {
    let is_traced = matches!(board.read().mode, KernelMode::Live | KernelMode::Simulated);
    let mut fixture = Fixture::new().await;
    fixture.trace(board);
    devices(&fixture).await;
    if is_traced {
        kernel(&fixture, &[]).await;
    }
    fixture
}

async fn kernel(fixture: &Fixture, attributes: &'static [(&str, &str)]) {
    let syscalls = Schema::builder("syscalls").column(&syscall::TOTAL).column(&syscall::RATE).build().unwrap();
    let links = Schema::builder("net").column(&PACKETS_OF_ONE).column(&DROP_RATE).column(&P50).column(&P99);
    let mut syscalls = KeyedTable::<String>::new(syscalls);
    let mut links = KeyedTable::<String>::new(links.build().unwrap());
    let mut packets = KeyedTable::<String>::new(Schema::builder("packets").column(&PACKETS).build().unwrap());
    for second in 0..2_u32 {
        for (name, calls) in [("openat", 1_000.0), ("read", 250.0)] {
            let of = || Attributes::new(attributes.iter().copied().chain([("syscall", name)])).unwrap();
            syscalls.row(name, of).set_all(0, [calls * f64::from(second)]);
        }
        for (name, share) in [("eth0", 1.0), ("lo", 0.5)] {
            let of = || Attributes::new(attributes.iter().copied().chain([("interface", name)])).unwrap();
            links.row(name, of).set_all(0, [400.0 * share, share, 12_500.0 * share, 80_000.0 * share]);
        }
        // Of an interface that left there are no series any more.
        packets.row("", || Attributes::new(attributes.iter().copied()).unwrap()).set_all(0, [1_000.0]);
        let at = START + Duration::from_secs(8 + u64::from(second));
        fixture.publish(syscalls.frame(at)).await;
        fixture.publish(links.frame(at)).await;
        fixture.publish(packets.frame(at)).await;
    }
}

async fn devices(fixture: &Fixture) {
    let row = |name: &'static str, metrics: &[&Metric], values: &[f64], attributes: &'static [(&str, &str)]| {
        let schema = metrics.iter().fold(Schema::builder(name), |schema, metric| schema.column(metric));
        let mut table = KeyedTable::<u8>::new(schema.build().unwrap());
        let attributes = Attributes::new(attributes.iter().copied()).unwrap();
        table.row(&0, || attributes).set_all(0, values.iter().copied());
        table.frame(fixture.handle.now())
    };
    let link: &[&Metric] = &[&hardware::LINK_UP, &hardware::LINK_SPEED];
    for frame in [
        row("t1", &[&hardware::TEMPERATURE], &[41.0], &[("chip", "coretemp"), ("sensor", "Package id 0")]),
        row("t2", &[&hardware::TEMPERATURE], &[61.0], &[("chip", "nvme"), ("sensor", "Composite")]),
        row("t3", &[&hardware::TEMPERATURE], &[39.5], &[("zone", "thermal_zone1"), ("sensor", "cpu-thermal")]),
        row("d1", &[&disk::READ_BYTES], &[1.0], &[("device", "vda")]),
        row("d2", &[&disk::READ_BYTES], &[1.0], &[("device", "sda")]),
        row("d3", &[&hardware::DISK_ONLINE], &[1.0], &[("device", "sda")]),
        row("d4", &[&hardware::DISK_ONLINE], &[0.0], &[("device", "sdb")]),
        row("l1", link, &[1.0, 125e6], &[("interface", "eth0")]),
        row("l2", link, &[0.0], &[("interface", "eth1")]),
        row("p1", &[&pressure::SOME_AVG10, &pressure::FULL_AVG10], &[1.5, 0.25], &[("resource", "memory")]),
        row("p2", &[&pressure::SOME_AVG10], &[99.0], &[("resource", "cpu")]),
    ] {
        fixture.publish(frame).await;
    }
}

#[tokio::test]
async fn the_status_has_every_key_in_every_mode() {
    for (mode, board) in boards() {
        let fixture = fixture(board).await;

        let root = fixture.get("/deep-system/status").await;
        let unified = fixture.get("/api/v1/deep-system/status").await;

        assert_eq!((root.status.as_u16(), root.header("content-type")), (200, "application/json"), "{mode}");
        assert_eq!(root.text, unified.text, "{mode}");
        assert_json_snapshot!(format!("status_{mode}"), root.json());
    }
}

#[tokio::test]
async fn an_engine_that_has_seen_nothing_says_so() {
    let fixture = Fixture::empty(observe_http::Config::default());

    let status = fixture.get("/deep-system/status").await.json();

    assert_json_snapshot!("status_nothing", status);
}

#[tokio::test]
async fn health_tells_real_numbers_from_simulated_ones() {
    let mut said = Vec::new();
    for (mode, board) in boards() {
        let fixture = fixture(board).await;

        let health = fixture.get("/health").await.json();

        let ebpf = &health["system_metrics"]["ebpf"];
        let is_simulated = Value::from(mode == "simulated");
        assert_eq!((&ebpf["mock_mode"], &health["deep_monitoring"]["mock_mode"]), (&is_simulated, &is_simulated));
        assert_eq!(health["status"], "healthy", "{mode}");
        said.push(serde_json::json!({
            "mode": mode,
            "component": health["components"]["ebpf"],
            "deep_monitoring": health["deep_monitoring"],
            "ebpf": ebpf,
        }));
    }
    assert_json_snapshot!("health", said);
}

#[tokio::test]
async fn statistics_and_metrics_say_what_health_says() {
    for (mode, board) in boards() {
        let fixture = fixture(board).await;

        let expected = fixture.get("/health").await.json()["system_metrics"]["ebpf"].take();

        for path in ["/stats", "/api/v1/stats", "/metrics"] {
            assert_eq!(fixture.get(path).await.json()["ebpf"], expected, "{mode} {path}");
        }
    }
}

#[tokio::test]
async fn features_that_have_not_tried_yet_are_starting() {
    let board = KernelBoard::new(KernelMode::Live);
    board.update("syscalls", |_| {});
    let fixture = fixture(board).await;

    let health = fixture.get("/health").await.json();

    assert_eq!(health["components"]["ebpf"]["status"], "starting");
    assert_eq!(health["deep_monitoring"]["active"], false);
    assert_eq!(health["system_metrics"]["ebpf"]["syscalls_per_second"], 0);
}

#[tokio::test]
async fn without_any_feature_nothing_is_traced() {
    let fixture = fixture(KernelBoard::new(KernelMode::Live)).await;

    let health = fixture.get("/health").await.json();

    assert_eq!(health["components"]["ebpf"]["status"], "disabled");
    assert_eq!(health["deep_monitoring"]["active"], false);
}

#[tokio::test]
async fn kernels_of_other_hosts_do_not_count() {
    let mut fixture = Fixture::new().await;
    fixture.trace(live());
    kernel(&fixture, &[("host.name", "web1")]).await;

    let status = fixture.get("/deep-system/status").await.json();

    assert_eq!(status["kernel_metrics"]["syscalls_per_second"], Value::Null);
    assert_eq!(status["payload"]["packets_processed"], Value::Null);
}

#[tokio::test]
async fn scrapers_learn_mode_features_and_programs() {
    for (mode, board) in boards() {
        let fixture = fixture(board).await;

        let text = fixture.get("/metrics/prometheus").await.text;

        let lines: Vec<&str> = text.lines().filter(|line| line.contains("observe_ebpf_")).collect();
        assert_json_snapshot!(format!("exposition_{mode}"), lines);
    }
}

#[tokio::test]
async fn a_long_reason_is_cut_where_it_is_a_label() {
    let board = KernelBoard::new(KernelMode::Unavailable);
    board.set(|status| status.reason = Some("é\"\n".repeat(1_000)));
    let fixture = fixture(board).await;

    let text = fixture.get("/metrics/prometheus").await.text;

    let line = text.lines().find(|line| line.starts_with("observe_ebpf_mode{")).unwrap();
    assert_eq!(line.matches('é').count(), 67);
    assert!(line.ends_with("é\\\"\"} 1"), "{line}");
}

#[tokio::test]
async fn latencies_are_whole_histograms_without_being_series() {
    let mut fixture = Fixture::new().await;
    let board = KernelBoard::new(KernelMode::Simulated);
    fixture.trace(board.clone());
    let of = |pairs: &[(&'static str, &'static str)]| Attributes::new(pairs.iter().copied()).unwrap();
    let read = board.post(&syscall::LATENCIES, of(&[("syscall", "read"), ("source", "simulated")]));
    read.add([(0, 1), (64, 2), (1024, 3)], 12_000);
    read.add([(64, 10), (u64::MAX, 1)], 2_000_000_000);
    let connect = board.post(&tcp::CONNECT_LATENCIES, of(&[]));
    connect.add([(100_000, 4)], 400_000);

    let text = fixture.get("/metrics/prometheus").await.text;
    let without = fixture.get("/metrics/prometheus?exclude=syscall.&exclude=tcp.connect_latency").await.text;

    let is_meant = |line: &&str| line.contains("syscall_latency_seconds") || line.contains("connect_latency_seconds");
    assert_json_snapshot!(text.lines().filter(is_meant).collect::<Vec<_>>());
    assert_eq!(without.lines().filter(is_meant).count(), 0);
    assert!(fixture.get("/api/v1/metrics?prefix=syscall.").await.json()["items"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn where_nobody_can_know_who_calls_most_the_reason_is_told() {
    let board = live();
    let reason = Some("no call is timed");
    board.set(|status| status.top_syscalls = Arc::new(TopSyscalls { reason, ..TopSyscalls::default() }));
    let fixture = fixture(board).await;

    let tops = fixture.get("/deep-system/status").await.json()["top_syscalls"].take();

    let expected = serde_json::json!({
        "estimated": true, "reason": "no call is timed", "by_process": [], "by_cgroup": []
    });
    assert_eq!(tops, expected);
}
