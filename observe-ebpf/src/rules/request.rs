//! Requests over HTTP/1, as far as their first bytes go.

use super::text::after_prefix;

/// The parts of a request; any but the method may be cut off.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    pub(super) method: &'static str,
    /// The part before the question mark.
    pub(super) path: &'a [u8],
    /// What follows it, of the address and of the body, where that is a form.
    query: [&'a [u8]; 2],
    headers: &'a [u8],
}

impl<'a> Request<'a> {
    /// Reads a request; returns `None` for anything else.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (method, rest) = METHODS.iter().find_map(|method| {
            let rest = bytes.strip_prefix(method.as_bytes())?;
            Some((*method, rest.strip_prefix(b" ")?))
        })?;
        let (head, body) = cut(rest, b"\r\n\r\n");
        let (line, headers) = cut(head, b"\n");
        let target = line.split(|byte| *byte == b' ').next().unwrap_or_default();
        if !target.starts_with(b"/") && !target.starts_with(b"http") {
            return None;
        }
        let target = target.trim_ascii_end();
        let (path, query) = cut(target, b"?");
        Some(Self { method, path, query: [query, body], headers })
    }

    /// Returns the lines after the first.
    pub(super) fn headers(&self) -> impl Iterator<Item = &'a [u8]> {
        self.headers.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii)
    }

    /// Returns the value of a header.
    pub(super) fn header(&self, name: &str) -> Option<&'a [u8]> {
        let value = |line| after_prefix(line, name)?.strip_prefix(b":");
        self.headers().find_map(value).map(<[u8]>::trim_ascii)
    }

    /// Returns parameters, still encoded: `id=1`.
    pub(super) fn parameters(&self) -> impl Iterator<Item = &'a [u8]> {
        self.query.into_iter().flat_map(|query| query.split(|byte| *byte == b'&'))
    }
}

/// Splits at the first `mark`, which belongs to neither part.
fn cut<'a>(bytes: &'a [u8], mark: &[u8]) -> (&'a [u8], &'a [u8]) {
    let at = bytes.windows(mark.len()).position(|window| window == mark).unwrap_or(bytes.len());
    let (before, after) = bytes.split_at(at);
    (before, after.get(mark.len()..).unwrap_or_default())
}

const METHODS: &[&str] = &["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PROPFIND", "PUT", "TRACE"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_taken_apart() {
        let request = Request::parse(b"POST /a/b?x=1&y=2 HTTP/1.1\r\nHost: h\r\nuser-agent:  u \r\n\r\nz=3&w").unwrap();

        assert_eq!((request.method, request.path), ("POST", &b"/a/b"[..]));
        assert_eq!(request.parameters().collect::<Vec<_>>(), [b"x=1", b"y=2", b"z=3", &b"w"[..]]);
        assert_eq!(request.header("User-Agent"), Some(&b"u"[..]));
        assert_eq!(request.header("Cookie"), None);
    }

    #[test]
    fn requests_may_be_cut_off_anywhere() {
        let whole = b"GET /a?x=1 HTTP/1.1\r\nHost: h\r\n\r\nz=3";
        for length in 0..whole.len() {
            let request = Request::parse(&whole[..length]);

            assert_eq!(request.is_some(), length > 4, "{length}");
        }
    }

    #[test]
    fn anything_else_is_no_request() {
        for bytes in [&b"GET x"[..], b"GETS /", b"get /", b"HTTP/1.1 200 OK", b"\x16\x03\x01", b"", b"GET  /"] {
            assert!(Request::parse(bytes).is_none(), "{bytes:?}");
        }
        assert!(Request::parse(b"GET http://h/x").is_some());
    }
}
