//! What is refused before a request is routed, because it could mean one thing here and another elsewhere.

use http::{HeaderMap, Request, Version, header};

use crate::Problem;

/// Says no to requests whose target or length is ambiguous.
pub(super) fn refusal<B>(request: &Request<B>) -> Option<Problem> {
    let headers = request.headers();
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next();
    let refused = if request.version() == Version::HTTP_11 && host.is_none() {
        "HTTP/1.1 needs a Host header"
    } else if hosts.next().is_some() {
        "there is more than one Host header"
    } else if has_two_lengths(headers) {
        "the length of the body is given in two ways"
    } else if host.zip(request.uri().authority()).is_some_and(|(host, authority)| !is_same(host, authority)) {
        "the target names another host than the Host header"
    } else {
        return None;
    };
    Some(Problem::bad_request(refused).last())
}

fn has_two_lengths(headers: &HeaderMap) -> bool {
    let lengths = headers.get_all(header::CONTENT_LENGTH).iter().count();
    lengths > 1 || (lengths == 1 && headers.contains_key(header::TRANSFER_ENCODING))
}

fn is_same(host: &http::HeaderValue, authority: &http::uri::Authority) -> bool {
    host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(uri: &str, version: Version, headers: &[(header::HeaderName, &'static str)]) -> bool {
        let builder = Request::builder().uri(uri).version(version);
        let request = headers.iter().fold(builder, |builder, (name, value)| builder.header(name, *value));
        refusal(&request.body(()).unwrap()).is_some()
    }

    #[test]
    fn ambiguous_requests_are_refused() {
        let host = (header::HOST, "a");
        let cases: [(&str, &[_]); 6] = [
            ("/", &[]),
            ("/", &[host.clone(), (header::HOST, "b")]),
            ("/", &[host.clone(), (header::CONTENT_LENGTH, "1"), (header::TRANSFER_ENCODING, "chunked")]),
            ("/", &[host.clone(), (header::CONTENT_LENGTH, "1"), (header::CONTENT_LENGTH, "1")]),
            ("http://b/", std::slice::from_ref(&host)),
            ("http://a@b/", &[(header::HOST, "a")]),
        ];
        for (uri, headers) in cases {
            assert!(is_refused(uri, Version::HTTP_11, headers), "{uri} {headers:?}");
        }
    }

    #[test]
    fn plain_requests_are_not() {
        assert!(!is_refused("/", Version::HTTP_11, &[(header::HOST, "a")]));
        assert!(!is_refused("http://A:80/", Version::HTTP_11, &[(header::HOST, "a:80")]));
        assert!(!is_refused("/", Version::HTTP_10, &[]));
        assert!(!is_refused("http://a/", Version::HTTP_2, &[]));
    }
}
