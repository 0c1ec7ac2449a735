//! The documentation: `/openapi.json`, and a small page that shows it.

use std::sync::LazyLock;

use axum::{
    extract::{OriginalUri, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use sha2::{Digest, Sha256};

use super::Row;
use crate::AppState;

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::get(DOCUMENT, "This interface, described for programs", document).compressed(),
        Row::get("/docs", "This interface, described for people", page).media(&["text/html"]).compressed(),
        Row::get("/docs/docs.js", "The script of the documentation", script).media(&["text/javascript"]).compressed(),
        Row::get("/docs/docs.css", "The style of the documentation", style).media(&["text/css"]).compressed(),
    ]
}

/// The document says where the routes are: below whatever stands before its own path.
async fn document(State(state): State<AppState>, OriginalUri(uri): OriginalUri) -> Response {
    super::json(state.document(uri.path().strip_suffix(DOCUMENT).unwrap_or_default()))
}

async fn page(headers: HeaderMap) -> Response {
    PAGE.answer(&headers)
}

async fn script(headers: HeaderMap) -> Response {
    SCRIPT.answer(&headers)
}

async fn style(headers: HeaderMap) -> Response {
    STYLE.answer(&headers)
}

/// A file that is part of the program.
struct Asset {
    content_type: &'static str,
    body: &'static str,
    tag: LazyLock<HeaderValue>,
}

impl Asset {
    fn answer(&self, headers: &HeaderMap) -> Response {
        let fixed = [
            (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600")),
            (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
            (header::ETAG, self.tag.clone()),
        ];
        if is_known(headers, &self.tag) {
            return (StatusCode::NOT_MODIFIED, fixed).into_response();
        }
        (fixed, [(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type))], self.body).into_response()
    }
}

/// Returns whether the client has the file already: it says its tag, weak or not, among others, or `*`.
fn is_known(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let lines = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = lines.flat_map(|line| line.split(',')).map(str::trim);
    tags.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known).as_bytes() == tag.as_bytes())
}

fn tag(body: &str) -> HeaderValue {
    let digest = Sha256::digest(body.as_bytes());
    let text = format!("\"{}\"", const_hex::encode(digest.get(..8).unwrap_or_default()));
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("\"\""))
}

static PAGE: Asset = Asset { content_type: "text/html; charset=utf-8", body: HTML, tag: LazyLock::new(|| tag(HTML)) };
static SCRIPT: Asset =
    Asset { content_type: "text/javascript; charset=utf-8", body: JS, tag: LazyLock::new(|| tag(JS)) };
static STYLE: Asset = Asset { content_type: "text/css; charset=utf-8", body: CSS, tag: LazyLock::new(|| tag(CSS)) };

const DOCUMENT: &str = "/openapi.json";
const HTML: &str = include_str!("../../assets/docs.html");
const JS: &str = include_str!("../../assets/docs.js");
const CSS: &str = include_str!("../../assets/docs.css");
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_known_in_lists_and_when_weak() {
        let tag = HeaderValue::from_static("\"abc\"");
        let is_known =
            |text: &str| is_known(&HeaderMap::from_iter([(header::IF_NONE_MATCH, text.parse().unwrap())]), &tag);

        for text in ["\"abc\"", "W/\"abc\"", "*", "\"x\", W/\"abc\"", "\"abc\",\"x\""] {
            assert!(is_known(text), "{text}");
        }
        for text in ["", "abc", "\"ab\"", "\"x\", \"y\"", "w/\"abc\""] {
            assert!(!is_known(text), "{text}");
        }
    }

    #[test]
    fn the_page_is_small_and_has_nothing_inline() {
        assert!(HTML.len() + JS.len() + CSS.len() <= 10_000);
        for forbidden in ["<style", "style=", "onclick", "javascript:", "//cdn", "innerHTML"] {
            assert!(!HTML.contains(forbidden) && !JS.contains(forbidden), "{forbidden}");
        }
        assert!(!HTML.contains("<script>"), "scripts come from files");
    }
}
