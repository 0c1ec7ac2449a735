//! Events as they happen, as server-sent events.

use std::{
    collections::{HashSet, VecDeque},
    convert::Infallible,
    sync::Arc,
    time::Duration,
};

use axum::{
    Extension,
    extract::State,
    response::{
        Sse,
        sse::{Event, KeepAlive},
    },
};
use futures_util::{Stream, stream};
use http::HeaderMap;
use observe_core::{Enriched, EventId, Filter, Handle, SubscribeError, Subscription};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::{
    Row,
    events::{EVENT_TYPE, EventFilter, HOST, SOURCE},
};
use crate::{
    AppState, Problem,
    body::EventBody,
    extract::{Fields, FromQuery, Parameter, Query},
    server::Connection,
    time::Rfc3339,
};

pub(crate) fn unified() -> Vec<Row> {
    vec![
        Row::get(
            "/api/v1/events/stream",
            "Events as they happen; `Last-Event-ID` goes on where a stream broke",
            stream,
        )
        .reads::<StreamQuery>()
        .media(&["text/event-stream"])
        .fails(&[422, 503]),
    ]
}

/// Which events.
#[derive(Debug)]
struct StreamQuery(EventFilter);

impl FromQuery for StreamQuery {
    const PARAMETERS: &'static [&'static Parameter] = &[&EVENT_TYPE, &SOURCE, &HOST];

    fn from_query(fields: &mut Fields<'_>) -> Self {
        Self(EventFilter::from_fields(fields))
    }
}

async fn stream(
    State(state): State<AppState>,
    Query(StreamQuery(filter)): Query<StreamQuery>,
    headers: HeaderMap,
    connection: Option<Extension<Connection>>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let draining = connection.map(|Extension(connection)| connection.draining()).unwrap_or_default();
    let mut feed = Feed::open(&state, filter, draining)?;
    let last_id = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.parse().ok());
    if let Some(last_id) = last_id {
        feed.resume(EventId::from_u64(last_id));
    }
    let events = stream::unfold(feed, |mut feed| async move { feed.next().await.map(|event| (Ok(event), feed)) });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(PING_INTERVAL).text("ping")))
}

/// One client's stream.
#[derive(Debug)]
struct Feed {
    handle: Handle,
    filter: EventFilter,
    subscription: Subscription,
    waiting: VecDeque<Event>,
    seen_drops: u64,
    draining: CancellationToken,
}

/// That events are missing here.
#[derive(Debug, Serialize)]
struct Dropped {
    /// How many; null where nobody can know.
    count: Option<u64>,
}

impl Feed {
    fn open(state: &AppState, filter: EventFilter, draining: CancellationToken) -> Result<Self, Problem> {
        let subscription = subscribe(state, "sse", Filter::kinds(filter.kinds))?;
        let handle = state.handle().clone();
        Ok(Self { handle, filter, subscription, waiting: VecDeque::new(), seen_drops: 0, draining })
    }

    /// Puts what happened since `last` in front. The subscription stands already, so nothing is lost in between;
    /// what both have is sent once.
    fn resume(&mut self, last: EventId) {
        let mut query = self.filter.query(MAX_RESUMED);
        query.after = Some(last);
        let past = self.handle.events(&query);
        let has_gap = past.len() == MAX_RESUMED || !self.remembers(last);
        if has_gap {
            self.waiting.extend(dropped(None));
        }
        let known: HashSet<EventId> = past.iter().map(|event| event.id).collect();
        self.push(past.into_iter().rev());
        let live = self.subscription.try_batch(usize::MAX);
        self.push(live.into_iter().filter(|event| !known.contains(&event.id)));
    }

    /// Returns whether the event, or one before it, is still in memory: then nothing behind it was forgotten.
    fn remembers(&self, last: EventId) -> bool {
        let mut query = self.filter.query(1);
        query.before = Some(EventId::from_u64(last.as_u64().saturating_add(1)));
        !self.handle.events(&query).is_empty()
    }

    async fn next(&mut self) -> Option<Event> {
        while self.waiting.is_empty() {
            let batch = tokio::select! {
                batch = self.subscription.next_batch(MAX_BATCH) => batch,
                () = self.draining.cancelled() => return None,
            };
            if batch.is_empty() {
                return None;
            }
            let drops = self.subscription.dropped();
            if drops > self.seen_drops {
                self.waiting.extend(dropped(Some(drops - self.seen_drops)));
                self.seen_drops = drops;
            }
            self.push(batch.into_iter());
        }
        self.waiting.pop_front()
    }

    fn push(&mut self, events: impl Iterator<Item = Arc<Enriched>>) {
        let own_host = Arc::clone(self.handle.host_name());
        let wanted = events.filter(|event| self.filter.matches(event, &own_host));
        self.waiting.extend(wanted.filter_map(|event| {
            let body = EventBody::<Rfc3339>::new(&event, &own_host);
            Event::default().id(event.id.to_string()).event(event.kind().as_str()).json_data(body).ok()
        }));
    }
}

fn dropped(count: Option<u64>) -> Option<Event> {
    Event::default().event("dropped").json_data(Dropped { count }).ok()
}

/// Subscribes to the bus under a name of its own.
pub(super) fn subscribe(state: &AppState, kind: &str, filter: Filter) -> Result<Subscription, Problem> {
    state.handle().bus().subscribe(state.subscriber_id(kind), filter).map_err(|error| match error {
        SubscribeError::Full => Problem::unavailable("too-many-subscribers", "too many streams are open", 5),
        other => Problem::internal(other.to_string()),
    })
}

const PING_INTERVAL: Duration = Duration::from_secs(15);
const MAX_BATCH: usize = 256;
const MAX_RESUMED: usize = 1_000;
