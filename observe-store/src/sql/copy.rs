//! A store moves into another database, row by row.

use observe_core::{EventKind, StoreError};

use super::{SqlStore, body, inspect, logs, words};
use crate::{
    Config,
    db::{Dialect, Insert, Row, Transaction, Value},
    head, samples,
};

/// How many rows of a table were copied so far.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Copied {
    /// The table.
    pub table: &'static str,
    /// Its rows.
    pub rows: u64,
    /// Those of them that are damaged. They are copied as they are: nothing that could be saved is lost.
    pub damaged: u64,
    /// Whether that is all of them.
    pub is_done: bool,
}

impl SqlStore {
    /// Copies everything into an empty store: packs bit by bit, what is not packed, events, log records, spans, states,
    /// and what else there is. What is copied is what was there when it began, whoever writes meanwhile. `report` hears
    /// of every table, also while it is copied. What is damaged is copied as it is, and counted.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] where the other store is not empty, and whatever keeps one from being read or the other
    /// from being written. Nothing is copied then.
    pub async fn copy_to(&self, target: &Config, mut report: impl FnMut(Copied) + Send) -> Result<(), StoreError> {
        let name = target.shown_url();
        let target = Self::open(target).await?;
        let copied = self.copy_tables(&target, name, &mut report).await;
        let closed = target.into_database().close().await;
        copied.and(closed)
    }

    async fn copy_tables(
        &self,
        target: &Self,
        name: String,
        report: &mut (impl FnMut(Copied) + Send),
    ) -> Result<(), StoreError> {
        let mut from = self.database().read().await?;
        let mut to = target.database().write().await?;
        from.take_time().await?;
        to.take_time().await?;
        if !inspect::is_empty(&mut to).await? {
            return Err(StoreError::Refused {
                store: name,
                reason: "there is something in it, and only an empty database can be copied into".to_owned(),
            });
        }
        for table in &TABLES {
            copy(&mut from, &mut to, table, report).await?;
        }
        to.commit().await
    }
}

/// A table, and how its rows are read.
struct Shape {
    name: &'static str,
    insert: Insert,
    /// Of each column what it holds: `b`lob, `f`loat, `i`nteger, `t`ext.
    kinds: &'static str,
    /// What its rows are told apart by. Where that is an integer, it is the first column.
    key: &'static str,
}

/// A cell that outlives its row.
enum Cell {
    Blob(Option<Vec<u8>>),
    Float(Option<f64>),
    Int(Option<i64>),
    Text(Option<String>),
}

impl Cell {
    fn read(row: &Row<'_>, column: usize, kind: char) -> Result<Self, StoreError> {
        Ok(match kind {
            'b' => Self::Blob(row.optional_blob(column)?.map(<[u8]>::to_vec)),
            'f' => Self::Float(row.optional_float(column)?),
            'i' => Self::Int(row.optional_int(column)?),
            _ => Self::Text(row.optional_text(column)?.map(str::to_owned)),
        })
    }

    fn value(&self) -> Value<'_> {
        match self {
            Self::Blob(bytes) => bytes.as_deref().into(),
            Self::Float(float) => (*float).into(),
            Self::Int(int) => (*int).into(),
            Self::Text(text) => text.as_deref().into(),
        }
    }
}

/// Copies a table a page at a time: by its key, where that is a number, so that no page has to look for its beginning.
async fn copy(
    from: &mut Transaction,
    to: &mut Transaction,
    table: &Shape,
    report: &mut (impl FnMut(Copied) + Send),
) -> Result<(), StoreError> {
    let (columns, Shape { name, key, kinds, .. }) = (table.insert.columns.join(","), table);
    let is_numbered = kinds.starts_with('i') && table.insert.columns.first() == Some(key);
    let sql = if is_numbered {
        format!("SELECT {columns} FROM {name} WHERE {key}>=$1 ORDER BY {key} LIMIT {ROWS}")
    } else {
        format!("SELECT {columns} FROM {name} ORDER BY {key} LIMIT {ROWS} OFFSET $1")
    };
    let mut at = if is_numbered { i64::MIN } else { 0 };
    let mut copied = Copied { table: name, rows: 0, damaged: 0, is_done: false };
    loop {
        let read = |row: &Row<'_>| {
            let cells = kinds.chars().enumerate().map(|(column, kind)| Cell::read(row, column, kind));
            cells.collect::<Result<Vec<Cell>, StoreError>>()
        };
        let rows = from.fetch_all(sql.clone(), &[Value::Int(at)], read).await?;
        copied.rows += rows.len() as u64;
        copied.damaged += rows.iter().filter(|row| is_damaged(name, row)).count() as u64;
        write(to, table, &rows).await?;
        if rows.len() < ROWS {
            copied.is_done = true;
            report(copied);
            return Ok(());
        }
        report(copied);
        at = match rows.last().and_then(|row| row.first()) {
            Some(Cell::Int(Some(last))) if is_numbered => last.saturating_add(1),
            _ => at.saturating_add(ROWS as i64),
        };
    }
}

/// Says whether a row is not what was once written, as far as its checksum or its form tells.
fn is_damaged(table: &str, row: &[Cell]) -> bool {
    match (table, row) {
        ("pack" | "tier1" | "tier2", [Cell::Int(Some(id)), _, Cell::Blob(Some(data))]) => !samples::is_whole(*id, data),
        ("head", [_, Cell::Blob(Some(data))]) => head::row::read(data).is_err(),
        ("events", [_, _, Cell::Text(Some(kind)), .., Cell::Text(Some(text))]) => {
            kind.parse().map_or(true, |kind: EventKind| body::read_event(kind, text).is_err())
        }
        _ => false,
    }
}

async fn write(to: &mut Transaction, table: &Shape, rows: &[Vec<Cell>]) -> Result<(), StoreError> {
    if table.name == LOGS {
        return write_logs(to, table, rows).await;
    }
    let values: Vec<Value<'_>> = rows.iter().flatten().map(Cell::value).collect();
    to.insert_many(&table.insert, &values).await.map(drop)
}

/// Writes log records, and their words in the way of the database.
async fn write_logs(to: &mut Transaction, table: &Shape, rows: &[Vec<Cell>]) -> Result<(), StoreError> {
    let body = table.insert.columns.iter().position(|column| *column == "body").unwrap_or_default();
    let indexed: Vec<String> = rows
        .iter()
        .map(|row| match row.get(body) {
            Some(Cell::Text(Some(text))) => words::index(text),
            _ => String::new(),
        })
        .collect();
    let pairs = rows.iter().zip(&indexed);
    if to.dialect() == Dialect::Postgres {
        let with_words = pairs.flat_map(|(row, words)| row.iter().map(Cell::value).chain([Value::Text(words)]));
        return to.insert_many(&logs::INSERT_WITH_WORDS, &with_words.collect::<Vec<_>>()).await.map(drop);
    }
    let values: Vec<Value<'_>> = rows.iter().flatten().map(Cell::value).collect();
    to.insert_many(&table.insert, &values).await?;
    let words = pairs.flat_map(|(row, words)| row.first().map(Cell::value).into_iter().chain([Value::Text(words)]));
    to.insert_many(&logs::INSERT_WORDS, &words.collect::<Vec<_>>()).await.map(drop)
}

/// Declares a table: its name, its key, its columns and what they hold.
macro_rules! table {
    ($name:literal by $key:literal: $kinds:literal $($column:literal)+) => {
        Shape {
            name: $name,
            insert: Insert { into: concat!("INSERT INTO ", $name), columns: &[$($column),+], conflict: "" },
            kinds: $kinds,
            key: $key,
        }
    };
}

const LOGS: &str = "logs";
/// Rows that are in memory at once.
const ROWS: usize = 250;

/// All tables but those about the database itself; what others refer to comes first.
static TABLES: [Shape; 19] = [
    table!("users" by "id": "ittttii" "id" "username" "email" "password_hash" "role" "created_at" "disabled_at"),
    table!("sessions" by "id": "iibiii" "id" "user_id" "token" "created_at" "expires_at" "last_used_at"),
    table!("config" by "key": "ttiii" "key" "value" "version" "updated_at" "updated_by"),
    table!("user_thresholds" by "id": "iittfii"
        "id" "user_id" "metric_type" "op" "threshold_value" "for_ms" "updated_at"),
    table!("groups" by "group_id": "itii" "group_id" "producer" "ordinal" "slot_minutes"),
    table!("series" by "series_id": "iiiittitiii"
        "series_id" "group_id" "pack_no" "col" "name" "labels" "kind" "unit" "step_ms" "created_at" "ended_at"),
    table!("head" by "seq": "ib" "seq" "data"),
    table!("seal_state" by "group_id": "iiii" "group_id" "head_seq" "sealing_seq" "sealed_until"),
    table!("pack" by "id": "iib" "id" "n" "data"),
    table!("tier1" by "id": "iib" "id" "n" "data"),
    table!("tier2" by "id": "iib" "id" "n" "data"),
    table!("state" by "kind,key": "ttibi" "kind" "key" "version" "data" "updated_at"),
    table!("alerts" by "id": "iititittffiiiiiitt"
        "id" "user_id" "rule_key" "series_id" "host" "severity" "metric_type" "state" "value" "threshold" "ts"
        "generated_at" "delivered" "resolved_at" "acked_by" "acked_at" "dedup_key" "detail"),
    table!("outbox" by "id": "iitttttiiiitii"
        "id" "alert_id" "channel" "target" "idem_key" "payload" "lease_owner" "state" "attempts" "next_at" "lease_until"
        "last_error" "created_at" "done_at"),
    table!("outbox_attempt" by "outbox_id,attempt": "iiiiti" "outbox_id" "attempt" "at" "status" "error" "took_us"),
    table!("events" by "id": "iitittit" "id" "ts" "type" "severity" "source" "host" "pid" "body"),
    table!("logs" by "id": "iiitttibbtt"
        "id" "ts" "severity" "service" "source" "host" "pid" "trace_id" "span_id" "body" "attrs"),
    table!("spans" by "id": "ibbbttiiiittt"
        "id" "trace_id" "span_id" "parent_id" "service" "name" "kind" "start_ns" "dur_ns" "status" "source" "host"
        "attrs"),
    table!("audit" by "id": "iiittt" "id" "ts" "actor" "action" "object" "detail"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_has_a_kind_and_every_table_is_there() {
        for Shape { name, insert, kinds, .. } in &TABLES {
            assert_eq!(insert.columns.len(), kinds.len(), "{name}");
        }
        let tables = include_str!("../../migrations/sqlite/0001_tables.sql");
        let made = tables.lines().filter_map(|line| line.strip_prefix("CREATE TABLE ")?.strip_suffix("("));
        let missing: Vec<&str> =
            made.filter(|made| *made != "lease" && !TABLES.iter().any(|table| table.name == *made)).collect();
        assert_eq!(missing, [] as [&str; 0]);
    }
}
