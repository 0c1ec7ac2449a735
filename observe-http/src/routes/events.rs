//! Events of the past.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use observe_core::{Enriched, EventId, EventKind, EventKinds, EventQuery, Handle};

use super::{Row, json, to_json};
use crate::{
    AppState, Problem, aside,
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
            .fails(&[422, 503])
            .compressed(),
    ]
}

pub(crate) fn unified() -> Vec<Row> {
    vec![
        Row::get("/api/v1/events", "What happened, newest first", events_v1)
            .reads::<EventsPageQuery>()
            .answers::<Page<EventBody<'static, Rfc3339>>>()
            .fails(&[400, 422, 503])
            .compressed(),
        Row::get("/api/v1/events/{id}", "One event", event)
            .at(PATH)
            .answers::<EventBody<'static, Rfc3339>>()
            .fails(&[404, 422, 503])
            .compressed(),
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

    /// Asks for events that are meant. Only those of other hosts say which one, and no frame comes from there.
    pub(super) fn query(&self, limit: usize, own_host: &str) -> EventQuery {
        let mut query = EventQuery::newest(limit);
        query.kinds = self.kinds;
        query.source.clone_from(&self.source);
        query.host = self.host.clone().filter(|host| host != own_host);
        if query.host.is_some() {
            query.kinds = self.kinds.iter().filter(|kind| !kind.is_frame()).collect();
        }
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
    fn page(&self, state: &AppState) -> Result<Response, Problem> {
        let (handle, paging) = (state.handle(), &self.paging);
        let before = state.cursors().open_number(paging)?;
        let scan = Scan::run(handle, self.query(handle)?, before, |event| self.matches(event, handle.host_name()))?;
        let items: Vec<EventBody<'_, Rfc3339>> =
            scan.events.iter().map(|event| EventBody::new(event, handle.host_name())).collect();
        let next = scan.next();
        Ok(Page::new(state.cursors(), paging, items, next.as_ref().map(|id| &id[..])).into_response())
    }

    fn query(&self, handle: &Handle) -> Result<EventQuery, Problem> {
        let range = self.range.resolve(handle.now(), None)?;
        let mut query = self.filter.query(self.paging.limit, handle.host_name());
        query.pid = self.pid;
        (query.start, query.end) = (range.start, range.end);
        Ok(query)
    }

    fn matches(&self, event: &Enriched, own_host: &str) -> bool {
        self.filter.matches(event, own_host) && self.text.as_ref().is_none_or(|text| says(event, own_host, text))
    }
}

/// Returns whether the event's JSON has a text, which is in lower case. Most that match do so by what costs nothing.
fn says(event: &Enriched, own_host: &str, text: &str) -> bool {
    let has = |part: &str| part.to_lowercase().contains(text);
    has(&event.source) || has(event.kind().as_str()) || {
        let body = to_json(&EventBody::<Rfc3339>::new(event, own_host));
        has(&String::from_utf8_lossy(&body))
    }
}

async fn events(State(state): State<AppState>, Query(query): Query<EventsQuery>) -> Result<Response, Problem> {
    let handle = state.handle().clone();
    let compute = move || {
        let mut wanted = EventQuery::newest(query.limit);
        wanted.kinds = query.kinds;
        let events = past(&handle, &wanted)?;
        let bodies: Vec<EventBody<'_, EpochSeconds>> =
            events.iter().map(|event| EventBody::new(event, handle.host_name())).collect();
        Ok(json(to_json(&bodies)))
    };
    state.aside().answer(compute).await
}

async fn events_v1(State(state): State<AppState>, Query(query): Query<EventsPageQuery>) -> Result<Response, Problem> {
    let shared = state.clone();
    state.aside().answer(move || query.page(&shared)).await
}

async fn event(State(state): State<AppState>, Path(id): Path<u64>) -> Result<Response, Problem> {
    let handle = state.handle().clone();
    let compute = move || {
        let missing = || Problem::not_found("there is no such event");
        let id = Some(id).filter(|id| *id <= MAX_ID as u64).map(EventId::from_u64).ok_or_else(missing)?;
        let found = aside::wait(handle.past_event(id)).map_err(|error| Problem::of_store(&error, ID.name))?;
        let event = found.ok_or_else(missing)?;
        Ok(json(to_json(&EventBody::<Rfc3339>::new(&event, handle.host_name()))))
    };
    state.aside().answer(compute).await
}

/// Asks memory and store for events.
fn past(handle: &Handle, query: &EventQuery) -> Result<Vec<Arc<Enriched>>, Problem> {
    aside::wait(handle.past_events(query)).map_err(|error| Problem::of_store(&error, page::LIMIT.name))
}

/// A walk through events, newest first, that keeps some of them.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) events: Vec<Arc<Enriched>>,
    next: Option<u64>,
}

impl Scan {
    /// Keeps at most `query.limit` events. It looks in lots, each twice as large as the one before, until it has seen
    /// as many as it may: frames have to be put together first, so of them it looks at fewer.
    pub(super) fn run(
        handle: &Handle,
        mut query: EventQuery,
        before: Option<u64>,
        keep: impl Fn(&Enriched) -> bool,
    ) -> Result<Self, Problem> {
        let wanted = query.limit;
        let mut left = if query.kinds.iter().any(EventKind::is_frame) { MAX_FRAMES } else { MAX_EVENTS };
        let mut events: Vec<Arc<Enriched>> = Vec::new();
        query.limit = wanted + 1;
        query.before = before.map(EventId::from_u64);
        while left > 0 {
            let lot = past(handle, &query)?;
            let (is_last, oldest) = (lot.len() < query.limit, lot.iter().map(|event| event.id).min());
            for event in lot.into_iter().filter(|event| keep(event)) {
                if events.len() == wanted {
                    let next = events.last().map(|event| event.id.as_u64());
                    return Ok(Self { events, next });
                }
                events.push(event);
            }
            if is_last {
                return Ok(Self { events, next: None });
            }
            query.before = oldest;
            left = left.saturating_sub(query.limit);
            query.limit = (query.limit * 2).min(left);
        }
        Ok(Self { events, next: query.before.map(EventId::as_u64) })
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
static TEXT: Parameter = Parameter::new(
    "q",
    Shape::Text { max_bytes: 256 },
    "Only those whose JSON has this text, in any case. A page is cut after some thousand \
     events, so it can be empty and still have a next one.",
);
static PATH: &[&Parameter] = &[&ID];
static ID: Parameter = Parameter::new("id", Shape::Integer { min: 0, max: MAX_ID }, "The event's id.");

const MAX_ID: i64 = (1 << 53) - 1;
const MAX_FRAMES: usize = 4_000;
const MAX_EVENTS: usize = 20_000;
