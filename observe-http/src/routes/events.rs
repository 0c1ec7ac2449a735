//! Events of the recent past.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use observe_core::{Enriched, EventId, EventKind, EventKinds, EventQuery, Handle};

use super::{Row, json, to_json};
use crate::{
    AppState, Problem,
    body::EventBody,
    extract::{Fields, FromQuery, Parameter, Path, Query, Shape},
    page::{self, Page, Paging},
    range::{self, RangeQuery},
    time::{EpochSeconds, Rfc3339},
};

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::get("/events", "What happened, newest first", events)
            .reads::<EventsQuery>()
            .answers::<Vec<EventBody<'static, EpochSeconds>>>()
            .compressed(),
    ]
}

pub(crate) fn unified() -> Vec<Row> {
    vec![
        Row::get("/api/v1/events", "What happened, newest first", events_v1)
            .reads::<EventsPageQuery>()
            .answers::<Page<EventBody<'static, Rfc3339>>>()
            .fails(&[400, 422])
            .compressed(),
        Row::get("/api/v1/events/{id}", "One event", event)
            .at(PATH)
            .answers::<EventBody<'static, Rfc3339>>()
            .fails(&[404, 422]),
    ]
}

/// Which events, where they happened and what they say.
#[derive(Clone, Debug)]
pub(super) struct EventFilter {
    pub(super) kinds: EventKinds,
    pub(super) source: Option<String>,
    pub(super) host: Option<String>,
}

impl EventFilter {
    pub(super) fn from_fields(fields: &mut Fields<'_>) -> Self {
        Self { kinds: fields.event_kinds(&EVENT_TYPE), source: fields.text(&SOURCE), host: fields.text(&HOST) }
    }

    /// Returns whether the event is meant; events of the engine's own host do not say its name.
    pub(super) fn matches(&self, event: &Enriched, own_host: &str) -> bool {
        self.kinds.contains(event.kind())
            && self.source.as_deref().is_none_or(|source| event.source == source)
            && self.host.as_deref().is_none_or(|host| event.host.as_deref().unwrap_or(own_host) == host)
    }

    pub(super) fn query(&self, limit: usize) -> EventQuery {
        let mut query = EventQuery::newest(limit);
        query.kinds = self.kinds;
        query.source.clone_from(&self.source);
        query
    }
}

/// The question of the document.
#[derive(Debug)]
struct EventsQuery {
    kinds: EventKinds,
    limit: usize,
}

impl FromQuery for EventsQuery {
    const PARAMETERS: &'static [&'static Parameter] = &[&EVENT_TYPE, &LIMIT];

    fn from_query(fields: &mut Fields<'_>) -> Self {
        let limit = fields.unsigned(&LIMIT).and_then(|limit| usize::try_from(limit).ok()).unwrap_or(1);
        Self { kinds: fields.event_kinds(&EVENT_TYPE), limit }
    }
}

/// The question in pages.
#[derive(Debug)]
struct EventsPageQuery {
    filter: EventFilter,
    pid: Option<u32>,
    text: Option<String>,
    range: RangeQuery,
    paging: Paging,
}

impl FromQuery for EventsPageQuery {
    const PARAMETERS: &'static [&'static Parameter] = &[
        &EVENT_TYPE,
        &SOURCE,
        &HOST,
        &PID,
        &TEXT,
        &range::SECONDS,
        &range::START,
        &range::END,
        &page::LIMIT,
        &page::CURSOR,
    ];

    fn from_query(fields: &mut Fields<'_>) -> Self {
        Self {
            paging: Paging::from_fields(fields, Self::PARAMETERS),
            filter: EventFilter::from_fields(fields),
            pid: fields.unsigned(&PID).and_then(|pid| u32::try_from(pid).ok()),
            text: fields.text(&TEXT).map(|text| text.to_lowercase()),
            range: RangeQuery::from_fields(fields),
        }
    }
}

impl EventsPageQuery {
    fn query(&self, handle: &Handle) -> Result<EventQuery, Problem> {
        let range = self.range.resolve(handle.now(), None)?;
        let mut query = self.filter.query(self.paging.limit);
        query.pid = self.pid;
        (query.start, query.end) = (range.start, range.end);
        Ok(query)
    }

    fn matches(&self, event: &Enriched, own_host: &str) -> bool {
        let says = |text: &String| {
            let body = to_json(&EventBody::<Rfc3339>::new(event, own_host));
            String::from_utf8_lossy(&body).to_lowercase().contains(text)
        };
        self.filter.matches(event, own_host) && self.text.as_ref().is_none_or(says)
    }
}

async fn events(State(handle): State<Handle>, Query(query): Query<EventsQuery>) -> Response {
    let mut wanted = EventQuery::newest(query.limit);
    wanted.kinds = query.kinds;
    let events = handle.events(&wanted);
    let bodies: Vec<EventBody<'_, EpochSeconds>> =
        events.iter().map(|event| EventBody::new(event, handle.host_name())).collect();
    json(to_json(&bodies))
}

async fn events_v1(State(state): State<AppState>, Query(query): Query<EventsPageQuery>) -> Result<Response, Problem> {
    let (handle, paging) = (state.handle(), &query.paging);
    let before = state.cursors().open_number(paging)?;
    let scan = Scan::run(handle, query.query(handle)?, before, |event| query.matches(event, handle.host_name()));
    let items: Vec<EventBody<'_, Rfc3339>> =
        scan.events.iter().map(|event| EventBody::new(event, handle.host_name())).collect();
    let next = scan.next();
    Ok(Page::new(state.cursors(), paging, items, next.as_ref().map(|id| &id[..])).into_response())
}

async fn event(State(handle): State<Handle>, Path(id): Path<u64>) -> Result<Response, Problem> {
    let event = handle.event(EventId::from_u64(id)).or_else(|| frame(&handle, id));
    let event = event.ok_or_else(|| Problem::not_found("there is no such event in memory"))?;
    Ok(json(to_json(&EventBody::<Rfc3339>::new(&event, handle.host_name()))))
}

/// Frames are not kept as events: the one with this id is rebuilt from the series.
fn frame(handle: &Handle, id: u64) -> Option<Arc<Enriched>> {
    let mut query = EventQuery::newest(1);
    query.kinds = EventKinds::from_iter(EventKind::ALL.iter().copied().filter(|kind| kind.is_frame()));
    query.after = Some(EventId::from_u64(id.checked_sub(1)?));
    query.before = Some(EventId::from_u64(id.checked_add(1)?));
    handle.events(&query).pop()
}

/// A walk through events, newest first, that keeps some of them.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) events: Vec<Arc<Enriched>>,
    next: Option<u64>,
}

impl Scan {
    /// Keeps at most `query.limit` events; it looks at no more than [`MAX_CHUNKS`] lots for them.
    pub(super) fn run(
        handle: &Handle,
        mut query: EventQuery,
        before: Option<u64>,
        keep: impl Fn(&Enriched) -> bool,
    ) -> Self {
        let wanted = query.limit;
        let mut events: Vec<Arc<Enriched>> = Vec::new();
        query.limit = (wanted + 1).clamp(MIN_CHUNK, MAX_CHUNK);
        query.before = before.map(EventId::from_u64);
        for _ in 0..MAX_CHUNKS {
            let chunk = handle.events(&query);
            let (is_last, oldest) = (chunk.len() < query.limit, chunk.iter().map(|event| event.id).min());
            for event in chunk.into_iter().filter(|event| keep(event)) {
                if events.len() == wanted {
                    let next = events.last().map(|event| event.id.as_u64());
                    return Self { events, next };
                }
                events.push(event);
            }
            if is_last {
                return Self { events, next: None };
            }
            query.before = oldest;
        }
        Self { events, next: query.before.map(EventId::as_u64) }
    }

    /// Returns the position behind which the walk goes on, where it does.
    pub(super) fn next(&self) -> Option<[u8; 8]> {
        self.next.map(u64::to_be_bytes)
    }
}

fn kinds() -> Vec<&'static str> {
    EventKind::ALL.iter().map(|kind| kind.as_str()).collect()
}

pub(super) static EVENT_TYPE: Parameter =
    Parameter::new("event_type", Shape::OneOf(kinds), "Only these kinds, in any case.")
        .repeatable(EventKind::ALL.len());
pub(super) static SOURCE: Parameter =
    Parameter::new("source", Shape::Text { max_bytes: 255 }, "Only from this source: `ml::anomaly`.");
pub(super) static HOST: Parameter = Parameter::new("host", Shape::Text { max_bytes: 253 }, "Only of this host.");
static LIMIT: Parameter =
    Parameter::new("limit", Shape::Integer { min: 1, max: 1000 }, "The most events.").default("100");
static PID: Parameter =
    Parameter::new("pid", Shape::Integer { min: 0, max: u32::MAX as i64 }, "Only about this process.");
static TEXT: Parameter =
    Parameter::new("q", Shape::Text { max_bytes: 256 }, "Only those whose JSON has this text, in any case.");
static PATH: &[&Parameter] = &[&ID];
static ID: Parameter = Parameter::new("id", Shape::Integer { min: 0, max: MAX_ID }, "The event's id.");

const MAX_ID: i64 = (1 << 53) - 1;
const MIN_CHUNK: usize = 100;
const MAX_CHUNK: usize = 1_000;
const MAX_CHUNKS: usize = 20;
