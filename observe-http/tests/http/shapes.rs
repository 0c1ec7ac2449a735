//! Bodies, field by field, beside golden files.

use insta::assert_json_snapshot;
use observe_http::Profile;
use serde_json::Value;

use crate::fixture::Fixture;

async fn body(fixture: &Fixture, path: &str) -> Value {
    let answer = fixture.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    assert_eq!(answer.header("content-type"), "application/json", "{path}");
    answer.json()
}

/// Replaces what differs from run to run by its type.
fn timeless(mut body: Value) -> Value {
    for key in ["uptime_seconds", "latency_ms", "last_run_ms", "throughput_per_second", "last_duration_ms", "version"] {
        blur(&mut body, key);
    }
    for key in ["cpu_percent", "rss_bytes", "threads", "open_fds"] {
        blur(&mut body, key);
    }
    body
}

fn blur(value: &mut Value, key: &str) {
    match value {
        Value::Object(members) => members.iter_mut().for_each(|(name, value)| {
            if name == key {
                *value = kind(value).into();
            } else {
                blur(value, key);
            }
        }),
        Value::Array(items) => items.iter_mut().for_each(|item| blur(item, key)),
        _ => {}
    }
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[tokio::test]
async fn health_has_the_keys_of_both_documents() {
    let fixture = Fixture::new().await;

    let mut health = timeless(body(&fixture, "/health").await);

    let timestamp = health["timestamp"].take();
    let (_, decimals) = timestamp.as_str().unwrap().split_once('.').unwrap();
    assert_eq!(decimals.len(), 3, "{timestamp}");
    assert_json_snapshot!(health);
}

#[tokio::test]
async fn health_without_samples_has_nulls() {
    let fixture = Fixture::empty(observe_http::Config::default());

    let health = body(&fixture, "/health").await;

    assert_json_snapshot!(health["system_metrics"]);
}

#[tokio::test]
async fn healthz_and_ping_keep_their_own_shapes() {
    let fixture = Fixture::new().await;

    assert_json_snapshot!([body(&fixture, "/healthz").await, body(&fixture, "/ping").await]);
}

#[tokio::test]
async fn orchestrators_get_one_word() {
    let fixture = Fixture::new().await;

    for prefix in ["/api/v1", ""] {
        assert_eq!(fixture.get(&format!("{prefix}/health/live")).await.text, r#"{"status":"live"}"#);
        assert_eq!(fixture.get(&format!("{prefix}/health/ready")).await.text, r#"{"status":"ready"}"#);
    }
}

#[tokio::test]
async fn the_index_names_the_profile() {
    let fixture = Fixture::of_profile(Profile::Analytics).await;

    let mut index = timeless(body(&fixture, "/").await);

    index["endpoints"].as_array_mut().unwrap().truncate(2);
    assert_json_snapshot!(index);
}

#[tokio::test]
async fn realtime_has_stats_of_every_series() {
    let fixture = Fixture::new().await;

    let mut realtime = body(&fixture, "/metrics/realtime").await;

    let metrics = realtime["metrics"].as_object_mut().unwrap();
    assert!(metrics.contains_key("network.bytes_sent{interface=eth0}"));
    metrics.retain(|key, _| key == "memory.percent");
    assert_json_snapshot!(realtime);
}

#[tokio::test]
async fn realtime_below_api_v1_differs_in_its_times_only() {
    let fixture = Fixture::new().await;

    let realtime = body(&fixture, "/api/v1/metrics/realtime").await;

    assert_json_snapshot!([&realtime["timestamp"], &realtime["metrics"]["memory.percent"]]);
}

#[tokio::test]
async fn metrics_is_another_name_of_realtime_in_the_analytics_profile() {
    let fixture = Fixture::of_profile(Profile::Analytics).await;

    assert_eq!(fixture.get("/metrics").await.text, fixture.get("/metrics/realtime").await.text);
}

#[tokio::test]
async fn metrics_is_a_superset_in_the_profile_all() {
    let fixture = Fixture::new().await;

    let mut overview = timeless(body(&fixture, "/metrics").await);

    overview["metrics"].as_object_mut().unwrap().retain(|key, _| key == "cpu.count");
    overview["timestamp"].take();
    assert_json_snapshot!(overview);
}

#[tokio::test]
async fn history_is_pairs_oldest_first() {
    let fixture = Fixture::new().await;

    let history =
        body(&fixture, "/metrics/history?metric_key=network.bytes_sent%7Binterface%3Deth0%7D&seconds=2").await;

    assert_json_snapshot!(history);
}

#[tokio::test]
async fn history_of_several_series_is_joined_in_steps() {
    let fixture = Fixture::new().await;

    let path = "/api/v1/metrics/history?metric_key=network.bytes_sent{interface=eth0}&metric_key=memory.percent";
    let history = body(&fixture, &format!("{path}&step=4&agg=max").replace('{', "%7B").replace('}', "%7D")).await;

    assert_json_snapshot!(history);
}

#[tokio::test]
async fn the_catalogue_describes_series() {
    let fixture = Fixture::new().await;

    assert_json_snapshot!(body(&fixture, "/api/v1/metrics?prefix=disk.").await);
}

#[tokio::test]
async fn anomalies_have_the_documents_fields() {
    let fixture = Fixture::new().await;

    let mut anomalies = body(&fixture, "/anomalies").await;
    let page = body(&fixture, "/api/v1/anomalies").await;

    assert_eq!(page["items"][0]["timestamp"], "2024-01-20T12:35:05.000000Z");
    assert_eq!((&page["items"][0]["id"], &page["next_cursor"]), (&anomalies[0]["id"], &Value::Null));
    anomalies[0]["id"].take();
    round(&mut anomalies);
    assert_json_snapshot!(anomalies);
}

#[tokio::test]
async fn trends_have_the_documents_fields() {
    let fixture = Fixture::new().await;

    let key = "metric_key=network.bytes_recv%7Binterface%3Deth0%7D";
    let mut trends = body(&fixture, &format!("/trends?{key}")).await;
    let page = body(&fixture, &format!("/api/v1/trends?{key}")).await;

    assert_eq!(page["items"][0]["timestamp"], "2024-01-20T12:35:05.000000Z");
    round(&mut trends);
    assert_json_snapshot!(trends);
}

#[tokio::test]
async fn trends_of_everything_include_what_stands_still() {
    let fixture = Fixture::new().await;

    let trends = body(&fixture, "/trends").await;

    let still = trends.as_array().unwrap().iter().find(|trend| trend["metric_key"] == "memory.total").unwrap();
    assert_eq!((&still["direction"], &still["slope"]), (&"stable".into(), &0.0.into()));
}

#[tokio::test]
async fn trends_of_everything_leave_counters_out() {
    let fixture = Fixture::new().await;

    let trends = body(&fixture, "/trends").await;
    let page = body(&fixture, "/api/v1/trends").await;
    let asked = body(&fixture, "/trends?metric_key=network.bytes_sent%7Binterface%3Deth0%7D").await;

    for found in [trends.as_array(), page["items"].as_array()] {
        let keys: Vec<&str> = found.unwrap().iter().filter_map(|trend| trend["metric_key"].as_str()).collect();
        assert!(
            keys.contains(&"network.bytes_sent_per_sec{interface=eth0}") || keys.contains(&"cpu.total"),
            "{keys:?}"
        );
        assert!(
            !keys.iter().any(|key| key.starts_with("network.bytes_sent{") || key.starts_with("cpu.time")),
            "{keys:?}"
        );
    }
    assert_eq!(asked[0]["direction"], "increasing");
}

#[tokio::test]
async fn realtime_can_be_asked_for_by_prefix() {
    let fixture = Fixture::new().await;

    for path in ["/metrics/realtime", "/api/v1/metrics/realtime"] {
        let everything = body(&fixture, path).await;
        for prefix in
            ["memory.", "network.bytes_sent%7Binterface%3Del", "network.bytes_sent%7Binterface%3De", "nothing"]
        {
            let realtime = body(&fixture, &format!("{path}?prefix={prefix}")).await;

            let prefix = prefix.replace("%7B", "{").replace("%3D", "=");
            let mut expected = everything["metrics"].as_object().unwrap().clone();
            expected.retain(|key, _| key.starts_with(&prefix));
            assert_eq!(realtime["metrics"], Value::Object(expected), "{path} {prefix}");
        }
    }
}

#[tokio::test]
async fn events_of_every_kind_have_one_shape() {
    let fixture = Fixture::new().await;
    fixture.announce("deployed").await;
    fixture.log("line \u{1b}[31m one").await;

    let mut events = body(&fixture, "/events?event_type=custom&event_type=LOG&event_type=anomaly").await;

    events.as_array_mut().unwrap().iter_mut().for_each(|event| drop(event["id"].take()));
    round(&mut events);
    assert_json_snapshot!(events);
}

#[tokio::test]
async fn frames_are_objects_of_keys_and_values() {
    let fixture = Fixture::new().await;

    let mut events = body(&fixture, "/events?event_type=MEMORY_METRIC&limit=1").await;
    let by_id = body(&fixture, &format!("/api/v1/events/{}", events[0]["id"])).await;

    assert_eq!(by_id["data"], events[0]["data"]);
    events[0]["id"].take();
    assert_json_snapshot!(events);
}

#[tokio::test]
async fn stats_have_the_documents_fields() {
    let fixture = Fixture::new().await;
    let _subscription = fixture.handle.bus().subscribe("me", observe_core::Filter::default()).unwrap();
    fixture.announce("once").await;

    assert_json_snapshot!(timeless(body(&fixture, "/stats").await));
}

/// Takes the last digits, in which processors may differ, off every number.
fn round(value: &mut Value) {
    match value {
        Value::Object(members) => members.values_mut().for_each(round),
        Value::Array(items) => items.iter_mut().for_each(round),
        Value::Number(number) if number.is_f64() => {
            let rounded = (number.as_f64().unwrap() * 1e6).round() / 1e6;
            *value = rounded.into();
        }
        _ => {}
    }
}
