//! The whole program: starts, answers about this host, and goes down when told to.

#![expect(clippy::unwrap_used, reason = "a test fails loudly, in its helpers too")]

mod common;

use std::{
    fs,
    io::{Read, Write},
    time::{Duration, Instant},
};

use common::{Server, until};
use rustix::process::Signal;
use serde_json::Value;

/// Fast enough that a test has rates within a moment.
const FAST: &str = "[collectors.cpu]\ninterval_seconds = 0.1\n[collectors.disk]\ninterval_seconds = 0.1\n";

fn meminfo_total() -> f64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap();
    let line = text.lines().find(|line| line.starts_with("MemTotal:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() * 1024.0
}

#[test]
fn values_are_those_of_this_host() {
    let server = Server::start(FAST, &[]);

    let answer = until(&server, "/metrics/realtime", |answer| answer.body.contains("\"cpu.total\""));

    let metrics = &answer.json()["metrics"];
    let latest = |key: &str| metrics[key]["latest"].as_f64().unwrap_or_else(|| panic!("no {key}"));
    assert!((0.0..=100.0).contains(&latest("cpu.total")));
    assert_eq!(latest("memory.total"), meminfo_total());
    assert!((0.0..=100.0).contains(&latest("memory.percent")));
}

#[test]
fn every_analytics_route_answers_with_live_data() {
    let server = Server::start(FAST, &[]);
    until(&server, "/metrics/realtime", |answer| answer.body.contains("\"cpu.total\""));

    for target in ["/metrics", "/metrics/realtime", "/stats", "/", "/health", "/healthz", "/ping", "/openapi.json"] {
        let answer = server.get(target);

        assert_eq!(answer.status, 200, "{target}: {answer:?}");
        assert!(answer.json().as_object().is_some_and(|object| !object.is_empty()), "{target}");
    }
    for target in
        ["/anomalies", "/trends?metric_key=cpu.total", "/events?limit=5", "/metrics/history?metric_key=cpu.total"]
    {
        let answer = server.get(target);

        assert_eq!(answer.status, 200, "{target}: {answer:?}");
        assert!(answer.json().is_array(), "{target}: {answer:?}");
    }
    let history = server.get("/metrics/history?metric_key=cpu.total&seconds=60").json();
    assert!(history.as_array().unwrap().iter().all(|pair| pair[0].is_number() && pair[1].is_number()));
    assert!(!history.as_array().unwrap().is_empty());
}

#[test]
fn the_unified_api_answers_the_same_questions() {
    let server = Server::start(FAST, &["--profile", "analytics"]);
    until(&server, "/api/v1/metrics/realtime", |answer| answer.body.contains("\"cpu.total\""));

    for target in ["/api/v1", "/api/v1/health", "/api/v1/health/live", "/api/v1/stats"] {
        assert_eq!(server.get(target).status, 200, "{target}");
    }
    for target in ["/api/v1/metrics", "/api/v1/events", "/api/v1/anomalies", "/api/v1/trends"] {
        let answer = server.get(target);

        assert_eq!(answer.status, 200, "{target}: {answer:?}");
        assert!(answer.json()["items"].is_array(), "{target}: {answer:?}");
    }
    until(&server, "/api/v1/health/ready", |answer| answer.status == 200);
}

#[test]
fn the_exposition_has_the_host_and_the_engine() {
    let server = Server::start(FAST, &[]);

    let answer = until(&server, "/metrics/prometheus", |answer| answer.body.contains("cpu"));

    assert!(answer.head.to_ascii_lowercase().contains("content-type: text/plain; version=0.0.4"), "{}", answer.head);
    assert!(answer.body.contains("\nobserve_") && answer.body.ends_with('\n'));
}

#[test]
fn bad_questions_are_problems() {
    let server = Server::start("", &[]);

    for (target, status) in [
        ("/metrics/history", 422),
        ("/metrics/history?metric_key=cpu.total&seconds=soon", 422),
        ("/metrics/history?metric_key=no.such.metric", 404),
        ("/events?event_type=NOPE", 422),
        ("/anomalies?limit=0", 422),
        ("/nowhere", 404),
    ] {
        let answer = server.get(target);

        assert_eq!(answer.status, status, "{target}: {answer:?}");
        assert!(answer.head.contains("application/problem+json"), "{target}: {answer:?}");
        assert_eq!(answer.json()["status"], status, "{target}");
    }
}

#[test]
fn garbage_in_place_of_a_request_harms_nobody() {
    let server = Server::start("", &[]);
    for bytes in [&b"\x00\xff\xfe\r\n\r\n"[..], b"GET / HTTP/9.9\r\n\r\n", b"GET /", b"\r\n\r\n\r\n", &[b'a'; 100_000]]
    {
        let mut stream = server.connect();
        // The server may close before it has read all of it.
        stream.write_all(bytes).ok();
        stream.shutdown(std::net::Shutdown::Write).ok();
        stream.read_to_end(&mut Vec::new()).ok();
    }

    assert_eq!(server.get("/ping").status, 200);
}

#[test]
fn the_greeting_names_version_profile_address_and_sources() {
    let mut server = Server::start("", &["--profile", "analytics"]);

    let sources = server.sources();

    assert_eq!(server.greeting, format!("observe {}, profile analytics\n", env!("CARGO_PKG_VERSION")));
    let is_healthy = |name: &str| sources.iter().any(|line| line.starts_with(name) && line.contains(" healthy "));
    assert!(is_healthy("cpu") && is_healthy("memory"), "{sources:#?}");
    assert!(sources.iter().all(|line| !line.contains("starting")), "{sources:#?}");
}

#[test]
fn a_source_that_is_off_is_not_there() {
    let mut server = Server::start("[collectors.hardware]\nenabled = false\n", &[]);

    let sources = server.sources();

    assert!(sources.iter().all(|line| !line.starts_with("hardware")), "{sources:#?}");
}

#[test]
fn a_host_without_proc_is_served_and_says_why() {
    let mut server = Server::start("[collectors.roots]\nproc = \"/nowhere\"\n", &[]);

    let sources = server.sources();

    let cpu = sources.iter().find(|line| line.starts_with("cpu")).unwrap();
    assert!(!cpu.contains(" healthy ") && cpu.contains("/stat"), "{cpu}");
    assert_eq!(server.get("/ping").status, 200);
}

#[test]
fn a_signal_ends_it_with_0() {
    for signal in [Signal::TERM, Signal::INT] {
        let server = Server::start("", &[]);
        assert_eq!(server.get("/ping").status, 200);

        server.signal(signal);

        assert_eq!(server.wait().code(), Some(0), "{signal:?}");
    }
}

#[test]
fn an_open_stream_does_not_hold_up_the_end() {
    let server = Server::start(FAST, &[]);
    let mut stream = server.connect();
    write!(stream, "GET /api/v1/events/stream HTTP/1.1\r\nHost: {}\r\n\r\n", server.address).unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).unwrap();
    let begun = Instant::now();

    server.signal(Signal::TERM);
    let status = server.wait();

    assert_eq!(&first, b"HTTP/1.1 200");
    assert_eq!(status.code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(2), "it took {:?}", begun.elapsed());
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let server = Server::start("", &[]);
    let mut unfinished = server.connect();
    unfinished.write_all(b"GET /ping HTTP/1.1\r\nHost: x\r\n").unwrap();
    assert_eq!(server.get("/ping").status, 200);

    server.signal(Signal::TERM);
    server.wait_until_it_listens_no_more();
    server.signal(Signal::TERM);

    assert_eq!(server.wait().code(), Some(143));
}

#[test]
fn two_servers_run_side_by_side() {
    let (one, two) = (Server::start(FAST, &[]), Server::start(FAST, &[]));

    let total = |server: &Server| -> Value {
        let answer = until(server, "/metrics/realtime", |answer| answer.body.contains("\"memory.total\""));
        answer.json()["metrics"]["memory.total"]["latest"].clone()
    };

    assert_eq!(total(&one), total(&two));
}
