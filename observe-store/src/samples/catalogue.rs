//! Groups and series as rows.

use std::collections::BTreeMap;

use observe_core::{MetricKey, StoreError};

use super::slot;
use crate::{
    db::{Insert, Row, Transaction, Value},
    head::{Newcomer, Position},
};

/// The columns that [`SeriesRow::read`] reads.
macro_rules! columns {
    () => {
        "series_id, pack_no, col, name, labels, kind, unit, step_ms, created_at, ended_at"
    };
}

/// A group as a row.
#[derive(Clone, Debug)]
pub(crate) struct GroupRow {
    pub(crate) id: i64,
    pub(crate) producer: String,
    pub(crate) ordinal: usize,
    pub(crate) slot_minutes: i64,
}

/// A series as a row: one for each place that it ever had.
#[derive(Clone, Debug)]
pub(crate) struct SeriesRow {
    pub(crate) id: u32,
    pub(crate) pack_no: i64,
    pub(crate) col: i64,
    pub(crate) name: Box<str>,
    pub(crate) labels: Box<str>,
    pub(crate) is_counter: bool,
    pub(crate) unit: Box<str>,
    pub(crate) step_ms: i64,
    pub(crate) created_at: i64,
    pub(crate) ended_at: Option<i64>,
}

impl SeriesRow {
    /// Returns the key; an error where the row does not make one.
    pub(crate) fn key(&self) -> Result<MetricKey, StoreError> {
        format!("{}{}", self.name, self.labels).parse().map_err(|error| StoreError::Corrupt {
            what: format!("series {}", self.id),
            reason: format!("its name and labels are not a metric key: {error}"),
        })
    }

    pub(crate) fn read(row: &Row<'_>) -> Result<Self, StoreError> {
        let id = row.int(0)?;
        Ok(Self {
            id: u32::try_from(id).map_err(|_| StoreError::Corrupt {
                what: format!("series {id}"),
                reason: "its number is out of range".to_owned(),
            })?,
            pack_no: row.int(1)?,
            col: row.int(2)?,
            name: row.text(3)?.into(),
            labels: row.text(4)?.into(),
            is_counter: row.int(5)? == COUNTER,
            unit: row.optional_text(6)?.unwrap_or_default().into(),
            step_ms: row.int(7)?,
            created_at: row.int(8)?,
            ended_at: row.optional_int(9)?,
        })
    }
}

/// Says that a row is left out because it cannot be read.
pub(crate) fn left_out(error: &StoreError) {
    tracing::error!(%error, "a row of the catalogue is damaged and left out");
}

/// Returns all groups, those of a producer by ordinal.
pub(crate) async fn groups(tx: &mut Transaction) -> Result<Vec<GroupRow>, StoreError> {
    let read = |row: &Row<'_>| {
        Ok(GroupRow {
            id: row.int(0)?,
            producer: row.text(1)?.to_owned(),
            ordinal: usize::try_from(row.int(2)?).unwrap_or_default(),
            slot_minutes: row.int(3)?.max(1),
        })
    };
    tx.fetch_all("SELECT group_id, producer, ordinal, slot_minutes FROM groups ORDER BY producer, ordinal", &[], read)
        .await
}

/// Returns the highest numbers in use: of a series, and of a row of the head or one that was packed.
pub(crate) async fn last_numbers(tx: &mut Transaction) -> Result<(u32, i64), StoreError> {
    let highest = "SELECT (SELECT MAX(series_id) FROM series), (SELECT MAX(seq) FROM head), (SELECT MAX(head_seq) FROM seal_state)";
    let read = |row: &Row<'_>| {
        let packed = row.optional_int(2)?.map(|last| Position(last).seq());
        Ok((row.optional_int(0)?, row.optional_int(1)?.max(packed)))
    };
    let found = tx.fetch_all(highest, &[], read).await?;
    let (series, seq) = found.into_iter().next().unwrap_or_default();
    Ok((series.and_then(|series| u32::try_from(series).ok()).unwrap_or_default(), seq.unwrap_or_default()))
}

/// Returns the series of a group that have not ended.
pub(crate) async fn live_series(tx: &mut Transaction, group: i64) -> Result<Vec<SeriesRow>, StoreError> {
    let sql = concat!("SELECT ", columns!(), " FROM series WHERE group_id = $1 AND ended_at IS NULL");
    let rows = tx.fetch_all(sql, &[Value::Int(group)], |row: &Row<'_>| Ok(SeriesRow::read(row))).await?;
    Ok(rows.into_iter().filter_map(|row| row.inspect_err(left_out).ok()).collect())
}

/// Returns the rows of some series, by name and labels.
pub(crate) async fn find<'a>(
    tx: &mut Transaction,
    keys: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<BTreeMap<String, Vec<SeriesRow>>, StoreError> {
    let keys: Vec<(&str, &str)> = keys.collect();
    let mut found: BTreeMap<String, Vec<SeriesRow>> = BTreeMap::new();
    for some in keys.chunks(KEYS_A_QUERY) {
        let (pairs, values) = pairs(some);
        let sql = format!(concat!("SELECT ", columns!(), " FROM series WHERE (name, labels) IN (VALUES {})"), pairs);
        let rows = tx.fetch_all(sql, &values, |row: &Row<'_>| Ok(SeriesRow::read(row))).await?;
        for row in rows.into_iter().filter_map(|row| row.inspect_err(left_out).ok()) {
            found.entry(format!("{}{}", row.name, row.labels)).or_default().push(row);
        }
    }
    Ok(found)
}

/// Lists places for pairs of values, and the values of names and labels for them. There are a few lengths of the list,
/// so that statements stay prepared: the last pair is repeated.
pub(crate) fn pairs<'a>(keys: &[(&'a str, &'a str)]) -> (String, Vec<Value<'a>>) {
    let len = [8, KEYS_A_QUERY].into_iter().find(|len| *len >= keys.len()).unwrap_or(keys.len());
    let padded = keys.iter().chain(keys.last().into_iter().cycle()).take(len);
    let values = padded.flat_map(|(name, labels)| [Value::Text(name), Value::Text(labels)]).collect();
    let places: Vec<String> = (0..len).map(|at| format!("(${},${})", 2 * at + 1, 2 * at + 2)).collect();
    (places.join(","), values)
}

pub(crate) async fn insert_groups(tx: &mut Transaction, rows: &[GroupRow]) -> Result<(), StoreError> {
    let values: Vec<Value<'_>> = rows
        .iter()
        .flat_map(|row| {
            let ordinal = i64::try_from(row.ordinal).unwrap_or(i64::MAX);
            [Value::Int(row.id), Value::Text(&row.producer), Value::Int(ordinal), Value::Int(row.slot_minutes)]
        })
        .collect();
    tx.insert_many(&GROUPS, &values).await.map(drop)
}

pub(crate) async fn insert_series(tx: &mut Transaction, rows: &[SeriesRow]) -> Result<(), StoreError> {
    let values: Vec<Value<'_>> = rows
        .iter()
        .flat_map(|row| {
            [
                Value::Int(row.id.into()),
                Value::Int(slot::group_of(row.pack_no)),
                Value::Int(row.pack_no),
                Value::Int(row.col),
                Value::Text(&row.name),
                Value::Text(&row.labels),
                Value::Int(if row.is_counter { COUNTER } else { GAUGE }),
                Value::Text(&row.unit),
                Value::Int(row.step_ms),
                Value::Int(row.created_at),
            ]
        })
        .collect();
    tx.insert_many(&SERIES, &values).await.map(drop)
}

/// Notes when series ended, or that they go on.
pub(crate) async fn set_ended(tx: &mut Transaction, ended: &BTreeMap<u32, Option<i64>>) -> Result<(), StoreError> {
    let mut by_time: BTreeMap<Option<i64>, Vec<u32>> = BTreeMap::new();
    ended.iter().for_each(|(series, at)| by_time.entry(*at).or_default().push(*series));
    for (at, series) in by_time {
        for some in series.chunks(KEYS_A_QUERY) {
            let ids: Vec<String> = some.iter().map(u32::to_string).collect();
            let sql = format!("UPDATE series SET ended_at = $1 WHERE series_id IN ({})", ids.join(","));
            tx.execute(crate::db::Statement::built(sql).once(), &[Value::from(at)]).await?;
        }
    }
    Ok(())
}

/// Appends a commit's ticks.
pub(crate) async fn insert_head(tx: &mut Transaction, seq: i64, data: &[u8]) -> Result<(), StoreError> {
    let values = [Value::Int(seq), Value::Blob(data)];
    tx.execute("INSERT INTO head(seq, data) VALUES($1, $2)", &values).await.map(drop)
}

/// Describes a newcomer as a row.
pub(crate) fn row_of(newcomer: &Newcomer, series: u32, pack_no: i64, col: i64, step_ms: i64, now: i64) -> SeriesRow {
    SeriesRow {
        id: series,
        pack_no,
        col,
        name: newcomer.name.clone(),
        labels: newcomer.labels.clone(),
        is_counter: newcomer.is_counter,
        unit: newcomer.unit.into(),
        step_ms,
        created_at: now,
        ended_at: None,
    }
}

static GROUPS: Insert = Insert {
    into: "INSERT INTO groups",
    columns: &["group_id", "producer", "ordinal", "slot_minutes"],
    conflict: "ON CONFLICT DO NOTHING",
};
static SERIES: Insert = Insert {
    into: "INSERT INTO series",
    columns: &["series_id", "group_id", "pack_no", "col", "name", "labels", "kind", "unit", "step_ms", "created_at"],
    conflict: "ON CONFLICT DO NOTHING",
};

const COUNTER: i64 = 1;
const GAUGE: i64 = 0;
/// Series that one statement looks for.
pub(crate) const KEYS_A_QUERY: usize = 64;
