//! What is mounted, listed and documented is the same.

use std::collections::BTreeSet;

use axum::body::Body;
use http::{Method, Request};
use observe_http::{Config, Profile};
use serde_json::Value;

use crate::fixture::{Fixture, ask};

type Inventory = BTreeSet<(String, String)>;

async fn listed(fixture: &Fixture) -> Inventory {
    let index = fixture.get("/").await.json();
    let endpoints = index["endpoints"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    endpoints.iter().map(|endpoint| (text(&endpoint["method"]), text(&endpoint["path"]))).collect()
}

async fn documented(fixture: &Fixture) -> Inventory {
    let document = fixture.get("/openapi.json").await.json();
    let paths = document["paths"].as_object().unwrap().clone();
    let rows = paths.iter().flat_map(|(path, operations)| {
        operations.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone())).collect::<Vec<_>>()
    });
    rows.collect()
}

#[tokio::test]
async fn listed_and_documented_routes_are_the_same_and_answer() {
    for profile in Profile::ALL {
        let fixture = Fixture::of_profile(profile).await;

        let listed = listed(&fixture).await;

        assert_eq!(listed, documented(&fixture).await, "{profile}");
        for (method, path) in &listed {
            let answer = fixture.send(options(&path.replace("{id}", "1"))).await;
            assert_eq!(answer.status, 204, "{path}");
            assert!(answer.header("allow").contains(method), "{path}");
        }
    }
}

#[tokio::test]
async fn the_documents_routes_are_all_there() {
    let analytics = listed(&Fixture::of_profile(Profile::Analytics).await).await;
    let all = listed(&Fixture::of_profile(Profile::All).await).await;

    let expected = [
        "/",
        "/metrics",
        "/metrics/realtime",
        "/metrics/history",
        "/anomalies",
        "/trends",
        "/events",
        "/stats",
        "/health",
        "/healthz",
        "/ping",
        "/health/live",
        "/health/ready",
        "/metrics/prometheus",
        "/openapi.json",
        "/docs",
        "/docs/docs.js",
        "/docs/docs.css",
        "/api/v1",
        "/api/v1/health",
        "/api/v1/health/live",
        "/api/v1/health/ready",
        "/api/v1/metrics",
        "/api/v1/metrics/realtime",
        "/api/v1/metrics/history",
        "/api/v1/metrics/prometheus",
        "/api/v1/events",
        "/api/v1/events/{id}",
        "/api/v1/events/stream",
        "/api/v1/stream",
        "/api/v1/anomalies",
        "/api/v1/trends",
        "/api/v1/stats",
        "/api/v1/deep-system/status",
    ];
    let mut expected: Inventory = expected.map(|path| ("GET".to_owned(), path.to_owned())).into();
    assert_eq!(analytics, expected);
    expected.insert(("GET".to_owned(), "/deep-system/status".to_owned()));
    assert_eq!(all, expected);
}

#[tokio::test]
async fn without_openapi_there_is_no_documentation() {
    let mut config = Config::default();
    config.openapi = false;
    let fixture = Fixture::with(config).await;

    assert_eq!(fixture.get("/openapi.json").await.status, 404);
    assert_eq!(fixture.get("/docs").await.status, 404);
    assert_eq!(fixture.get("/").await.json()["docs"], Value::Null);
}

#[tokio::test]
async fn the_document_describes_parameters_and_answers() {
    let fixture = Fixture::new().await;

    let document = fixture.get("/openapi.json").await.json();

    for (path, operations) in document["paths"].as_object().unwrap() {
        let operation = &operations["get"];
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{path}");
        assert!(operation["responses"]["default"]["content"]["application/problem+json"].is_object(), "{path}");
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(parameter["description"].as_str().is_some_and(|text| !text.is_empty()), "{path} {parameter}");
            assert!(parameter["schema"].is_object(), "{path} {parameter}");
        }
    }
    assert_eq!(dangling(&document), BTreeSet::new());
}

/// Returns every reference that leads nowhere.
fn dangling(document: &Value) -> BTreeSet<String> {
    fn collect(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => members.iter().for_each(|(key, value)| match value {
                Value::String(target) if key == "$ref" => {
                    found.insert(target.clone());
                }
                other => collect(other, found),
            }),
            Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    collect(document, &mut found);
    found.retain(|target| document.pointer(target.trim_start_matches('#')).is_none());
    found
}

#[tokio::test]
async fn paths_that_do_not_exist_are_problems() {
    let fixture = Fixture::new().await;

    for path in ["/nothing", "/health/", "/api/v2", "/docs/../etc/passwd", "/api/v1/events/1/2"] {
        let answer = fixture.get(path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (404, "application/problem+json"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn other_methods_are_405_with_allow() {
    let fixture = Fixture::new().await;

    for method in [Method::POST, Method::DELETE, Method::PUT, Method::TRACE] {
        let answer = fixture.send(Request::builder().method(&method).uri("/health").body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.header("allow"), "GET, HEAD, OPTIONS", "{method}");
        assert_eq!(answer.json()["type"], "urn:observe:problem:method-not-allowed");
    }
}

#[tokio::test]
async fn head_is_answered_like_get_without_a_body() {
    let fixture = Fixture::new().await;

    for path in ["/health", "/metrics/history?metric_key=cpu.total", "/events?limit=0", "/nothing"] {
        let get = fixture.get(path).await;
        let head = fixture.send(Request::head(path).body(Body::empty()).unwrap()).await;
        assert_eq!((head.status, head.text.as_str()), (get.status, ""), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
    }
}

#[tokio::test]
async fn the_routes_can_be_nested() {
    let fixture = Fixture::new().await;
    fixture.announce("a").await;
    fixture.announce("b").await;
    let nested = axum::Router::new().nest("/observe", fixture.router.clone());

    let outer = ask(&nested, "/observe/api/v1/events?event_type=CUSTOM&limit=1").await;

    assert_eq!(outer.status, 200);
    let problem = ask(&nested, "/observe/api/v1/events/1").await.json();
    assert_eq!(problem["instance"], "/observe/api/v1/events/1");
    assert!(outer.header("link").starts_with("</observe/api/v1/events?"), "{}", outer.header("link"));
}

#[tokio::test]
async fn the_document_of_nested_routes_says_where_they_are() {
    let fixture = Fixture::new().await;
    let nested = axum::Router::new().nest("/ops/observe", fixture.router.clone());

    let inner = ask(&nested, "/ops/observe/openapi.json").await.json();
    let outer = fixture.get("/openapi.json").await.json();

    assert_eq!(inner["servers"], serde_json::json!([{"url": "/ops/observe"}]));
    assert_eq!((&outer["servers"], &outer["paths"]), (&Value::Null, &inner["paths"]));
}

fn options(path: &str) -> Request<Body> {
    Request::options(path).body(Body::empty()).unwrap()
}
