//! `GET /api/v1/metrics`: every series there is or was.

use std::{
    borrow::Cow,
    collections::{BTreeMap, btree_map::Entry},
};

use axum::extract::State;
use observe_core::{Handle, Matcher, MetricKey, Selector, SeriesInfo, SeriesQuery, SeriesView, names};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Row,
    series::{PREFIX, labels},
};
use crate::{
    AppState, Problem,
    extract::{Fields, FromQuery, Parameter, Query},
    page::{self, Page, Paging},
    prefix::{has_prefix, key_with_prefix},
    time::Rfc3339,
};

pub(crate) fn unified() -> Vec<Row> {
    vec![
        Row::get("/api/v1/metrics", "Every series: its unit, its labels, how much of it is there", catalogue)
            .reads::<CatalogueQuery>()
            .answers::<Page<CatalogueItem>>()
            .fails(&[400, 422, 503])
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
    unit: Cow<'static, str>,
    /// `counter`, `gauge` or `derived`.
    kind: &'static str,
    /// What tells it from other series of the metric.
    labels: BTreeMap<String, String>,
    /// The time of its newest point in memory.
    last_at: Option<Rfc3339>,
    /// Points in memory; the store may have more.
    points: usize,
    /// When a series that only the store has came to its end, where that is known.
    ended_at: Option<Rfc3339>,
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

/// Series in the order of their keys.
type Found = BTreeMap<MetricKey, CatalogueItem>;

async fn catalogue(
    State(state): State<AppState>,
    Query(query): Query<CatalogueQuery>,
) -> Result<Page<CatalogueItem>, Problem> {
    let after = state.cursors().open_key(&query.paging)?;
    let mut found = query.in_memory(state.handle(), after.as_ref());
    query.add_stored(state.handle(), after, &mut found).await?;
    let is_cut = found.len() > query.paging.limit;
    let items: Vec<CatalogueItem> = found.into_values().take(query.paging.limit).collect();
    let last = items.last().map(|item| item.metric_key.clone().into_bytes()).filter(|_| is_cut);
    Ok(Page::new(state.cursors(), &query.paging, items, last.as_deref()))
}

impl CatalogueQuery {
    /// Finds the series in memory that belong to a page, and one more where there is one.
    fn in_memory(&self, handle: &Handle, after: Option<&MetricKey>) -> Found {
        let mut found = Found::new();
        handle.visit(|series| {
            let Some(key) = key_with_prefix(series, self.prefix()) else { return };
            if after.is_none_or(|after| key > *after) {
                let item = CatalogueItem::live(series, &key);
                found.insert(key, item);
                self.cut(&mut found);
            }
        });
        found
    }

    /// Adds those that only the store has. A series that is in memory stands in the page already, or behind it.
    async fn add_stored(&self, handle: &Handle, after: Option<MetricKey>, found: &mut Found) -> Result<(), Problem> {
        let mut query = SeriesQuery { selector: self.selector(), after, limit: self.paging.limit + 1 };
        loop {
            let stored = handle.stored_series(&query).await;
            let stored = stored.map_err(|error| Problem::of_store(&error, page::LIMIT.name))?;
            query.after = stored.last().map(|info| info.key.clone());
            let is_last = stored.len() < query.limit;
            for info in stored.into_iter().filter(|info| has_prefix(&info.key, self.prefix())) {
                if let Entry::Vacant(place) = found.entry(info.key.clone()) {
                    place.insert(CatalogueItem::stored(info));
                }
            }
            self.cut(found);
            let is_full = found.len() > self.paging.limit && found.keys().next_back() <= query.after.as_ref();
            if is_last || is_full {
                return Ok(());
            }
        }
    }

    fn cut(&self, found: &mut Found) {
        while found.len() > self.paging.limit + 1 {
            found.pop_last();
        }
    }

    fn prefix(&self) -> &str {
        self.prefix.as_deref().unwrap_or_default()
    }

    /// Chooses by the part of the prefix that is the name's.
    fn selector(&self) -> Selector {
        let matcher = match self.prefix().split_once('{') {
            Some((name, _)) => Matcher::equal(None, name),
            None => Matcher::prefix(None, self.prefix()),
        };
        Selector::Matching(vec![matcher])
    }
}

impl CatalogueItem {
    fn live(series: &SeriesView<'_>, key: &MetricKey) -> Self {
        let metric = series.metric();
        Self {
            metric_key: key.to_string(),
            otel_name: metric.otel.map(|otel| otel.name),
            unit: metric.unit.as_str().into(),
            kind: metric.kind.as_str(),
            labels: labels(key),
            last_at: series.latest().map(|point| Rfc3339(point.timestamp)),
            points: series.point_count(),
            ended_at: None,
        }
    }

    fn stored(info: SeriesInfo) -> Self {
        let metric = names::find(info.key.name());
        Self {
            metric_key: info.key.to_string(),
            otel_name: metric.and_then(|metric| metric.otel).map(|otel| otel.name),
            unit: info.unit.into_string().into(),
            kind: metric.map_or(info.kind.as_str(), |metric| metric.kind.as_str()),
            labels: labels(&info.key),
            last_at: None,
            points: 0,
            ended_at: info.ended_at.map(Rfc3339),
        }
    }
}
