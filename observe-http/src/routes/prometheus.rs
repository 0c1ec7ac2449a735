//! `GET /metrics/prometheus`: everything for scrapers.

use axum::{
    body::Bytes,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, header};

use super::Row;
use crate::{
    AppState, Problem,
    accept::Accept,
    exposition,
    exposition::Format,
    extract::{Fields, FromQuery, Parameter, Query, Shape},
};

pub(crate) fn rows() -> Vec<Row> {
    vec![row("/metrics/prometheus")]
}

pub(crate) fn unified() -> Vec<Row> {
    vec![row("/api/v1/metrics/prometheus")]
}

fn row(path: &'static str) -> Row {
    Row::get(path, "Metrics of the host and of the engine, for Prometheus", scrape)
        .reads::<ScrapeQuery>()
        .fails(&[422, 503])
        .media(&["text/plain", "application/openmetrics-text"])
        .compressed()
}

/// What the scraper has no use for.
#[derive(Debug)]
struct ScrapeQuery {
    exclude: Vec<String>,
}

impl FromQuery for ScrapeQuery {
    const PARAMETERS: &'static [&'static Parameter] = &[&EXCLUDE];

    fn from_query(fields: &mut Fields<'_>) -> Self {
        Self { exclude: fields.texts(&EXCLUDE) }
    }
}

async fn scrape(
    State(state): State<AppState>,
    Query(query): Query<ScrapeQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let format = match Accept::new(&headers).best(&["text/plain", "application/openmetrics-text"]) {
        Some("application/openmetrics-text") => Format::OpenMetrics,
        _ => Format::Text,
    };
    let mut response = if query.exclude.is_empty() {
        answer(&state, format)
    } else {
        let shared = state.clone();
        let compute = move || Ok(exposition::render(&shared, format, &query.exclude).into());
        with_type(state.aside().answer(compute).await?, format)
    };
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

/// Answers with the exposition of this tick.
pub(super) fn answer(state: &AppState, format: Format) -> Response {
    let cached = match format {
        Format::OpenMetrics => &state.rendered().open_metrics,
        Format::Text => &state.rendered().text,
    };
    with_type(cached.of_tick(state.handle().tick(), || exposition::render(state, format, &[]).into()), format)
}

fn with_type(body: Bytes, format: Format) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()))], body).into_response()
}

static EXCLUDE: Parameter = Parameter::new(
    "exclude",
    Shape::Text { max_bytes: 4096 },
    "Leaves out series whose key begins so, such as `process.`; up to 20 times.",
)
.repeatable(20);
