//! What a store holds, in numbers.

use std::fs;

use observe_core::{StoreError, Timestamp};

use super::SqlStore;
use crate::{
    db::{Dialect, Row, Transaction},
    samples::Table,
};

/// What a store holds, in numbers.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct StoreStats {
    /// The version of its tables.
    pub version: i64,
    /// What it takes on disk, in bytes: of a file with what is not yet written back to it.
    pub disk_bytes: u64,
    /// Series that go on.
    pub live_series: u64,
    /// Series whose producers ceased to name them.
    pub ended_series: u64,
    /// Points as they came in, those of the head aside.
    pub raw: TierStats,
    /// What is kept of each minute.
    pub minutes: TierStats,
    /// What is kept of each hour.
    pub hours: TierStats,
    /// Commits whose points are not all packed.
    pub head_rows: u64,
    /// Bytes of those.
    pub head_bytes: u64,
    /// Events that are neither log records nor spans.
    pub events: u64,
    /// Log records.
    pub logs: u64,
    /// Spans.
    pub spans: u64,
    /// What detectors and their like remember.
    pub states: u64,
}

/// What a table of packed points holds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct TierStats {
    /// Rows, each of up to 16 series.
    pub rows: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Points, or of a tier minutes or hours of series.
    pub points: u64,
    /// The oldest point of the rows that begin first.
    pub oldest: Option<Timestamp>,
    /// The newest point of all rows, those of the head aside.
    pub newest: Option<Timestamp>,
}

impl TierStats {
    /// Returns the bytes that one point takes; `None` where there are no points.
    #[must_use]
    pub fn bytes_per_point(&self) -> Option<f64> {
        (self.points > 0).then(|| self.bytes as f64 / self.points as f64)
    }
}

impl SqlStore {
    /// Counts what is stored. It looks at every row of packed points, though only into the oldest and the newest.
    ///
    /// # Errors
    ///
    /// Says why it cannot be counted.
    ///
    /// # Cancel safety
    ///
    /// It only reads.
    pub async fn stats(&self) -> Result<StoreStats, StoreError> {
        let tx = &mut self.database().read().await?;
        let series = "SELECT CAST(COALESCE(SUM(live), 0) AS BIGINT), CAST(COALESCE(SUM(1 - live), 0) AS BIGINT) FROM \
             (SELECT MAX(CASE WHEN ended_at IS NULL THEN 1 ELSE 0 END) AS live FROM series GROUP BY name, labels) AS s";
        let [live_series, ended_series] = numbers(tx, series).await?;
        let head = "SELECT COUNT(*), CAST(COALESCE(SUM(LENGTH(data)), 0) AS BIGINT) FROM head";
        let [head_rows, head_bytes] = numbers(tx, head).await?;
        let counts = "SELECT (SELECT COUNT(*) FROM events), (SELECT COUNT(*) FROM logs), \
             (SELECT COUNT(*) FROM spans), (SELECT COUNT(*) FROM state)";
        let [events, logs, spans, states] = numbers(tx, counts).await?;
        let [version] = numbers(tx, "SELECT MAX(version) FROM schema_version").await?;
        Ok(StoreStats {
            version: i64::try_from(version).unwrap_or_default(),
            disk_bytes: disk_bytes(tx).await?,
            live_series,
            ended_series,
            raw: tier(tx, Table::Pack).await?,
            minutes: tier(tx, Table::Tier1).await?,
            hours: tier(tx, Table::Tier2).await?,
            head_rows,
            head_bytes,
            events,
            logs,
            spans,
            states,
        })
    }

    /// Returns whether nothing was ever stored: no series, no events, log records or spans.
    ///
    /// # Errors
    ///
    /// Says why the store could not answer.
    ///
    /// # Cancel safety
    ///
    /// It only reads.
    pub async fn is_empty(&self) -> Result<bool, StoreError> {
        is_empty(&mut self.database().read().await?).await
    }
}

pub(super) async fn is_empty(tx: &mut Transaction) -> Result<bool, StoreError> {
    let sql = "SELECT CASE WHEN EXISTS(SELECT 1 FROM series) OR EXISTS(SELECT 1 FROM head) \
         OR EXISTS(SELECT 1 FROM events) OR EXISTS(SELECT 1 FROM logs) OR EXISTS(SELECT 1 FROM spans) \
         OR EXISTS(SELECT 1 FROM state) OR EXISTS(SELECT 1 FROM users) THEN 1 ELSE 0 END::BIGINT";
    let sqlite = "SELECT EXISTS(SELECT 1 FROM series) OR EXISTS(SELECT 1 FROM head) OR EXISTS(SELECT 1 FROM events) \
         OR EXISTS(SELECT 1 FROM logs) OR EXISTS(SELECT 1 FROM spans) OR EXISTS(SELECT 1 FROM state) \
         OR EXISTS(SELECT 1 FROM users)";
    let [any] = numbers(tx, if tx.dialect() == Dialect::Sqlite { sqlite } else { sql }).await?;
    Ok(any == 0)
}

async fn tier(tx: &mut Transaction, table: Table) -> Result<TierStats, StoreError> {
    // The rows with the times that packs share hold no points: their number in a group is 32.
    let sql = match table {
        Table::Pack => {
            "SELECT COUNT(*), CAST(COALESCE(SUM(LENGTH(data)), 0) AS BIGINT), \
             CAST(COALESCE(SUM(CASE WHEN id & 63 = 32 THEN 0 ELSE n END), 0) AS BIGINT) FROM pack"
        }
        Table::Tier1 => {
            "SELECT COUNT(*), CAST(COALESCE(SUM(LENGTH(data)), 0) AS BIGINT), \
             CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM tier1"
        }
        Table::Tier2 => {
            "SELECT COUNT(*), CAST(COALESCE(SUM(LENGTH(data)), 0) AS BIGINT), \
             CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM tier2"
        }
    };
    let [rows, bytes, points] = numbers(tx, sql).await?;
    let (oldest, newest) =
        table.reach(tx).await?.map(|(oldest, newest)| (Some(oldest), Some(newest))).unwrap_or_default();
    Ok(TierStats { rows, bytes, points, oldest, newest })
}

async fn disk_bytes(tx: &mut Transaction) -> Result<u64, StoreError> {
    if tx.dialect() == Dialect::Postgres {
        let [bytes] = numbers(tx, "SELECT pg_database_size(current_database())").await?;
        return Ok(bytes);
    }
    let sql = "SELECT file FROM pragma_database_list WHERE name = 'main'";
    let path = tx.fetch_first(sql, &[], |row| Ok(row.text(0)?.to_owned())).await?.unwrap_or_default();
    let size = |path: String| fs::metadata(path).map_or(0, |metadata| metadata.len());
    Ok(size(format!("{path}-wal")) + size(path))
}

/// Reads one row of numbers that are not negative.
async fn numbers<const N: usize>(tx: &mut Transaction, sql: &'static str) -> Result<[u64; N], StoreError> {
    let read = |row: &Row<'_>| {
        let mut numbers = [0; N];
        for (column, number) in numbers.iter_mut().enumerate() {
            *number = u64::try_from(row.int(column)?).unwrap_or_default();
        }
        Ok(numbers)
    };
    Ok(tx.fetch_first(sql, &[], read).await?.unwrap_or([0; N]))
}
