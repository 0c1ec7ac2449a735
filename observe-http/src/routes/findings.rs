//! What detectors found, and where series are going.

use std::time::Duration;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use observe_core::{
    Enriched, EventData, EventKind, EventKinds, EventQuery, Handle, MetricKey, MetricKind, Trend, linear_trend,
};

use super::{Row, events::Scan, json, to_json};
use crate::{
    AppState, Problem,
    body::{AnomalyBody, TrendBody},
    extract::{Fields, FromQuery, Parameter, Query, Shape},
    page::{self, Page, Paging},
    range::{self, Range, RangeQuery},
    time::{EpochSeconds, Rfc3339, WireTime},
};

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::get("/anomalies", "Values out of the ordinary, newest first", anomalies)
            .reads::<AnomalyQuery>()
            .answers::<Vec<AnomalyBody<EpochSeconds>>>()
            .fails(&[422, 503])
            .compressed(),
        Row::get("/trends", "Where series are going; a raw counter only by its `metric_key`", trends)
            .reads::<TrendQuery>()
            .answers::<Vec<TrendBody<EpochSeconds>>>()
            .fails(&[404, 422, 503])
            .compressed(),
    ]
}

pub(crate) fn unified() -> Vec<Row> {
    vec![
        Row::get("/api/v1/anomalies", "Values out of the ordinary, newest first", anomalies_v1)
            .reads::<AnomalyPageQuery>()
            .answers::<Page<AnomalyBody<Rfc3339>>>()
            .fails(&[400, 422, 503])
            .compressed(),
        Row::get("/api/v1/trends", "Where series are going; a raw counter only by its `metric_key`", trends_v1)
            .reads::<TrendPageQuery>()
            .answers::<Page<TrendBody<Rfc3339>>>()
            .fails(&[400, 404, 422, 503])
            .compressed(),
    ]
}

/// Which anomalies.
#[derive(Debug)]
struct AnomalyFilter {
    metric_key: Option<MetricKey>,
    detector: Option<String>,
    min_score: f64,
    range: RangeQuery,
}

impl AnomalyFilter {
    fn from_fields(fields: &mut Fields<'_>) -> Self {
        Self {
            metric_key: fields.metric_key(&METRIC_KEY),
            detector: fields.text(&DETECTOR),
            min_score: fields.number(&MIN_SCORE).unwrap_or(0.0),
            range: RangeQuery::from_fields(fields),
        }
    }

    fn matches(&self, event: &Enriched) -> bool {
        let EventData::Anomaly { metric_key, anomaly, .. } = &event.data else { return false };
        self.metric_key.as_ref().is_none_or(|wanted| wanted == metric_key)
            && self.detector.as_ref().is_none_or(|wanted| **wanted == *anomaly.detector)
            && anomaly.score >= self.min_score
    }

    fn scan(&self, handle: &Handle, limit: usize, before: Option<u64>) -> Result<Scan, Problem> {
        let range = self.range.resolve(handle.now(), None)?;
        let mut query = EventQuery::newest(limit);
        query.kinds = EventKinds::from_iter([EventKind::Anomaly]);
        (query.start, query.end) = (range.start, range.end);
        Scan::run(handle, query, before, |event| self.matches(event))
    }
}

/// The question of the document.
#[derive(Debug)]
struct AnomalyQuery {
    filter: AnomalyFilter,
    limit: usize,
}

impl FromQuery for AnomalyQuery {
    const PARAMETERS: &'static [&'static Parameter] =
        &[&LIMIT, &METRIC_KEY, &DETECTOR, &MIN_SCORE, &range::SECONDS, &range::START, &range::END];

    fn from_query(fields: &mut Fields<'_>) -> Self {
        let limit = fields.unsigned(&LIMIT).and_then(|limit| usize::try_from(limit).ok()).unwrap_or(1);
        Self { limit, filter: AnomalyFilter::from_fields(fields) }
    }
}

/// The question in pages.
#[derive(Debug)]
struct AnomalyPageQuery {
    filter: AnomalyFilter,
    paging: Paging,
}

impl FromQuery for AnomalyPageQuery {
    const PARAMETERS: &'static [&'static Parameter] =
        &[&page::LIMIT, &page::CURSOR, &METRIC_KEY, &DETECTOR, &MIN_SCORE, &range::SECONDS, &range::START, &range::END];

    fn from_query(fields: &mut Fields<'_>) -> Self {
        Self { paging: Paging::from_fields(fields, Self::PARAMETERS), filter: AnomalyFilter::from_fields(fields) }
    }
}

/// Which series, over how long.
#[derive(Debug)]
struct TrendQuery {
    metric_key: Option<MetricKey>,
    seconds: u64,
}

impl FromQuery for TrendQuery {
    const PARAMETERS: &'static [&'static Parameter] = &[&METRIC_KEY, &SECONDS];

    fn from_query(fields: &mut Fields<'_>) -> Self {
        Self { metric_key: fields.metric_key(&METRIC_KEY), seconds: fields.unsigned(&SECONDS).unwrap_or(1) }
    }
}

/// Which series, over how long, in pages.
#[derive(Debug)]
struct TrendPageQuery {
    trends: TrendQuery,
    paging: Paging,
}

impl FromQuery for TrendPageQuery {
    const PARAMETERS: &'static [&'static Parameter] = &[&page::LIMIT, &page::CURSOR, &METRIC_KEY, &SECONDS];

    fn from_query(fields: &mut Fields<'_>) -> Self {
        Self { paging: Paging::from_fields(fields, Self::PARAMETERS), trends: TrendQuery::from_query(fields) }
    }
}

async fn anomalies(State(state): State<AppState>, Query(query): Query<AnomalyQuery>) -> Result<Response, Problem> {
    let shared = state.clone();
    let compute = move || {
        let scan = query.filter.scan(shared.handle(), query.limit, None)?;
        let bodies: Vec<AnomalyBody<EpochSeconds>> =
            scan.events.iter().filter_map(|event| AnomalyBody::new(event)).collect();
        Ok(json(to_json(&bodies)))
    };
    state.aside().answer(compute).await
}

async fn anomalies_v1(
    State(state): State<AppState>,
    Query(query): Query<AnomalyPageQuery>,
) -> Result<Response, Problem> {
    let shared = state.clone();
    let compute = move || {
        let before = shared.cursors().open_number(&query.paging)?;
        let scan = query.filter.scan(shared.handle(), query.paging.limit, before)?;
        let items: Vec<AnomalyBody<Rfc3339>> = scan.events.iter().filter_map(|event| AnomalyBody::new(event)).collect();
        let next = scan.next();
        Ok(Page::new(shared.cursors(), &query.paging, items, next.as_ref().map(|id| &id[..])).into_response())
    };
    state.aside().answer(compute).await
}

async fn trends(State(state): State<AppState>, Query(query): Query<TrendQuery>) -> Result<Response, Problem> {
    let shared = state.clone();
    let compute = move || {
        if query.metric_key.is_some() || query.seconds != DEFAULT_SECONDS {
            return Ok(json(to_json(&query.answer::<EpochSeconds>(&shared)?)));
        }
        let everything = || to_json(&query.answer::<EpochSeconds>(&shared).unwrap_or_default());
        Ok(json(shared.rendered().trends.of_tick(shared.handle().tick(), everything)))
    };
    state.aside().answer(compute).await
}

async fn trends_v1(
    State(state): State<AppState>,
    Query(query): Query<TrendPageQuery>,
) -> Result<Page<TrendBody<Rfc3339>>, Problem> {
    let shared = state.clone();
    let compute = move || {
        let after = shared.cursors().open(&query.paging)?;
        let keys = query.trends.keys(shared.handle())?;
        let (keys, next) = page::of_keys(keys, after.as_deref(), query.paging.limit);
        let items = query.trends.fit(&shared, &keys);
        Ok(Page::new(shared.cursors(), &query.paging, items, next.as_deref()))
    };
    state.aside().answer(compute).await
}

impl TrendQuery {
    fn answer<T: WireTime>(&self, state: &AppState) -> Result<Vec<TrendBody<T>>, Problem> {
        Ok(self.fit(state, &self.keys(state.handle())?))
    }

    /// Returns the keys of the series that are meant: one, or all that are alive. Counters only ever rise, which says
    /// nothing, so they have to be asked for.
    fn keys(&self, handle: &Handle) -> Result<Vec<MetricKey>, Problem> {
        if let Some(key) = &self.metric_key {
            let is_known = handle.stats(key, None).is_some() || handle.latest(key).is_some();
            return is_known
                .then(|| vec![key.clone()])
                .ok_or_else(|| Problem::not_found("there is no series with this metric key"));
        }
        let mut keys = Vec::with_capacity(handle.series_len());
        handle.visit(|series| {
            if series.is_live() && !matches!(series.metric().kind, MetricKind::Counter) {
                keys.push(series.key());
            }
        });
        Ok(keys)
    }

    /// Fits a line through each series, one lock at a time, so that the next step is not held up by all of them.
    fn fit<T: WireTime>(&self, state: &AppState, keys: &[MetricKey]) -> Vec<TrendBody<T>> {
        let handle = state.handle();
        let range = Range::last(Duration::from_secs(self.seconds), handle.now());
        let fitted = keys.iter().filter_map(|key| {
            let points = handle.points(key, range.start, range.end)?;
            let trend = Trend { window_seconds: self.seconds as f64, ..linear_trend(&points)? };
            let direction = trend.direction(Some(state.trend_significance()));
            let newest = points.last()?.timestamp;
            Some(TrendBody::new(key, &trend, direction, newest.into()))
        });
        fitted.collect()
    }
}

static LIMIT: Parameter =
    Parameter::new("limit", Shape::Integer { min: 1, max: 1000 }, "The most anomalies.").default("50");
static METRIC_KEY: Parameter =
    Parameter::new("metric_key", Shape::Text { max_bytes: 4096 }, "Only this series: `cpu.total`.");
static DETECTOR: Parameter =
    Parameter::new("detector", Shape::Text { max_bytes: 64 }, "Only what this detector found.");
static MIN_SCORE: Parameter =
    Parameter::new("min_score", Shape::Number { min: 0.0, max: 1.0 }, "Only scores from here on.");
static SECONDS: Parameter =
    Parameter::new("seconds", Shape::Integer { min: 1, max: 604_800 }, "The length of the window.").default("600");

const DEFAULT_SECONDS: u64 = 600;
