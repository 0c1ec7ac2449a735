//! Failures as clients see them: RFC 9457 problem details.

mod answer;
mod store;

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

pub(crate) use self::answer::{Context, ProblemBody};

/// A failure on its way to the client.
///
/// It becomes `application/problem+json`. The layer around every route adds the request id and the path, and keeps
/// the cause of a 5xx to itself unless the environment may show it.
///
/// # Examples
///
/// ```
/// use observe_http::Problem;
///
/// let problem = Problem::not_found("there is no event 7");
///
/// assert_eq!(problem.status(), 404);
/// ```
#[derive(Clone, Debug)]
pub struct Problem {
    // Boxed, so that results which hardly ever fail stay small.
    parts: Box<Parts>,
}

#[derive(Clone, Debug)]
struct Parts {
    kind: &'static str,
    title: &'static str,
    status: StatusCode,
    detail: Cow<'static, str>,
    cause: Option<String>,
    errors: Vec<FieldError>,
    header: Option<(HeaderName, HeaderValue)>,
    retry_after_seconds: Option<u32>,
    is_last: bool,
}

/// What is wrong with one field of a request. The value itself is never repeated.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[non_exhaustive]
pub struct FieldError {
    /// Where the field is, as a JSON pointer.
    pub pointer: String,
    /// Where the field is, part by part, from `body`, `query` or `path` on.
    pub loc: Vec<String>,
    /// What is wrong, for programs.
    pub code: &'static str,
    /// What is wrong, for people.
    pub message: String,
}

impl FieldError {
    /// Makes an error about the field at `path` inside `place`: `body`, `query` or `path`.
    pub fn new<'a>(
        place: &'a str,
        path: impl IntoIterator<Item = &'a str>,
        code: &'static str,
        message: impl Into<String>,
    ) -> Self {
        let mut pointer = String::new();
        let mut loc = vec![place.to_owned()];
        for part in path {
            pointer.push('/');
            pointer.push_str(&part.replace('~', "~0").replace('/', "~1"));
            loc.push(part.to_owned());
        }
        Self { pointer, loc, code, message: message.into() }
    }

    /// Makes an error about a parameter of the query string.
    pub fn query(name: &str, code: &'static str, message: impl Into<String>) -> Self {
        Self::new("query", [name], code, message)
    }
}

impl Problem {
    /// The most fields that one problem lists.
    pub const MAX_ERRORS: usize = 20;

    /// Makes a problem of the kind `urn:observe:problem:<kind>`.
    #[must_use]
    pub fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: Cow<'static, str>) -> Self {
        Self {
            parts: Box::new(Parts {
                kind,
                title,
                status,
                detail,
                cause: None,
                errors: Vec::new(),
                header: None,
                retry_after_seconds: None,
                is_last: false,
            }),
        }
    }

    /// 400: the request cannot be understood.
    pub fn bad_request(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", "Bad request", detail.into())
    }

    /// 400: the cursor was not made by this server, or for another question.
    #[must_use]
    pub fn invalid_cursor() -> Self {
        let detail = "the cursor was not handed out for this question; start again without one";
        Self::new(StatusCode::BAD_REQUEST, "invalid-cursor", "Invalid cursor", detail.into())
    }

    /// 403: the caller may not do this.
    pub fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Forbidden", detail.into())
    }

    /// 404: there is no such thing.
    pub fn not_found(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail.into())
    }

    /// 405: the path exists, the method does not.
    pub fn method_not_allowed(allow: HeaderValue) -> Self {
        let detail = "the path does not answer this method; see the Allow header";
        let mut problem =
            Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed", detail.into());
        problem.parts.header = Some((header::ALLOW, allow));
        problem
    }

    /// 408: the body came too slowly.
    #[must_use]
    pub fn request_timeout() -> Self {
        let detail = "the body did not arrive in time";
        Self::new(StatusCode::REQUEST_TIMEOUT, "request-timeout", "Request timeout", detail.into()).last()
    }

    /// 426: the client speaks another version of WebSocket than 13.
    pub(crate) fn other_websocket() -> Self {
        let detail = "this path speaks version 13 of WebSocket";
        let mut problem =
            Self::new(StatusCode::UPGRADE_REQUIRED, "upgrade-required", "Upgrade required", detail.into());
        problem.parts.header = Some((header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13")));
        problem
    }

    /// 431: the request has more header fields than the server takes.
    pub(crate) fn too_many_headers(max_headers: usize) -> Self {
        let detail = format!("the request has more than {max_headers} header fields");
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        Self::new(status, "too-many-headers", "Request header fields too large", detail.into()).last()
    }

    /// 413: the body is larger than the route takes.
    #[must_use]
    pub fn too_large(max_bytes: usize) -> Self {
        let detail = format!("the body is larger than {max_bytes} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Payload too large", detail.into()).last()
    }

    /// 414: the address is longer than the server takes.
    #[must_use]
    pub fn uri_too_long(max_bytes: usize) -> Self {
        let detail = format!("the address is longer than {max_bytes} bytes");
        Self::new(StatusCode::URI_TOO_LONG, "uri-too-long", "URI too long", detail.into())
    }

    /// 415: the body is of a type that the route does not take.
    pub fn unsupported_media_type(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Unsupported media type", detail.into())
    }

    /// 422: fields are not valid; at most [`Self::MAX_ERRORS`] are listed.
    #[must_use]
    pub fn validation(mut errors: Vec<FieldError>) -> Self {
        let detail = match errors.len() {
            1 => "1 field is invalid".to_owned(),
            count => format!("{count} fields are invalid"),
        };
        errors.truncate(Self::MAX_ERRORS);
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "validation", "Validation failed", detail.into());
        problem.parts.errors = errors;
        problem
    }

    /// 500: something went wrong inside; `cause` goes to the log.
    pub fn internal(cause: impl Into<String>) -> Self {
        let detail = "the server could not answer; its log has the cause under the request id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal server error", detail.into()).because(cause)
    }

    /// 503: not now; try again after some seconds.
    pub fn unavailable(kind: &'static str, detail: impl Into<Cow<'static, str>>, retry_after_seconds: u32) -> Self {
        let mut problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, "Service unavailable", detail.into());
        problem.parts.retry_after_seconds = Some(retry_after_seconds);
        problem
    }

    /// 504: the handler took too long.
    #[must_use]
    pub fn handler_timeout() -> Self {
        let detail = "the answer took too long to make";
        Self::new(StatusCode::GATEWAY_TIMEOUT, "handler-timeout", "Gateway timeout", detail.into())
    }

    /// Remembers what went wrong inside, for the log.
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.parts.cause = Some(cause.into());
        self
    }

    /// Makes the connection close after this answer.
    #[must_use]
    pub fn last(mut self) -> Self {
        self.parts.is_last = true;
        self
    }

    /// Returns the status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.parts.status
    }

    /// Returns what went wrong inside, for the log.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        self.parts.cause.as_deref()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.respond(Context::default());
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    async fn body(response: Response) -> String {
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn a_validation_problem_has_the_documented_shape() {
        let error = FieldError::new("body", ["metrics", "cpu_usage"], "type_error", "expected a number");
        let context = Context { instance: Some("/ingest"), request_id: Some("0190"), ..Context::default() };

        let response = Problem::validation(vec![error]).respond(context);

        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(
            body(response).await,
            r#"{"type":"urn:observe:problem:validation","title":"Validation failed","status":422,"detail":"1 field is invalid","instance":"/ingest","request_id":"0190","errors":[{"pointer":"/metrics/cpu_usage","loc":["body","metrics","cpu_usage"],"code":"type_error","message":"expected a number"}]}"#
        );
    }

    #[tokio::test]
    async fn causes_are_shown_only_where_that_is_allowed() {
        let problem = Problem::internal("the disk is on fire");

        let hidden = body(problem.respond(Context::default())).await;
        let shown = body(problem.respond(Context { shows_internals: true, ..Context::default() })).await;

        assert!(!hidden.contains("fire"), "{hidden}");
        assert!(shown.contains("fire"), "{shown}");
    }

    #[test]
    fn pointers_are_escaped_and_long_lists_cut() {
        let odd = FieldError::new("body", ["a/b", "c~d"], "type_error", "no");
        let many = Problem::validation(vec![odd.clone(); 30]);

        assert_eq!(odd.pointer, "/a~1b/c~0d");
        assert_eq!(many.parts.errors.len(), 20);
        assert_eq!(many.parts.detail, "30 fields are invalid");
    }

    #[test]
    fn headers_follow_the_kind() {
        let not_allowed = Problem::method_not_allowed(HeaderValue::from_static("GET, HEAD")).into_response();
        let unavailable = Problem::unavailable("queue-full", "the queue is full", 5).into_response();
        let too_large = Problem::too_large(10).into_response();

        assert_eq!(not_allowed.headers()["allow"], "GET, HEAD");
        assert_eq!(unavailable.headers()["retry-after"], "5");
        assert_eq!(too_large.headers()["connection"], "close");
    }
}
