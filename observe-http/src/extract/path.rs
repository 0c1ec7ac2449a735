//! Parts of the path as types.

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;

use crate::{FieldError, Problem};

/// Extracts the one part of the path that a route leaves open, or refuses with 422 and its name.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(
    /// What stood in the path.
    pub T,
);

impl<T: std::str::FromStr, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let parameters = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| Problem::bad_request("the path is not UTF-8"))?;
        let Some((name, text)) = parameters.iter().last() else {
            return Err(Problem::internal("a handler reads a path parameter that its route does not have"));
        };
        text.parse().map(Self).map_err(|_| {
            Problem::validation(vec![FieldError::new(
                "path",
                [name],
                "invalid",
                "not of the form that this path takes",
            )])
        })
    }
}
