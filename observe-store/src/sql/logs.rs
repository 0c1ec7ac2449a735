//! Log records.

use std::{
    borrow::Cow,
    sync::{Arc, atomic::AtomicU64},
};

use observe_core::{
    Enriched, EventData, EventQuery, LogQuery, LogRecord, Resource, SpanId, StoreError, Stored, Timestamp, TraceId,
};
use serde::{Deserialize, Serialize};

use super::{
    body::{self, Pairs, Process},
    events::{self, MAX_AT_ONCE, left_out},
    filter::{Filter, Part, Table, id, number},
    words,
};
use crate::db::{Dialect, Insert, Row, Transaction, Value};

/// Writes the log records among events. One that is there already stays as it is.
///
/// # Errors
///
/// Says why nothing of the transaction can be written.
pub(crate) async fn insert(transaction: &mut Transaction, events: &[Arc<Enriched>]) -> Result<(), StoreError> {
    let records: Vec<(&Enriched, &LogRecord)> = events.iter().filter_map(|event| record(event)).collect();
    for records in records.chunks(MAX_AT_ONCE) {
        insert_some(transaction, records).await?;
    }
    Ok(())
}

/// Answers for log records, newest first.
///
/// # Errors
///
/// Says why it cannot be answered.
pub(crate) async fn query(
    transaction: &mut Transaction,
    query: &LogQuery,
    corrupt: &AtomicU64,
) -> Result<Vec<Stored<LogRecord>>, StoreError> {
    let wanted = words::wanted(query.text.as_deref().unwrap_or_default());
    let quoted: Vec<String> = wanted.iter().map(|word| quoted(transaction.dialect(), word)).collect();
    let trace_id = query.trace_id.map(|trace_id| *trace_id.as_bytes());
    let (words, mut filter) = match transaction.dialect() {
        _ if quoted.is_empty() => (String::new(), Filter::new(TABLE)),
        Dialect::Postgres => (quoted.join("&"), Filter::new(TABLE)),
        Dialect::Sqlite => (quoted.join(" "), Filter::new(SEARCHED)),
    };
    match transaction.dialect() {
        _ if words.is_empty() => {}
        Dialect::Postgres => filter.and("words@@?::TEXT::TSQUERY", words.as_str()),
        Dialect::Sqlite => filter.and("logs_fts MATCH ?", words.as_str()),
    }
    if query.min_severity > 0 {
        filter.and("severity>=?", i64::from(query.min_severity));
    }
    if let Some(trace_id) = &trace_id {
        filter.and("trace_id=?", trace_id.as_slice());
    }
    if let Some(service) = &query.service {
        filter.and("service=?", service.as_str());
    }
    let LogQuery { start, end, before, limit, .. } = *query;
    let part = Part { start, end, before, after: None, limit };
    let found = filter.newest(transaction, part, |row| {
        Ok(read(row, corrupt)?.map(|(value, _)| value).filter(|stored| query.matches(stored.id, &stored.value)))
    });
    found.await
}

/// Answers for log records as events, newest first.
pub(super) async fn events(
    transaction: &mut Transaction,
    query: &EventQuery,
    corrupt: &AtomicU64,
) -> Result<Vec<Enriched>, StoreError> {
    let mut filter = Filter::new(TABLE);
    if let Some(pid) = query.pid {
        filter.and("pid=?", i64::from(pid));
    }
    let part = events::common(&mut filter, query);
    let found = filter.newest(transaction, part, |row| {
        let Some((Stored { value, .. }, process)) = read(row, corrupt)? else { return Ok(None) };
        let event = events::event(row, [1, 7, 8], EventData::Log(value))?;
        Ok(Some(Enriched { event, process }).filter(|event| query.matches(event)))
    });
    found.await
}

async fn insert_some(transaction: &mut Transaction, records: &[(&Enriched, &LogRecord)]) -> Result<(), StoreError> {
    let mut rests = Vec::new();
    for (event, record) in records {
        let rest = Rest::new(event, record);
        let written = if rest.is_empty() { None } else { Some(body::write(&rest)?) };
        rests.push((*event, *record, written, words::index(&record.body)));
    }
    let with_words = transaction.dialect() == Dialect::Postgres;
    let mut values = Vec::with_capacity(rests.len() * 12);
    for (event, record, rest, words) in &rests {
        values.extend(row(event, record, rest.as_deref()));
        if with_words {
            values.push(Value::Text(words));
        }
    }
    let insert = if with_words { &INSERT_WITH_WORDS } else { &INSERT };
    transaction.insert_many(insert, &values).await?;
    if !with_words {
        let words = rests.iter().flat_map(|(event, .., words)| [Value::Int(number(event.id)), Value::Text(words)]);
        transaction.insert_many(&INSERT_WORDS, &words.collect::<Vec<_>>()).await?;
    }
    Ok(())
}

fn record(event: &Enriched) -> Option<(&Enriched, &LogRecord)> {
    match &event.data {
        EventData::Log(record) => Some((event, record)),
        _ => None,
    }
}

fn row<'a>(event: &'a Enriched, record: &'a LogRecord, rest: Option<&'a str>) -> [Value<'a>; 11] {
    [
        Value::Int(number(event.id)),
        Value::Int(record.timestamp.as_nanos()),
        Value::Int(record.severity_number.into()),
        Value::Text(record.resource.attributes.value("service.name").unwrap_or_default()),
        Value::Text(&event.source),
        Value::from(event.host.as_deref()),
        Value::from(event.data.pid().map(i64::from)),
        Value::from(record.trace_id.as_ref().map(|id| id.as_bytes().as_slice())),
        Value::from(record.span_id.as_ref().map(|id| id.as_bytes().as_slice())),
        Value::Text(&record.body),
        Value::from(rest),
    ]
}

type Read = (Stored<LogRecord>, Option<Arc<observe_core::ProcessInfo>>);

fn read(row: &Row<'_>, corrupt: &AtomicU64) -> Result<Option<Read>, StoreError> {
    let number = row.int(0)?;
    let mut record = LogRecord::new(Timestamp::from_nanos(row.int(1)?), row.text(5)?);
    record.severity_number = u8::try_from(row.int(2)?).unwrap_or_default();
    let bytes = |column| row.optional_blob(column);
    record.trace_id = bytes(3)?.and_then(|bytes| TraceId::from_bytes(bytes.try_into().ok()?));
    record.span_id = bytes(4)?.and_then(|bytes| SpanId::from_bytes(bytes.try_into().ok()?));
    let rest = row.optional_text(6)?.map_or_else(|| Ok(Rest::default()), body::read::<Rest<'_>>);
    match rest.and_then(|rest| rest.add_to(&mut record)) {
        Ok(process) => Ok(Some((Stored { id: id(number), value: record }, process))),
        Err(reason) => Ok(left_out(corrupt, "logs", number, &reason)),
    }
}

/// What has no column of its own.
#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
struct Rest<'a> {
    #[serde(skip_serializing_if = "Pairs::is_empty")]
    attributes: Pairs<'a>,
    #[serde(skip_serializing_if = "Pairs::is_empty")]
    resource: Pairs<'a>,
    #[serde(skip_serializing_if = "str::is_empty")]
    severity_text: Cow<'a, str>,
    /// Where it has characters that the column cannot hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    process: Option<Process<'a>>,
}

impl<'a> Rest<'a> {
    fn new(event: &'a Enriched, record: &'a LogRecord) -> Self {
        Self {
            attributes: Pairs::from(&record.attributes),
            resource: Pairs::from(&record.resource.attributes),
            severity_text: Cow::Borrowed(&record.severity_text),
            body: record.body.contains('\0').then_some(Cow::Borrowed(&record.body)),
            process: event.process.as_deref().map(Process::from),
        }
    }

    fn is_empty(&self) -> bool {
        self.attributes.is_empty()
            && self.resource.is_empty()
            && self.severity_text.is_empty()
            && self.body.is_none()
            && self.process.is_none()
    }

    fn add_to(self, record: &mut LogRecord) -> Result<Option<Arc<observe_core::ProcessInfo>>, String> {
        record.attributes = self.attributes.into_attributes()?;
        record.resource = Arc::new(Resource { attributes: self.resource.into_attributes()? });
        record.severity_text = self.severity_text.into_owned();
        if let Some(body) = self.body {
            record.body = body.into_owned();
        }
        Ok(self.process.map(Process::into_info))
    }
}

/// Words have letters and digits only, so that nothing in quotes can be meant as anything else.
fn quoted(dialect: Dialect, word: &str) -> String {
    match dialect {
        Dialect::Postgres => format!("'{word}'"),
        Dialect::Sqlite => format!("\"{word}\""),
    }
}

const TABLE: Table = Table {
    name: "logs",
    from: "logs",
    id: "id",
    time: "ts",
    columns: "ts,severity,trace_id,span_id,body,attrs,source,host",
};
const SEARCHED: Table = Table { from: "logs_fts JOIN logs ON logs.id=logs_fts.rowid", id: "logs_fts.rowid", ..TABLE };
const INSERT: Insert = Insert {
    into: "INSERT INTO logs",
    columns: &["id", "ts", "severity", "service", "source", "host", "pid", "trace_id", "span_id", "body", "attrs"],
    conflict: "ON CONFLICT DO NOTHING",
};
pub(super) const INSERT_WITH_WORDS: Insert = Insert {
    columns: &[
        "id",
        "ts",
        "severity",
        "service",
        "source",
        "host",
        "pid",
        "trace_id",
        "span_id",
        "body",
        "attrs",
        "words=array_to_tsvector(string_to_array(?,' '))",
    ],
    ..INSERT
};
/// A virtual table knows no conflicts, but to replace.
pub(super) const INSERT_WORDS: Insert =
    Insert { into: "REPLACE INTO logs_fts", columns: &["rowid", "words"], conflict: "" };
