//! As much of an HTTP/1.1 client as one question to a server takes.

use std::{
    io::{self, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    time::Duration,
};

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

/// Says why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    #[error("the answer is not HTTP: {0}")]
    Malformed(&'static str),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("the answer has more than {} MiB", MAX_BYTES >> 20)]
    TooLarge,
    #[error("only http://HOST:PORT can be asked; for https put something in front that speaks it")]
    Url,
}

impl HttpError {
    /// Returns whether another url is needed, and not another try.
    pub(super) const fn is_wrong_usage(&self) -> bool {
        matches!(self, Self::Url)
    }
}

/// Asks a server for a target such as `/health`.
pub(super) fn get(url: &str, target: &str) -> Result<Response, HttpError> {
    let rest = url.strip_prefix("http://").ok_or(HttpError::Url)?;
    let (authority, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if authority.is_empty() || authority.contains(['@', ' ', '?', '#']) || prefix.contains([' ', '?', '#', '\r', '\n'])
    {
        return Err(HttpError::Url);
    }
    let prefix = prefix.trim_end_matches('/');
    let slash = if prefix.is_empty() { "" } else { "/" };
    let mut stream = connect(authority)?;
    let request = format!(
        "GET {slash}{prefix}{target} HTTP/1.1\r\nHost: {authority}\r\nAccept: application/json\r\n\
         User-Agent: observe/{}\r\nConnection: close\r\n\r\n",
        env!("CARGO_PKG_VERSION")
    );
    stream.write_all(request.as_bytes())?;
    let mut bytes = Vec::new();
    stream.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(HttpError::TooLarge);
    }
    parse(&bytes)
}

/// Writes a value so that it can stand in the query of a target.
pub(super) fn encoded(value: &str) -> String {
    let mut text = String::new();
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(byte)),
            other => text.push_str(&format!("%{other:02X}")),
        }
    }
    text
}

fn connect(authority: &str) -> Result<TcpStream, HttpError> {
    let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let address = if has_port { authority.to_owned() } else { format!("{authority}:80") };
    let mut failure = io::Error::from(io::ErrorKind::NotFound);
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_PATIENCE) {
            Ok(stream) => {
                stream.set_read_timeout(Some(ANSWER_PATIENCE))?;
                stream.set_write_timeout(Some(ANSWER_PATIENCE))?;
                return Ok(stream);
            }
            Err(error) => failure = error,
        }
    }
    Err(failure.into())
}

fn parse(bytes: &[u8]) -> Result<Response, HttpError> {
    let end =
        bytes.windows(4).position(|four| four == b"\r\n\r\n").ok_or(HttpError::Malformed("it has no end of head"))?;
    let (head, body) = bytes.split_at(end);
    let body = body.get(4..).unwrap_or_default();
    let head = str::from_utf8(head).map_err(|_| HttpError::Malformed("its head is not text"))?;
    let mut lines = head.split("\r\n");
    let first =
        lines.next().filter(|line| line.starts_with("HTTP/1.")).ok_or(HttpError::Malformed("another protocol"))?;
    let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or(HttpError::Malformed("it has no status"))?;
    let header = |wanted: &str| {
        let mut found = head.split("\r\n").filter_map(|line| line.split_once(':'));
        found.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim())
    };
    if header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        return Ok(Response { status, body: joined(body)? });
    }
    let len = header("content-length").and_then(|len| len.parse::<usize>().ok()).unwrap_or(body.len());
    let body = body.get(..len).ok_or(HttpError::Malformed("it ends early"))?;
    Ok(Response { status, body: body.to_vec() })
}

/// Joins the chunks of a body.
fn joined(mut rest: &[u8]) -> Result<Vec<u8>, HttpError> {
    let broken = HttpError::Malformed("its chunks are broken");
    let mut body = Vec::new();
    loop {
        let Some(end) = rest.windows(2).position(|two| two == b"\r\n") else { return Err(broken) };
        let (line, after) = rest.split_at(end);
        let digits = str::from_utf8(line).ok().and_then(|line| line.split(';').next());
        let len = digits.and_then(|digits| usize::from_str_radix(digits.trim(), 16).ok());
        let Some(len) = len else { return Err(broken) };
        if len == 0 {
            return Ok(body);
        }
        let chunk = len.checked_add(2).and_then(|end| after.get(2..end));
        let Some(chunk) = chunk else { return Err(broken) };
        body.extend_from_slice(chunk);
        rest = after.get(len + 4..).unwrap_or_default();
    }
}

/// The most bytes of an answer.
const MAX_BYTES: u64 = 256 << 20;
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
const ANSWER_PATIENCE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_read_by_length_or_in_chunks() {
        let plain = parse(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhello").unwrap();
        let chunked =
            parse(b"HTTP/1.1 404 x\r\ntransfer-encoding: Chunked\r\n\r\n2\r\nhe\r\n3;x\r\nllo\r\n0\r\n\r\n").unwrap();

        assert_eq!((plain.status, &*plain.body), (200, &b"he"[..]));
        assert_eq!((chunked.status, &*chunked.body), (404, &b"hello"[..]));
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for bytes in [
            &b""[..],
            b"HTTP/1.1 200 OK\r\n",
            b"SSH-2.0\r\n\r\n",
            b"HTTP/1.1 x\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhe",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nhe\r\n",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\nhe\r\n",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n",
        ] {
            assert!(parse(bytes).is_err(), "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn urls_that_cannot_be_asked_are_refused() {
        for url in ["https://localhost", "localhost:8000", "http://", "http://a@b", "http://a/b?c"] {
            assert!(get(url, "/").is_err_and(|error| error.is_wrong_usage()), "{url}");
        }
    }

    #[test]
    fn values_are_encoded() {
        assert_eq!(encoded("a.b{c=\"é\"}"), "a.b%7Bc%3D%22%C3%A9%22%7D");
    }
}
