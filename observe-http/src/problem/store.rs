//! What becomes of failures of the store.

use observe_core::StoreError;

use super::{FieldError, Problem};

impl Problem {
    /// Makes a problem of a failed question to the store. Where the question itself cannot be answered, `parameter` is
    /// the one to change.
    #[must_use]
    pub fn of_store(error: &StoreError, parameter: &str) -> Self {
        match error {
            StoreError::TooMany { what, limit } => {
                let message = format!("this makes more than {limit} {what}; take a shorter range or a longer step");
                let code = if *what == "points" { "too_many_points" } else { "too_many" };
                Self::validation(vec![FieldError::query(parameter, code, message)])
            }
            StoreError::Unanswerable { reason } => {
                Self::validation(vec![FieldError::query(parameter, "beyond_raw_retention", reason.clone())])
            }
            StoreError::Unavailable { .. } => {
                let detail = "the store cannot answer at present";
                Self::unavailable("store-unavailable", detail, RETRY_AFTER_SECONDS).because(error.to_string())
            }
            other => Self::internal(other.to_string()),
        }
    }
}

const RETRY_AFTER_SECONDS: u32 = 5;

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;

    use super::*;

    #[test]
    fn every_failure_has_its_status_and_hides_its_cause() {
        let reason = || "the reason".to_owned();
        let cases = [
            (StoreError::TooMany { what: "points", limit: 7 }, 422, None),
            (StoreError::Unanswerable { reason: reason() }, 422, None),
            (StoreError::Unavailable { store: "sqlite", reason: reason() }, 503, Some("5")),
            (StoreError::Corrupt { what: "pack 1".to_owned(), reason: reason() }, 500, None),
        ];
        for (error, status, retry_after) in cases {
            let problem = Problem::of_store(&error, "step");

            assert_eq!(problem.status(), status, "{error}");
            assert_eq!(problem.cause().is_some(), status >= 500, "{error}");
            let response = problem.into_response();
            assert_eq!(response.headers().get("retry-after").map(|value| value.to_str().unwrap()), retry_after);
        }
    }
}
