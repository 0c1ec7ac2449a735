//! Spans.

use std::{
    borrow::Cow,
    sync::{Arc, atomic::AtomicU64},
};

use observe_core::{
    Enriched, EventData, EventQuery, ProcessInfo, Resource, Span, SpanId, SpanKind, SpanQuery, SpanStatus, StoreError,
    Stored, Timestamp, TraceId,
};
use serde::{Deserialize, Serialize};

use super::{
    body::{self, Pairs, Process},
    events::{self, MAX_AT_ONCE, left_out},
    filter::{Filter, Part, Table, id, number},
};
use crate::db::{Insert, Row, Transaction, Value};

/// Writes the spans among events. One that is there already stays as it is.
///
/// # Errors
///
/// Says why nothing of the transaction can be written.
pub(crate) async fn insert(transaction: &mut Transaction, events: &[Arc<Enriched>]) -> Result<(), StoreError> {
    let spans: Vec<(&Enriched, &Span)> = events.iter().filter_map(|event| span(event)).collect();
    for spans in spans.chunks(MAX_AT_ONCE) {
        let mut rests = Vec::new();
        for (event, span) in spans {
            let rest = Rest::new(event, span);
            rests.push(if rest.is_empty() { None } else { Some(body::write(&rest)?) });
        }
        let rows = spans.iter().zip(&rests).flat_map(|((event, span), rest)| row(event, span, rest.as_deref()));
        transaction.insert_many(&INSERT, &rows.collect::<Vec<_>>()).await?;
    }
    Ok(())
}

/// Answers for spans, newest first.
///
/// # Errors
///
/// Says why it cannot be answered.
pub(crate) async fn query(
    transaction: &mut Transaction,
    query: &SpanQuery,
    corrupt: &AtomicU64,
) -> Result<Vec<Stored<Span>>, StoreError> {
    let trace_id = query.trace_id.map(|trace_id| *trace_id.as_bytes());
    let mut filter = Filter::new(TABLE);
    if let Some(trace_id) = &trace_id {
        filter.and("trace_id=?", trace_id.as_slice());
    }
    if let Some(service) = &query.service {
        filter.and("service=?", service.as_str());
    }
    if let Some(name) = &query.name {
        filter.and("name=?", name.as_str());
    }
    if !query.min_duration.is_zero() {
        filter.and("dur_ns>=?", i64::try_from(query.min_duration.as_nanos()).unwrap_or(i64::MAX));
    }
    let SpanQuery { start, end, before, limit, .. } = *query;
    let part = Part { start, end, before, after: None, limit };
    let found = filter.newest(transaction, part, |row| {
        Ok(read(row, corrupt)?.map(|(value, _)| value).filter(|stored| query.matches(stored.id, &stored.value)))
    });
    found.await
}

/// Answers for spans as events, newest first.
pub(super) async fn events(
    transaction: &mut Transaction,
    query: &EventQuery,
    corrupt: &AtomicU64,
) -> Result<Vec<Enriched>, StoreError> {
    let mut filter = Filter::new(TABLE);
    let part = events::common(&mut filter, query);
    let found = filter.newest(transaction, part, |row| {
        let Some((Stored { value, .. }, process)) = read(row, corrupt)? else { return Ok(None) };
        let event = events::event(row, [1, 10, 11], EventData::Span(value))?;
        Ok(Some(Enriched { event, process }).filter(|event| query.matches(event)))
    });
    found.await
}

fn span(event: &Enriched) -> Option<(&Enriched, &Span)> {
    match &event.data {
        EventData::Span(span) => Some((event, span)),
        _ => None,
    }
}

fn row<'a>(event: &'a Enriched, span: &'a Span, rest: Option<&'a str>) -> [Value<'a>; 13] {
    [
        Value::Int(number(event.id)),
        Value::Blob(span.trace_id.as_bytes()),
        Value::Blob(span.span_id.as_bytes()),
        Value::from(span.parent_span_id.as_ref().map(|id| id.as_bytes().as_slice())),
        Value::Text(span.resource.attributes.value("service.name").unwrap_or_default()),
        Value::Text(&span.name),
        Value::Int(KINDS.iter().position(|kind| *kind == span.kind).map_or(0, |place| place as i64)),
        Value::Int(span.start_time.as_nanos()),
        Value::Int(duration(span)),
        Value::Int(STATUSES.iter().position(|status| *status == span.status).map_or(0, |place| place as i64)),
        Value::Text(&event.source),
        Value::from(event.host.as_deref()),
        Value::from(rest),
    ]
}

/// Below zero where it ended before it began.
fn duration(span: &Span) -> i64 {
    span.end_time.as_nanos().saturating_sub(span.start_time.as_nanos())
}

type Read = (Stored<Span>, Option<Arc<ProcessInfo>>);

fn read(row: &Row<'_>, corrupt: &AtomicU64) -> Result<Option<Read>, StoreError> {
    let number = row.int(0)?;
    let rest = row.optional_text(9)?.map_or_else(|| Ok(Rest::default()), body::read::<Rest<'_>>);
    let trace_id = row.blob(2)?.try_into().ok().and_then(TraceId::from_bytes);
    let span_id = row.blob(3)?.try_into().ok().and_then(SpanId::from_bytes);
    let (Some(trace_id), Some(span_id)) = (trace_id, span_id) else {
        return Ok(left_out(corrupt, "spans", number, "an id has the wrong length"));
    };
    let (start, duration) = (row.int(1)?, row.int(7)?);
    let [start, end] = [start, start.saturating_add(duration)].map(Timestamp::from_nanos);
    let mut span = Span::new(trace_id, span_id, row.text(5)?, start, end);
    let parent = row.optional_blob(4)?;
    span.parent_span_id = parent.and_then(|bytes| SpanId::from_bytes(bytes.try_into().ok()?));
    span.kind = place(&KINDS, row.int(6)?);
    span.status = place(&STATUSES, row.int(8)?);
    match rest.and_then(|rest| rest.add_to(&mut span)) {
        Ok(process) => Ok(Some((Stored { id: id(number), value: span }, process))),
        Err(reason) => Ok(left_out(corrupt, "spans", number, &reason)),
    }
}

fn place<T: Copy + Default>(list: &[T], place: i64) -> T {
    usize::try_from(place).ok().and_then(|place| list.get(place)).copied().unwrap_or_default()
}

/// What has no column of its own.
#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
struct Rest<'a> {
    #[serde(skip_serializing_if = "Pairs::is_empty")]
    attributes: Pairs<'a>,
    #[serde(skip_serializing_if = "Pairs::is_empty")]
    resource: Pairs<'a>,
    /// Where it has characters that the column cannot hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Cow<'a, str>>,
    /// Where start and duration do not add up to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    process: Option<Process<'a>>,
}

impl<'a> Rest<'a> {
    fn new(event: &'a Enriched, span: &'a Span) -> Self {
        let end = span.end_time.as_nanos();
        Self {
            attributes: Pairs::from(&span.attributes),
            resource: Pairs::from(&span.resource.attributes),
            name: span.name.contains('\0').then_some(Cow::Borrowed(&span.name)),
            end: (span.start_time.as_nanos().saturating_add(duration(span)) != end).then_some(end),
            process: event.process.as_deref().map(Process::from),
        }
    }

    fn is_empty(&self) -> bool {
        self.attributes.is_empty()
            && self.resource.is_empty()
            && self.name.is_none()
            && self.end.is_none()
            && self.process.is_none()
    }

    fn add_to(self, span: &mut Span) -> Result<Option<Arc<ProcessInfo>>, String> {
        span.attributes = self.attributes.into_attributes()?;
        span.resource = Arc::new(Resource { attributes: self.resource.into_attributes()? });
        if let Some(name) = self.name {
            span.name = name.into_owned();
        }
        if let Some(end) = self.end {
            span.end_time = Timestamp::from_nanos(end);
        }
        Ok(self.process.map(Process::into_info))
    }
}

/// By the number that is stored: the order is part of the format.
const KINDS: [SpanKind; 5] =
    [SpanKind::Internal, SpanKind::Server, SpanKind::Client, SpanKind::Producer, SpanKind::Consumer];
/// By the number that is stored: the order is part of the format.
const STATUSES: [SpanStatus; 3] = [SpanStatus::Unset, SpanStatus::Ok, SpanStatus::Error];
const TABLE: Table = Table {
    name: "spans",
    from: "spans",
    id: "id",
    time: "start_ns",
    columns: "start_ns,trace_id,span_id,parent_id,name,kind,dur_ns,status,attrs,source,host",
};
const INSERT: Insert = Insert {
    into: "INSERT INTO spans",
    columns: &[
        "id",
        "trace_id",
        "span_id",
        "parent_id",
        "service",
        "name",
        "kind",
        "start_ns",
        "dur_ns",
        "status",
        "source",
        "host",
        "attrs",
    ],
    conflict: "ON CONFLICT DO NOTHING",
};
