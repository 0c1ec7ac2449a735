//! `GET /api/v1/metrics/history`: the past of several series at once.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use axum::{extract::State, response::Response};
use observe_core::{
    Aggregate, Handle, MetricKey, RangeQuery as Asked, Selector, SeriesPoints, SeriesQuery, StoreError, names,
};
use serde::Serialize;
use utoipa::{PartialSchema, ToSchema};

use super::{Row, json, to_json};
use crate::{
    FieldError, Problem,
    body::Points,
    extract::{Fields, FromQuery, Parameter, Query, Shape},
    range::{self, Range, RangeQuery},
    time::Rfc3339,
};

pub(crate) fn unified() -> Vec<Row> {
    vec![
        Row::get(
            "/api/v1/metrics/history",
            "The points of series, oldest first: by their keys or by selectors",
            history,
        )
        .reads::<HistoryQuery>()
        .answers::<History>()
        .fails(&[404, 422, 503])
        .compressed(),
    ]
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
    unit: Cow<'static, str>,
    /// Seconds from point to point; 0 for points as they came in.
    step: u64,
    #[schema(schema_with = Points::<Rfc3339>::schema)]
    points: Points<Rfc3339>,
}

/// Which series, when, in which steps.
#[derive(Debug)]
struct HistoryQuery {
    metric_keys: Vec<MetricKey>,
    selectors: Vec<Selector>,
    range: RangeQuery,
    step: Duration,
    aggregate: Aggregate,
}

impl FromQuery for HistoryQuery {
    const PARAMETERS: &'static [&'static Parameter] =
        &[&METRIC_KEY, &MATCH, &range::SECONDS, &range::START, &range::END, &STEP, &AGG];

    fn from_query(fields: &mut Fields<'_>) -> Self {
        if !fields.has(METRIC_KEY.name) && !fields.has(MATCH.name) {
            fields.fail(FieldError::query(METRIC_KEY.name, "missing", "give `metric_key` or `match`"));
        }
        Self {
            metric_keys: fields.metric_keys(&METRIC_KEY),
            selectors: fields.selectors(&MATCH),
            range: RangeQuery::from_fields(fields),
            step: Duration::from_secs(fields.unsigned(&STEP).unwrap_or(0)),
            aggregate: fields.one(&AGG, |word| word.to_ascii_lowercase().parse().ok()).unwrap_or_default(),
        }
    }
}

async fn history(State(handle): State<Handle>, Query(query): Query<HistoryQuery>) -> Result<Response, Problem> {
    let range = query.range.resolve(handle.now(), Some(DEFAULT_LENGTH))?;
    if !query.step.is_zero() && range.end.since(range.start).as_secs() / query.step.as_secs() > MAX_POINTS as u64 {
        return Err(query.refuse(&TOO_MANY_POINTS));
    }
    let found = query.find(&handle, range).await.map_err(|error| query.refuse(&error))?;
    let series = query.in_order(found)?;
    if series.iter().any(|series| series.points.len() > MAX_POINTS) {
        return Err(query.refuse(&TOO_MANY_POINTS));
    }
    let units = units(&handle, &series).await.map_err(|error| query.refuse(&error))?;
    let series = series.into_iter().map(|series| SeriesBody::new(&series, &query, &units)).collect();
    Ok(json(to_json(&History { series })))
}

impl HistoryQuery {
    /// Finds the series of all keys and selectors, each once.
    async fn find(&self, handle: &Handle, range: Range) -> Result<BTreeMap<MetricKey, SeriesPoints>, StoreError> {
        let mut found = BTreeMap::new();
        let keys = Some(Selector::Keys(self.metric_keys.clone())).filter(|_| !self.metric_keys.is_empty());
        for selector in keys.iter().chain(&self.selectors) {
            let asked = Asked {
                selector: selector.clone(),
                start: range.start,
                end: range.end,
                step: self.step,
                aggregate: self.aggregate,
                max_points: MAX_POINTS * MAX_KEYS,
            };
            found.extend(handle.history(&asked).await?.into_iter().map(|series| (series.key.clone(), series)));
            if found.len() > MAX_SERIES {
                return Err(StoreError::TooMany { what: "series", limit: MAX_SERIES });
            }
        }
        Ok(found)
    }

    /// Returns the series of keys in the order of the question, then all others in the order of their keys.
    fn in_order(&self, mut found: BTreeMap<MetricKey, SeriesPoints>) -> Result<Vec<SeriesPoints>, Problem> {
        let mut series = Vec::with_capacity(found.len());
        let mut seen = BTreeSet::new();
        for key in self.metric_keys.iter().filter(|key| seen.insert(*key)) {
            series.push(found.remove(key).ok_or_else(unknown_series)?);
        }
        series.extend(found.into_values());
        Ok(series)
    }

    /// Says what is wrong with the question, or with the store.
    fn refuse(&self, error: &StoreError) -> Problem {
        let parameter = match error {
            StoreError::TooMany { what: "series", .. } => &MATCH,
            _ if self.step.is_zero() && !self.metric_keys.is_empty() => &METRIC_KEY,
            _ => &STEP,
        };
        Problem::of_store(error, parameter.name)
    }
}

impl SeriesBody {
    fn new(series: &SeriesPoints, query: &HistoryQuery, units: &Units) -> Self {
        let unit = units.get(series.key.name()).map_or("", |unit| &**unit);
        Self {
            metric_key: series.key.to_string(),
            labels: labels(&series.key),
            unit: query.aggregate.unit_of(unit, query.step).into_owned().into(),
            step: query.step.as_secs(),
            points: series.points.iter().copied().collect(),
        }
    }
}

/// Units by the names of metrics.
type Units = BTreeMap<String, Cow<'static, str>>;

/// Finds the units of series: in the table of names, for collectors of an embedder at the series themselves, and for
/// those that are gone in the store.
async fn units(handle: &Handle, series: &[SeriesPoints]) -> Result<Units, StoreError> {
    let mut units = Units::new();
    let mut unknown: BTreeMap<&str, &MetricKey> = BTreeMap::new();
    for key in series.iter().map(|series| &series.key) {
        match names::find(key.name()) {
            Some(metric) => drop(units.insert(key.name().to_owned(), metric.unit.as_str().into())),
            None => drop(unknown.insert(key.name(), key)),
        }
    }
    if unknown.is_empty() {
        return Ok(units);
    }
    handle.visit(|series| {
        if unknown.remove(&*series.metric().name).is_some() {
            units.insert(series.metric().name.to_string(), series.metric().unit.as_str().into());
        }
    });
    let keys: Vec<MetricKey> = unknown.into_values().cloned().collect();
    if !keys.is_empty() {
        let query = SeriesQuery { limit: keys.len(), selector: Selector::Keys(keys), after: None };
        let stored = handle.stored_series(&query).await?;
        units.extend(stored.into_iter().map(|info| (info.key.name().to_owned(), info.unit.into_string().into())));
    }
    Ok(units)
}

pub(super) fn labels(key: &MetricKey) -> BTreeMap<String, String> {
    key.attributes().iter().map(|attribute| (attribute.key.to_string(), attribute.value.to_string())).collect()
}

fn unknown_series() -> Problem {
    Problem::not_found("one of the metric keys names no series")
}

pub(super) static PREFIX: Parameter =
    Parameter::new("prefix", Shape::Text { max_bytes: 4096 }, "Only series whose key begins so: `cpu.`.");
static METRIC_KEY: Parameter =
    Parameter::new("metric_key", Shape::Text { max_bytes: 4096 }, "The series; up to 20 of them.").repeatable(MAX_KEYS);
static MATCH: Parameter = Parameter::new(
    "match",
    Shape::Text { max_bytes: Selector::MAX_TEXT_BYTES },
    "All series that are like this, up to 1000 of them: `disk.read_bytes`, `disk.percent{mountpoint!=\"/\"}`, \
     `{__name__=~\"cpu[.].*\"}`.",
)
.repeatable(5);
static STEP: Parameter = Parameter::new(
    "step",
    Shape::Integer { min: 0, max: 604_800 },
    "Seconds from point to point; 0 gives points as they came in. Steps begin at multiples since the epoch.",
)
.default("0");
static AGG: Parameter =
    Parameter::new("agg", Shape::OneOf(Aggregate::names), "What becomes of the points in a step.").default("avg");

const DEFAULT_LENGTH: Duration = Duration::from_secs(300);
const MAX_KEYS: usize = 20;
/// Points of one series in an answer.
pub(super) const MAX_POINTS: usize = 11_000;
/// Series in an answer.
const MAX_SERIES: usize = 1_000;
const TOO_MANY_POINTS: StoreError = StoreError::TooMany { what: "points", limit: MAX_POINTS };
