//! The exposition, read back by a strict reader.

use std::collections::{HashMap, HashSet};

use crate::fixture::Fixture;

/// One sample line.
#[derive(Debug)]
struct Sample {
    name: String,
    labels: String,
    value: f64,
}

/// Reads an exposition and stops at everything that a scraper could stumble over.
fn read(text: &str, is_open_metrics: bool) -> Vec<Sample> {
    let mut kinds: HashMap<String, String> = HashMap::new();
    let mut helped = HashSet::new();
    let mut seen = HashSet::new();
    let mut current = String::new();
    let mut samples = Vec::new();
    assert!(text.ends_with('\n'));
    let body = if is_open_metrics { text.strip_suffix("# EOF\n").expect("an end mark") } else { text };
    for line in body.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a help text");
            assert!(!help.is_empty() && helped.insert(name.to_owned()), "help of {name}");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type");
            assert!(helped.contains(name), "help comes before type: {name}");
            assert!(kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} has two types");
            current = name.to_owned();
        } else {
            let sample = sample(line);
            assert!(sample.name.starts_with(&current), "{} is not in the family {current}", sample.name);
            let kind = &kinds[&current];
            assert_eq!(kind == "counter", sample.name.ends_with("_total"), "{line}");
            assert!(kind != "counter" || sample.value >= 0.0, "{line}");
            assert!(seen.insert(format!("{}{{{}}}", sample.name, sample.labels)), "{line} stands twice");
            samples.push(sample);
        }
    }
    samples
}

fn sample(line: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').expect("a value");
    let (name, labels) = match series.split_once('{') {
        Some((name, labels)) => (name, labels.strip_suffix('}').expect("a closing brace")),
        None => (series, ""),
    };
    let is_name = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && !text.starts_with(|first: char| first.is_ascii_digit())
    };
    assert!(is_name(name), "{line}");
    for label in labels.split("\",").filter(|label| !label.is_empty()) {
        let (key, value) = label.split_once("=\"").expect("a label");
        assert!(is_name(key) && !value.contains('\n'), "{line}");
    }
    Sample { name: name.to_owned(), labels: labels.to_owned(), value: value.parse().expect("a number") }
}

fn value(samples: &[Sample], name: &str, labels: &str) -> f64 {
    let found = samples.iter().find(|sample| sample.name == name && sample.labels == labels);
    found.unwrap_or_else(|| panic!("{name}{{{labels}}} is missing")).value
}

#[tokio::test]
async fn the_host_is_exposed_under_the_names_of_opentelemetry() {
    let fixture = Fixture::new().await;

    let samples = read(&fixture.get("/metrics/prometheus").await.text, false);

    assert_eq!(value(&samples, "system_memory_utilization_ratio", "system_memory_state=\"used\""), 0.25);
    assert_eq!(value(&samples, "system_cpu_time_seconds_total", "state=\"nice\""), 0.0);
    let sent = "interface=\"eth0\",network_io_direction=\"transmit\"";
    assert_eq!(value(&samples, "system_network_io_bytes_total", sent), 900.0);
    let busy = value(&samples, "observe_cpu_ratio", "");
    assert!((busy - 0.95).abs() < 1e-9, "{busy}");
    assert!(samples.iter().all(|sample| sample.name != "system_cpu_utilization_ratio"), "that is for single cores");
}

#[tokio::test]
async fn the_engine_exposes_itself() {
    let fixture = Fixture::new().await;

    let samples = read(&fixture.get("/metrics/prometheus").await.text, false);

    assert_eq!(value(&samples, "observe_processor_frames_total", ""), 40.0);
    assert_eq!(value(&samples, "observe_detectors_anomalies_total", ""), 1.0);
    assert_eq!(value(&samples, "observe_exposition_dropped_samples", ""), 0.0);
    for name in ["observe_bus_published_events_total", "observe_intake_refused_items_total", "observe_store_up"] {
        value(&samples, name, "");
    }
    if cfg!(target_os = "linux") {
        assert!(value(&samples, "process_resident_memory_bytes", "") > 1e6);
        assert!(value(&samples, "process_cpu_seconds_total", "") >= 0.0);
    }
}

#[tokio::test]
async fn samples_that_were_left_out_are_no_counter() {
    let fixture = Fixture::new().await;

    let text = fixture.get("/metrics/prometheus").await.text;

    assert!(text.contains("# TYPE observe_exposition_dropped_samples gauge\n"));
}

#[tokio::test]
async fn series_can_be_left_out_by_the_start_of_their_keys() {
    let fixture = Fixture::new().await;
    let everything = fixture.get("/metrics/prometheus").await.text;

    let answer = fixture.get("/metrics/prometheus?exclude=cpu.&exclude=network.bytes_sent%7Binterface%3De").await;

    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let left: HashSet<String> = read(&answer.text, false).into_iter().map(|one| one.name + &one.labels).collect();
    let gone = |sample: &Sample| !left.contains(&format!("{}{}", sample.name, sample.labels));
    let gone: Vec<Sample> = read(&everything, false).into_iter().filter(gone).collect();
    let is_meant = |sample: &Sample| sample.name.contains("_cpu_") || sample.labels.contains("eth0");
    assert!(gone.len() > 8 && gone.iter().all(is_meant), "{gone:?}");
    assert!(gone.iter().any(|sample| sample.name == "system_network_io_bytes_total"));
    assert!(gone.iter().all(|sample| !sample.labels.contains("receive")), "{gone:?}");
}

#[tokio::test]
async fn openmetrics_is_given_to_those_who_prefer_it() {
    let fixture = Fixture::new().await;

    let answer = fixture.get_with("/metrics/prometheus", "accept", "application/openmetrics-text").await;

    assert_eq!(answer.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(answer.text.contains("# TYPE bot_http_requests counter\n") || !answer.text.contains("bot_http_requests"));
    assert!(answer.text.contains("# TYPE observe_processor_frames counter\n"));
    assert!(!read(&answer.text, true).is_empty());
}

#[tokio::test]
async fn an_engine_that_has_seen_nothing_can_be_scraped() {
    let fixture = Fixture::empty(observe_http::Config::default());

    let samples = read(&fixture.get("/api/v1/metrics/prometheus").await.text, false);

    assert!(samples.iter().all(|sample| !sample.name.starts_with("system_")));
}

#[tokio::test]
async fn one_answer_serves_all_who_ask_within_a_tick() {
    let mut fixture = Fixture::new().await;
    let first = fixture.get("/metrics/realtime").await.text;

    let second = fixture.get("/metrics/realtime").await.text;
    fixture.tick(10).await;
    let third = fixture.get("/metrics/realtime").await.text;

    assert_eq!(first, second);
    assert_ne!(first, third);
}
