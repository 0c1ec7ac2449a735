//! Guards: `GET /health` at or below 25 us of processor time a request, beside the floor of a blocking thread that
//! answers 550 bytes from memory, in the same run.
//!
//! Run: `cargo bench --bench http_health`. The time is that of the server's thread alone; the client has its own.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a bench prints, and fails loudly")]

mod support;

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::mpsc,
    thread,
    time::Duration,
};

use observe::{
    Engine,
    collectors::{self, Config as Sources},
    http::{AppState, Config, Server, router},
};
use tokio_util::sync::CancellationToken;

use self::support::{Effort, each, thread_time};

fn main() {
    let effort = Effort::from_args();
    let requests = effort.of(20_000);
    let floor = best(effort, || floor(requests));
    let health = best(effort, || served("/health", requests));
    let ping = best(effort, || served("/ping", requests));

    println!("http: us of processor time of the server's thread a request, one kept connection");
    println!("  floor: a blocking thread, 550 bytes   {:6.1}", floor / 1e3);
    println!("  GET /ping                             {:6.1} = {:.2} x the floor", ping / 1e3, ping / floor);
    println!("  GET /health                           {:6.1} = {:.2} x the floor", health / 1e3, health / floor);
}

fn best(effort: Effort, measure: impl Fn() -> f64) -> f64 {
    (0..effort.rounds.min(5)).map(|_| measure()).fold(f64::INFINITY, f64::min)
}

/// Returns nanoseconds a request of a server with a live engine behind it.
fn served(path: &'static str, requests: usize) -> f64 {
    let (address_out, address_in) = mpsc::channel();
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let server = thread::spawn(move || {
        let mut engine = Engine::builder();
        for collector in collectors::collectors(&Sources::default()).unwrap() {
            engine = engine.boxed_collector(collector);
        }
        let engine = engine.start().unwrap();
        let mut config = Config::default();
        config.port = 0;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let before = runtime.block_on(async {
            let server = Server::bind(&config).await.unwrap();
            let app = router(AppState::new(engine.handle().clone(), config));
            address_out.send(server.local_addrs()[0]).unwrap();
            let before = thread_time();
            server.serve(app, stopped, Duration::from_secs(1)).await;
            before
        });
        let spent = thread_time() - before;
        assert!(engine.shutdown(Duration::from_secs(5)).is_clean());
        spent
    });
    ask(address_in.recv().unwrap(), path, requests);
    stop.cancel();
    each(server.join().unwrap(), requests)
}

/// Returns nanoseconds a request of a thread that does nothing but answer.
fn floor(requests: usize) -> f64 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let body = "x".repeat(550);
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        let before = thread_time();
        let mut buffer = [0; 4096];
        while stream.read(&mut buffer).unwrap() > 0 {
            stream.write_all(answer.as_bytes()).unwrap();
        }
        thread_time() - before
    });
    ask(address, "/", requests);
    each(server.join().unwrap(), requests)
}

/// Sends requests one after the other over one connection, and reads each answer to its end.
fn ask(address: SocketAddr, path: &str, requests: usize) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let mut buffer = vec![0; 64 << 10];
    for _ in 0..requests {
        stream.write_all(request.as_bytes()).unwrap();
        let mut filled = 0;
        while !is_whole(&buffer[..filled]) {
            let read = stream.read(&mut buffer[filled..]).unwrap();
            assert!(read > 0, "the server closed the connection");
            filled += read;
        }
    }
}

fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    length.is_some_and(|length: usize| body.len() >= length)
}
