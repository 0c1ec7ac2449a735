//! The first line and the host of a request over HTTP/1, without what may be secret in them.

use std::fmt::Write;

/// What is known of a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Request {
    method: String,
    path: String,
    host: Option<String>,
}

impl Request {
    /// Reads the first bytes of a request; `None` where they are none.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        let mut lines = text.split("\r\n");
        let mut words = lines.next()?.split(' ');
        let method = words.next()?;
        if method.is_empty() || method.len() > MAX_METHOD || !method.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return None;
        }
        let target = words.next().filter(|target| !target.is_empty())?;
        let host = lines.take_while(|line| !line.is_empty()).find_map(host);
        Some(Self { method: method.to_owned(), path: path(target), host })
    }

    /// Spells the request and the status of its answer: `GET /login 404, host example.com`.
    pub(crate) fn describe(&self, status: u16) -> String {
        let mut text = format!("{} {} {status}", self.method, self.path);
        if let Some(host) = &self.host {
            // Writing to a string does not fail.
            let _infallible = write!(text, ", host {host}");
        }
        text
    }
}

/// Takes the path out of a target, without a query, and with stars in place of parts that look like keys.
fn path(target: &str) -> String {
    let target = target.split(['?', '#']).next().unwrap_or_default();
    let path = match target.split_once("://") {
        Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
        None => target.strip_prefix('/').unwrap_or(target),
    };
    let mut clean = String::new();
    for part in path.split('/') {
        if clean.len() > MAX_PATH {
            clean.push_str("/...");
            break;
        }
        clean.push('/');
        if is_key(part) {
            clean.push_str("***");
        } else {
            clean.extend(part.chars().map(printable));
        }
    }
    clean
}

/// What is very long, or long and mixes letters with digits, or has a long number, or names somebody, is nobody's
/// business.
fn is_key(part: &str) -> bool {
    let has = |test: fn(&u8) -> bool| part.as_bytes().iter().any(test);
    let is_mixed = has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic);
    let mut numbers = part.split(|character: char| !character.is_ascii_digit());
    part.len() >= MIN_LONG
        || part.len() >= MIN_KEY && is_mixed
        || numbers.any(|number| number.len() >= MIN_NUMBER)
        || part.contains(['@', '='])
}

fn host(line: &str) -> Option<String> {
    let (name, value) = line.split_once(':')?;
    let value = value.trim();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    let is_host = name.eq_ignore_ascii_case("host") && !value.is_empty() && value.len() <= MAX_HOST;
    (is_host && value.bytes().all(is_plain)).then(|| value.to_owned())
}

const fn printable(character: char) -> char {
    if character.is_ascii_graphic() { character } else { '?' }
}

/// Requests whose answers are still to come, at places that their connections decide: a newcomer takes the place.
#[derive(Debug)]
pub(crate) struct Requests(Vec<Option<(u64, Request)>>);

impl Requests {
    pub(crate) fn new() -> Self {
        Self(vec![None; REMEMBERED])
    }

    pub(crate) fn remember(&mut self, connection: u64, request: Request) {
        if let Some(place) = self.0.get_mut(place(connection)) {
            *place = Some((connection, request));
        }
    }

    pub(crate) fn take(&mut self, connection: u64) -> Option<Request> {
        let place = self.0.get_mut(place(connection))?;
        place.take_if(|(remembered, _)| *remembered == connection).map(|(_, request)| request)
    }
}

const fn place(connection: u64) -> usize {
    (connection >> 32) as usize % REMEMBERED
}

const MAX_METHOD: usize = 16;
const MAX_HOST: usize = 128;
const MAX_PATH: usize = 120;
const MIN_KEY: usize = 20;
const MIN_LONG: usize = 32;
/// Numbers of telephones, accounts and the insured have so many digits.
const MIN_NUMBER: usize = 9;
const REMEMBERED: usize = 512;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn describe(text: &str) -> Option<String> {
        Request::parse(text.as_bytes()).map(|request| request.describe(200))
    }

    #[test]
    fn a_request_is_told_by_its_method_path_and_host() {
        let text = "GET /login HTTP/1.1\r\nAccept: */*\r\nHOST: example.com:8080\r\n\r\n";

        assert_eq!(describe(text).as_deref(), Some("GET /login 200, host example.com:8080"));
    }

    #[test]
    fn queries_keys_and_names_are_not_told() {
        for (target, path) in [
            ("/a?token=secret", "/a"),
            ("/reset/9f8e7d6c5b4a39281706f5e4", "/reset/***"),
            ("/users/me@example.com", "/users/***"),
            ("/users/me-123456789/1234", "/users/***/1234"),
            ("/year/20261125", "/year/20261125"),
            ("/reset/abcdefghijklmnopqrstuvwxyzabcdef", "/reset/***"),
            ("/reset/abcdefghijklmnopqrstuvwxyzabcde", "/reset/abcdefghijklmnopqrstuvwxyzabcde"),
            ("http://user:pass@example.com/x", "/x"),
            ("http://user:pass@example.com", "/"),
            ("/a\u{1b}[2Jb", "/a?[2Jb"),
            ("*", "/*"),
        ] {
            assert_eq!(describe(&format!("GET {target} HTTP/1.1\r\n")), Some(format!("GET {path} 200")), "{target}");
        }
    }

    #[test]
    fn what_is_no_request_is_none() {
        for text in ["", "\r\n", "get / HTTP/1.1", "SSH-2.0-OpenSSH", "GET", "GET  x"] {
            assert_eq!(describe(text), None, "{text}");
        }
    }

    #[test]
    fn a_header_after_the_headers_is_no_host() {
        assert_eq!(describe("POST /x HTTP/1.1\r\n\r\nHost: evil").as_deref(), Some("POST /x 200"));
    }

    #[test]
    fn a_request_is_given_out_once_and_to_its_own_connection() {
        let mut requests = Requests::new();
        let request = Request::parse(b"GET / HTTP/1.1\r\n").unwrap();
        requests.remember(7 << 32, request.clone());

        assert_eq!(requests.take(7 << 32 | 1), None);
        assert_eq!(requests.take(7 << 32), Some(request));
        assert_eq!(requests.take(7 << 32), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_paths_are_bounded(bytes: Vec<u8>, target in "[^ \r]{0,400}") {
            Request::parse(&bytes);

            let told = describe(&format!("GET {target} HTTP/1.1\r\n")).unwrap_or_default();

            prop_assert!(told.len() < 300 && told.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '));
        }
    }
}
