//! The host's metrics.

use std::collections::HashMap;

use observe_core::{Handle, Metric, SeriesView};

use super::{Exposition, Name, names};
use crate::prefix::key_with_prefix;

/// Adds the newest value of every series whose subject is still there and that is not excluded.
pub(super) fn add(exposition: &mut Exposition, handle: &Handle, exclude: &[String]) {
    // Metrics are few and series many, and series of one metric share the row: its address is its identity.
    let mut families: HashMap<*const Metric, Option<(Name, f64)>> = HashMap::new();
    handle.visit(|series| {
        if !series.is_live() {
            return;
        }
        let metric = series.metric();
        let Some((name, factor)) = families.entry(metric).or_insert_with(|| names::family(metric)) else { return };
        let Some(point) = series.latest() else { return };
        if exclude.iter().any(|prefix| key_with_prefix(series, prefix).is_some()) {
            return;
        }
        exposition.add_labelled(name, labels(series), point.value * *factor);
    });
}

fn labels(series: &SeriesView<'_>) -> Option<String> {
    let fixed = series.metric().otel.map_or(&[][..], |otel| otel.attributes);
    let own = series.subject_attributes().iter().chain(series.column_attributes());
    let pairs: Vec<(&str, &str)> =
        own.map(|attribute| (&*attribute.key, &*attribute.value)).chain(fixed.iter().copied()).collect();
    names::labels(&pairs)
}
