//! What happens around every handler, in this order, in one layer:
//!
//! 1. a request id, the client's own or a new one;
//! 2. refusal of addresses and bodies that are too long;
//! 3. the handler, within a time limit; a panic becomes a 500;
//! 4. problems get their request id and path;
//! 5. security headers, request id, time taken;
//! 6. counters, and one line in the log for failures and slow requests.
//!
//! Rate limits, CORS and authentication belong between 2 and 3: [`Fused::refusal`] is the one place that may say no.

mod headers;
mod metrics;
mod request_id;

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::{body::Body, extract::OriginalUri, response::Response};
use http::{HeaderName, HeaderValue, Method, Request, Uri, header};
use http_body_util::Limited;
use hyper::body::Body as _;
use tower::Service;
use tracing::{Instrument, Level};

pub(crate) use self::{
    headers::secure,
    metrics::{BOUNDS, HttpMetrics, MethodMetrics},
};
use self::{
    metrics::RouteMetrics,
    request_id::{X_REQUEST_ID, request_id},
};
use crate::{Config, Problem, problem};

/// The layer around one route.
#[derive(Clone, Debug)]
pub(crate) struct Fused<S> {
    inner: S,
    route: Arc<RouteMetrics>,
    rules: Arc<Rules>,
}

/// What holds for every route.
#[derive(Debug)]
pub(crate) struct Rules {
    max_uri_bytes: usize,
    max_body_bytes: usize,
    handler_timeout: Duration,
    slow_request: Duration,
    shows_internals: bool,
    has_fastapi_errors: bool,
    metrics: Arc<HttpMetrics>,
}

impl Rules {
    pub(crate) fn new(config: &Config, metrics: Arc<HttpMetrics>) -> Self {
        Self {
            max_uri_bytes: config.max_uri_bytes,
            max_body_bytes: config.max_body_bytes,
            handler_timeout: config.handler_timeout(),
            slow_request: config.slow_request(),
            shows_internals: config.environment.shows_internals(),
            has_fastapi_errors: config.fastapi_errors,
            metrics,
        }
    }
}

impl<S> Fused<S> {
    pub(crate) fn new(inner: S, template: &'static str, rules: &Arc<Rules>) -> Self {
        Self { inner, route: rules.metrics.route(template), rules: Arc::clone(rules) }
    }

    /// Says no before the handler is asked.
    fn refusal(&self, request: &Request<Body>) -> Option<Problem> {
        let uri_bytes = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
        if uri_bytes > self.rules.max_uri_bytes {
            return Some(Problem::uri_too_long(self.rules.max_uri_bytes));
        }
        let is_too_large = request.body().size_hint().lower() > self.rules.max_body_bytes as u64;
        is_too_large.then(|| Problem::too_large(self.rules.max_body_bytes))
    }
}

impl<S> Service<Request<Body>> for Fused<S>
where
    S: Service<Request<Body>, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;
    type Response = Response;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let exchange = Exchange::begin(&request, Arc::clone(&self.route), Arc::clone(&self.rules));
        if let Some(problem) = self.refusal(&request) {
            return Box::pin(async move { Ok(exchange.finish(Err(problem))) });
        }
        let answer = self.inner.call(bounded(request, self.rules.max_body_bytes));
        if tracing::enabled!(Level::DEBUG) {
            let span = exchange.span();
            return Box::pin(async move { Ok(exchange.answer(answer).await) }.instrument(span));
        }
        Box::pin(async move { Ok(exchange.answer(answer).await) })
    }
}

/// Returns what was asked for, the prefix included under which the routes are nested.
fn whole_uri(request: &Request<Body>) -> &Uri {
    request.extensions().get::<OriginalUri>().map_or(request.uri(), |original| &original.0)
}

/// Bounds a body that did not say how long it is; the others were checked by what they said.
fn bounded(request: Request<Body>, max_bytes: usize) -> Request<Body> {
    if request.body().size_hint().upper().is_some() {
        return request;
    }
    request.map(|body| Body::new(Limited::new(body, max_bytes)))
}

/// One request on its way to an answer.
struct Exchange {
    started: Instant,
    method: Method,
    uri: Uri,
    request_id: HeaderValue,
    parent: Option<HeaderValue>,
    route: Arc<RouteMetrics>,
    rules: Arc<Rules>,
    _in_flight: metrics::InFlight,
}

impl Exchange {
    fn begin(request: &Request<Body>, route: Arc<RouteMetrics>, rules: Arc<Rules>) -> Self {
        Self {
            started: Instant::now(),
            method: request.method().clone(),
            uri: whole_uri(request).clone(),
            request_id: request_id(request.headers()),
            parent: request.headers().get(TRACEPARENT).cloned(),
            route,
            _in_flight: rules.metrics.begin(),
            rules,
        }
    }

    /// Waits for the handler. The timer is made only when the handler does not answer at once.
    async fn answer(self, answer: impl Future<Output = Result<Response, Infallible>>) -> Response {
        let mut answer = pin!(answer);
        let metrics = &self.rules.metrics;
        let first = poll_fn(|cx| Poll::Ready(caught(answer.as_mut(), metrics, cx))).await;
        let outcome = match first {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => {
                let rest = poll_fn(|cx| caught(answer.as_mut(), metrics, cx));
                let timed = tokio::time::timeout(self.rules.handler_timeout, rest).await;
                timed.unwrap_or_else(|_| Err(Problem::handler_timeout()))
            }
        };
        self.finish(outcome)
    }

    fn finish(self, outcome: Result<Response, Problem>) -> Response {
        let (mut response, problem) = match outcome {
            Ok(mut response) => {
                let problem = response.extensions_mut().remove::<Problem>();
                (response, problem)
            }
            Err(problem) => (Response::default(), Some(problem)),
        };
        if let Some(problem) = &problem {
            response = problem.respond(problem::Context {
                instance: Some(self.uri.path()),
                request_id: self.request_id.to_str().ok(),
                shows_internals: self.rules.shows_internals,
                is_fastapi: self.rules.has_fastapi_errors && !self.route.template().starts_with("/api/"),
            });
        }
        if self.method == Method::HEAD {
            without_body(&mut response);
        }
        let duration = self.started.elapsed();
        self.record(&response, problem.as_ref(), duration);
        secure(response.headers_mut());
        stamp(&mut response, self.request_id, duration);
        response
    }

    fn record(&self, response: &Response, problem: Option<&Problem>, duration: Duration) {
        self.route.record(&self.method, response.status(), duration);
        let is_slow = duration >= self.rules.slow_request;
        if is_slow {
            self.rules.metrics.count_slow();
        }
        let request_id = self.request_id.to_str().unwrap_or_default();
        let (method, route, status) = (self.method.as_str(), self.route.template(), response.status().as_u16());
        let duration_ms = duration.as_secs_f64() * 1e3;
        if response.status().is_server_error() {
            let cause = problem.and_then(Problem::cause).unwrap_or_default();
            tracing::error!(request_id, method, route, status, duration_ms, cause, "request failed");
        } else if is_slow {
            tracing::warn!(request_id, method, route, status, duration_ms, "request was slow");
        }
    }

    fn span(&self) -> tracing::Span {
        let text = |value: &HeaderValue| value.to_str().map(str::to_owned).unwrap_or_default();
        tracing::debug_span!(
            "request",
            request_id = text(&self.request_id),
            method = self.method.as_str(),
            route = self.route.template(),
            traceparent = self.parent.as_ref().map(text),
        )
    }
}

/// Polls a handler; a panic in it becomes a problem.
fn caught(
    answer: Pin<&mut impl Future<Output = Result<Response, Infallible>>>,
    metrics: &HttpMetrics,
    cx: &mut Context<'_>,
) -> Poll<Result<Response, Problem>> {
    match catch_unwind(AssertUnwindSafe(|| answer.poll(cx))) {
        Ok(Poll::Ready(Ok(response))) => Poll::Ready(Ok(response)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(_) => {
            metrics.count_panic();
            Poll::Ready(Err(Problem::internal("the handler panicked")))
        }
    }
}

/// Takes the body away, and says how long it was.
fn without_body(response: &mut Response) {
    let length = std::mem::take(response.body_mut()).size_hint().exact();
    if let Some(length) = length.filter(|length| *length > 0) {
        response.headers_mut().entry(header::CONTENT_LENGTH).or_insert(HeaderValue::from(length));
    }
}

fn stamp(response: &mut Response, request_id: HeaderValue, duration: Duration) {
    let micros = duration.as_micros();
    let (millis, rest) = (micros / 1_000, micros % 1_000);
    let headers = response.headers_mut();
    headers.insert(X_REQUEST_ID.clone(), request_id);
    if let Ok(value) = HeaderValue::try_from(format!("{millis}.{rest:03}ms")) {
        headers.insert(X_RESPONSE_TIME.clone(), value);
    }
    if let Ok(value) = HeaderValue::try_from(format!("app;dur={millis}.{rest:03}")) {
        headers.insert(SERVER_TIMING.clone(), value);
    }
}

/// Answers a request that never reaches a route.
pub(crate) fn refuse(problem: &Problem, headers: &http::HeaderMap, uri: &Uri) -> Response {
    let id = request_id(headers);
    let mut response = problem.respond(problem::Context {
        instance: Some(uri.path()),
        request_id: id.to_str().ok(),
        ..problem::Context::default()
    });
    secure(response.headers_mut());
    response.headers_mut().insert(X_REQUEST_ID.clone(), id);
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// The label of requests that match no route.
pub(crate) const UNMATCHED: &str = "unmatched";

static X_RESPONSE_TIME: HeaderName = HeaderName::from_static("x-response-time");
static SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
const TRACEPARENT: &str = "traceparent";

#[cfg(test)]
mod tests;
