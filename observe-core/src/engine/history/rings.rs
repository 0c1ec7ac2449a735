//! The rings, asked like a store.

use async_trait::async_trait;

use super::super::Handle;
use crate::{
    Aggregate, MetricKey, MetricKind, MetricStore, RangeQuery, Selector, SeriesInfo, SeriesKind, SeriesPoints,
    SeriesQuery, SeriesView, StoreError, history::averages_steps,
};

/// What is in memory. Derived series are among it, but for averages of steps, which follow from their terms.
pub(super) struct Rings<'a>(pub(super) &'a Handle);

#[async_trait]
impl MetricStore for Rings<'_> {
    async fn series(&self, query: &SeriesQuery) -> Result<Vec<SeriesInfo>, StoreError> {
        let mut infos = Vec::new();
        self.visit(&query.selector, |series, key| {
            if query.after.as_ref().is_none_or(|after| key > *after) {
                let mut info = SeriesInfo::new(key, kind(series));
                info.interval = series.interval();
                info.unit = series.metric().unit.as_str().into();
                info.producer = series.producer().into();
                infos.push(info);
            }
        });
        infos.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        infos.dedup_by(|one, other| one.key == other.key);
        infos.truncate(query.limit);
        Ok(infos)
    }

    async fn range(&self, query: &RangeQuery) -> Result<Vec<SeriesPoints>, StoreError> {
        let mut keys = Vec::new();
        match &query.selector {
            Selector::Keys(named) => keys.clone_from(named),
            matching @ Selector::Matching(_) => self.visit(matching, |_, key| keys.push(key)),
        }
        keys.sort_unstable();
        keys.dedup();
        let (mut answer, mut left) = (Vec::new(), query.max_points);
        // One lock for each, so that the next step is not held up by all of them.
        for series in keys.into_iter().filter_map(|key| self.read(key, query)) {
            let too_many = StoreError::TooMany { what: "points", limit: query.max_points };
            left = left.checked_sub(series.points.len()).ok_or(too_many)?;
            answer.push(series);
        }
        Ok(answer)
    }
}

impl Rings<'_> {
    fn visit(&self, selector: &Selector, mut visit: impl FnMut(&SeriesView<'_>, MetricKey)) {
        let processor = self.0.shared.processor.read();
        let registry = processor.registry();
        let mut show = |series: SeriesView<'_>| {
            if selector.matches_name(&series.metric().name) {
                let key = series.key();
                if selector.matches(&key) {
                    visit(&series, key);
                }
            }
        };
        match (selector, selector.name()) {
            (Selector::Keys(keys), _) => keys.iter().filter_map(|key| registry.find(key)).for_each(show),
            (_, Some(name)) => registry.named(name).for_each(&mut show),
            (_, None) => registry.views().for_each(&mut show),
        }
    }

    fn read(&self, key: MetricKey, query: &RangeQuery) -> Option<SeriesPoints> {
        let (start, end) = query.whole_steps();
        let (kind, points) = self.0.with_series(&key, |series| {
            if averages_steps(query) && matches!(series.metric().kind, MetricKind::Derived(_)) {
                return None;
            }
            let is_growth = matches!(query.aggregate, Aggregate::Increase | Aggregate::Rate);
            let before = if is_growth { series.newest_before(start) } else { None };
            let points = series.points(start, end);
            Some((kind(series), query.aggregate.by_step(&points, before, query.step)))
        })??;
        Some(SeriesPoints { key, kind, points })
    }
}

fn kind(series: &SeriesView<'_>) -> SeriesKind {
    match series.metric().kind {
        MetricKind::Counter => SeriesKind::Counter,
        MetricKind::Derived(_) | MetricKind::Gauge => SeriesKind::Gauge,
    }
}
