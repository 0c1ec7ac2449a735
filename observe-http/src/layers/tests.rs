use axum::response::IntoResponse;
use http::StatusCode;
use http_body_util::{BodyExt, LengthLimitError};
use tower::{ServiceExt, service_fn};

use super::*;
use crate::Environment;

fn rules(config: &Config) -> Arc<Rules> {
    Arc::new(Rules::new(config, Arc::default()))
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

async fn text(response: Response) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn a_panic_is_a_500_and_the_next_request_works() {
    let rules = rules(&Config::default());
    let handler = service_fn(|request: Request<Body>| async move {
        assert_ne!(request.uri().path(), "/panic", "a secret");
        Ok::<_, Infallible>("fine".into_response())
    });
    let service = Fused::new(handler, "/{path}", &rules);

    let first = service.clone().oneshot(get("/panic")).await.unwrap();
    let second = service.oneshot(get("/other")).await.unwrap();

    assert_eq!((first.status().as_u16(), second.status().as_u16()), (500, 200));
    assert_eq!(first.headers()["content-type"], "application/problem+json");
    assert!(first.headers().contains_key("x-request-id"));
    assert!(!text(first).await.contains("secret"));
    assert_eq!((rules.metrics.panics(), rules.metrics.in_flight()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_takes_too_long_is_a_504() {
    let never = service_fn(|_: Request<Body>| std::future::pending::<Result<Response, Infallible>>());
    let service = Fused::new(never, "/", &rules(&Config::default()));

    let response = service.oneshot(get("/")).await.unwrap();

    assert_eq!(response.status(), 504);
    assert!(text(response).await.contains("urn:observe:problem:handler-timeout"));
}

#[tokio::test]
async fn a_body_of_unknown_length_ends_at_the_limit() {
    let config = Config { max_body_bytes: 10, ..Config::default() };
    let reader = service_fn(|request: Request<Body>| async move {
        let outcome = request.into_body().collect().await;
        let is_cut = outcome.is_err_and(|error| {
            std::error::Error::source(&error).is_some_and(|source| source.is::<LengthLimitError>())
        });
        Ok::<_, Infallible>(if is_cut { StatusCode::IM_A_TEAPOT } else { StatusCode::OK }.into_response())
    });
    let service = Fused::new(reader, "/", &rules(&config));
    let body = |parts: &'static [&'static str]| {
        let stream = futures_util::stream::iter(parts.iter().map(|part| Ok::<_, Infallible>(*part)));
        Request::post("/").body(Body::from_stream(stream)).unwrap()
    };

    let short = service.clone().oneshot(body(&["12345", "12345"])).await.unwrap();
    let long = service.oneshot(body(&["12345", "12345", "1"])).await.unwrap();

    assert_eq!((short.status(), long.status()), (StatusCode::OK, StatusCode::IM_A_TEAPOT));
}

#[tokio::test]
async fn causes_are_shown_outside_production_only() {
    for (environment, is_shown) in [(Environment::Production, false), (Environment::Development, true)] {
        let config = Config { environment, ..Config::default() };
        let failing = service_fn(|_: Request<Body>| async {
            Ok::<_, Infallible>(Problem::internal("no route to the database").into_response())
        });

        let response = Fused::new(failing, "/", &rules(&config)).oneshot(get("/")).await.unwrap();

        assert_eq!(text(response).await.contains("database"), is_shown, "{environment}");
    }
}

#[tokio::test]
async fn a_request_that_the_client_gave_up_is_no_longer_in_flight() {
    let rules = rules(&Config::default());
    let never = service_fn(|_: Request<Body>| std::future::pending::<Result<Response, Infallible>>());
    let mut service = Fused::new(never, "/", &rules);

    let request = service.call(get("/"));
    let during = rules.metrics.in_flight();
    drop(request);

    assert_eq!((during, rules.metrics.in_flight()), (1, 0));
}

#[tokio::test]
async fn slow_requests_are_counted() {
    let config = Config { slow_request_ms: 0, ..Config::default() };
    let rules = rules(&config);
    let handler = service_fn(|_: Request<Body>| async { Ok::<_, Infallible>(Response::default()) });

    let response = Fused::new(handler, "/", &rules).oneshot(get("/")).await.unwrap();

    assert_eq!((response.status().as_u16(), rules.metrics.slow_requests()), (200, 1));
}
