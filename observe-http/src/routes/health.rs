//! Health: of the service as a whole, of its parts, and for orchestrators.

use std::collections::BTreeMap;

use axum::{
    Json,
    body::Bytes,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use observe_core::{CollectorState, CollectorStatus, EngineStatus, Handle, KernelStatus, StoreStatus, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Row, json, root::VERSION, to_json};
use crate::{
    AppState, Problem,
    body::{ComponentBody, DeepMonitoring, SystemMetrics},
    kernel,
    time::{self, Rfc3339, Rfc3339Millis},
};

// None of these is compressed: they are asked for often, and packing a small body costs more than sending it.

pub(crate) fn rows() -> Vec<Row> {
    vec![Row::get("/health", "Health of the service, its parts and the host", health).answers::<Health>().fails(&[503])]
}

pub(crate) fn aliases() -> Vec<Row> {
    vec![
        Row::get("/healthz", "Whether the service answers", healthz).answers::<Healthz>(),
        Row::get("/ping", "Whether the service answers", ping).answers::<Pong>(),
        Row::get("/health/live", "Whether the process serves", live).answers::<Status>(),
        Row::get("/health/ready", "Whether collectors and store are up", ready).answers::<Status>().fails(&[503]),
    ]
}

pub(crate) fn unified() -> Vec<Row> {
    vec![
        Row::get("/api/v1/health", "Health of the service, its parts and the host", health)
            .answers::<Health>()
            .fails(&[503]),
        Row::get("/api/v1/health/live", "Whether the process serves", live).answers::<Status>(),
        Row::get("/api/v1/health/ready", "Whether collectors and store are up", ready)
            .answers::<Status>()
            .fails(&[503]),
    ]
}

/// Health of the service, its parts and the host.
#[derive(Debug, Serialize, ToSchema)]
struct Health {
    /// `healthy`, `degraded` or `unhealthy`.
    status: &'static str,
    /// Seconds since the engine started, as text with three decimals.
    timestamp: String,
    /// The present moment.
    time: Rfc3339,
    /// The version of the program.
    version: &'static str,
    /// `development`, `production` or `testing`.
    environment: &'static str,
    /// Time since the engine started.
    uptime_seconds: f64,
    /// Whether the kernel is traced.
    deep_monitoring: DeepMonitoring,
    /// The newest readings of the host.
    system_metrics: SystemMetrics,
    /// The parts of the service.
    components: BTreeMap<&'static str, ComponentBody>,
}

/// That the service answers.
#[derive(Debug, Serialize, ToSchema)]
struct Healthz {
    /// Always `ok`.
    status: &'static str,
    /// The present moment, with milliseconds.
    timestamp: Rfc3339Millis,
    /// `server.service_name`.
    service: String,
}

/// That the service answers.
#[derive(Debug, Serialize, ToSchema)]
struct Pong {
    /// Always `ok`.
    status: &'static str,
    /// The present moment.
    timestamp: Rfc3339,
}

/// One word.
#[derive(Debug, Serialize, ToSchema)]
struct Status {
    /// `live` or `ready`.
    status: &'static str,
}

async fn health(State(state): State<AppState>) -> Response {
    let (status, body) = state.rendered().health.of_tick(state.handle().tick(), || render(&state));
    (status, json(body)).into_response()
}

async fn healthz(State(state): State<AppState>) -> Json<Healthz> {
    let service = state.config().service_name.clone();
    Json(Healthz { status: "ok", timestamp: Rfc3339Millis(state.handle().now()), service })
}

async fn ping(State(handle): State<Handle>) -> Json<Pong> {
    Json(Pong { status: "ok", timestamp: Rfc3339(handle.now()) })
}

async fn live() -> Json<Status> {
    Json(Status { status: "live" })
}

async fn ready(State(handle): State<Handle>) -> Result<Json<Status>, Problem> {
    match hindrance(&handle.status(), handle.is_draining()) {
        Some(detail) => Err(Problem::unavailable("not-ready", detail, 1)),
        None => Ok(Json(Status { status: "ready" })),
    }
}

/// Says why the service is not ready.
fn hindrance(status: &EngineStatus, is_draining: bool) -> Option<&'static str> {
    let is_starting = |collector: &CollectorStatus| collector.state == CollectorState::Starting;
    match () {
        () if is_draining => Some("the service is going down"),
        () if status.collectors.iter().any(is_starting) => Some("collectors have not read yet"),
        () if is_out(&status.collectors) => Some("no collector can read"),
        () if status.store.last_error.is_some() => Some("the store does not write"),
        () => None,
    }
}

fn render(state: &AppState) -> (StatusCode, Bytes) {
    let handle = state.handle();
    let (now, uptime) = (handle.now(), time::seconds(handle.uptime()));
    let engine = handle.status();
    let refuses = state.refusals().has_risen(engine.intake.refused, handle.uptime());
    let board = state.kernel().read();
    let components = components(&engine, &board, refuses, now);
    let status = overall(components.values().map(|component| component.status));
    let body = to_json(&Health {
        status,
        timestamp: format!("{uptime:.3}"),
        time: Rfc3339(now),
        version: VERSION,
        environment: state.config().environment.as_str(),
        uptime_seconds: uptime,
        deep_monitoring: DeepMonitoring::new(&board),
        system_metrics: SystemMetrics::read(state),
        components,
    });
    let code = if status == UNHEALTHY { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (code, body)
}

fn components(
    status: &EngineStatus,
    board: &KernelStatus,
    refuses: bool,
    now: Timestamp,
) -> BTreeMap<&'static str, ComponentBody> {
    let disabled = || ComponentBody::new("disabled", now);
    BTreeMap::from([
        ("collectors", collectors(&status.collectors, now)),
        ("ebpf", kernel::component(board, now)),
        ("event_bus", event_bus(refuses, now)),
        ("notifier", disabled()),
        ("store", store(&status.store, now)),
        ("webhook_queue", disabled()),
    ])
}

/// The way in, which counts what it refuses from collectors and from everybody else.
fn event_bus(refuses: bool, now: Timestamp) -> ComponentBody {
    let detail = refuses.then(|| "items were refused because too much waited".to_owned());
    ComponentBody { detail, ..ComponentBody::new(if refuses { DEGRADED } else { HEALTHY }, now) }
}

fn store(status: &StoreStatus, now: Timestamp) -> ComponentBody {
    if status.name.is_none() {
        return ComponentBody::new("disabled", now);
    }
    let word = match (&status.last_error, status.dropped_frames) {
        (None, _) if status.last_maintenance_error.is_none() => HEALTHY,
        (None, _) | (Some(_), 0) => DEGRADED,
        (Some(_), _) => UNHEALTHY,
    };
    let latency_ms = status.last_commit.map(|_| time::millis(status.last_duration));
    // What a store says about its failure can name files and hosts: that is for the log.
    let detail = match (&status.last_error, &status.last_maintenance_error) {
        (Some(_), _) => Some("the last commit failed".to_owned()),
        (None, Some(_)) => Some("what is stored is not kept in order".to_owned()),
        (None, None) => None,
    };
    ComponentBody { latency_ms, detail, ..ComponentBody::new(word, now) }
}

fn collectors(collectors: &[CollectorStatus], now: Timestamp) -> ComponentBody {
    if collectors.is_empty() {
        return ComponentBody::new("disabled", now);
    }
    let ailing: Vec<String> = collectors
        .iter()
        .filter(|collector| matches!(collector.state, CollectorState::Degraded | CollectorState::Failed))
        .map(|collector| format!("{} is {}", collector.name, collector.state.as_str()))
        .collect();
    let word = match () {
        () if is_out(collectors) => UNHEALTHY,
        () if !ailing.is_empty() => DEGRADED,
        () if collectors.iter().any(|collector| collector.state == CollectorState::Starting) => "starting",
        () => HEALTHY,
    };
    let slowest = collectors.iter().map(|collector| collector.last_duration).max();
    ComponentBody {
        latency_ms: slowest.map(time::millis),
        detail: (!ailing.is_empty()).then(|| ailing.join(", ")),
        ..ComponentBody::new(word, now)
    }
}

/// Returns whether there are collectors that could read here, and none of them can.
fn is_out(collectors: &[CollectorStatus]) -> bool {
    let mut usable = collectors.iter().filter(|collector| collector.state != CollectorState::Unsupported).peekable();
    usable.peek().is_some() && usable.all(|collector| collector.state == CollectorState::Failed)
}

/// The worst of the parts; what is switched off or about to start does not count.
fn overall(mut parts: impl Iterator<Item = &'static str>) -> &'static str {
    parts
        .try_fold(HEALTHY, |worst, part| match part {
            UNHEALTHY => Err(UNHEALTHY),
            DEGRADED => Ok(DEGRADED),
            _ => Ok(worst),
        })
        .unwrap_or_else(|worst| worst)
}

const HEALTHY: &str = "healthy";
const DEGRADED: &str = "degraded";
const UNHEALTHY: &str = "unhealthy";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_in_that_refuses_is_degraded() {
        let parts = [true, false].map(|refuses| event_bus(refuses, Timestamp::from_nanos(0)));

        assert_eq!(parts.each_ref().map(|part| part.status), [DEGRADED, HEALTHY]);
        assert_eq!(parts.map(|part| part.detail.is_some()), [true, false]);
    }

    #[test]
    fn the_worst_part_decides() {
        assert_eq!(overall(["healthy", "disabled", "starting"].into_iter()), "healthy");
        assert_eq!(overall(["healthy", "degraded", "healthy"].into_iter()), "degraded");
        assert_eq!(overall(["unhealthy", "degraded"].into_iter()), "unhealthy");
    }
}
