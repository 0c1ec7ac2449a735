//! What a line says of a log record or a span.

use std::{borrow::Cow, collections::BTreeMap, str::FromStr, sync::Arc};

use observe::{Attributes, LogRecord, Resource, Span, SpanKind, SpanStatus};
use serde::{Deserialize, Serialize};

use crate::cli::time;

type Pairs<'a> = BTreeMap<Cow<'a, str>, Cow<'a, str>>;

#[derive(Deserialize, Serialize)]
pub(super) struct LogData<'a> {
    timestamp: String,
    #[serde(default)]
    severity_number: u8,
    #[serde(default)]
    severity_text: Cow<'a, str>,
    body: Cow<'a, str>,
    #[serde(default)]
    attributes: Pairs<'a>,
    #[serde(default)]
    resource: Pairs<'a>,
    #[serde(default)]
    trace_id: Option<String>,
    #[serde(default)]
    span_id: Option<String>,
}

#[derive(Deserialize, Serialize)]
pub(super) struct SpanData<'a> {
    trace_id: String,
    span_id: String,
    #[serde(default)]
    parent_span_id: Option<String>,
    name: Cow<'a, str>,
    kind: Cow<'a, str>,
    start_time: String,
    end_time: String,
    status: Cow<'a, str>,
    #[serde(default)]
    attributes: Pairs<'a>,
    #[serde(default)]
    resource: Pairs<'a>,
}

impl<'a> LogData<'a> {
    pub(super) fn new(record: &'a LogRecord) -> Self {
        Self {
            timestamp: time::rfc3339(record.timestamp),
            severity_number: record.severity_number,
            severity_text: Cow::Borrowed(&record.severity_text),
            body: Cow::Borrowed(&record.body),
            attributes: pairs(&record.attributes),
            resource: pairs(&record.resource.attributes),
            trace_id: record.trace_id.map(|id| id.to_string()),
            span_id: record.span_id.map(|id| id.to_string()),
        }
    }

    pub(super) fn read(self) -> Result<LogRecord, String> {
        let mut record = LogRecord::new(time::timestamp(&self.timestamp)?, self.body);
        record.severity_number = self.severity_number;
        record.severity_text = self.severity_text.into_owned();
        record.attributes = attributes(self.attributes)?;
        record.resource = Arc::new(Resource { attributes: attributes(self.resource)? });
        record.trace_id = self.trace_id.as_deref().map(id).transpose()?;
        record.span_id = self.span_id.as_deref().map(id).transpose()?;
        Ok(record)
    }
}

impl<'a> SpanData<'a> {
    pub(super) fn new(span: &'a Span) -> Self {
        Self {
            trace_id: span.trace_id.to_string(),
            span_id: span.span_id.to_string(),
            parent_span_id: span.parent_span_id.map(|id| id.to_string()),
            name: Cow::Borrowed(&span.name),
            kind: word(&KINDS, &span.kind).into(),
            start_time: time::rfc3339(span.start_time),
            end_time: time::rfc3339(span.end_time),
            status: word(&STATUSES, &span.status).into(),
            attributes: pairs(&span.attributes),
            resource: pairs(&span.resource.attributes),
        }
    }

    pub(super) fn read(self) -> Result<Span, String> {
        let (start, end) = (time::timestamp(&self.start_time)?, time::timestamp(&self.end_time)?);
        let mut span = Span::new(id(&self.trace_id)?, id(&self.span_id)?, self.name, start, end);
        span.parent_span_id = self.parent_span_id.as_deref().map(id).transpose()?;
        span.kind = meant(&KINDS, &self.kind)?;
        span.status = meant(&STATUSES, &self.status)?;
        span.attributes = attributes(self.attributes)?;
        span.resource = Arc::new(Resource { attributes: attributes(self.resource)? });
        Ok(span)
    }
}

fn pairs(attributes: &Attributes) -> Pairs<'_> {
    attributes.iter().map(|one| (Cow::Borrowed(&*one.key), Cow::Borrowed(&*one.value))).collect()
}

fn attributes(pairs: Pairs<'_>) -> Result<Attributes, String> {
    let pairs = pairs.into_iter().map(|(key, value)| (key.into_owned(), value.into_owned()));
    Attributes::new(pairs).map_err(|error| error.to_string())
}

fn id<T: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error| format!("{text:?}: {error}"))
}

pub(super) fn word<T: PartialEq>(words: &[(&'static str, T)], wanted: &T) -> &'static str {
    words.iter().find(|(_, meant)| meant == wanted).map_or("", |(word, _)| word)
}

pub(super) fn meant<T: Copy>(words: &[(&'static str, T)], wanted: &str) -> Result<T, String> {
    let found = words.iter().find(|(word, _)| *word == wanted);
    found.map(|(_, meant)| *meant).ok_or_else(|| {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        format!("{wanted:?} is none of {}", known.join(", "))
    })
}

/// The words of the HTTP interface.
const KINDS: [(&str, SpanKind); 5] = [
    ("client", SpanKind::Client),
    ("consumer", SpanKind::Consumer),
    ("internal", SpanKind::Internal),
    ("producer", SpanKind::Producer),
    ("server", SpanKind::Server),
];
const STATUSES: [(&str, SpanStatus); 3] =
    [("error", SpanStatus::Error), ("ok", SpanStatus::Ok), ("unset", SpanStatus::Unset)];
