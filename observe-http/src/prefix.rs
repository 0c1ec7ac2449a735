//! Series by the start of their keys.

use observe_core::{MetricKey, SeriesView};

/// Returns the key of a series if it begins so.
pub(crate) fn key_with_prefix(series: &SeriesView<'_>, prefix: &str) -> Option<MetricKey> {
    // Most names can be told apart before their attributes are spelled out.
    let name = &*series.metric().name;
    if !name.starts_with(prefix) && !prefix.starts_with(name) {
        return None;
    }
    Some(series.key()).filter(|key| has_prefix(key, prefix))
}

/// Returns whether the text of a key begins so.
pub(crate) fn has_prefix(key: &MetricKey, prefix: &str) -> bool {
    key.name().starts_with(prefix) || (prefix.starts_with(key.name()) && key.to_string().starts_with(prefix))
}
