//! What handlers take out of requests. Everything here refuses with a [`Problem`](crate::Problem).

mod fields;
mod json;
mod parameter;
mod path;
mod query;
mod query_string;

pub use self::{
    fields::Fields,
    json::Json,
    parameter::{Parameter, Shape},
    path::Path,
    query::{FromQuery, Query},
};
pub(crate) use self::{json::parse as parse_json, query_string::encode};
