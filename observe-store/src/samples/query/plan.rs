//! Which table answers a question, and of what time.

use std::{
    ops::{Range, RangeInclusive},
    time::Duration,
};

use observe_core::{Aggregate, RangeQuery, SeriesKind, StoreError};

use super::{
    super::{rows::Table, slot::NANOS_PER_MINUTE},
    select::{GroupPlaces, Member},
};
use crate::db::Transaction;

/// A pack, and what is looked for in it.
#[derive(Clone, Debug)]
pub(crate) struct Pack {
    pub(crate) pack_no: i64,
    /// Which members of the group it has.
    pub(crate) members: Range<usize>,
    /// When its slots begin, in minutes since the epoch: the first, and no later than the last.
    minutes: RangeInclusive<i64>,
    length: i64,
}

/// How a question is answered.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) table: Table,
    /// Points in `[start, end)` are in the answer, in nanoseconds.
    pub(crate) start: i64,
    pub(crate) end: i64,
    /// From here on points are looked at: growth counts from the one before the range.
    pub(crate) from: i64,
    /// No row begins before the one or after the other, in minutes since the epoch.
    pub(crate) rows: (i64, i64),
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
        let needs_reach = table == Table::Pack && !query.step.is_zero();
        // To ask in vain for a few rows costs less than to ask which there are.
        let is_short = end.saturating_sub(start) <= SHORT;
        let rows = if is_short && !needs_reach {
            (i64::MIN, i64::MAX)
        } else {
            let rows = table.extent(tx).await?;
            if needs_reach {
                check_reach(tx, query.aggregate, needs_points, start, rows).await?;
            }
            rows.unwrap_or((i64::MAX, i64::MIN))
        };
        let from = if is_growth { start.saturating_sub(LOOKBACK) } else { start };
        let step = i64::try_from(query.step.as_nanos()).unwrap_or(i64::MAX);
        Ok(Self { table, start, end, from, rows, aggregate: query.aggregate, step })
    }

    /// Returns the packs that members of a group have in the table.
    pub(crate) fn packs(&self, group: &GroupPlaces) -> Vec<Pack> {
        let length = self.table.slot_minutes(group.slot_minutes);
        let mut packs = Vec::new();
        let mut first = 0;
        for members in group.members.chunk_by(|one, next| one.pack_no == next.pack_no) {
            let numbers = first..first + members.len();
            first = numbers.end;
            let times = members.iter().map(|member| self.minutes(length, member));
            let hull = |all: RangeInclusive<i64>, more: RangeInclusive<i64>| {
                *all.start().min(more.start())..=*all.end().max(more.end())
            };
            let minutes = times.filter(|minutes| !minutes.is_empty()).reduce(hull);
            if let (Some(minutes), Some(member)) = (minutes, members.first()) {
                packs.push(Pack { pack_no: member.pack_no, members: numbers, minutes, length });
            }
        }
        packs
    }

    /// Returns when the slots begin that may have points of a member, in minutes since the epoch: the first and the last.
    fn minutes(&self, length: i64, member: &Member) -> RangeInclusive<i64> {
        let minute = |nanos: i64| nanos.div_euclid(NANOS_PER_MINUTE);
        let (oldest, newest) = self.rows;
        let first = minute(self.from).max(oldest).max(minute(member.created_at).saturating_sub(LATE_MINUTES));
        let last = minute(self.end.saturating_sub(1)).min(newest.saturating_add(length));
        let last = last.min(member.ended_at.map_or(i64::MAX, |at| minute(at) + LATE_MINUTES));
        first - first.rem_euclid(length)..=last
    }
}

impl Pack {
    /// Tells whether another one has the same slots.
    pub(crate) fn is_beside(&self, other: &Self) -> bool {
        self.minutes == other.minutes
    }

    /// Walks over the slots, by when they begin.
    pub(crate) fn slots(&self) -> impl Iterator<Item = i64> + use<> {
        self.minutes.clone().step_by(usize::try_from(self.length).unwrap_or(1))
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

/// The longest range whose rows are asked for without a look which there are: eight hours.
const SHORT: i64 = 8 * 3_600_000_000_000;
/// How far before a range the point may be from which growth counts: five minutes.
const LOOKBACK: i64 = 300_000_000_000;
/// How far outside of the time between a series' first frame and its last those points may be that came out of order: a day.
const LATE_MINUTES: i64 = 1_440;
