//! Events as they happen, as server-sent events.

mod past;

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

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
use observe_core::{Enriched, EventQuery, Filter, SubscribeError, Subscription};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use self::past::{LOT, Lot, Past};
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
            "Events as they happen; `Last-Event-ID` goes on where a stream broke. An event `dropped` says that some are \
             missing: its `count` is null where nobody can know how many",
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
        feed.resume(last_id);
    }
    let events = stream::unfold(feed, |mut feed| async move { feed.next().await.map(|event| (Ok(event), feed)) });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(PING_INTERVAL).text("ping")))
}

/// That events are missing here.
#[derive(Debug, Serialize)]
struct Dropped {
    /// How many; null where nobody can know.
    count: Option<u64>,
}

/// One client's stream. It holds few events, and writes one down only when the client takes it.
#[derive(Debug)]
struct Feed {
    state: AppState,
    filter: EventFilter,
    subscription: Subscription,
    /// What happened before the subscription and is not yet sent.
    past: Option<Past>,
    /// Events up to here belong to the past, even when the subscription has them too.
    horizon: u64,
    lost: Option<Dropped>,
    waiting: VecDeque<Arc<Enriched>>,
    seen_drops: u64,
    draining: CancellationToken,
}

impl Feed {
    fn open(state: &AppState, filter: EventFilter, draining: CancellationToken) -> Result<Self, Problem> {
        let subscription = subscribe(state, "sse", Filter::kinds(filter.kinds))?;
        Ok(Self {
            state: state.clone(),
            filter,
            subscription,
            past: None,
            horizon: 0,
            lost: None,
            waiting: VecDeque::new(),
            seen_drops: 0,
            draining,
        })
    }

    /// Puts what happened since `last` in front. The subscription stands already, so nothing is lost in between.
    fn resume(&mut self, last: u64) {
        let newest = self.state.handle().events(&EventQuery::newest(1));
        let until = newest.first().map_or(0, |event| event.id.as_u64());
        (self.horizon, self.past) = (until, Some(Past { after: last, until, width: LOT }));
    }

    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(lost) = self.lost.take() {
                return Event::default().event("dropped").json_data(lost).ok();
            }
            while let Some(event) = self.waiting.pop_front() {
                if let Some(event) = render(&event, self.state.handle().host_name()) {
                    return Some(event);
                }
            }
            match self.past.take() {
                _ if self.draining.is_cancelled() => return None,
                Some(past) => self.look_back(past).await,
                None => self.wait().await?,
            }
        }
    }

    /// Takes the next lot out of memory or the store.
    async fn look_back(&mut self, past: Past) {
        let (handle, filter) = (self.state.handle().clone(), self.filter.clone());
        let looked = self.state.aside().part(move || past.lot(&handle, &filter)).await;
        let lot = looked.unwrap_or(Lot { events: Vec::new(), rest: None, is_cut: true });
        self.lost = lot.is_cut.then_some(Dropped { count: None });
        self.past = lot.rest;
        self.waiting.extend(lot.events);
    }

    /// Waits for what happens; `None` when the stream ends.
    async fn wait(&mut self) -> Option<()> {
        let batch = tokio::select! {
            batch = self.subscription.next_batch(MAX_BATCH) => batch,
            () = self.draining.cancelled() => return None,
        };
        if batch.is_empty() {
            return None;
        }
        let drops = self.subscription.dropped();
        self.lost = (drops > self.seen_drops).then(|| Dropped { count: Some(drops - self.seen_drops) });
        self.seen_drops = drops;
        let (own_host, horizon) = (Arc::clone(self.state.handle().host_name()), self.horizon);
        let is_wanted = |event: &Arc<Enriched>| event.id.as_u64() > horizon && self.filter.matches(event, &own_host);
        self.waiting.extend(batch.into_iter().filter(is_wanted));
        Some(())
    }
}

fn render(event: &Enriched, own_host: &str) -> Option<Event> {
    let body = EventBody::<Rfc3339>::new(event, own_host);
    Event::default().id(event.id.to_string()).event(event.kind().as_str()).json_data(body).ok()
}

/// Subscribes to the bus under a name of its own.
pub(super) fn subscribe(state: &AppState, kind: &str, filter: Filter) -> Result<Subscription, Problem> {
    state.handle().bus().subscribe(state.subscriber_id(kind), filter).map_err(|error| match error {
        SubscribeError::Full => Problem::unavailable("too-many-subscribers", "too many streams are open", 5),
        other => Problem::internal(other.to_string()),
    })
}

const PING_INTERVAL: Duration = Duration::from_secs(15);
const MAX_BATCH: usize = 64;
