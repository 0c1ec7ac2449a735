//! Series below `/api/v1`: the catalogue, and the past of several at once.

use std::{collections::BTreeMap, time::Duration};

use axum::{extract::State, response::Response};
use observe_core::{Aggregate, Handle, MetricKey, Point, SeriesView};
use serde::Serialize;
use utoipa::{PartialSchema, ToSchema};

use super::{Row, json, to_json};
use crate::{
    AppState, FieldError, Problem,
    body::Points,
    extract::{Fields, FromQuery, Parameter, Query, Shape},
    page::{self, Page, Paging},
    prefix::key_with_prefix,
    range::{self, RangeQuery},
    time::Rfc3339,
};

pub(crate) fn unified() -> Vec<Row> {
    vec![
        Row::get("/api/v1/metrics", "Every series: its unit, its labels, how much of it is there", catalogue)
            .reads::<CatalogueQuery>()
            .answers::<Page<CatalogueItem>>()
            .fails(&[400, 422])
            .compressed(),
        Row::get("/api/v1/metrics/history", "The points of up to 20 series, oldest first", history)
            .reads::<HistoryQuery>()
            .answers::<History>()
            .fails(&[404, 422])
            .compressed(),
    ]
}

/// One series of the catalogue.
#[derive(Debug, Serialize, ToSchema)]
struct CatalogueItem {
    /// The series.
    metric_key: String,
    /// The name that OpenTelemetry has for the metric.
    otel_name: Option<&'static str>,
    /// The unit of its values.
    unit: &'static str,
    /// `counter`, `gauge` or `derived`.
    kind: &'static str,
    /// What tells it from other series of the metric.
    labels: BTreeMap<String, String>,
    /// The time of its newest point.
    last_at: Option<Rfc3339>,
    /// Points in memory.
    points: usize,
}

/// The points of some series.
#[derive(Debug, Serialize, ToSchema)]
struct History {
    series: Vec<SeriesBody>,
}

/// The points of one series.
#[derive(Debug, Serialize, ToSchema)]
struct SeriesBody {
    /// The series.
    metric_key: String,
    /// What tells it from other series of the metric.
    labels: BTreeMap<String, String>,
    /// The unit of its values.
    unit: &'static str,
    /// Seconds from point to point; 0 for points as they came in.
    step: u64,
    #[schema(schema_with = Points::<Rfc3339>::schema)]
    points: Points<Rfc3339>,
}

/// Which part of the catalogue.
#[derive(Debug)]
struct CatalogueQuery {
    prefix: Option<String>,
    paging: Paging,
}

impl FromQuery for CatalogueQuery {
    const PARAMETERS: &'static [&'static Parameter] = &[&PREFIX, &page::LIMIT, &page::CURSOR];

    fn from_query(fields: &mut Fields<'_>) -> Self {
        Self { prefix: fields.text(&PREFIX), paging: Paging::from_fields(fields, Self::PARAMETERS) }
    }
}

/// Which series, when, in which steps.
#[derive(Debug)]
struct HistoryQuery {
    metric_keys: Vec<MetricKey>,
    range: RangeQuery,
    step: Duration,
    aggregate: Aggregate,
}

impl FromQuery for HistoryQuery {
    const PARAMETERS: &'static [&'static Parameter] =
        &[&METRIC_KEY, &range::SECONDS, &range::START, &range::END, &STEP, &AGG];

    fn from_query(fields: &mut Fields<'_>) -> Self {
        Self {
            metric_keys: fields.metric_keys(&METRIC_KEY),
            range: RangeQuery::from_fields(fields),
            step: Duration::from_secs(fields.unsigned(&STEP).unwrap_or(0)),
            aggregate: fields.one(&AGG, |word| word.to_ascii_lowercase().parse().ok()).unwrap_or_default(),
        }
    }
}

async fn catalogue(
    State(state): State<AppState>,
    Query(query): Query<CatalogueQuery>,
) -> Result<Page<CatalogueItem>, Problem> {
    let after = state.cursors().open(&query.paging)?;
    let found = query.find(state.handle(), after.as_deref());
    let is_cut = found.len() > query.paging.limit;
    let items: Vec<CatalogueItem> = found.into_values().take(query.paging.limit).collect();
    let last = items.last().map(|item| item.metric_key.clone().into_bytes()).filter(|_| is_cut);
    Ok(Page::new(state.cursors(), &query.paging, items, last.as_deref()))
}

impl CatalogueQuery {
    /// Finds the series of a page, and one more where there is one.
    fn find(&self, handle: &Handle, after: Option<&[u8]>) -> BTreeMap<String, CatalogueItem> {
        let prefix = self.prefix.as_deref().unwrap_or_default();
        let mut found = BTreeMap::new();
        handle.visit(|series| {
            let Some(key) = key_with_prefix(series, prefix) else { return };
            if after.is_none_or(|after| key.as_bytes() > after) {
                found.insert(key, CatalogueItem::new(series));
                if found.len() > self.paging.limit + 1 {
                    found.pop_last();
                }
            }
        });
        found
    }
}

async fn history(State(handle): State<Handle>, Query(query): Query<HistoryQuery>) -> Result<Response, Problem> {
    let range = query.range.resolve(handle.now(), Some(DEFAULT_LENGTH))?;
    if !query.step.is_zero() && range.end.since(range.start).as_secs() / query.step.as_secs() > MAX_POINTS as u64 {
        return Err(too_many_points(&STEP));
    }
    let mut series = Vec::with_capacity(query.metric_keys.len());
    for key in &query.metric_keys {
        let points = handle.points(key, range.start, range.end).ok_or_else(unknown_series)?;
        let points = query.aggregate.by_step(&points, None, query.step);
        if points.len() > MAX_POINTS {
            return Err(too_many_points(&METRIC_KEY));
        }
        series.push(SeriesBody::new(&handle, key, query.step, &points));
    }
    Ok(json(to_json(&History { series })))
}

impl CatalogueItem {
    fn new(series: &SeriesView<'_>) -> Self {
        let (metric, key) = (series.metric(), series.key());
        Self {
            metric_key: key.to_string(),
            otel_name: metric.otel.map(|otel| otel.name),
            unit: metric.unit.as_str(),
            kind: metric.kind.as_str(),
            labels: labels(&key),
            last_at: series.latest().map(|point| Rfc3339(point.timestamp)),
            points: series.point_count(),
        }
    }
}

impl SeriesBody {
    fn new(handle: &Handle, key: &MetricKey, step: Duration, points: &[Point]) -> Self {
        Self {
            metric_key: key.to_string(),
            labels: labels(key),
            unit: unit(handle, key),
            step: step.as_secs(),
            points: points.iter().copied().collect(),
        }
    }
}

/// Finds the unit of a series, in the table of names or, for collectors of an embedder, at the series itself.
fn unit(handle: &Handle, key: &MetricKey) -> &'static str {
    if let Some(metric) = observe_core::names::find(key.name()) {
        return metric.unit.as_str();
    }
    let mut unit = "";
    handle.visit(|series| {
        if series.metric().name == key.name() {
            unit = series.metric().unit.as_str();
        }
    });
    unit
}

fn labels(key: &MetricKey) -> BTreeMap<String, String> {
    key.attributes().iter().map(|attribute| (attribute.key.to_string(), attribute.value.to_string())).collect()
}

fn unknown_series() -> Problem {
    Problem::not_found("one of the metric keys names no series")
}

fn too_many_points(parameter: &Parameter) -> Problem {
    let message = "this makes more than 11000 points; take a shorter range or a longer step";
    Problem::validation(vec![FieldError::query(parameter.name, "too_many_points", message)])
}

pub(super) static PREFIX: Parameter =
    Parameter::new("prefix", Shape::Text { max_bytes: 4096 }, "Only series whose key begins so: `cpu.`.");
static METRIC_KEY: Parameter =
    Parameter::new("metric_key", Shape::Text { max_bytes: 4096 }, "The series; up to 20 of them.")
        .required()
        .repeatable(20);
static STEP: Parameter = Parameter::new(
    "step",
    Shape::Integer { min: 0, max: 604_800 },
    "Seconds from point to point; 0 gives points as they came in.",
)
.default("0");
static AGG: Parameter =
    Parameter::new("agg", Shape::OneOf(Aggregate::names), "What becomes of the points in a step.").default("avg");

const DEFAULT_LENGTH: Duration = Duration::from_secs(300);
const MAX_POINTS: usize = 11_000;
