//! Events and values as they come, over a WebSocket.

mod message;
mod session;

use axum::{
    Extension,
    extract::{State, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection},
    response::Response,
};
use http::{HeaderMap, header};

use self::session::Session;
use super::Row;
use crate::{AppState, Problem, server::Connection};

pub(crate) fn unified() -> Vec<Row> {
    vec![
        Row::get("/api/v1/stream", "Events and values as they come, over a WebSocket", open)
            .media(&[])
            .status(101)
            .fails(&[400, 403, 426]),
    ]
}

async fn open(
    State(state): State<AppState>,
    headers: HeaderMap,
    connection: Option<Extension<Connection>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    if !is_same_origin(&headers) {
        return Err(Problem::forbidden("pages of another origin may not open this stream"));
    }
    let upgrade = upgrade.map_err(|_| rejection(&headers))?;
    let upgrade = upgrade.max_message_size(MAX_MESSAGE_BYTES).max_frame_size(MAX_MESSAGE_BYTES);
    let connection = connection.map(|Extension(connection)| connection);
    Ok(upgrade.on_upgrade(move |socket| Session::new(state, socket, connection).run()))
}

/// Says why a request cannot become a stream.
fn rejection(headers: &HeaderMap) -> Problem {
    match headers.get(header::SEC_WEBSOCKET_VERSION) {
        Some(version) if version != "13" => Problem::other_websocket(),
        _ => Problem::bad_request("this path speaks WebSocket only"),
    }
}

/// Lets in programs, which name no origin, and pages that this server has sent.
fn is_same_origin(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let authority = origin.to_str().ok().and_then(|text| Some(text.split_once("://")?.1));
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    authority.is_some_and(|authority| host.is_some_and(|host| host.eq_ignore_ascii_case(authority)))
}

const MAX_MESSAGE_BYTES: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn is_let_in(origin: &str) -> bool {
        let pairs = [(header::HOST, "example.com:8000"), (header::ORIGIN, origin)];
        is_same_origin(&pairs.into_iter().map(|(name, value)| (name, value.parse().unwrap())).collect())
    }

    #[test]
    fn only_the_own_origin_is_let_in() {
        assert!(is_let_in("http://example.com:8000"));
        assert!(is_same_origin(&HeaderMap::new()));
        for origin in [
            "http://example.com",
            "http://example.com:8000.evil.org",
            "http://evilexample.com:8000",
            "null",
            "",
            "https://a@example.com:8000",
        ] {
            assert!(!is_let_in(origin), "{origin}");
        }
    }
}
