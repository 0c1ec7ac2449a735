//! Rows of packed points: read by number, and replaced.

use std::collections::{BTreeMap, BTreeSet};

use observe_core::{StoreError, Timestamp};

use super::{
    slot::{LONGEST_SLOT, NANOS_PER_MINUTE, PackKey},
    tier,
};
use crate::{
    db::{Insert, Row, Transaction, Value},
    pack::{PackView, decode_stamps},
};

/// The tables of packed points, from fine to coarse.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Table {
    /// Points as they came in.
    Pack,
    /// What is known of each minute.
    Tier1,
    /// What is known of each hour.
    Tier2,
}

/// One row.
#[derive(Clone, Debug)]
pub(crate) struct PackRow {
    pub(crate) id: i64,
    /// How many points or buckets it holds.
    pub(crate) points: usize,
    pub(crate) data: Vec<u8>,
}

impl Table {
    pub(crate) const ALL: [Self; 3] = [Self::Pack, Self::Tier1, Self::Tier2];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Pack => "pack",
            Self::Tier1 => "tier1",
            Self::Tier2 => "tier2",
        }
    }

    /// Returns the length of what one point of it stands for, in nanoseconds.
    pub(crate) const fn bucket(self) -> Option<i64> {
        match self {
            Self::Pack => None,
            Self::Tier1 => Some(60_000_000_000),
            Self::Tier2 => Some(3_600_000_000_000),
        }
    }

    /// Returns the length of the slots of its rows in minutes, for a group with raw slots of `slot_minutes`.
    pub(crate) fn slot_minutes(self, slot_minutes: i64) -> i64 {
        match self {
            Self::Pack => slot_minutes,
            Self::Tier1 => slot_minutes.max(360),
            Self::Tier2 => 14_400,
        }
    }

    /// Returns the rows numbered `first` to `last`.
    pub(crate) async fn rows_between(
        self,
        tx: &mut Transaction,
        first: i64,
        last: i64,
    ) -> Result<BTreeMap<i64, Vec<u8>>, StoreError> {
        let sql = match self {
            Self::Pack => "SELECT id, data FROM pack WHERE id BETWEEN $1 AND $2",
            Self::Tier1 => "SELECT id, data FROM tier1 WHERE id BETWEEN $1 AND $2",
            Self::Tier2 => "SELECT id, data FROM tier2 WHERE id BETWEEN $1 AND $2",
        };
        let rows = tx.fetch_all(sql, &[Value::Int(first), Value::Int(last)], read).await?;
        Ok(rows.into_iter().collect())
    }

    /// Writes rows in place of those with their numbers.
    pub(crate) async fn replace(self, tx: &mut Transaction, rows: &[PackRow]) -> Result<(), StoreError> {
        let insert = match self {
            Self::Pack => &REPLACE_PACK,
            Self::Tier1 => &REPLACE_TIER1,
            Self::Tier2 => &REPLACE_TIER2,
        };
        for some in rows.chunks(ROWS_A_STATEMENT) {
            let values: Vec<Value<'_>> = some
                .iter()
                .flat_map(|row| {
                    let points = i64::try_from(row.points).unwrap_or(i64::MAX);
                    [Value::Int(row.id), Value::Int(points), Value::Blob(&row.data)]
                })
                .collect();
            tx.insert_many(insert, &values).await?;
        }
        Ok(())
    }

    /// Removes the rows with these numbers.
    pub(crate) async fn remove(self, tx: &mut Transaction, ids: &BTreeSet<i64>) -> Result<(), StoreError> {
        let sql = match self {
            Self::Pack => "DELETE FROM pack WHERE id = $1",
            Self::Tier1 => "DELETE FROM tier1 WHERE id = $1",
            Self::Tier2 => "DELETE FROM tier2 WHERE id = $1",
        };
        for id in ids {
            tx.execute(sql, &[Value::Int(*id)]).await?;
        }
        Ok(())
    }

    /// Returns when the oldest and the newest row begin, in minutes since the epoch.
    pub(crate) async fn extent(self, tx: &mut Transaction) -> Result<Option<(i64, i64)>, StoreError> {
        let sql = match self {
            Self::Pack => "SELECT (SELECT MIN(id) FROM pack), (SELECT MAX(id) FROM pack)",
            Self::Tier1 => "SELECT (SELECT MIN(id) FROM tier1), (SELECT MAX(id) FROM tier1)",
            Self::Tier2 => "SELECT (SELECT MIN(id) FROM tier2), (SELECT MAX(id) FROM tier2)",
        };
        let read = |row: &Row<'_>| Ok(row.optional_int(0)?.zip(row.optional_int(1)?));
        let extent = tx.fetch_first(sql, &[], read).await?.flatten();
        let minute = |id| PackKey::from_id(id).minute;
        Ok(extent.map(|(oldest, newest)| (minute(oldest), minute(newest))))
    }

    /// Returns the times of the oldest and of the newest point. Where their rows are damaged, it is when those begin.
    pub(crate) async fn reach(self, tx: &mut Transaction) -> Result<Option<(Timestamp, Timestamp)>, StoreError> {
        let Some((first, last)) = self.extent(tx).await? else { return Ok(None) };
        let oldest = self.stamps(tx, (first, first)).await?.map_or(first * NANOS_PER_MINUTE, |(oldest, _)| oldest);
        // A long slot may end after one that begins later.
        let newest = self.stamps(tx, (last - LONGEST_SLOT, last)).await?;
        let newest = newest.map_or(last * NANOS_PER_MINUTE, |(_, newest)| newest);
        Ok(Some((Timestamp::from_nanos(oldest), Timestamp::from_nanos(newest))))
    }

    /// Returns the first and the last time in the rows of the slots that begin in these minutes.
    async fn stamps(self, tx: &mut Transaction, (from, to): (i64, i64)) -> Result<Option<(i64, i64)>, StoreError> {
        // The packs of a group share the row 32.
        let sql = match self {
            Self::Pack => "SELECT id, data FROM pack WHERE id >= $1 AND id < $2 AND id & 63 = 32",
            Self::Tier1 => "SELECT id, data FROM tier1 WHERE id >= $1 AND id < $2",
            Self::Tier2 => "SELECT id, data FROM tier2 WHERE id >= $1 AND id < $2",
        };
        let begin = |minute| Value::Int(PackKey { minute, pack_no: 0 }.id());
        let mut reach: Option<(i64, i64)> = None;
        let read = |row: &Row<'_>| {
            let data = row.blob(1)?;
            let stamps = match self {
                Self::Pack => decode_stamps(data),
                Self::Tier1 | Self::Tier2 => PackView::parse(data).and_then(|view| tier::stamps_of(&view)),
            };
            for at in stamps.unwrap_or_default() {
                reach = Some(reach.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
            }
            Ok(())
        };
        tx.fetch_all(sql, &[begin(from), begin(to + 1)], read).await?;
        Ok(reach)
    }
}

fn read(row: &Row<'_>) -> Result<(i64, Vec<u8>), StoreError> {
    Ok((row.int(0)?, row.blob(1)?.to_vec()))
}

/// The conflict of a row that is written again.
macro_rules! replace {
    ($into:literal) => {
        Insert {
            into: $into,
            columns: &["id", "n", "data"],
            conflict: "ON CONFLICT(id) DO UPDATE SET n = excluded.n, data = excluded.data",
        }
    };
}

static REPLACE_PACK: Insert = replace!("INSERT INTO pack");
static REPLACE_TIER1: Insert = replace!("INSERT INTO tier1");
static REPLACE_TIER2: Insert = replace!("INSERT INTO tier2");

const ROWS_A_STATEMENT: usize = 64;
