//! A notifier of your own: it tells a receiver in one line over TCP, and knows which failures are worth another attempt.
//!
//! Run: `cargo run --example custom_notifier`. A receiver in the same program answers `busy` first and `ok` then. It prints
//! both attempts, with the same key, and ends at once. The engine raises no alerts yet, so the program makes one itself.
#![expect(clippy::print_stdout, reason = "an example shows what it sent")]

use std::{error::Error, io, net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use observe::{Alert, AlertChange, Clock, EventId, Notice, SystemClock, prelude::*};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

struct Line(SocketAddr);

#[async_trait]
impl Notifier for Line {
    fn name(&self) -> &'static str {
        "line"
    }

    async fn notify(&self, notice: &Notice) -> Result<(), NotifyError> {
        let unavailable = |reason: String| NotifyError::Unavailable { channel: "line", reason };
        let answer = timeout(Duration::from_secs(5), self.ask(notice)).await.map_err(io::Error::from).flatten();
        match answer.map_err(|error| unavailable(error.to_string()))?.trim() {
            "ok" => Ok(()),
            "busy" => Err(unavailable("the receiver is busy".into())),
            other => Err(NotifyError::Refused { channel: "line", reason: other.into() }),
        }
    }
}

impl Line {
    async fn ask(&self, notice: &Notice) -> io::Result<String> {
        let mut stream = TcpStream::connect(self.0).await?;
        let line = format!("{} {} {}\n", notice.key, notice.change.as_str(), notice.alert.message);
        stream.write_all(line.as_bytes()).await?;
        read_line(&mut stream).await
    }
}

/// Reads a line of at most a kilobyte.
async fn read_line(stream: &mut TcpStream) -> io::Result<String> {
    let mut line = String::new();
    BufReader::new(stream.take(1024)).read_line(&mut line).await.map(|_| line)
}

async fn receive(listener: TcpListener) -> io::Result<()> {
    for answer in ["busy\n", "ok\n"] {
        let (mut stream, _) = listener.accept().await?;
        println!("received: {}", read_line(&mut stream).await?.trim());
        stream.write_all(answer.as_bytes()).await?;
    }
    Ok(())
}

/// Tries again after a longer pause each time, while that could help.
async fn deliver(notifier: &dyn Notifier, notice: &Notice) -> Result<(), NotifyError> {
    for tenths in [1, 2, 4, 8] {
        match notifier.notify(notice).await {
            Err(error) if error.is_retryable() => println!("{error}"),
            outcome => return outcome,
        }
        sleep(Duration::from_millis(100 * tenths)).await;
    }
    notifier.notify(notice).await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let (notifier, now) = (Line(listener.local_addr()?), SystemClock.now());
    let alert = Alert::new(EventId::from_u64(1), "cpu.total".parse()?, 93.5, 90.0, now);
    let notice = Notice::new("alert-1-1", AlertChange::Firing, Arc::new(alert), now);
    let (delivered, received) = tokio::join!(deliver(&notifier, &notice), receive(listener));
    received?;
    Ok(delivered?)
}
