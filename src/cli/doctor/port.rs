//! The check of the address to listen on.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs},
    time::{Duration, Instant},
};

use serde::Deserialize;

use super::Check;

/// Says whether the address can be listened on, and whether another server of ours does.
pub(super) fn check(host: &str, port: u16) -> Check {
    let Err(error) = TcpListener::bind((host, port)) else {
        return Check::ok("port", format!("{host}:{port} is free"));
    };
    let owner = Some(&error).filter(|error| error.kind() == ErrorKind::AddrInUse).and_then(|_| owner(host, port));
    if let Some(Index { version, .. }) = owner {
        return Check::ok("port", format!("{host}:{port} is in use by a running observe {version}"));
    }
    Check::broken(
        "port",
        format!("{host}:{port} cannot be listened on: {error}"),
        "stop what uses it, or set server.host and server.port",
    )
}

/// The part of `GET /` that tells who answers.
#[derive(Debug, Deserialize)]
struct Index {
    service: String,
    version: String,
}

/// Returns what a server of ours says there.
fn owner(host: &str, port: u16) -> Option<Index> {
    let address = (host, port).to_socket_addrs().ok()?.next()?;
    let answer = ask(address, Instant::now() + PATIENCE).ok()?;
    let (_, body) = answer.split_once("\r\n\r\n")?;
    serde_json::from_str(body).ok().filter(|index: &Index| index.service == "observe")
}

/// Asks for `/` by HTTP/1.0, where the end of the connection is the end of the answer.
fn ask(address: SocketAddr, deadline: Instant) -> io::Result<String> {
    let left = || Some(deadline.saturating_duration_since(Instant::now())).filter(|left| !left.is_zero());
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let request = format!("GET / HTTP/1.0\r\nHost: {address}\r\nAccept: application/json\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        stream.set_read_timeout(Some(left().ok_or(ErrorKind::TimedOut)?))?;
        let count = stream.read(&mut buffer)?;
        answer.extend_from_slice(buffer.get(..count).unwrap_or_default());
        if answer.len() > MAX_BYTES {
            return Err(ErrorKind::FileTooLarge.into());
        }
        if count == 0 {
            return String::from_utf8(answer).map_err(|_| ErrorKind::InvalidData.into());
        }
    }
}

/// How long whoever listens there may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// How much of an answer is read.
const MAX_BYTES: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::cli::doctor::Outcome;

    /// Checks a port whose owner gives this answer to the first who asks.
    fn check_of(answer: &'static [u8]) -> Check {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::scope(|scope| {
            scope.spawn(|| {
                let (mut stream, _) = listener.accept().unwrap();
                let (mut request, mut byte) = (Vec::new(), [0]);
                while !request.ends_with(b"\r\n\r\n") {
                    stream.read_exact(&mut byte).unwrap();
                    request.extend(byte);
                }
                // Whoever asks may have seen enough.
                stream.write_all(answer).unwrap_or_default();
            });
            check("127.0.0.1", port)
        })
    }

    #[test]
    fn a_server_of_ours_is_recognised() {
        let check = check_of(b"HTTP/1.0 200 OK\r\n\r\n{\"service\":\"observe\",\"version\":\"9.8.7\",\"docs\":null}");

        assert_eq!(check.outcome, Outcome::Ok);
        assert!(check.detail.ends_with(" is in use by a running observe 9.8.7"), "{check:?}");
    }

    #[test]
    fn other_owners_are_in_the_way_whatever_they_answer() {
        let long: &[u8] = &[b'a'; 2 * MAX_BYTES];
        for answer in [
            b"".as_slice(),
            b"HTTP/1.0 200 OK\r\n\r\n{\"service\":\"shop\",\"version\":\"1\"}",
            b"HTTP/1.0 200 OK\r\n\r\n{\"service\":\"observe\"}",
            b"HTTP/1.0 401 Unauthorized\r\n\r\n",
            b"\xff\xfe\r\n\r\n{}",
            b"220 mail ready\r\n",
            long,
        ] {
            let check = check_of(answer);

            assert_eq!(check.outcome, Outcome::Broken, "{answer:?}");
            assert!(check.fix.is_some_and(|fix| fix.contains("server.port")));
        }
    }

    #[test]
    fn an_address_of_another_host_is_broken() {
        let check = check("192.0.2.1", 0);

        assert_eq!(check.outcome, Outcome::Broken);
        assert!(check.detail.contains("192.0.2.1:0"), "{check:?}");
    }
}
