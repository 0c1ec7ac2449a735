//! The accept loop, byte by byte.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, routing::get};
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use observe_http::{Config, Drained, Server, ServerStats};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::fixture::Fixture;

/// A server on a port that the system chose.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) stats: Arc<ServerStats>,
    stop: CancellationToken,
    serving: JoinSet<Drained>,
}

impl Running {
    pub(crate) async fn start(mut config: Config, router: Router, grace: Duration) -> Self {
        config.port = 0;
        let server = Server::bind(&config).await.unwrap();
        let (address, stats, stop) = (server.local_addrs()[0], server.stats(), CancellationToken::new());
        let mut serving = JoinSet::new();
        serving.spawn(server.serve(router, stop.clone(), grace));
        Self { address, stats, stop, serving }
    }

    pub(crate) async fn stop(mut self) -> Drained {
        self.stop.cancel();
        soon(self.serving.join_next()).await.unwrap().unwrap()
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes and returns everything that comes back until the server closes.
    async fn exchange(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.unwrap();
        until_closed(&mut stream).await
    }
}

/// Waits, but not for ever.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("it takes too long")
}

async fn until_closed(stream: &mut TcpStream) -> String {
    let mut received = Vec::new();
    // A reset after the answer is as good as an end.
    let _outcome = soon(stream.read_to_end(&mut received)).await;
    String::from_utf8_lossy(&received).into_owned()
}

fn answers(received: &str) -> usize {
    received.lines().filter(|line| line.starts_with("HTTP/1.")).count()
}

async fn first_answer(stream: &mut TcpStream) -> String {
    let mut received = Vec::new();
    while !received.ends_with(b"}") {
        let mut chunk = [0; 4096];
        let count = soon(stream.read(&mut chunk)).await.unwrap();
        assert_ne!(count, 0, "{}", String::from_utf8_lossy(&received));
        received.extend_from_slice(&chunk[..count]);
    }
    String::from_utf8(received).unwrap()
}

/// Serves `/ping` with patience of a tenth of a second in every respect.
async fn impatient() -> Running {
    let mut config = Config::default();
    config.first_byte_timeout_ms = 100;
    config.header_timeout_ms = 100;
    let fixture = Fixture::new().await;
    Running::start(config, fixture.router, Duration::from_secs(5)).await
}

async fn patient() -> Running {
    Running::start(Config::default(), Fixture::new().await.router, Duration::from_secs(5)).await
}

const PING: &[u8] = b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n";

#[tokio::test]
async fn clients_that_say_nothing_or_stop_in_the_middle_are_closed() {
    let server = impatient().await;

    for bytes in ["", "PR", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r", "G", "GET /ping HTTP/1.1\r\nHos"] {
        let answer = server.exchange(bytes.as_bytes()).await;
        assert!(!answer.contains("200 OK"), "{bytes:?}: {answer}");
    }
    assert_eq!(server.stats.silent(), 3);
}

#[tokio::test]
async fn a_connection_that_rests_too_long_is_closed() {
    let server = impatient().await;

    let answer = server.exchange(PING).await;

    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

#[tokio::test]
async fn ambiguous_requests_get_one_400_and_the_end() {
    let server = patient().await;
    let smuggled = "GET /ping HTTP/1.1\r\nHost: a\r\n\r\n";
    let cases = [
        "GET /ping HTTP/1.1\r\n\r\n",
        "GET /ping HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET http://b/ping HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /ping HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        "POST /ping HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        "POST /ping HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx",
        "POST /ping HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n",
        "POST /ping HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
        "POST /ping HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n",
        "POST /ping HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET /ping HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET /ping HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
        "GET /pi\u{1}ng HTTP/1.1\r\nHost: a\r\n\r\n",
    ];
    for case in cases {
        let answer = server.exchange(format!("{case}{smuggled}").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 ") || answer.starts_with("HTTP/1.0 400 "), "{case:?}: {answer}");
        assert_eq!(answers(&answer), 1, "{case:?}: {answer}");
    }
}

#[tokio::test]
async fn a_length_beside_chunks_ends_the_connection_after_one_answer() {
    let server = patient().await;
    for lengths in
        ["Content-Length: 4\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 4"]
    {
        let request = format!(
            "POST /ping HTTP/1.1\r\nHost: a\r\n{lengths}\r\n\r\n0\r\n\r\nGET /ping HTTP/1.1\r\nHost: a\r\n\r\n"
        );

        let answer = server.exchange(request.as_bytes()).await;

        assert_eq!(answers(&answer), 1, "{answer}");
        assert!(!answer.contains("200 OK"), "{answer}");
    }
}

#[tokio::test]
async fn refusals_before_routing_are_problems_with_all_headers() {
    let server = patient().await;

    let answer = server.exchange(b"GET /ping HTTP/1.1\r\n\r\n").await;

    for part in ["application/problem+json", "x-request-id: ", "nosniff", "connection: close", "needs a Host header"] {
        assert!(answer.contains(part), "{part}: {answer}");
    }
}

#[tokio::test]
async fn headers_are_bounded_in_number_and_bytes() {
    let server = patient().await;
    let many = format!("GET /ping HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(70));
    let large = format!("GET /ping HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "y".repeat(100_000));
    let long = format!("GET /ping?{} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "x".repeat(9_000));

    assert!(server.exchange(many.as_bytes()).await.starts_with("HTTP/1.1 431 "));
    assert!(server.exchange(large.as_bytes()).await.starts_with("HTTP/1.1 431 "));
    assert!(server.exchange(long.as_bytes()).await.starts_with("HTTP/1.1 414 "));
}

#[tokio::test]
async fn http2_is_spoken_to_those_who_know() {
    let server = patient().await;
    let stream = server.connect().await;
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(connection);

    let uri = format!("http://{}/ping", server.address);
    let request = Request::get(uri).body(Empty::<Bytes>::new()).unwrap();
    let response = soon(sender.send_request(request)).await.unwrap();

    assert_eq!((response.status().as_u16(), response.version()), (200, http::Version::HTTP_2));
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!(body.starts_with(b"{\"status\":\"ok\""));
}

#[tokio::test]
async fn headers_of_http2_are_counted_too() {
    let server = patient().await;
    let stream = server.connect().await;
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(connection);

    let uri = format!("http://{}/ping", server.address);
    let request = (0..70).fold(Request::get(uri), |request, at| request.header(format!("x-{at}"), "y"));
    let response = soon(sender.send_request(request.body(Empty::<Bytes>::new()).unwrap())).await.unwrap();

    assert_eq!((response.status().as_u16(), response.version()), (431, http::Version::HTTP_2));
}

#[tokio::test]
async fn refusals_before_routing_are_counted() {
    let mut fixture = Fixture::new().await;
    let server = Running::start(Config::default(), fixture.router.clone(), Duration::from_secs(5)).await;
    fixture.show(Arc::clone(&server.stats));

    server.exchange(b"GET /ping HTTP/1.1\r\n\r\n").await;

    let text = fixture.get("/metrics/prometheus").await.text;
    let line = "bot_http_requests_total{method=\"GET\",route=\"unmatched\",status=\"400\"} 1\n";
    assert!(text.contains(line), "{text}");
}

#[tokio::test]
async fn the_most_connections_make_others_wait() {
    let mut config = Config::default();
    config.max_connections = 1;
    let server = Running::start(config, Fixture::new().await.router, Duration::from_secs(5)).await;
    let mut first = server.connect().await;
    first.write_all(PING).await.unwrap();
    first_answer(&mut first).await;
    let mut second = server.connect().await;
    second.write_all(PING).await.unwrap();

    drop(first);
    let answer = first_answer(&mut second).await;

    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(server.stats.waits() >= 1);
}

#[tokio::test]
async fn resting_connections_end_when_the_server_stops() {
    let server = patient().await;
    let mut resting = server.connect().await;
    resting.write_all(PING).await.unwrap();
    first_answer(&mut resting).await;
    let silent = server.connect().await;

    let drained = server.stop().await;

    assert_eq!(drained.cut_connections, 0);
    assert_eq!(until_closed(&mut resting).await, "");
    drop(silent);
}

#[tokio::test]
async fn requests_may_finish_and_those_that_do_not_are_cut() {
    let router = Router::new().route("/never", get(std::future::pending::<()>));
    let server = Running::start(Config::default(), router, Duration::from_millis(50)).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /never HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    until(|| server.stats.open() == 1).await;

    let drained = server.stop().await;

    assert_eq!(drained.cut_connections, 1);
    assert_eq!(until_closed(&mut stream).await, "");
}

/// Waits until something holds, which only another task can bring about.
pub(crate) async fn until(mut holds: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(tokio::time::Instant::now() < deadline, "it never came to hold");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
