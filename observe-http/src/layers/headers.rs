//! Header fields that every answer carries.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Adds the fields that keep browsers from doing more with an answer than it is for. What a route has set stays.
pub(crate) fn secure(headers: &mut HeaderMap) {
    headers.reserve(FIXED.len() + 5);
    for (name, value) in &FIXED {
        headers.insert(name.clone(), value.clone());
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(NOTHING_LOADS);
    headers.entry(header::CACHE_CONTROL).or_insert(NO_STORE);
}

const NOTHING_LOADS: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

static FIXED: [(HeaderName, HeaderValue); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("geolocation=(), camera=(), microphone=()"),
    ),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];
