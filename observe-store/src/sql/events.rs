//! Events.

use std::{
    cmp::Reverse,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use observe_core::{Enriched, EventData, EventKind, EventQuery, Severity, StoreError, SystemEvent, Timestamp};

use super::{
    body,
    filter::{Filter, Part, Table, id, number},
    logs, spans,
};
use crate::db::{Insert, Row, Transaction, Value};

/// Writes events of all kinds, each to the table of its kind.
///
/// # Errors
///
/// Says why nothing of the transaction can be written.
pub(crate) async fn insert_all(transaction: &mut Transaction, events: &[Arc<Enriched>]) -> Result<(), StoreError> {
    insert(transaction, events).await?;
    logs::insert(transaction, events).await?;
    spans::insert(transaction, events).await
}

/// Writes those events that have no table for their kind. One that is there already stays as it is.
///
/// # Errors
///
/// Says why nothing of the transaction can be written.
pub(crate) async fn insert(transaction: &mut Transaction, events: &[Arc<Enriched>]) -> Result<(), StoreError> {
    for events in events.chunks(MAX_AT_ONCE) {
        let mut bodies = Vec::new();
        for event in events {
            bodies.extend(body::write_event(event)?.map(|body| (event, body)));
        }
        let values: Vec<Value<'_>> = bodies.iter().flat_map(|(event, body)| row(event, body)).collect();
        transaction.insert_many(&INSERT, &values).await?;
    }
    Ok(())
}

/// Answers for events of all kinds, newest first. Damaged rows are counted in `corrupt`, and left out.
///
/// # Errors
///
/// Says why it cannot be answered.
pub(crate) async fn query(
    transaction: &mut Transaction,
    query: &EventQuery,
    corrupt: &AtomicU64,
) -> Result<Vec<Arc<Enriched>>, StoreError> {
    let mut found = of_events(transaction, query, corrupt).await?;
    if query.kinds.contains(EventKind::Log) {
        found.append(&mut logs::events(transaction, query, corrupt).await?);
    }
    if query.kinds.contains(EventKind::Span) && query.pid.is_none() {
        found.append(&mut spans::events(transaction, query, corrupt).await?);
    }
    found.sort_by_key(|event| Reverse(event.id));
    found.truncate(query.limit);
    Ok(found.into_iter().map(Arc::new).collect())
}

/// Adds what is asked for by columns that all tables of events have.
pub(super) fn common<'a>(filter: &mut Filter<'a>, query: &'a EventQuery) -> Part {
    if let Some(source) = &query.source {
        filter.and("source=?", source.as_str());
    }
    if let Some(host) = &query.host {
        filter.and("host=?", host.as_str());
    }
    let EventQuery { start, end, before, after, limit, .. } = *query;
    Part { start, end, before, after, limit }
}

/// Says, and counts, that a row is left out of an answer because it cannot be read.
pub(super) fn left_out<T>(corrupt: &AtomicU64, table: &'static str, id: i64, reason: &str) -> Option<T> {
    corrupt.fetch_add(1, Relaxed);
    tracing::error!(table, id, reason, "a stored row cannot be read and is left out");
    None
}

async fn of_events(
    transaction: &mut Transaction,
    query: &EventQuery,
    corrupt: &AtomicU64,
) -> Result<Vec<Enriched>, StoreError> {
    let mut filter = Filter::new(TABLE);
    let kinds = body::KINDS.into_iter().filter(|kind| query.kinds.contains(*kind)).map(EventKind::as_str);
    let wanted: Vec<&str> = kinds.collect();
    match wanted.len() {
        0 => return Ok(Vec::new()),
        len if len < body::KINDS.len() => filter.and_in("type", wanted),
        _ => {}
    }
    if let Some(pid) = query.pid {
        filter.and("pid=?", i64::from(pid));
    }
    let part = common(&mut filter, query);
    filter.newest(transaction, part, |row| Ok(read(row, corrupt)?.filter(|event| query.matches(event)))).await
}

fn row<'a>(event: &'a Enriched, body: &'a str) -> [Value<'a>; 8] {
    [
        Value::Int(number(event.id)),
        Value::Int(event.timestamp.as_nanos()),
        Value::Text(event.kind().as_str()),
        Value::Int(severity(event.severity())),
        Value::Text(&event.source),
        Value::from(event.host.as_deref()),
        Value::from(event.data.pid().map(i64::from)),
        Value::Text(body),
    ]
}

fn read(row: &Row<'_>, corrupt: &AtomicU64) -> Result<Option<Enriched>, StoreError> {
    let number = row.int(0)?;
    let Ok(kind) = row.text(2)?.parse() else {
        return Ok(left_out(corrupt, "events", number, "of an unknown kind"));
    };
    match body::read_event(kind, row.text(5)?) {
        Ok((data, process)) => Ok(Some(Enriched { event: event(row, [1, 3, 4], data)?, process })),
        Err(reason) => Ok(left_out(corrupt, "events", number, &reason)),
    }
}

/// Puts an event together whose time, source and host stand in these columns.
pub(super) fn event(
    row: &Row<'_>,
    [time, source, host]: [usize; 3],
    data: EventData,
) -> Result<SystemEvent, StoreError> {
    let mut event = SystemEvent::new(row.text(source)?.to_owned(), Timestamp::from_nanos(row.int(time)?), data);
    event.id = id(row.int(0)?);
    event.host = row.optional_text(host)?.map(Into::into);
    Ok(event)
}

const fn severity(severity: Severity) -> i64 {
    match severity {
        Severity::Info => 0,
        Severity::Warning => 1,
        Severity::Critical => 2,
    }
}

/// What is in memory as JSON at once.
pub(super) const MAX_AT_ONCE: usize = 250;
const TABLE: Table =
    Table { name: "events", from: "events", id: "id", time: "ts", columns: "ts,type,source,host,body" };
const INSERT: Insert = Insert {
    into: "INSERT INTO events",
    columns: &["id", "ts", "type", "severity", "source", "host", "pid", "body"],
    conflict: "ON CONFLICT DO NOTHING",
};
