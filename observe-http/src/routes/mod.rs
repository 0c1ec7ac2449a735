//! The table of routes: what is mounted, listed at `GET /` and documented all follow from its rows.

mod row;

pub(crate) mod catalogue;
pub(crate) mod deep_system;
pub(crate) mod docs;
pub(crate) mod events;
pub(crate) mod findings;
pub(crate) mod health;
pub(crate) mod metrics;
pub(crate) mod prometheus;
pub(crate) mod root;
pub(crate) mod series;
pub(crate) mod socket;
pub(crate) mod stats;
pub(crate) mod stream;

use std::{collections::BTreeMap, convert::Infallible};

use axum::{
    Router,
    body::{Body, Bytes},
    response::{IntoResponse, Response},
    routing::MethodRouter,
};
use http::{HeaderValue, Request, StatusCode, header};
use serde::Serialize;
use tower::{Layer, ServiceExt, service_fn};
use tower_http::{
    CompressionLevel,
    compression::{
        CompressionLayer, Predicate,
        predicate::{NotForContentType, SizeAbove},
    },
};

pub(crate) use self::row::Row;
use crate::{
    AppState, Problem,
    layers::{Fused, UNMATCHED},
};

/// Mounts the rows, each path behind the one layer.
pub(crate) fn mount(rows: Vec<Row>, state: &AppState) -> Router {
    let mut paths: BTreeMap<&'static str, Vec<Row>> = BTreeMap::new();
    for row in rows {
        paths.entry(row.path).or_default().push(row);
    }
    let rules = state.rules();
    let router = paths.into_iter().fold(Router::new(), |router, (path, rows)| {
        let is_compressed = rows.iter().any(|row| row.is_compressed);
        let methods = merge(rows).with_state(state.clone());
        if is_compressed {
            let compressed = compression().layer(methods);
            let service = ServiceExt::<Request<Body>>::map_response(compressed, |response| response.map(Body::new));
            router.route_service(path, Fused::new(service, path, rules))
        } else {
            router.route_service(path, Fused::new(methods, path, rules))
        }
    });
    let unmatched = service_fn(|_: Request<Body>| async {
        Ok::<_, Infallible>(Problem::not_found("there is nothing under this path; GET / has the list").into_response())
    });
    router.fallback_service(Fused::new(unmatched, UNMATCHED, rules))
}

/// Joins the rows of one path, and answers all other methods.
fn merge(rows: Vec<Row>) -> MethodRouter<AppState> {
    let allow = allow(&rows);
    let methods = rows.into_iter().fold(MethodRouter::new(), |methods, row| methods.merge(row.handler));
    let allowed = allow.clone();
    methods
        .options(move || std::future::ready((StatusCode::NO_CONTENT, [(header::ALLOW, allowed.clone())])))
        .fallback(move || std::future::ready(Problem::method_not_allowed(allow.clone())))
}

/// Lists the methods of a path; HEAD is there wherever GET is.
fn allow(rows: &[Row]) -> HeaderValue {
    let methods = rows.iter().flat_map(|row| match row.method {
        "GET" => &["GET", "HEAD"][..],
        _ => std::slice::from_ref(&row.method),
    });
    let list: Vec<&str> = methods.copied().chain(["OPTIONS"]).collect();
    HeaderValue::try_from(list.join(", ")).unwrap_or(HeaderValue::from_static("OPTIONS"))
}

/// Compresses what is large enough to be worth it, and no streams.
fn compression() -> CompressionLayer<impl Predicate> {
    let worthwhile = SizeAbove::new(1024).and(NotForContentType::SSE);
    CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(worthwhile)
}

/// Answers with JSON that is written already.
pub(crate) fn json(body: Bytes) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}

/// Writes a body down.
pub(crate) fn to_json(body: &impl Serialize) -> Bytes {
    // The only errors are those of a type's own making, and of maps whose keys are no text: none here has either.
    serde_json::to_vec(body).unwrap_or_default().into()
}
