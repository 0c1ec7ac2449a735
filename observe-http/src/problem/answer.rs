//! A problem's answer: RFC 9457, or the shape that FastAPI has for invalid fields.

use axum::{body::Body, response::Response};
use http::{HeaderValue, header};
use serde::Serialize;
use utoipa::ToSchema;

use super::{FieldError, Parts, Problem};

impl Problem {
    /// Makes the answer to one request.
    pub(crate) fn respond(&self, context: Context<'_>) -> Response {
        let parts = &*self.parts;
        if context.is_fastapi && !parts.errors.is_empty() {
            return fastapi(parts);
        }
        let shown = parts.cause.as_deref().filter(|_| context.shows_internals);
        let body = ProblemBody {
            kind: format!("urn:observe:problem:{}", parts.kind),
            title: parts.title,
            status: parts.status.as_u16(),
            detail: shown.unwrap_or(&parts.detail),
            instance: context.instance,
            request_id: context.request_id,
            errors: &parts.errors,
        };
        let mut response = Response::new(Body::from(serde_json::to_vec(&body).unwrap_or_default()));
        *response.status_mut() = parts.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some((name, value)) = &parts.header {
            headers.insert(name.clone(), value.clone());
        }
        if let Some(seconds) = parts.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if parts.is_last {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// What a problem's body says about the request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Context<'a> {
    pub(crate) instance: Option<&'a str>,
    pub(crate) request_id: Option<&'a str>,
    pub(crate) shows_internals: bool,
    pub(crate) is_fastapi: bool,
}

/// Makes the answer that FastAPI gives for invalid fields.
fn fastapi(parts: &Parts) -> Response {
    let detail =
        parts.errors.iter().map(|error| FastApiError { loc: &error.loc, msg: &error.message, kind: error.code });
    let body = FastApiBody { detail: detail.collect() };
    let mut response = Response::new(Body::from(serde_json::to_vec(&body).unwrap_or_default()));
    *response.status_mut() = parts.status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[derive(Serialize)]
struct FastApiBody<'a> {
    detail: Vec<FastApiError<'a>>,
}

#[derive(Serialize)]
struct FastApiError<'a> {
    loc: &'a [String],
    msg: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
}

/// The body of every answer from 400 on (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody<'a> {
    /// What kind of problem it is, for programs.
    #[serde(rename = "type")]
    kind: String,
    /// What kind of problem it is, for people.
    title: &'a str,
    /// The status code once more.
    status: u16,
    /// What is wrong with this request.
    detail: &'a str,
    /// The path that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<&'a str>,
    /// The id under which the log has this request.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    /// The fields that are wrong, at most 20.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}
