//! One client on a WebSocket.

use std::{pin::pin, sync::Arc, time::Duration};

use axum::{
    body::Bytes,
    extract::ws::{CloseFrame, Message, WebSocket, close_code},
};
use observe_core::{Enriched, Filter, Subscription, Timestamp};
use tokio_util::sync::CancellationToken;

use super::message::{Misunderstood, ToClient, Value, Wanted};
use crate::{AppState, routes::stream::subscribe, server::Connection, time::Rfc3339};

/// A client, and what it wants.
pub(super) struct Session {
    state: AppState,
    socket: WebSocket,
    draining: CancellationToken,
    /// Held for as long as the socket is open: the server counts it and waits for it.
    _connection: Option<Connection>,
}

/// Why a session ends.
enum End {
    /// The client is gone.
    Gone,
    /// There is something to say before the socket is closed.
    Close(u16, &'static str),
}

/// What a client gets at present.
struct Feed {
    wanted: Wanted,
    subscription: Subscription,
    seen_drops: u64,
    sent: Vec<Option<Timestamp>>,
}

impl Session {
    pub(super) fn new(state: AppState, socket: WebSocket, connection: Option<Connection>) -> Self {
        let draining = connection.as_ref().map(Connection::draining).unwrap_or_default();
        Self { state, socket, draining, _connection: connection }
    }

    pub(super) async fn run(mut self) {
        let end = match self.first().await {
            Ok(feed) => self.serve(feed).await,
            Err(end) => end,
        };
        if let End::Close(code, reason) = end {
            let frame = CloseFrame { code, reason: reason.into() };
            // Whether the client still reads it does not matter.
            let _sent = self.send(Message::Close(Some(frame))).await;
        }
    }

    /// Waits for the first message, which has to be the client's wishes.
    async fn first(&mut self) -> Result<Feed, End> {
        let draining = self.draining.clone();
        let mut deadline = pin!(tokio::time::sleep(FIRST_MESSAGE_TIMEOUT));
        loop {
            let message = tokio::select! {
                message = self.socket.recv() => message,
                () = &mut deadline => return Err(End::Close(close_code::POLICY, "subscribe first")),
                () = draining.cancelled() => return Err(GOING_DOWN),
            };
            if let Some(feed) = self.heard(message).await? {
                return Ok(feed);
            }
        }
    }

    async fn serve(&mut self, mut feed: Feed) -> End {
        let draining = self.draining.clone();
        let mut ping = tokio::time::interval(PING_INTERVAL);
        loop {
            let turn = tokio::select! {
                message = self.socket.recv() => match self.heard(message).await {
                    Ok(Some(changed)) => { feed = changed; Ok(()) }
                    Ok(None) => Ok(()),
                    Err(end) => Err(end),
                },
                batch = feed.subscription.next_batch(MAX_BATCH) => self.pass_on(&mut feed, &batch).await,
                _ = ping.tick() => self.send(Message::Ping(Bytes::new())).await,
                () = draining.cancelled() => Err(GOING_DOWN),
            };
            if let Err(end) = turn {
                return end;
            }
        }
    }

    /// Takes in a message; new wishes replace the old ones.
    async fn heard(&mut self, message: Option<Result<Message, axum::Error>>) -> Result<Option<Feed>, End> {
        match message {
            Some(Ok(Message::Text(text))) => match Wanted::parse(&text) {
                Ok(wanted) => self.subscribe(wanted).await.map(Some),
                Err(Misunderstood { code, message }) => {
                    self.say(&ToClient::Error { code, message }).await?;
                    Err(End::Close(close_code::POLICY, "not understood"))
                }
            },
            Some(Ok(Message::Binary(_))) => Err(End::Close(close_code::UNSUPPORTED, "text only")),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(None),
            Some(Ok(Message::Close(_)) | Err(_)) | None => Err(End::Gone),
        }
    }

    async fn subscribe(&mut self, wanted: Wanted) -> Result<Feed, End> {
        let subscription = subscribe(&self.state, "ws", Filter::kinds(wanted.shown()))
            .map_err(|_| End::Close(close_code::AGAIN, "too many streams are open"))?;
        self.say(&wanted.confirmation()).await?;
        let sent = vec![None; wanted.keys.len()];
        Ok(Feed { wanted, subscription, seen_drops: 0, sent })
    }

    async fn pass_on(&mut self, feed: &mut Feed, batch: &[Arc<Enriched>]) -> Result<(), End> {
        if batch.is_empty() {
            return Err(GOING_DOWN);
        }
        let drops = feed.subscription.dropped();
        if drops > feed.seen_drops {
            self.say(&ToClient::Dropped { count: drops - feed.seen_drops }).await?;
            feed.seen_drops = drops;
        }
        let own_host = Arc::clone(self.state.handle().host_name());
        for event in batch.iter().filter(|event| feed.wanted.kinds.contains(event.kind())) {
            self.say(&ToClient::event(event, &own_host)).await?;
        }
        let values = feed.new_values(&self.state);
        if values.is_empty() { Ok(()) } else { self.say(&ToClient::Metrics(values)).await }
    }

    async fn say(&mut self, message: &ToClient<'_>) -> Result<(), End> {
        let text = serde_json::to_string(message).map_err(|_| End::Close(close_code::ERROR, "internal"))?;
        self.send(Message::text(text)).await
    }

    /// Sends a message; a client that does not read for too long is gone.
    async fn send(&mut self, message: Message) -> Result<(), End> {
        let timeout = self.state.config().write_timeout();
        match tokio::time::timeout(timeout, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }
}

impl Feed {
    /// Returns the values that are newer than those sent last.
    fn new_values(&mut self, state: &AppState) -> Vec<Value> {
        let watched = self.wanted.keys.iter().zip(&mut self.sent);
        let fresh = watched.filter_map(|(key, sent)| {
            let point = state.handle().latest(key)?;
            let is_new = sent.is_none_or(|last| point.timestamp > last);
            *sent = Some(point.timestamp);
            is_new.then(|| Value {
                metric_key: key.to_string(),
                timestamp: Rfc3339(point.timestamp),
                value: point.value,
            })
        });
        fresh.collect()
    }
}

const GOING_DOWN: End = End::Close(close_code::AWAY, "the service is going down");
const FIRST_MESSAGE_TIMEOUT: Duration = Duration::from_secs(10);
const PING_INTERVAL: Duration = Duration::from_secs(15);
const MAX_BATCH: usize = 256;
