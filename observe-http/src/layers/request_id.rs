//! The id under which a request is found again.

use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

/// Carries the id in both directions.
pub(crate) static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Returns the client's own id where it is well formed, else a new one that sorts by time.
pub(crate) fn request_id(headers: &HeaderMap) -> HeaderValue {
    let given = headers.get(&X_REQUEST_ID).filter(|value| is_well_formed(value.as_bytes()));
    given.cloned().unwrap_or_else(fresh)
}

fn fresh() -> HeaderValue {
    let mut buffer = [0; uuid::fmt::Hyphenated::LENGTH];
    let text = Uuid::now_v7().hyphenated().encode_lower(&mut buffer);
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("none"))
}

fn is_well_formed(id: &[u8]) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=64).contains(&id.len()) && id.iter().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(given: &str) -> HeaderValue {
        request_id(&HeaderMap::from_iter([(X_REQUEST_ID.clone(), HeaderValue::from_str(given).unwrap())]))
    }

    #[test]
    fn well_formed_ids_are_kept() {
        for id in ["a", "Req-1.2_3", &"x".repeat(64)] {
            assert_eq!(answer(id), id);
        }
    }

    #[test]
    fn other_ids_are_replaced_by_new_ones() {
        for id in ["", "a b", "é", "<script>", &"x".repeat(65), "a\tb"] {
            let fresh = answer(id);

            let parsed = Uuid::parse_str(fresh.to_str().unwrap()).unwrap();
            assert_eq!(parsed.get_version_num(), 7, "{id:?}");
        }
    }

    #[test]
    fn two_requests_have_two_ids() {
        assert_ne!(request_id(&HeaderMap::new()), request_id(&HeaderMap::new()));
    }
}
