//! Server-sent events and the WebSocket.

use std::time::Duration;

use axum::body::Body;
use futures_util::{SinkExt, StreamExt};
use http::{Request, Response};
use http_body_util::BodyExt;
use observe_http::Config;
use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpSocket, TcpStream},
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest, protocol::frame::coding::CloseCode},
};
use tower::ServiceExt;

use crate::{
    fixture::Fixture,
    sockets::{Running, soon, until},
};

/// Reads a stream of events.
pub(crate) struct Reader {
    response: Response<Body>,
    text: String,
}

impl Reader {
    pub(crate) async fn open(fixture: &Fixture, query: &str, last_id: Option<u64>) -> Self {
        let mut request = Request::get(format!("/api/v1/events/stream{query}"));
        if let Some(id) = last_id {
            request = request.header("last-event-id", id);
        }
        let response = fixture.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert!(!response.headers().contains_key("content-encoding"));
        Self { response, text: String::new() }
    }

    /// Returns the next block: an event or a comment.
    async fn block(&mut self) -> String {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return block;
            }
            let frame = self.response.body_mut().frame().await.unwrap().unwrap();
            self.text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
        }
    }

    /// Returns the next event: its kind and its data.
    pub(crate) async fn event(&mut self) -> (String, Value) {
        let block = soon(self.block()).await;
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        (field("event: ").to_owned(), serde_json::from_str(field("data: ")).unwrap_or_default())
    }
}

async fn ids(fixture: &Fixture) -> Vec<u64> {
    let events = fixture.get("/events?event_type=CUSTOM").await.json();
    events.as_array().unwrap().iter().rev().map(|event| event["id"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn events_are_streamed_as_they_happen() {
    let fixture = Fixture::new().await;
    let mut reader = Reader::open(&fixture, "?event_type=custom", None).await;

    fixture.log("not asked for").await;
    fixture.announce("deployed").await;
    let (kind, event) = reader.event().await;

    assert_eq!(kind, "CUSTOM");
    assert_eq!((&event["data"]["name"], &event["host"]), (&json!("deployed"), &json!("testhost")));
    assert_eq!(event["timestamp"], "2024-01-20T12:35:05.000000Z");
}

#[tokio::test]
async fn a_broken_stream_goes_on_where_it_broke() {
    let fixture = Fixture::new().await;
    for name in ["a", "b", "c"] {
        fixture.announce(name).await;
    }
    let first = ids(&fixture).await[0];

    let mut reader = Reader::open(&fixture, "?event_type=CUSTOM", Some(first)).await;
    fixture.announce("d").await;

    for name in ["b", "c", "d"] {
        assert_eq!(reader.event().await.1["data"]["name"], name);
    }
}

#[tokio::test]
async fn a_long_pause_is_caught_up_with_once_and_in_order() {
    let fixture = Fixture::new().await;
    for number in 0..300 {
        fixture.announce(&number.to_string()).await;
        fixture.log("between").await;
    }
    let first = fixture.get("/events?event_type=CUSTOM&limit=300").await.json()[299]["id"].as_u64();

    let mut reader = Reader::open(&fixture, "?event_type=CUSTOM", first).await;
    fixture.announce("300").await;

    for number in 1..=300 {
        assert_eq!(reader.event().await.1["data"]["name"], number.to_string());
    }
}

#[tokio::test]
async fn a_stream_of_frames_goes_on_without_a_gap() {
    let mut fixture = Fixture::new().await;
    let mut reader = Reader::open(&fixture, "?event_type=CPU_METRIC", None).await;
    fixture.tick(10).await;
    let last = reader.event().await.1["id"].as_u64();
    drop(reader);
    fixture.tick(11).await;

    let mut reader = Reader::open(&fixture, "?event_type=CPU_METRIC", last).await;
    fixture.tick(12).await;

    for second in ["2024-01-20T12:35:07.000000Z", "2024-01-20T12:35:08.000000Z"] {
        let (kind, event) = reader.event().await;
        assert_eq!((kind.as_str(), &event["timestamp"]), ("CPU_METRIC", &json!(second)));
    }
}

#[tokio::test]
async fn another_version_of_websocket_is_426() {
    let (server, _fixture) = serve(Config::default()).await;
    let mut request = format!("ws://{}/api/v1/stream", server.address).into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-version", "8".parse().unwrap());

    let refused = soon(client_async(request, connect(&server).await)).await.unwrap_err();

    let tokio_tungstenite::tungstenite::Error::Http(answer) = refused else { panic!("{refused}") };
    assert_eq!((answer.status().as_u16(), &answer.headers()["sec-websocket-version"]), (426, &"13".parse().unwrap()));
}

#[tokio::test]
async fn a_gap_is_said_before_what_is_left() {
    let fixture = Fixture::new().await;
    fixture.announce("a").await;

    let mut reader = Reader::open(&fixture, "?event_type=CUSTOM", Some(7)).await;

    assert_eq!(reader.event().await, ("dropped".to_owned(), json!({"count": null})));
    assert_eq!(reader.event().await.1["data"]["name"], "a");
}

#[tokio::test]
async fn streams_can_be_filtered_by_source_and_host() {
    let fixture = Fixture::new().await;
    let mut ours = Reader::open(&fixture, "?source=test::custom&host=testhost", None).await;
    let theirs = Reader::open(&fixture, "?host=other&event_type=CUSTOM", Some(0)).await;

    fixture.log("another source").await;
    fixture.announce("ours").await;

    assert_eq!(ours.event().await.1["data"]["name"], "ours");
    assert!(theirs.text.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_quiet_stream_is_kept_alive() {
    let fixture = Fixture::new().await;
    let mut reader = Reader::open(&fixture, "?event_type=CUSTOM", None).await;
    let before = tokio::time::Instant::now();

    let block = reader.block().await;

    assert_eq!((block.as_str(), before.elapsed().as_secs()), (": ping", 15));
}

#[tokio::test]
async fn a_reader_that_leaves_unsubscribes() {
    let fixture = Fixture::new().await;
    let reader = Reader::open(&fixture, "", None).await;
    let during = fixture.handle.bus().stats().subscribers.len();

    drop(reader);

    assert_eq!((during, fixture.handle.bus().stats().subscribers.len()), (1, 0));
}

/// A server, and what keeps its engine alive.
async fn serve(config: Config) -> (Running, Fixture) {
    let fixture = Fixture::with(config.clone()).await;
    (Running::start(config, fixture.router.clone(), Duration::from_secs(10)).await, fixture)
}

/// Connects with a receive buffer that is soon full.
async fn connect(server: &Running) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(server.address).await.unwrap()
}

type Client = WebSocketStream<TcpStream>;

async fn open(server: &Running, wishes: Value) -> Client {
    let address = format!("ws://{}/api/v1/stream", server.address);
    let (mut client, _) = soon(client_async(address, connect(server).await)).await.unwrap();
    say(&mut client, &json!({"subscribe": wishes})).await;
    client
}

async fn say(client: &mut Client, message: &Value) {
    client.send(Message::text(message.to_string())).await.unwrap();
}

/// Returns the next object that the server says.
async fn heard(client: &mut Client) -> Value {
    loop {
        match soon(client.next()).await.unwrap().unwrap() {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

async fn closed_with(client: &mut Client) -> Option<CloseCode> {
    loop {
        match soon(client.next()).await {
            Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return None,
        }
    }
}

#[tokio::test]
async fn wished_events_and_values_come_over_the_websocket() {
    let (server, mut fixture) = serve(Config::default()).await;
    let mut client =
        open(&server, json!({"event_types": ["custom"], "metric_keys": ["memory.percent", "not.yet"]})).await;
    let confirmed = heard(&mut client).await;

    fixture.announce("deployed").await;
    let event = heard(&mut client).await;
    let values = heard(&mut client).await;
    fixture.tick(10).await;
    let later = heard(&mut client).await;

    let expected = json!({"event_types": ["CUSTOM"], "metric_keys": ["memory.percent", "not.yet"]});
    assert_eq!(confirmed["subscribed"], expected);
    assert_eq!(event["event"]["data"]["name"], "deployed");
    let value = |timestamp: &str| json!({"metric_key": "memory.percent", "timestamp": timestamp, "value": 25.0});
    assert_eq!(values["metrics"], json!([value("2024-01-20T12:35:05.000000Z")]));
    assert_eq!(later["metrics"], json!([value("2024-01-20T12:35:06.000000Z")]));
}

#[tokio::test]
async fn new_wishes_replace_the_old_ones() {
    let (server, fixture) = serve(Config::default()).await;
    let mut client = open(&server, json!({"event_types": ["LOG"]})).await;
    heard(&mut client).await;

    say(&mut client, &json!({"subscribe": {"event_types": ["CUSTOM"]}})).await;
    heard(&mut client).await;
    fixture.log("no longer wished for").await;
    fixture.announce("a").await;

    assert_eq!(heard(&mut client).await["event"]["event_type"], "CUSTOM");
}

#[tokio::test]
async fn messages_that_make_no_sense_are_explained_and_end_the_stream() {
    let (server, _fixture) = serve(Config::default()).await;
    for (wishes, code) in
        [(json!({"event_types": ["CPU"]}), "event_type"), (json!({"metric_keys": ["a{"]}), "metric_key")]
    {
        let mut client = open(&server, wishes).await;

        assert_eq!(heard(&mut client).await["error"]["code"], code);
        assert_eq!(closed_with(&mut client).await, Some(CloseCode::Policy));
    }
}

#[tokio::test]
async fn binary_and_oversized_messages_end_the_stream() {
    let (server, _fixture) = serve(Config::default()).await;
    let mut binary = open(&server, json!({"event_types": ["LOG"]})).await;
    let mut oversized = open(&server, json!({"event_types": ["LOG"]})).await;

    binary.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    // The server may close before all of it is sent.
    let _outcome = oversized.send(Message::text("x".repeat(100_000))).await;

    assert_eq!(closed_with(&mut binary).await, Some(CloseCode::Unsupported));
    closed_with(&mut oversized).await;
    until(|| server.stats.open() == 0).await;
}

#[tokio::test]
async fn pages_of_another_origin_are_refused() {
    let (server, _fixture) = serve(Config::default()).await;
    let mut request = format!("ws://{}/api/v1/stream", server.address).into_client_request().unwrap();
    request.headers_mut().insert("origin", "https://evil.example".parse().unwrap());

    let refused = soon(client_async(request, connect(&server).await)).await.unwrap_err();

    assert!(refused.to_string().contains("403"), "{refused}");
}

#[tokio::test]
async fn the_path_is_a_400_for_those_who_do_not_speak_websocket() {
    let fixture = Fixture::new().await;

    assert_eq!(fixture.get("/api/v1/stream").await.json()["status"], 400);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_told_what_it_lost() {
    let (server, fixture) = serve(Config::default()).await;
    let mut client = open(&server, json!({"event_types": ["LOG"]})).await;
    heard(&mut client).await;

    let log = "x".repeat(100_000);
    while fixture.handle.bus().stats().totals.dropped == 0 {
        fixture.log(&log).await;
    }

    let lost = loop {
        let message = heard(&mut client).await;
        if let Some(dropped) = message.get("dropped") {
            break dropped["count"].as_u64().unwrap();
        }
    };
    assert!(lost >= 1);
}

#[tokio::test]
async fn a_client_that_never_reads_is_cut() {
    let mut config = Config::default();
    config.write_timeout_ms = 100;
    let (server, fixture) = serve(config).await;
    let mut client = open(&server, json!({"event_types": ["LOG"]})).await;
    heard(&mut client).await;

    let log = "x".repeat(100_000);
    while server.stats.open() > 0 {
        fixture.log(&log).await;
    }

    assert_eq!(fixture.handle.bus().stats().subscribers.len(), 0);
}

#[tokio::test]
async fn a_reader_of_events_that_stops_is_cut() {
    let mut config = Config::default();
    config.write_timeout_ms = 100;
    let (server, fixture) = serve(config).await;
    let mut stopped = connect(&server).await;
    stopped.write_all(b"GET /api/v1/events/stream?event_type=LOG HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    until(|| fixture.handle.bus().stats().subscribers.len() == 1).await;

    let log = "x".repeat(100_000);
    while server.stats.open() > 0 {
        fixture.log(&log).await;
    }

    assert_eq!(fixture.handle.bus().stats().subscribers.len(), 0);
}

#[tokio::test]
async fn streams_end_when_the_server_stops() {
    let (server, _fixture) = serve(Config::default()).await;
    let mut client = open(&server, json!({})).await;
    heard(&mut client).await;
    let mut events = connect(&server).await;
    events.write_all(b"GET /api/v1/events/stream HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    until(|| server.stats.accepted() == 2 && server.stats.open() == 2).await;

    let drained = server.stop().await;

    assert_eq!(drained.cut_connections, 0);
    assert_eq!(closed_with(&mut client).await, Some(CloseCode::Away));
}
