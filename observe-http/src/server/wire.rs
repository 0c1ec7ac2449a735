//! A connection's bytes: the first ones within a time limit, and writing that does not wait for ever.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

/// A connection whose first bytes are known to be there.
///
/// The library that tells HTTP/1 from HTTP/2 waits for the bytes that it needs without a limit, so they are read here,
/// within one, and shown to it again.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    first: [u8; PREFACE.len()],
    filled: usize,
    shown: usize,
    write_timeout: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Wire {
    /// Reads until it is clear which protocol the client speaks.
    pub(super) async fn open(mut stream: TcpStream, write_timeout: Duration) -> io::Result<Self> {
        let mut first = [0; PREFACE.len()];
        let mut filled = 0;
        while filled < PREFACE.len() && is_undecided(&first, filled) {
            let Some(rest) = first.get_mut(filled..) else { break };
            match stream.read(rest).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => filled += count,
            }
        }
        Ok(Self { stream, first, filled, shown: 0, write_timeout, stalled: None })
    }

    /// Fails once writing has waited too long.
    fn check_stall(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let timeout = self.write_timeout;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(timeout)));
        stalled.as_mut().poll(cx).map(|()| io::ErrorKind::TimedOut.into())
    }

    fn watched<T>(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.stalled = None;
            return outcome;
        }
        self.check_stall(cx).map(Err)
    }
}

/// Returns whether what has come could still become the preface of HTTP/2.
fn is_undecided(first: &[u8], filled: usize) -> bool {
    first.get(..filled) == PREFACE.get(..filled)
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let waiting = self.first.get(self.shown..self.filled).unwrap_or_default();
        if waiting.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        let count = waiting.len().min(buffer.remaining());
        buffer.put_slice(waiting.get(..count).unwrap_or_default());
        self.shown += count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watched(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.watched(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(cx);
        self.watched(cx, outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.watched(cx, outcome)
    }
}

/// What a client that speaks HTTP/2 without being asked says first.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
