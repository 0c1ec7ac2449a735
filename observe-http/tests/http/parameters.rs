//! Parameters that are wrong.

use crate::fixture::Fixture;

/// Asks and returns the status and the fields that were named.
async fn refusal(fixture: &Fixture, path: &str) -> (u16, Vec<String>) {
    let answer = fixture.get(path).await;
    let problem = answer.json();
    assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
    assert_eq!(problem["status"], answer.status.as_u16(), "{path}");
    assert_eq!(problem["instance"], path.split('?').next().unwrap());
    assert_eq!(problem["request_id"], answer.header("x-request-id"));
    let errors = problem["errors"].as_array().cloned().unwrap_or_default();
    (answer.status.as_u16(), errors.iter().map(|error| error["pointer"].as_str().unwrap().to_owned()).collect())
}

#[tokio::test]
async fn every_parameter_out_of_range_is_named() {
    let fixture = Fixture::new().await;
    let long = format!("/api/v1/events?q={}", "x".repeat(257));
    let many = format!("/api/v1/metrics/history?{}", "metric_key=cpu.total&".repeat(21));

    let cases = [
        ("/metrics/history", "/metric_key"),
        ("/metrics/history?metric_key=", "/metric_key"),
        ("/metrics/history?metric_key=a%7B", "/metric_key"),
        ("/metrics/history?metric_key=cpu.total&seconds=0", "/seconds"),
        ("/metrics/history?metric_key=cpu.total&seconds=604801", "/seconds"),
        ("/metrics/history?metric_key=cpu.total&seconds=1.5", "/seconds"),
        ("/metrics/history?metric_key=cpu.total&metric_key=memory.percent", "/metric_key"),
        ("/metrics/history?metric_key=cpu.total&start=2024-01-20T00:00:00Z", "/start"),
        ("/metrics/history?metric_key=cpu.total&end=2024-01-20T00:00:00Z", "/end"),
        ("/metrics/history?metric_key=cpu.total&metric_type=cpu", "/metric_type"),
        ("/anomalies?limit=0", "/limit"),
        ("/anomalies?limit=1001", "/limit"),
        ("/anomalies?min_score=1.1", "/min_score"),
        ("/anomalies?min_score=NaN", "/min_score"),
        ("/anomalies?seconds=5&start=2024-01-20T00:00:00Z", "/seconds"),
        ("/trends?seconds=-1", "/seconds"),
        ("/metrics/realtime?prefix=", "/prefix"),
        ("/metrics/prometheus?exclude=", "/exclude"),
        ("/events?limit=x", "/limit"),
        ("/events?event_type=CPU", "/event_type"),
        ("/events?event_type=LOG&event_type=", "/event_type"),
        ("/api/v1/events?pid=-1", "/pid"),
        ("/api/v1/events?start=yesterday", "/start"),
        ("/api/v1/events?start=2024-01-20T00:00:00Z&end=2024-01-20T00:00:00Z", "/start"),
        ("/api/v1/events?start=2124-01-20T00:00:00Z&end=2023-01-20T00:00:00Z", "/start"),
        (&long, "/q"),
        ("/api/v1/events/x", "/id"),
        ("/api/v1/events/-1", "/id"),
        ("/api/v1/metrics?limit=1001", "/limit"),
        (&many, "/metric_key"),
        ("/api/v1/metrics/history?metric_key=cpu.total&agg=median", "/agg"),
        ("/api/v1/metrics/history?metric_key=cpu.total&step=-1", "/step"),
        ("/api/v1/metrics/history?metric_key=cpu.total&seconds=604800&step=54", "/step"),
        ("/api/v1/events/stream?event_type=NOPE", "/event_type"),
    ];
    for (path, pointer) in cases {
        assert_eq!(refusal(&fixture, path).await, (422, vec![pointer.to_owned()]), "{path:.80}");
    }
}

#[tokio::test]
async fn all_fields_that_are_wrong_are_named_at_once() {
    let fixture = Fixture::new().await;

    let (status, fields) = refusal(&fixture, "/anomalies?limit=0&seconds=x&min_score=2").await;

    assert_eq!((status, fields), (422, ["/limit", "/min_score", "/seconds"].map(String::from).to_vec()));
}

#[tokio::test]
async fn unknown_event_types_get_the_list_and_values_are_not_repeated() {
    let fixture = Fixture::new().await;

    let problem = fixture.get("/events?event_type=hunter2").await.text;

    assert!(problem.contains("CPU_METRIC") && problem.contains("CUSTOM"), "{problem}");
    assert!(!problem.contains("hunter2"), "{problem}");
}

#[tokio::test]
async fn unknown_series_are_404_and_known_ones_without_points_are_empty() {
    let fixture = Fixture::new().await;
    fixture.clock.advance(std::time::Duration::from_secs(1_000));

    assert_eq!(refusal(&fixture, "/metrics/history?metric_key=cpu.nothing").await, (404, vec![]));
    assert_eq!(refusal(&fixture, "/api/v1/metrics/history?metric_key=cpu.nothing").await.0, 404);
    assert_eq!(refusal(&fixture, "/trends?metric_key=cpu.nothing").await.0, 404);
    assert_eq!(fixture.get("/metrics/history?metric_key=cpu.total&seconds=5").await.text, "[]");
}

#[tokio::test]
async fn unknown_parameters_are_ignored() {
    let fixture = Fixture::new().await;

    assert_eq!(fixture.get("/events?nonsense=1&limit=3").await.status, 200);
}

#[tokio::test]
async fn query_strings_that_are_not_utf8_are_400() {
    let fixture = Fixture::new().await;

    assert_eq!(refusal(&fixture, "/events?limit=%ff").await.0, 400);
}

#[tokio::test]
async fn unknown_events_are_404() {
    let fixture = Fixture::new().await;

    assert_eq!(refusal(&fixture, "/api/v1/events/1").await.0, 404);
    assert_eq!(refusal(&fixture, "/api/v1/events/18446744073709551615").await.0, 404);
    assert_eq!(refusal(&fixture, "/api/v1/events/0").await.0, 404);
}

#[tokio::test]
async fn anomalies_can_be_filtered() {
    let fixture = Fixture::new().await;
    let count = async |query: &str| {
        let answer = fixture.get(&format!("/anomalies?{query}")).await;
        answer.json().as_array().unwrap().len()
    };

    assert_eq!(count("detector=over-ninety&min_score=0.7&metric_key=cpu.total&seconds=60").await, 1);
    assert_eq!(count("detector=other").await, 0);
    assert_eq!(count("min_score=0.8").await, 0);
    assert_eq!(count("metric_key=memory.percent").await, 0);
    assert_eq!(count("end=2024-01-20T12:35:05").await, 0);
}

#[tokio::test]
async fn events_can_be_filtered() {
    let fixture = Fixture::new().await;
    fixture.announce("deployed").await;
    fixture.log("Disk FULL on sda").await;
    let count = async |query: &str| {
        let answer = fixture.get(&format!("/api/v1/events?{query}")).await;
        answer.json()["items"].as_array().unwrap().len()
    };

    assert_eq!(count("source=test::custom").await, 1);
    assert_eq!(count("q=disk%20full").await, 1);
    assert_eq!(count("event_type=log&event_type=custom").await, 2);
    assert_eq!(count("event_type=log&host=testhost").await, 1);
    assert_eq!(count("host=other").await, 0);
    assert_eq!(count("event_type=log&pid=1").await, 0);
    assert_eq!(count("event_type=log&end=2024-01-20T00:00:00Z").await, 0);
}

#[tokio::test]
async fn root_routes_can_report_fields_in_the_shape_of_fastapi() {
    let mut config = observe_http::Config::default();
    config.fastapi_errors = true;
    let fixture = Fixture::with(config).await;

    let root = fixture.get("/events?limit=0").await;
    let unified = fixture.get("/api/v1/events?limit=0").await;

    let error = serde_json::json!({"loc": ["query", "limit"], "msg": "expected a whole number from 1 to 1000", "type": "invalid"});
    assert_eq!((root.status.as_u16(), root.json()), (422, serde_json::json!({"detail": [error]})));
    assert_eq!(unified.json()["type"], "urn:observe:problem:validation");
}
