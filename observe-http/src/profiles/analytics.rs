//! The endpoint set of the analytics document.

use crate::routes::{Row, events, findings, health, metrics, stats};

pub(super) fn rows() -> Vec<Row> {
    let rows = [metrics::alias(), metrics::rows(), findings::rows(), events::rows(), stats::rows(), health::rows()];
    rows.into_iter().flatten().collect()
}
