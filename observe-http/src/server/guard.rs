//! What is refused before a request is routed, because it could mean one thing here and another elsewhere.

use http::{HeaderMap, HeaderValue, Request, Uri, Version, header};

use crate::Problem;

/// Says no to requests whose target or length is ambiguous, or that have too many headers: in HTTP/2 nobody else counts
/// them.
pub(super) fn refusal<B>(request: &Request<B>, max_headers: usize) -> Option<Problem> {
    let headers = request.headers();
    if headers.len() > max_headers {
        return Some(Problem::too_many_headers(max_headers));
    }
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next();
    let refused = if request.version() == Version::HTTP_11 && host.is_none() {
        "HTTP/1.1 needs a Host header"
    } else if hosts.next().is_some() {
        "there is more than one Host header"
    } else if has_two_lengths(headers) {
        "the length of the body is given in two ways"
    } else if host.is_some_and(|host| !is_named_by(host, request.uri())) {
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

/// Returns whether the target names this host or none; the scheme's own port may be left out of either.
fn is_named_by(host: &HeaderValue, uri: &Uri) -> bool {
    let Some(authority) = uri.authority() else { return true };
    let port: &[u8] = if uri.scheme_str() == Some("https") { b":443" } else { b":80" };
    let without_port = |name| <[u8]>::strip_suffix(name, port).unwrap_or(name);
    without_port(host.as_bytes()).eq_ignore_ascii_case(without_port(authority.as_str().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(uri: &str, version: Version, headers: &[(header::HeaderName, &'static str)]) -> bool {
        let builder = Request::builder().uri(uri).version(version);
        let request = headers.iter().fold(builder, |builder, (name, value)| builder.header(name, *value));
        refusal(&request.body(()).unwrap(), 2).is_some()
    }

    #[test]
    fn ambiguous_requests_are_refused() {
        let host = (header::HOST, "a");
        let cases: [(&str, &[_]); 9] = [
            ("/", &[]),
            ("/", &[host.clone(), (header::HOST, "b")]),
            ("/", &[host.clone(), (header::CONTENT_LENGTH, "1"), (header::TRANSFER_ENCODING, "chunked")]),
            ("/", &[host.clone(), (header::CONTENT_LENGTH, "1"), (header::CONTENT_LENGTH, "1")]),
            ("http://b/", std::slice::from_ref(&host)),
            ("http://a@b/", &[(header::HOST, "a")]),
            ("http://a:81/", std::slice::from_ref(&host)),
            ("http://a:443/", std::slice::from_ref(&host)),
            ("/", &[host.clone(), (header::ACCEPT, "*/*"), (header::ACCEPT, "text/plain")]),
        ];
        for (uri, headers) in cases {
            assert!(is_refused(uri, Version::HTTP_11, headers), "{uri} {headers:?}");
        }
    }

    #[test]
    fn plain_requests_are_not() {
        assert!(!is_refused("/", Version::HTTP_11, &[(header::HOST, "a")]));
        assert!(!is_refused("http://A:80/", Version::HTTP_11, &[(header::HOST, "a:80")]));
        assert!(!is_refused("http://a:80/", Version::HTTP_11, &[(header::HOST, "a")]));
        assert!(!is_refused("http://a/", Version::HTTP_11, &[(header::HOST, "A:80")]));
        assert!(!is_refused("https://a:443/", Version::HTTP_11, &[(header::HOST, "a")]));
        assert!(!is_refused("/", Version::HTTP_10, &[]));
        assert!(!is_refused("http://a/", Version::HTTP_2, &[]));
    }
}
