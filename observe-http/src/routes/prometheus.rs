//! `GET /metrics/prometheus`: everything for scrapers.

use axum::{
    body::Bytes,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, header};

use super::Row;
use crate::{AppState, accept::Accept, exposition, exposition::Format};

pub(crate) fn rows() -> Vec<Row> {
    vec![row("/metrics/prometheus")]
}

pub(crate) fn unified() -> Vec<Row> {
    vec![row("/api/v1/metrics/prometheus")]
}

fn row(path: &'static str) -> Row {
    Row::get(path, "Metrics of the host and of the engine, for Prometheus", scrape)
        .media(&["text/plain", "application/openmetrics-text"])
        .compressed()
}

async fn scrape(State(state): State<AppState>, headers: HeaderMap) -> Response {
    let format = match Accept::new(&headers).best(&["text/plain", "application/openmetrics-text"]) {
        Some("application/openmetrics-text") => Format::OpenMetrics,
        _ => Format::Text,
    };
    let mut response = answer(&state, format);
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
    response
}

/// Answers with the exposition of this tick.
pub(super) fn answer(state: &AppState, format: Format) -> Response {
    let cached = match format {
        Format::OpenMetrics => &state.rendered().open_metrics,
        Format::Text => &state.rendered().text,
    };
    let body = cached.of_tick(state.handle().tick(), || Bytes::from(exposition::render(state, format)));
    ([(header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()))], body).into_response()
}
