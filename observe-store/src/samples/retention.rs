//! What is too old or too much leaves, the oldest first, a few rows at a time.

use std::time::Duration;

use observe_core::{StoreError, Timestamp, Upkeep};

use super::{
    rows::Table,
    seal::Counts,
    slot::{NANOS_PER_MINUTE, PackKey},
};
use crate::{
    RetentionConfig,
    db::{Database, Dialect, Row, Statement, Transaction, Value},
    sql::retention::{self, Kept},
};

/// Looks every minute for what has to leave.
#[derive(Debug)]
pub(crate) struct Retention {
    limits: RetentionConfig,
    /// When the next round begins.
    due: Timestamp,
    /// The tasks that are left of this round, the next one last.
    tasks: Vec<Task>,
    sizes: [Size; 3],
    /// Rows that have left.
    pub(crate) removed: u64,
}

/// One thing to look at.
#[derive(Clone, Copy, Debug)]
enum Task {
    /// Rows of a table that are too old.
    Old(Table),
    /// How large a table is.
    Measure(Table),
    /// Rows of a table that is too large.
    Excess(Table),
    Rows(Kept),
    States,
    Series,
    /// Room in the file that nothing takes any more.
    Room,
}

/// How large a table is, as far as that is known.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    bytes: u64,
    /// The last row that was measured; `None` once all are.
    after: Option<i64>,
    /// When all were measured last.
    measured: Option<Timestamp>,
    counting: u64,
}

impl Retention {
    pub(crate) fn new(limits: RetentionConfig) -> Self {
        Self { limits, due: Timestamp::MIN, tasks: Vec::new(), sizes: [Size::default(); 3], removed: 0 }
    }

    /// Notes that rows were written, most of them in place of others.
    pub(crate) fn add(&mut self, counts: &Counts) {
        for (size, (written, replaced)) in self.sizes.iter_mut().zip(counts.bytes.into_iter().zip(counts.replaced)) {
            size.bytes = (size.bytes + written).saturating_sub(replaced);
        }
    }

    /// Does the next piece of the round, or begins one when it is time. `longest_slot` is that of any group.
    pub(crate) async fn step(
        &mut self,
        database: &Database,
        now: Timestamp,
        longest_slot: i64,
    ) -> Result<Upkeep, StoreError> {
        let Some(task) = self.tasks.last().copied() else {
            if now < self.due {
                return Ok(Upkeep::Done);
            }
            self.due = now + ROUND;
            self.tasks = self.round(now);
            return Ok(Upkeep::More);
        };
        let mut tx = if let Task::Measure(_) = task { database.read().await? } else { database.write().await? };
        let is_done = self.run(&mut tx, task, now, longest_slot).await?;
        tx.commit().await?;
        if is_done {
            self.tasks.pop();
        }
        Ok(Upkeep::More)
    }

    /// Lists what there is to look at.
    fn round(&mut self, now: Timestamp) -> Vec<Task> {
        let mut tasks: Vec<Task> = vec![Task::Room, Task::Series, Task::States];
        tasks.extend(Kept::ALL.map(Task::Rows));
        for table in Table::ALL {
            if self.max_bytes(table) > 0 {
                tasks.push(Task::Excess(table));
                let size = &mut self.sizes[table as usize];
                if size.measured.is_none_or(|measured| now.since(measured) >= MEASURE_AGAIN) {
                    (size.after, size.counting) = (Some(i64::MIN), 0);
                    tasks.push(Task::Measure(table));
                }
            }
            tasks.push(Task::Old(table));
        }
        tasks
    }

    /// Does one piece of a task. Returns whether the task is done.
    async fn run(
        &mut self,
        tx: &mut Transaction,
        task: Task,
        now: Timestamp,
        longest_slot: i64,
    ) -> Result<bool, StoreError> {
        match task {
            Task::Old(table) => {
                // A slot leaves once all of it is too old.
                let minute = before(now, self.days(table)).as_nanos().div_euclid(NANOS_PER_MINUTE);
                let minute = minute.saturating_sub(table.slot_minutes(longest_slot));
                self.remove(tx, table, PackKey { minute, pack_no: 0 }.id(), ROWS_AT_ONCE).await
            }
            Task::Measure(table) => self.measure(tx, table, now).await,
            Task::Excess(table) => {
                let excess = self.sizes[table as usize].bytes.saturating_sub(self.max_bytes(table));
                if excess == 0 {
                    return Ok(true);
                }
                let rows = i64::try_from(excess / LARGE_ROW).unwrap_or(i64::MAX).clamp(1, ROWS_AT_ONCE);
                self.remove(tx, table, i64::MAX, rows).await
            }
            Task::Rows(kept) => {
                let days = match kept {
                    Kept::Events => self.limits.event_days,
                    Kept::Logs => self.limits.log_days,
                    Kept::Spans => self.limits.span_days,
                };
                Ok(retention::remove(tx, kept, before(now, days)).await? == Upkeep::Done)
            }
            Task::States => {
                let sql = "DELETE FROM state WHERE (kind, key) IN \
                           (SELECT kind, key FROM state WHERE updated_at < $1 LIMIT 256)";
                let old = before(now, STATE_DAYS).as_nanos();
                Ok(tx.execute(sql, &[Value::Int(old)]).await? == 0)
            }
            Task::Room => give_back_room(tx).await,
            Task::Series => {
                let sql = "DELETE FROM series WHERE series_id IN \
                           (SELECT series_id FROM series WHERE ended_at < $1 LIMIT 256)";
                let old = before(now, self.limits.hour_days.max(self.limits.minute_days).max(self.limits.raw_days));
                // The last row of a tier may reach so much further.
                let old = old.as_nanos().saturating_sub(Table::Tier2.slot_minutes(longest_slot) * NANOS_PER_MINUTE);
                Ok(tx.execute(sql, &[Value::Int(old)]).await? == 0)
            }
        }
    }

    /// Removes the oldest rows numbered below `end`. Returns whether there are none.
    async fn remove(&mut self, tx: &mut Transaction, table: Table, end: i64, limit: i64) -> Result<bool, StoreError> {
        let (rows, bytes) = table.remove_oldest(tx, end, limit).await?;
        let size = &mut self.sizes[table as usize];
        size.bytes = size.bytes.saturating_sub(bytes);
        self.removed += rows;
        Ok(rows == 0)
    }

    async fn measure(&mut self, tx: &mut Transaction, table: Table, now: Timestamp) -> Result<bool, StoreError> {
        let size = &mut self.sizes[table as usize];
        let Some(after) = size.after else { return Ok(true) };
        let (last, bytes) = table.lengths_after(tx, after).await?;
        size.counting += bytes;
        size.after = last;
        if last.is_none() {
            size.bytes = size.counting;
            size.measured = Some(now);
        }
        Ok(last.is_none())
    }

    const fn days(&self, table: Table) -> f64 {
        match table {
            Table::Pack => self.limits.raw_days,
            Table::Tier1 => self.limits.minute_days,
            Table::Tier2 => self.limits.hour_days,
        }
    }

    const fn max_bytes(&self, table: Table) -> u64 {
        match table {
            Table::Pack => self.limits.raw_max_bytes,
            Table::Tier1 => self.limits.minute_max_bytes,
            Table::Tier2 => self.limits.hour_max_bytes,
        }
    }
}

impl Table {
    /// Removes the oldest rows numbered below `end`, at most `limit`. Returns how many there were, and how many bytes.
    async fn remove_oldest(self, tx: &mut Transaction, end: i64, limit: i64) -> Result<(u64, u64), StoreError> {
        let sql = match self {
            Self::Pack => {
                "DELETE FROM pack WHERE id IN (SELECT id FROM pack WHERE id < $1 ORDER BY id LIMIT $2) \
                 RETURNING CAST(LENGTH(data) AS BIGINT)"
            }
            Self::Tier1 => {
                "DELETE FROM tier1 WHERE id IN (SELECT id FROM tier1 WHERE id < $1 ORDER BY id LIMIT $2) \
                 RETURNING CAST(LENGTH(data) AS BIGINT)"
            }
            Self::Tier2 => {
                "DELETE FROM tier2 WHERE id IN (SELECT id FROM tier2 WHERE id < $1 ORDER BY id LIMIT $2) \
                 RETURNING CAST(LENGTH(data) AS BIGINT)"
            }
        };
        let lengths = tx
            .fetch_all(sql, &[Value::Int(end), Value::Int(limit)], |row: &Row<'_>| Ok(row.int(0)?.unsigned_abs()))
            .await?;
        Ok((lengths.len() as u64, lengths.into_iter().sum()))
    }

    /// Adds up the lengths of the rows with some numbers, as far as there are any.
    pub(crate) async fn length_of(
        self,
        tx: &mut Transaction,
        ids: impl Iterator<Item = i64>,
    ) -> Result<u64, StoreError> {
        let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
        if ids.is_empty() {
            return Ok(0);
        }
        let (name, ids) = (self.name(), ids.join(","));
        let sql = format!("SELECT CAST(COALESCE(SUM(LENGTH(data)), 0) AS BIGINT) FROM {name} WHERE id IN ({ids})");
        let length = tx.fetch_first(Statement::built(sql).once(), &[], |row: &Row<'_>| row.int(0)).await?;
        Ok(length.unwrap_or_default().unsigned_abs())
    }

    /// Adds up the lengths of some rows after one. Returns the last of them; `None` where there are no more.
    async fn lengths_after(self, tx: &mut Transaction, after: i64) -> Result<(Option<i64>, u64), StoreError> {
        let sql = match self {
            Self::Pack => "SELECT id, CAST(LENGTH(data) AS BIGINT) FROM pack WHERE id > $1 ORDER BY id LIMIT 256",
            Self::Tier1 => "SELECT id, CAST(LENGTH(data) AS BIGINT) FROM tier1 WHERE id > $1 ORDER BY id LIMIT 256",
            Self::Tier2 => "SELECT id, CAST(LENGTH(data) AS BIGINT) FROM tier2 WHERE id > $1 ORDER BY id LIMIT 256",
        };
        let read = |row: &Row<'_>| Ok((row.int(0)?, row.int(1)?.unsigned_abs()));
        let rows = tx.fetch_all(sql, &[Value::Int(after)], read).await?;
        Ok((rows.last().map(|(id, _)| *id), rows.iter().map(|(_, bytes)| bytes).sum()))
    }
}

/// Makes the file of SQLite a little smaller while more than a quarter of it is free. Returns whether it is small enough.
async fn give_back_room(tx: &mut Transaction) -> Result<bool, StoreError> {
    if tx.dialect() == Dialect::Postgres {
        return Ok(true);
    }
    let count = |row: &Row<'_>| row.int(0);
    let free = tx.fetch_first("PRAGMA freelist_count", &[], count).await?.unwrap_or_default();
    let all = tx.fetch_first("PRAGMA page_count", &[], count).await?.unwrap_or_default();
    if free <= all / 4 || free <= FREE_PAGES {
        return Ok(true);
    }
    tx.run("PRAGMA incremental_vacuum(64)").await.map(|()| false)
}

/// Returns the time so many days before now.
pub(crate) fn before(now: Timestamp, days: f64) -> Timestamp {
    now - Duration::try_from_secs_f64(days * 86_400.0).unwrap_or(Duration::MAX)
}

/// Rows that leave together when they are too old, and when there are far too many.
const ROWS_AT_ONCE: i64 = 64;
/// Few rows have more bytes, so that dividing by it does not make too many leave.
const LARGE_ROW: u64 = 64 << 10;
/// So many free pages are never too many.
const FREE_PAGES: i64 = 1_024;
const ROUND: Duration = Duration::from_secs(60);
const MEASURE_AGAIN: Duration = Duration::from_secs(3_600);
/// What nobody has renewed for so long belongs to nothing that is still there.
const STATE_DAYS: f64 = 30.0;
