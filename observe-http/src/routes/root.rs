//! `GET /` and `GET /api/v1`: what this is, and every way to ask it.

use axum::{extract::State, response::Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Row, json, to_json};
use crate::{
    AppState,
    time::{self, Rfc3339},
};

pub(crate) fn rows() -> Vec<Row> {
    vec![Row::get("/", "What this service is, and its endpoints", index).answers::<Index>().compressed()]
}

pub(crate) fn unified() -> Vec<Row> {
    vec![Row::get("/api/v1", "What this service is, and its endpoints", index).answers::<Index>().compressed()]
}

/// What the service is.
#[derive(Debug, Serialize, ToSchema)]
struct Index<'a> {
    /// Always `observe`.
    service: &'static str,
    /// The profile's title.
    name: &'static str,
    /// The version of the program.
    version: &'static str,
    /// What the profile is for.
    description: &'static str,
    /// `development`, `production` or `testing`.
    environment: &'static str,
    /// The profile.
    profile: &'static str,
    /// `running`, or `draining` while the service goes down.
    status: &'static str,
    /// The present moment.
    timestamp: Rfc3339,
    /// Time since the engine started.
    uptime_seconds: f64,
    /// Every route that is mounted.
    endpoints: &'a [Endpoint],
    /// Where the documentation is; null where it is switched off.
    docs: Option<&'static str>,
}

/// One route.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, ToSchema)]
pub(crate) struct Endpoint {
    /// The method.
    method: &'static str,
    /// The path; parts in braces are open.
    path: &'static str,
    /// What it answers.
    description: &'static str,
}

impl Endpoint {
    pub(crate) const fn new(row: &Row) -> Self {
        Self { method: row.method, path: row.path, description: row.about }
    }
}

async fn index(State(state): State<AppState>) -> Response {
    json(to_json(&Index::new(&state)))
}

impl<'a> Index<'a> {
    fn new(state: &'a AppState) -> Self {
        let (config, handle) = (state.config(), state.handle());
        Self {
            service: "observe",
            name: config.profile.title(),
            version: VERSION,
            description: config.profile.description(),
            environment: config.environment.as_str(),
            profile: config.profile.as_str(),
            status: if handle.is_draining() { "draining" } else { "running" },
            timestamp: Rfc3339(handle.now()),
            uptime_seconds: time::seconds(handle.uptime()),
            endpoints: state.endpoints(),
            docs: config.openapi.then_some("/docs"),
        }
    }
}

/// The version that answers name.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
