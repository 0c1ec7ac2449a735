//! What detectors and their like want to find again.

use std::{borrow::Cow, collections::BTreeMap};

use observe_core::{State, StoreError, Timestamp};

use crate::db::{Insert, Transaction, Value, storable};

/// Writes states; each replaces the one before with its kind and key.
///
/// # Errors
///
/// Says why nothing of the transaction can be written.
pub(crate) async fn insert(transaction: &mut Transaction, states: &[State]) -> Result<(), StoreError> {
    // One statement must not write a row twice.
    let latest: BTreeMap<(&str, Cow<'_, str>), &State> =
        states.iter().map(|state| ((&*state.kind, storable(&state.key)), state)).collect();
    let values: Vec<Value<'_>> = latest.into_values().flat_map(row).collect();
    transaction.insert_many(&INSERT, &values).await.map(drop)
}

/// Answers for states of a kind in the order of their keys.
///
/// # Errors
///
/// Says why it cannot be answered.
pub(crate) async fn query(
    transaction: &mut Transaction,
    kind: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<State>, StoreError> {
    let sql = match after {
        Some(_) => "SELECT key,version,data,updated_at FROM state WHERE kind=$1 AND key>$3 ORDER BY key LIMIT $2",
        None => "SELECT key,version,data,updated_at FROM state WHERE kind=$1 ORDER BY key LIMIT $2",
    };
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let values = [Value::Text(kind), Value::Int(limit), Value::Text(after.unwrap_or_default())];
    let values = values.get(..if after.is_some() { 3 } else { 2 }).unwrap_or(&values);
    let read = transaction.fetch_all(sql, values, |row| {
        Ok(State {
            kind: kind.to_owned().into(),
            key: row.text(0)?.to_owned(),
            version: u32::try_from(row.int(1)?).unwrap_or_default(),
            data: row.blob(2)?.to_vec(),
            updated_at: Timestamp::from_nanos(row.int(3)?),
        })
    });
    read.await
}

fn row(state: &State) -> [Value<'_>; 5] {
    [
        Value::Text(&state.kind),
        Value::Text(&state.key),
        Value::Int(state.version.into()),
        Value::Blob(&state.data),
        Value::Int(state.updated_at.as_nanos()),
    ]
}

const INSERT: Insert = Insert {
    into: "INSERT INTO state",
    columns: &["kind", "key", "version", "data", "updated_at"],
    conflict: "ON CONFLICT(kind,key) DO UPDATE \
               SET version=excluded.version,data=excluded.data,updated_at=excluded.updated_at",
};
