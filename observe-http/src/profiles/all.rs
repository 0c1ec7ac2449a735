//! The union of all endpoint sets.

use crate::routes::{Row, deep_system, events, findings, health, metrics, stats};

pub(super) fn rows() -> Vec<Row> {
    let rows = [
        metrics::overview(),
        metrics::rows(),
        findings::rows(),
        events::rows(),
        stats::rows(),
        health::rows(),
        deep_system::rows(),
    ];
    rows.into_iter().flatten().collect()
}
