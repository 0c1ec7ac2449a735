//! Bodies as types.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    extract::{FromRef, FromRequest},
};
use http::{HeaderMap, Request, header};
use http_body_util::{BodyExt, LengthLimitError};
use serde::de::DeserializeOwned;

use crate::{AppState, FieldError, Problem};

/// Extracts a JSON body, or refuses: 415 for another type, 400 for broken JSON, 408 and 413 for slow and large
/// bodies, 422 with the name of the field for JSON of another shape.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(
    /// What the body holds.
    pub T,
);

impl<T: DeserializeOwned, S> FromRequest<S> for Json<T>
where
    S: Send + Sync,
    AppState: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request(request: Request<Body>, state: &S) -> Result<Self, Problem> {
        let state = AppState::from_ref(state);
        check_type(request.headers())?;
        let bytes = read(request.into_body(), state.config().body_timeout(), state.config().max_body_bytes).await?;
        parse(&bytes).map(Self)
    }
}

async fn read(body: Body, timeout: Duration, max_bytes: usize) -> Result<Bytes, Problem> {
    let collected = tokio::time::timeout(timeout, body.collect()).await.map_err(|_| Problem::request_timeout())?;
    let collected = collected.map_err(|error| {
        let is_too_large = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source())
            .any(|error| error.is::<LengthLimitError>());
        if is_too_large { Problem::too_large(max_bytes) } else { Problem::bad_request("the body broke off").last() }
    })?;
    Ok(collected.to_bytes())
}

/// Takes `application/json` and everything `+json`, in UTF-8.
fn check_type(headers: &HeaderMap) -> Result<(), Problem> {
    let text = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = text.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
    let is_json = kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"));
    let charset = parts.find_map(|part| part.to_ascii_lowercase().strip_prefix("charset=").map(str::to_owned));
    let is_utf8 = charset.is_none_or(|charset| charset.trim_matches('"') == "utf-8");
    if is_json && is_utf8 {
        return Ok(());
    }
    Err(Problem::unsupported_media_type("the body must be application/json in UTF-8"))
}

/// Parses a body; where it has another shape, parses no further than it takes to name the field.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if exceeds_depth(bytes) {
        return Err(Problem::bad_request("the JSON is nested deeper than 64 levels"));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        if !error.is_data() {
            let (line, column) = (error.line(), error.column());
            return Problem::bad_request(format!("the body is not JSON: line {line}, column {column}"));
        }
        let offset = offset(bytes, error.line(), error.column());
        Problem::validation(vec![field_error(&error.to_string(), path_at(bytes, offset))])
    })
}

/// Translates the parser's message, leaving out the value that it repeats.
fn field_error(message: &str, mut path: Vec<Step>) -> FieldError {
    let quoted = |prefix: &str| Some(message.strip_prefix(prefix)?.split('`').next()?.to_owned());
    let (code, text) = if let Some(name) = quoted("missing field `") {
        // The innermost key is that of the field before.
        path.pop();
        path.push(Step::Key(name));
        ("missing", "this field is required".to_owned())
    } else if let Some(name) = quoted("unknown field `") {
        path.pop();
        path.push(Step::Key(name));
        ("unknown", "there is no such field".to_owned())
    } else {
        let expected = message.rsplit_once("expected ").map_or("another value", |(_, expected)| expected);
        let expected = expected.rsplit_once(" at line ").map_or(expected, |(expected, _)| expected);
        ("type_error", format!("expected {expected}"))
    };
    let path: Vec<String> = path.iter().map(Step::to_text).filter(|part| !part.is_empty()).collect();
    FieldError::new("body", path.iter().map(String::as_str), code, text)
}

fn exceeds_depth(bytes: &[u8]) -> bool {
    let (mut depth, mut in_text, mut is_escaped) = (0_usize, false, false);
    for byte in bytes {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_text => is_escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => depth += 1,
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return true;
        }
    }
    false
}

/// Turns a position as the parser reports it into an offset.
fn offset(bytes: &[u8], line: usize, column: usize) -> usize {
    let before: usize =
        bytes.split_inclusive(|byte| *byte == b'\n').take(line.saturating_sub(1)).map(<[u8]>::len).sum();
    (before + column).min(bytes.len())
}

/// Returns the keys and indices that lead to the value at `offset` of a document that parses at least that far.
fn path_at(bytes: &[u8], offset: usize) -> Vec<Step> {
    let mut path: Vec<Step> = Vec::new();
    let mut at = 0;
    // The parser stands behind the value that it did not like: a closing bracket there still belongs to it.
    while at + 1 < offset {
        match bytes.get(at) {
            Some(b'{') => path.push(Step::Key(String::new())),
            Some(b'[') => path.push(Step::Index(0)),
            Some(b'}' | b']') => {
                path.pop();
            }
            Some(b',') => {
                if let Some(Step::Index(index)) = path.last_mut() {
                    *index += 1;
                }
            }
            Some(b'"') => {
                let end = end_of_text(bytes, at);
                let is_key = bytes.get(end..).unwrap_or_default().trim_ascii_start().first() == Some(&b':');
                if let Some(Step::Key(key)) = path.last_mut().filter(|_| is_key) {
                    *key = serde_json::from_slice(bytes.get(at..end).unwrap_or_default()).unwrap_or_default();
                }
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    path
}

/// One step into a document.
enum Step {
    Index(usize),
    Key(String),
}

impl Step {
    fn to_text(&self) -> String {
        match self {
            Self::Index(index) => index.to_string(),
            Self::Key(key) => key.clone(),
        }
    }
}

fn end_of_text(bytes: &[u8], start: usize) -> usize {
    let mut is_escaped = false;
    for (at, byte) in bytes.iter().enumerate().skip(start + 1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    bytes.len()
}

const MAX_DEPTH: usize = 64;

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Payload {
        #[serde(rename = "host")]
        _host: String,
        #[serde(default, rename = "logs")]
        _logs: Vec<Log>,
    }

    #[derive(Debug, Deserialize)]
    struct Log {
        #[serde(rename = "level")]
        _level: u8,
    }

    async fn refusal(body: &str) -> serde_json::Value {
        let problem = parse::<Payload>(body.as_bytes()).unwrap_err();
        let response = problem.respond(crate::problem::Context::default());
        serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
    }

    #[tokio::test]
    async fn fields_are_named_by_pointer_and_values_are_not_repeated() {
        let cases = [
            (r#"{"host":7}"#, "/host", "type_error"),
            (r#"{"logs":[]}"#, "/host", "missing"),
            (r#"{"host":"a","logs":[{"level":1},{"level":"secret"}]}"#, "/logs/1/level", "type_error"),
            (r#"{"host":"a","logs":[{"level":1},{"x":1}]}"#, "/logs/1/level", "missing"),
            (r#"{"host":"a","logs":[{"level":999}]}"#, "/logs/0/level", "type_error"),
            (r#"{"host":"a","hots":1}"#, "/hots", "unknown"),
        ];
        for (body, pointer, code) in cases {
            let problem = refusal(body).await;

            assert_eq!(problem["status"], 422, "{body}");
            assert_eq!(problem["errors"][0]["pointer"], pointer, "{body}");
            assert_eq!(problem["errors"][0]["code"], code, "{body}");
            assert!(!problem.to_string().contains("secret") && !problem.to_string().contains("999"), "{problem}");
        }
    }

    #[tokio::test]
    async fn broken_and_deep_json_is_400() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        for body in ["", "{", "nul", r#"{"host":"a"}x"#, "\u{feff}{}", &deep] {
            assert_eq!(refusal(body).await["status"], 400, "{:.20}", body);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn slow_and_large_bodies_are_refused_for_what_they_are() {
        let slow = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
        let large = Body::new(http_body_util::Limited::new(Body::from("12345678"), 4));
        let broken = Body::from_stream(futures_util::stream::iter([Err::<Bytes, _>(std::io::Error::other("gone"))]));

        let mut statuses = Vec::new();
        for body in [slow, large, broken] {
            statuses.push(read(body, Duration::from_secs(30), 4).await.unwrap_err().status().as_u16());
        }

        assert_eq!(statuses, [408, 413, 400]);
    }

    #[test]
    fn only_json_in_utf8_is_taken() {
        let check = |text: &str| {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, text.parse().unwrap())]);
            check_type(&headers).is_ok()
        };

        let good = ["application/json", "Application/JSON; charset=UTF-8", "application/vnd.api+json"].map(check);
        let bad = ["text/json", "application/json; charset=latin1", "application/xml", ""].map(check);

        assert_eq!((good, bad), ([true; 3], [false; 4]));
        assert!(check_type(&HeaderMap::new()).is_err());
    }

    #[test]
    fn brackets_in_texts_are_not_depth() {
        let text = format!("{{\"host\":\"{}\\\"[[\"}}", "[".repeat(100));

        assert!(parse::<Payload>(text.as_bytes()).is_ok());
    }

    proptest! {
        #[test]
        fn no_body_panics(body in ".{0,80}") {
            let _ = parse::<Payload>(body.as_bytes());
        }
    }
}
