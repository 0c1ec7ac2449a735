//! The analytics document's metrics: in real time, and one series' past.

use std::{collections::BTreeMap, time::Duration};

use axum::{Json, body::Bytes, extract::State, response::Response};
use http::{HeaderMap, HeaderValue, header};
use observe_core::{Handle, MetricKey, RangeQuery, Selector, SeriesView};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Row, json, prometheus,
    series::{MAX_POINTS, PREFIX},
    to_json,
};
use crate::{
    AppState, FieldError, Problem,
    accept::Accept,
    body::{Points, SystemMetrics},
    exposition::Format,
    extract::{Fields, FromQuery, Parameter, Query, Shape},
    prefix::key_with_prefix,
    range::Range,
    rendered::Cached,
    time::{self, EpochSeconds, Rfc3339, WireTime},
};

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::get("/metrics/realtime", "The newest value of every series, and its last five minutes", realtime)
            .reads::<RealtimeQuery>()
            .answers::<Realtime<EpochSeconds>>()
            .fails(&[422])
            .compressed(),
        Row::get("/metrics/history", "The points of one series, oldest first", history)
            .reads::<HistoryQuery>()
            .answers::<Points<EpochSeconds>>()
            .fails(&[404, 422, 503])
            .compressed(),
    ]
}

/// `GET /metrics` where it is another name of `/metrics/realtime`.
pub(crate) fn alias() -> Vec<Row> {
    vec![
        Row::get("/metrics", "The newest value of every series, and its last five minutes", realtime)
            .reads::<RealtimeQuery>()
            .answers::<Realtime<EpochSeconds>>()
            .fails(&[422])
            .compressed(),
    ]
}

/// `GET /metrics` where several documents claim it.
pub(crate) fn overview() -> Vec<Row> {
    vec![
        Row::get("/metrics", "The host at a glance and every series, or the exposition for scrapers", claimed)
            .answers::<Overview>()
            .media(&["application/json", "text/plain", "application/openmetrics-text"])
            .compressed(),
    ]
}

pub(crate) fn unified() -> Vec<Row> {
    vec![
        Row::get(
            "/api/v1/metrics/realtime",
            "The newest value of every series, and its last five minutes",
            realtime_v1,
        )
        .reads::<RealtimeQuery>()
        .answers::<Realtime<Rfc3339>>()
        .fails(&[422])
        .compressed(),
    ]
}

/// Every series at a glance.
#[derive(Debug, Serialize, ToSchema)]
struct Realtime<T: WireTime> {
    /// The present moment.
    timestamp: T,
    /// Series by their keys.
    metrics: BTreeMap<String, SeriesStats<T>>,
}

/// The last five minutes of one series.
#[derive(Debug, Serialize, ToSchema)]
struct SeriesStats<T: WireTime> {
    /// The newest value.
    latest: f64,
    /// The smallest value.
    min: f64,
    /// The largest value.
    max: f64,
    /// The mean.
    mean: f64,
    /// The standard deviation of the population.
    stddev: f64,
    /// Points in these five minutes.
    count: usize,
    /// The time of the newest value.
    timestamp: T,
    /// The unit of all values.
    unit: &'static str,
}

/// The host at a glance, and every series.
#[derive(Debug, Serialize, ToSchema)]
struct Overview {
    /// Seconds since the engine started, as text with three decimals.
    timestamp: String,
    /// The present moment.
    time: Rfc3339,
    /// Time since the engine started.
    uptime_seconds: f64,
    #[serde(flatten)]
    system: SystemMetrics,
    /// Series by their keys.
    metrics: BTreeMap<String, SeriesStats<EpochSeconds>>,
}

/// Which series: all of them, or some.
#[derive(Debug)]
struct RealtimeQuery {
    prefix: Option<String>,
}

impl FromQuery for RealtimeQuery {
    const PARAMETERS: &'static [&'static Parameter] = &[&PREFIX];

    fn from_query(fields: &mut Fields<'_>) -> Self {
        Self { prefix: fields.text(&PREFIX) }
    }
}

/// Which series, and how much of it.
#[derive(Debug)]
struct HistoryQuery {
    metric_key: Option<MetricKey>,
    seconds: u64,
}

impl FromQuery for HistoryQuery {
    const PARAMETERS: &'static [&'static Parameter] = &[&METRIC_KEY, &SECONDS];

    fn from_query(fields: &mut Fields<'_>) -> Self {
        // Two documents claim this path. What only the other one takes would be ignored, and the answer another one.
        for name in OF_THE_OTHER_STYLE {
            if fields.has(name) {
                let message = "not together with `metric_key`; `/api/v1/metrics/history` takes `start` and `end`";
                fields.fail(FieldError::query(name, "conflict", message));
            }
        }
        Self { metric_key: fields.metric_key(&METRIC_KEY), seconds: fields.unsigned(&SECONDS).unwrap_or(0) }
    }
}

async fn realtime(State(state): State<AppState>, Query(query): Query<RealtimeQuery>) -> Response {
    query.answer::<EpochSeconds>(state.handle(), &state.rendered().realtime)
}

async fn realtime_v1(State(state): State<AppState>, Query(query): Query<RealtimeQuery>) -> Response {
    query.answer::<Rfc3339>(state.handle(), &state.rendered().realtime_v1)
}

impl RealtimeQuery {
    /// Answers with what is kept where every series is meant.
    fn answer<T: WireTime>(&self, handle: &Handle, of_all: &Cached<Bytes>) -> Response {
        json(match &self.prefix {
            Some(prefix) => to_json(&read::<T>(handle, prefix)),
            None => of_all.of_tick(handle.tick(), || to_json(&read::<T>(handle, ""))),
        })
    }
}

async fn claimed(State(state): State<AppState>, headers: HeaderMap) -> Response {
    let formats = ["application/json", "text/plain", "application/openmetrics-text"];
    let mut response = match Accept::new(&headers).best(&formats) {
        Some("application/openmetrics-text") => prometheus::answer(&state, Format::OpenMetrics),
        Some("text/plain") => prometheus::answer(&state, Format::Text),
        _ => json(state.rendered().overview.of_tick(state.handle().tick(), || render_overview(&state))),
    };
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept, token"));
    response
}

async fn history(
    State(handle): State<Handle>,
    Query(query): Query<HistoryQuery>,
) -> Result<Json<Points<EpochSeconds>>, Problem> {
    let Range { start, end } = Range::last(Duration::from_secs(query.seconds), handle.now());
    let selector = Selector::Keys(query.metric_key.into_iter().collect());
    let asked = RangeQuery { max_points: MAX_POINTS, ..RangeQuery::raw(selector, start, end) };
    let found = handle.history(&asked).await.map_err(|error| Problem::of_store(&error, SECONDS.name))?;
    let series = found.into_iter().next();
    let series = series.ok_or_else(|| Problem::not_found("there is no series with this metric key"))?;
    Ok(Json(series.points.into_iter().collect()))
}

fn render_overview(state: &AppState) -> Bytes {
    let handle = state.handle();
    let Realtime { metrics, .. } = read(handle, "");
    let uptime = time::seconds(handle.uptime());
    to_json(&Overview {
        timestamp: format!("{uptime:.3}"),
        time: Rfc3339(handle.now()),
        uptime_seconds: uptime,
        system: SystemMetrics::read(state),
        metrics,
    })
}

fn read<T: WireTime>(handle: &Handle, prefix: &str) -> Realtime<T> {
    let mut metrics = BTreeMap::new();
    handle.visit(|series| {
        let Some(key) = key_with_prefix(series, prefix) else { return };
        metrics.extend(SeriesStats::new(series).map(|stats| (key.to_string(), stats)));
    });
    Realtime { timestamp: handle.now().into(), metrics }
}

impl<T: WireTime> SeriesStats<T> {
    /// Sums up a series; `None` where it has no points.
    fn new(series: &SeriesView<'_>) -> Option<Self> {
        let stats = series.stats(Some(WINDOW))?;
        Some(Self {
            latest: stats.latest.value,
            min: stats.min,
            max: stats.max,
            mean: stats.mean,
            stddev: stats.stddev,
            count: stats.count,
            timestamp: stats.latest.timestamp.into(),
            unit: series.metric().unit.as_str(),
        })
    }
}

static METRIC_KEY: Parameter =
    Parameter::new("metric_key", Shape::Text { max_bytes: 4096 }, "The series: `cpu.total`.").required();
static SECONDS: Parameter =
    Parameter::new("seconds", Shape::Integer { min: 1, max: 604_800 }, "How far to look back.").default("300");

const OF_THE_OTHER_STYLE: [&str; 3] = ["start", "end", "metric_type"];
const WINDOW: Duration = Duration::from_secs(300);
