//! Series by the start of their keys.

use observe_core::SeriesView;

/// Returns the key of a series if it begins so.
pub(crate) fn key_with_prefix(series: &SeriesView<'_>, prefix: &str) -> Option<String> {
    // Most names can be told apart before their attributes are spelled out.
    let name = &*series.metric().name;
    if !name.starts_with(prefix) && !prefix.starts_with(name) {
        return None;
    }
    Some(series.key().to_string()).filter(|key| key.starts_with(prefix))
}
