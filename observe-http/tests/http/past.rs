//! What memory no longer has comes from the store.

use std::sync::Arc;

use observe_core::{Attributes, KeyedTable, Limits, Metric, Schema, StoreError, Unit};
use observe_http::{Config, Environment};
use serde_json::{Value, json};

use crate::{
    fixture::{Answer, Fixture, START},
    pages::walk,
    store::Kept,
    streams::Reader,
};

/// Makes an engine with a small memory that has seen five minutes of a host, and a store that has all of it.
async fn fixture(config: Config) -> (Fixture, Arc<Kept>) {
    let store = Arc::<Kept>::default();
    let limits = Limits { points_per_series: 64, max_events: 8, ..Limits::default() };
    let mut fixture = Fixture::stored(config, limits, Arc::<Kept>::clone(&store));
    for second in 0..300 {
        fixture.tick(second).await;
    }
    (fixture, store)
}

fn encoded(path: &str) -> String {
    path.replace('{', "%7B").replace('}', "%7D").replace('"', "%22")
}

/// Returns the values of the points of an answer's series.
fn values(answer: &Answer) -> Vec<Vec<f64>> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let value = |point: &Value| point[1].as_f64().unwrap();
    let points = |series: &Value| series["points"].as_array().unwrap().iter().map(value).collect();
    answer.json()["series"].as_array().unwrap().iter().map(points).collect()
}

#[tokio::test]
async fn history_goes_back_to_what_only_the_store_has() {
    let (fixture, _store) = fixture(Config::default()).await;
    let key = encoded("metric_key=network.bytes_sent{interface=eth0}");

    let pairs = fixture.get(&format!("/metrics/history?{key}&seconds=1000")).await.json();
    let raw = fixture.get(&format!("/api/v1/metrics/history?{key}&seconds=1000")).await;
    let joined = fixture.get(&format!("/api/v1/metrics/history?{key}&seconds=1000&step=60&agg=increase")).await;

    let expected: Vec<f64> = (0..300).map(|second| 100.0 * f64::from(second)).collect();
    assert_eq!(values(&raw), [expected]);
    assert_eq!(pairs.as_array().unwrap().len(), 300);
    // 12:34:56 is four seconds before the first whole step.
    assert_eq!(values(&joined), [[300.0, 6_000.0, 6_000.0, 6_000.0, 6_000.0, 5_600.0]]);
}

#[tokio::test]
async fn derived_series_of_the_past_follow_from_stored_ones() {
    let (fixture, _store) = fixture(Config::default()).await;

    let total = fixture.get("/api/v1/metrics/history?metric_key=cpu.total&seconds=1000").await;
    let percent = fixture.get("/api/v1/metrics/history?metric_key=memory.percent&seconds=290&step=100").await;
    let rate =
        fixture.get(&encoded("/api/v1/metrics/history?match=network.bytes_sent_per_sec{interface=lo}&step=60")).await;

    assert_eq!(values(&total)[0].len(), 299);
    assert_eq!(values(&percent), [[25.0; 3]]);
    assert_eq!(values(&rate), [[7.0; 6]]);
    assert_eq!(rate.json()["series"][0]["unit"], "bytes/s");
}

#[tokio::test]
async fn selectors_choose_several_series() {
    let (fixture, _store) = fixture(Config::default()).await;
    let keys = async |query: &str| {
        let answer = fixture.get(&encoded(&format!("/api/v1/metrics/history?seconds=5&{query}"))).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let series = answer.json()["series"].as_array().unwrap().clone();
        series.iter().map(|series| series["metric_key"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };

    let sent = ["network.bytes_sent{interface=eth0}", "network.bytes_sent{interface=lo}"];
    assert_eq!(keys("match=network.bytes_sent").await, sent);
    assert_eq!(keys("match=network.bytes_sent{interface!=lo}&match=nothing").await, sent[..1]);
    assert_eq!(
        keys(r#"match={__name__=~"memory.(percent|total)"}&metric_key=cpu.total"#).await,
        ["cpu.total", "memory.percent", "memory.total"]
    );
    for (query, pointer) in [("match=a{b", "/match"), (r#"match=a{b=~"("}"#, "/match"), ("step=1", "/metric_key")] {
        let refused = fixture.get(&encoded(&format!("/api/v1/metrics/history?{query}"))).await;
        assert_eq!((refused.status.as_u16(), &refused.json()["errors"][0]["pointer"]), (422, &json!(pointer)));
    }
}

#[tokio::test]
async fn the_catalogue_has_series_that_are_gone() {
    static DEPTH: Metric = Metric::gauge("queue.depth", Unit::Count, "Waits.");
    let (fixture, store) = fixture(Config::default()).await;
    let schema = Schema::builder("queue").column(&DEPTH).build().unwrap();
    let mut table = KeyedTable::<String>::new(schema);
    table.row("mail", || Attributes::new([("queue", "mail")]).unwrap()).set(0, 3.0);
    store.add(&table.frame(START));

    let items = fixture.get("/api/v1/metrics?prefix=queue.").await.json()["items"].clone();
    let by_label = fixture.get(&encoded("/api/v1/metrics?prefix=queue.depth{queue=m")).await.json()["items"].clone();
    let all = walk(&fixture, "/api/v1/metrics?limit=500", "metric_key").await;
    let paged = walk(&fixture, "/api/v1/metrics?limit=3", "metric_key").await;
    let history = fixture.get("/api/v1/metrics/history?match=queue.depth&seconds=1000").await;

    let expected = json!([{
        "metric_key": "queue.depth{queue=mail}", "otel_name": null, "unit": "jobs", "kind": "gauge",
        "labels": {"queue": "mail"}, "last_at": null, "points": 0, "ended_at": "2024-01-20T12:33:20.000000Z",
    }]);
    assert_eq!((&items, &by_label), (&expected, &expected));
    assert_eq!(paged, all);
    assert_eq!((values(&history), &history.json()["series"][0]["unit"]), (vec![vec![3.0]], &json!("jobs")));
}

#[tokio::test]
async fn pages_of_events_go_on_in_the_store() {
    let (fixture, _store) = fixture(Config::default()).await;
    for number in 0..30 {
        fixture.announce(&number.to_string()).await;
    }

    let pages = walk(&fixture, "/api/v1/events?event_type=CUSTOM&limit=7", "id").await;
    let all = fixture.get("/events?event_type=CUSTOM&limit=100").await.json();
    let oldest = fixture.get(&format!("/api/v1/events/{}", pages[29])).await;
    let anomalies = fixture.get("/anomalies?limit=1000").await.json();

    let all: Vec<String> = all.as_array().unwrap().iter().map(|event| event["id"].to_string()).collect();
    assert_eq!((pages.len(), &pages), (30, &all));
    assert_eq!(oldest.json()["data"]["name"], "0");
    assert_eq!(anomalies.as_array().unwrap().len(), 291);
}

#[tokio::test]
async fn a_broken_stream_goes_on_with_what_only_the_store_has() {
    let (fixture, _store) = fixture(Config::default()).await;
    for number in 0..30 {
        fixture.announce(&number.to_string()).await;
    }
    let ids = walk(&fixture, "/api/v1/events?event_type=CUSTOM", "id").await;
    let first = ids[29].parse().unwrap();

    let mut known = Reader::open(&fixture, "?event_type=CUSTOM", Some(first)).await;
    let mut unknown = Reader::open(&fixture, "?event_type=CUSTOM", Some(7)).await;

    for number in 1..30 {
        assert_eq!(known.event().await.1["data"]["name"], number.to_string());
    }
    assert_eq!(unknown.event().await.0, "dropped");
    assert_eq!(unknown.event().await.1["data"]["name"], "0");
}

#[tokio::test]
async fn failures_of_the_store_are_told_and_what_is_in_memory_stays() {
    let mut config = Config::default();
    config.environment = Environment::Production;
    let (fixture, store) = fixture(config).await;
    let old = "/api/v1/metrics/history?metric_key=memory.total&seconds=1000";
    let steps = "/api/v1/metrics/history?metric_key=memory.total&seconds=1000&step=60&agg=p95";

    store.fail(StoreError::Unanswerable { reason: "points are kept for 14 days".to_owned() });
    let unanswerable = fixture.get(steps).await;
    store.fail(StoreError::Unavailable { store: "kept", reason: "a secret".to_owned() });
    let unavailable = [fixture.get(old).await, fixture.get("/events?event_type=LOG").await];
    store.fail(StoreError::Corrupt { what: "pack 1".to_owned(), reason: "a secret".to_owned() });
    let corrupt = fixture.get(old).await;
    let recent = fixture.get("/api/v1/metrics/history?metric_key=memory.total&seconds=5").await;

    let error = &unanswerable.json()["errors"][0];
    assert_eq!((unanswerable.status.as_u16(), &error["code"]), (422, &json!("beyond_raw_retention")));
    assert_eq!((&error["pointer"], &error["message"]), (&json!("/step"), &json!("points are kept for 14 days")));
    for answer in unavailable {
        assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, "5"));
        assert!(!answer.text.contains("secret"), "{}", answer.text);
    }
    assert_eq!(corrupt.status, 500);
    assert!(!corrupt.text.contains("secret"), "{}", corrupt.text);
    assert_eq!(values(&recent)[0].len(), 5);
}

#[tokio::test]
async fn more_points_than_an_answer_may_have_are_refused() {
    let (fixture, store) = fixture(Config::default()).await;
    store.fail(StoreError::TooMany { what: "points", limit: 11_000 });

    let pairs = fixture.get("/metrics/history?metric_key=memory.total&seconds=604800").await;
    let raw = fixture.get("/api/v1/metrics/history?metric_key=memory.total&seconds=604800").await;

    for (answer, pointer) in [(pairs, "/seconds"), (raw, "/metric_key")] {
        let error = answer.json()["errors"][0].clone();
        assert_eq!((answer.status.as_u16(), &error["code"]), (422, &json!("too_many_points")));
        assert_eq!(error["pointer"], pointer);
    }
}
