//! Which table answers a question, and of what time.

use std::time::Duration;

use observe_core::{Aggregate, RangeQuery, SeriesKind, StoreError};

use super::super::{rows::Table, slot::NANOS_PER_MINUTE};
use crate::db::Transaction;

/// How a question is answered.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) table: Table,
    /// Points in `[start, end)` are in the answer, in nanoseconds.
    pub(crate) start: i64,
    pub(crate) end: i64,
    /// From here on points are looked at: growth counts from the one before the range.
    pub(crate) from: i64,
    /// When the oldest and the newest row begin, in minutes since the epoch; `None` where there is none.
    pub(crate) rows: Option<(i64, i64)>,
    pub(crate) aggregate: Aggregate,
    /// In nanoseconds; zero for points as they were stored.
    pub(crate) step: i64,
}

impl Plan {
    /// Plans for a query about series of some kinds.
    pub(crate) async fn new(
        tx: &mut Transaction,
        query: &RangeQuery,
        mut kinds: impl Iterator<Item = SeriesKind>,
    ) -> Result<Self, StoreError> {
        let (start, end) = query.whole_steps();
        let (start, end) = (start.as_nanos(), end.as_nanos());
        let is_growth = matches!(query.aggregate, Aggregate::Increase | Aggregate::Rate);
        // What a gauge grew by is not among what is known of a minute.
        let needs_points = query.aggregate.needs_points() || is_growth && kinds.any(|kind| kind != SeriesKind::Counter);
        let table = if needs_points { Table::Pack } else { table(query.step) };
        let rows = table.extent(tx).await?;
        if table == Table::Pack && !query.step.is_zero() {
            check_reach(tx, query.aggregate, needs_points, start, rows).await?;
        }
        let from = if is_growth { start.saturating_sub(LOOKBACK) } else { start };
        let step = i64::try_from(query.step.as_nanos()).unwrap_or(i64::MAX);
        Ok(Self { table, start, end, from, rows, aggregate: query.aggregate, step })
    }

    /// Returns the rows that a series of a group can have, as the first minutes of their slots.
    pub(crate) fn minutes(&self, slot_minutes: i64, created_at: i64, ended_at: Option<i64>) -> Vec<i64> {
        let length = self.table.slot_minutes(slot_minutes);
        let Some((oldest, newest)) = self.rows else { return Vec::new() };
        let minute = |nanos: i64| nanos.div_euclid(NANOS_PER_MINUTE);
        let first = minute(self.from).max(oldest).max(minute(created_at).saturating_sub(LATE_MINUTES));
        let last = minute(self.end.saturating_sub(1)).min(newest + length);
        let last = last.min(ended_at.map_or(i64::MAX, |at| minute(at) + LATE_MINUTES));
        let first = first - first.rem_euclid(length);
        let count = if first > last { 0 } else { (last - first) / length + 1 };
        (0..count).map(|slot| first + slot * length).collect()
    }
}

/// Chooses the coarsest table whose points make up whole steps.
fn table(step: Duration) -> Table {
    let fits = |table: &Table| {
        let bucket = table.bucket().map_or(1, i64::unsigned_abs);
        step.as_nanos().is_multiple_of(u128::from(bucket))
    };
    if step.is_zero() {
        return Table::Pack;
    }
    Table::ALL.into_iter().rev().find(fits).unwrap_or(Table::Pack)
}

/// Refuses what only points can answer for a time of which nothing but minutes is left.
async fn check_reach(
    tx: &mut Transaction,
    aggregate: Aggregate,
    needs_points: bool,
    start: i64,
    rows: Option<(i64, i64)>,
) -> Result<(), StoreError> {
    let Some((oldest, _)) = rows.filter(|(oldest, _)| start < oldest.saturating_mul(NANOS_PER_MINUTE)) else {
        return Ok(());
    };
    let minutes = Table::Tier1.extent(tx).await?.map(|(minutes, _)| minutes);
    if minutes.is_none_or(|minutes| minutes + Table::Tier1.slot_minutes(1) > oldest) {
        return Ok(());
    }
    let age = "points are kept as they came in for a shorter time than the range reaches back";
    let advice = match (needs_points, aggregate) {
        (false, _) => "take a shorter range, or a step of whole minutes",
        (true, Aggregate::Percentile(_)) => {
            "percentiles need them: take a shorter range, or avg, min, max, sum, count, last, rate or increase"
        }
        (true, _) => "rate and increase of gauges need them: take a shorter range, counters, or avg, min, max or last",
    };
    Err(StoreError::Unanswerable { reason: format!("{age}; {advice}") })
}

/// How far before a range the point may be from which growth counts: five minutes.
const LOOKBACK: i64 = 300_000_000_000;
/// How far outside of the time between a series' first frame and its last those points may be that came out of order: a day.
const LATE_MINUTES: i64 = 1_440;
