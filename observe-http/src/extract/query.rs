//! The query string as a type.

use axum::extract::{FromRequestParts, OriginalUri};
use http::request::Parts;

use super::{Fields, Parameter, query_string};
use crate::Problem;

/// A type that query strings are read into.
pub trait FromQuery: Sized {
    /// Every parameter that [`Self::from_query`] reads. Others are ignored.
    const PARAMETERS: &'static [&'static Parameter];

    /// Reads the fields; whatever is returned after an error is not used.
    fn from_query(fields: &mut Fields<'_>) -> Self;
}

/// Extracts a query string, or refuses with 422 and the name of every field that is wrong.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(
    /// What was asked for.
    pub T,
);

impl<T: FromQuery, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |original| &original.0);
        let pairs = query_string::decode(uri.query().unwrap_or_default())
            .ok_or_else(|| Problem::bad_request("the query string is not UTF-8"))?;
        let mut fields = Fields::new(uri.path(), pairs);
        let value = T::from_query(&mut fields);
        fields.finish(Self(value))
    }
}
