//! Header fields that every answer has, and those that depend on the request.

use axum::body::Body;
use http::Request;

use crate::fixture::Fixture;

#[tokio::test]
async fn every_answer_has_the_security_headers() {
    let fixture = Fixture::new().await;

    for path in ["/health", "/nothing", "/events?limit=0", "/metrics/prometheus"] {
        let answer = fixture.get(path).await;
        let expected = [
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("permissions-policy", "geolocation=(), camera=(), microphone=()"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cache-control", "no-store"),
        ];
        for (name, value) in expected {
            assert_eq!(answer.header(name), value, "{path} {name}");
        }
        assert!(answer.headers.get("strict-transport-security").is_none(), "there is no TLS here");
    }
}

#[tokio::test]
async fn the_documentation_may_load_its_own_files_only() {
    let fixture = Fixture::new().await;

    let page = fixture.get("/docs").await;

    let policy = page.header("content-security-policy");
    for rule in
        ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"]
    {
        assert!(policy.contains(rule), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(page.text.contains("docs/docs.js") && page.text.contains("docs/docs.css"));
    assert_eq!(fixture.get("/docs/docs.js").await.header("content-type"), "text/javascript; charset=utf-8");
}

#[tokio::test]
async fn known_files_are_not_sent_again() {
    let fixture = Fixture::new().await;
    let first = fixture.get("/docs/docs.css").await;

    let again = fixture.get_with("/docs/docs.css", "if-none-match", first.header("etag")).await;

    assert_eq!((again.status.as_u16(), again.text.as_str()), (304, ""));
    assert_eq!(again.header("cache-control"), "public, max-age=3600");
}

#[tokio::test]
async fn request_ids_are_kept_or_made() {
    let fixture = Fixture::new().await;

    let kept = fixture.get_with("/nothing", "x-request-id", "My-Id_1.2").await;
    let replaced = fixture.get_with("/nothing", "x-request-id", "a b").await;

    assert_eq!(kept.header("x-request-id"), "My-Id_1.2");
    assert_eq!(kept.json()["request_id"], "My-Id_1.2");
    assert_eq!(replaced.header("x-request-id").len(), 36);
}

#[tokio::test]
async fn the_time_taken_is_said_twice() {
    let fixture = Fixture::new().await;

    let answer = fixture.get("/ping").await;

    let time = answer.header("x-response-time").strip_suffix("ms").unwrap();
    assert!(time.parse::<f64>().is_ok() && time.split_once('.').unwrap().1.len() == 3, "{time}");
    assert_eq!(answer.header("server-timing"), format!("app;dur={time}"));
}

#[tokio::test]
async fn large_answers_are_compressed_on_demand_and_small_ones_are_not() {
    let fixture = Fixture::new().await;

    for coding in ["gzip", "zstd"] {
        let large = fixture.get_with("/metrics/prometheus", "accept-encoding", coding).await;
        let small = fixture.get_with("/anomalies?limit=1&min_score=1", "accept-encoding", coding).await;
        assert_eq!((large.header("content-encoding"), small.header("content-encoding")), (coding, ""));
        assert!(large.header("vary").contains("accept"), "{}", large.header("vary"));
    }
    assert_eq!(fixture.get("/metrics/prometheus").await.header("content-encoding"), "");
}

#[tokio::test]
async fn lists_and_single_events_are_compressed_when_large() {
    let fixture = Fixture::new().await;
    fixture.log(&"x".repeat(2_000)).await;
    let log = fixture.get("/events?event_type=LOG").await.json()[0]["id"].to_string();

    for path in ["/", "/api/v1", "/openapi.json", &format!("/api/v1/events/{log}")] {
        assert_eq!(
            fixture.get_with(path, "accept-encoding", "gzip").await.header("content-encoding"),
            "gzip",
            "{path}"
        );
    }
}

#[tokio::test]
async fn long_addresses_are_414_and_large_bodies_413() {
    let fixture = Fixture::new().await;

    let long = fixture.get(&format!("/health?{}", "x".repeat(8200))).await;
    let large = Request::post("/health").header("content-length", "2000000").body(Body::from(vec![0; 2_000_000]));
    let large = fixture.send(large.unwrap()).await;

    assert_eq!(long.json()["type"], "urn:observe:problem:uri-too-long");
    assert_eq!((long.status.as_u16(), large.status.as_u16()), (414, 413));
    assert_eq!(large.header("connection"), "close");
}

#[tokio::test]
async fn metrics_are_json_unless_a_scraper_prefers_text() {
    let fixture = Fixture::new().await;
    let kind = async |accept: &str| {
        let answer = fixture.get_with("/metrics", "accept", accept).await;
        assert_eq!(answer.header("vary"), "accept, token");
        answer.header("content-type").to_owned()
    };

    assert_eq!(kind("*/*").await, "application/json");
    assert_eq!(kind("application/json, text/plain;q=0.5").await, "application/json");
    assert_eq!(kind("text/plain").await, "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(
        kind("application/openmetrics-text;version=1.0.0;q=0.6,text/plain;q=0.3,*/*;q=0.2").await,
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
}

#[tokio::test]
async fn answers_are_counted_by_route_and_status() {
    let mut fixture = Fixture::new().await;
    fixture.get("/api/v1/events/1").await;
    fixture.get("/nothing").await;
    fixture.send(Request::head("/ping").body(Body::empty()).unwrap()).await;
    fixture.tick(10).await;

    let text = fixture.get("/metrics/prometheus").await.text;

    for line in [
        r#"bot_http_requests_total{method="GET",route="/api/v1/events/{id}",status="404"} 1"#,
        r#"bot_http_errors_total{method="GET",route="unmatched",status="404"} 1"#,
        r#"bot_http_requests_total{method="HEAD",route="/ping",status="200"} 1"#,
        r#"bot_http_request_duration_seconds_count{method="GET",route="unmatched"} 1"#,
    ] {
        assert!(text.lines().any(|known| known == line), "{line} is not in\n{text}");
    }
}
