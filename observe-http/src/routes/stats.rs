//! `GET /stats`: how the engine is doing.

use std::collections::BTreeMap;

use axum::{extract::State, response::Response};
use observe_core::{EngineStatus, RefillStatus, SubscriberStats};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Row, json, to_json};
use crate::{
    AppState,
    body::EbpfBody,
    time::{self, EpochSeconds, Rfc3339, WireTime},
};

pub(crate) fn rows() -> Vec<Row> {
    vec![Row::get("/stats", "How the engine is doing", stats).answers::<Stats<EpochSeconds>>().compressed()]
}

pub(crate) fn unified() -> Vec<Row> {
    vec![Row::get("/api/v1/stats", "How the engine is doing", stats_v1).answers::<Stats<Rfc3339>>().compressed()]
}

/// How the engine is doing.
#[derive(Debug, Serialize, ToSchema)]
struct Stats<T: WireTime> {
    /// The present moment.
    timestamp: T,
    /// Time since the engine started.
    uptime_seconds: f64,
    event_bus: EventBus,
    processor: Processor,
    intake: Intake,
    ebpf: EbpfBody,
    ml: Ml,
    store: StoreBody<T>,
    collectors: Vec<CollectorBody<T>>,
    performance: Performance,
}

/// The way to observers.
#[derive(Debug, Serialize, ToSchema)]
struct EventBus {
    /// Events put into a subscriber's queue.
    published: u64,
    /// Events taken out by a subscriber.
    delivered: u64,
    /// Events dropped because a subscriber was slow.
    dropped: u64,
    /// Published events in a second, since the last look at least a second ago.
    throughput_per_second: f64,
    subscribers: Vec<SubscriberBody>,
}

/// Somebody who listens.
#[derive(Debug, Serialize, ToSchema)]
struct SubscriberBody {
    id: String,
    /// Events that wait for it.
    queued: usize,
    /// The most events that may wait.
    capacity: usize,
    /// Events that it lost.
    dropped: u64,
    /// The kinds it asked for.
    event_types: Vec<&'static str>,
}

/// Series and history.
#[derive(Debug, Serialize, ToSchema)]
struct Processor {
    /// Series that can be asked about.
    metrics: usize,
    /// Points in memory.
    points: u64,
    /// Events in memory.
    event_history: usize,
    process_cache: ProcessCache,
    /// Frames that came in.
    frames: u64,
    /// Frames that came too late.
    late_frames: u64,
    /// Series not kept because their producer had too many.
    refused_series: u64,
    /// Series forgotten early because memory was short.
    evicted_series: u64,
}

/// Processes that are remembered.
#[derive(Debug, Serialize, ToSchema)]
struct ProcessCache {
    size: usize,
    hits: u64,
    misses: u64,
}

/// The way in.
#[derive(Debug, Serialize, ToSchema)]
struct Intake {
    accepted: u64,
    refused: u64,
    queued: usize,
    queued_bytes: usize,
}

/// Detectors.
#[derive(Debug, Serialize, ToSchema)]
struct Ml {
    /// Points shown to detectors.
    runs: u64,
    /// Anomalies found.
    anomalies: u64,
    /// Changes of direction found.
    trends: u64,
    /// Detectors at work.
    detectors: usize,
    /// Not the last run alone: the mean time of a turn of the processor since the start, detectors included; null
    /// before the first.
    last_run_ms: Option<f64>,
}

/// The store.
#[derive(Debug, Serialize, ToSchema)]
struct StoreBody<T: WireTime> {
    /// The kind of store; null where there is none.
    name: Option<&'static str>,
    commits: u64,
    failures: u64,
    last_commit: Option<T>,
    last_duration_ms: f64,
    backlog_bytes: usize,
    dropped_frames: u64,
    dropped_events: u64,
    /// Pieces of upkeep that failed.
    maintenance_failures: u64,
    /// What the store says about itself.
    figures: BTreeMap<&'static str, u64>,
    /// How far memory is filled with what was before the start.
    refill: Refill,
}

/// How far memory is filled with what was before the start.
#[derive(Debug, Serialize, ToSchema)]
struct Refill {
    is_running: bool,
    /// Collectors whose past came back.
    producers: u64,
    points: u64,
    /// Questions that the store did not answer.
    failures: u64,
}

/// A collector.
#[derive(Debug, Serialize, ToSchema)]
struct CollectorBody<T: WireTime> {
    name: &'static str,
    /// `healthy`, `degraded`, `failed`, `starting` or `unsupported`.
    status: &'static str,
    /// Why it is not healthy.
    reason: Option<String>,
    interval_seconds: f64,
    runs: u64,
    failures: u64,
    skipped: u64,
    last_run: Option<T>,
    last_duration_ms: f64,
}

/// What the process itself uses; null on systems that do not say.
#[derive(Debug, Serialize, ToSchema)]
struct Performance {
    /// Share of one processor.
    cpu_percent: Option<f64>,
    rss_bytes: Option<u64>,
    threads: Option<u64>,
    open_fds: Option<u64>,
}

async fn stats(State(state): State<AppState>) -> Response {
    json(to_json(&read::<EpochSeconds>(&state)))
}

async fn stats_v1(State(state): State<AppState>) -> Response {
    json(to_json(&read::<Rfc3339>(&state)))
}

fn read<T: WireTime>(state: &AppState) -> Stats<T> {
    let status = state.handle().status();
    let uptime_seconds = time::seconds(status.uptime);
    Stats {
        timestamp: state.handle().now().into(),
        uptime_seconds,
        event_bus: event_bus(state, &status),
        processor: processor(&status),
        intake: Intake {
            accepted: status.intake.accepted,
            refused: status.intake.refused,
            queued: status.intake.queued,
            queued_bytes: status.intake.queued_bytes,
        },
        ebpf: EbpfBody::read(state),
        ml: ml(&status),
        store: StoreBody {
            name: status.store.name,
            commits: status.store.commits,
            failures: status.store.failures,
            last_commit: status.store.last_commit.map(T::from),
            last_duration_ms: time::millis(status.store.last_duration),
            backlog_bytes: status.store.backlog_bytes,
            dropped_frames: status.store.dropped_frames,
            dropped_events: status.store.dropped_events,
            maintenance_failures: status.store.maintenance_failures,
            figures: status.store.figures.iter().map(|figure| (figure.name, figure.value)).collect(),
            refill: refill(&status.store.refill),
        },
        collectors: collectors(&status),
        performance: performance(state),
    }
}

fn refill(status: &RefillStatus) -> Refill {
    let RefillStatus { is_running, producers, points, failures, .. } = status;
    Refill { is_running: *is_running, producers: *producers, points: *points, failures: *failures }
}

fn event_bus(state: &AppState, status: &EngineStatus) -> EventBus {
    let totals = status.bus.totals;
    EventBus {
        published: totals.published,
        delivered: totals.delivered,
        dropped: totals.dropped,
        throughput_per_second: state.published().per_second(totals.published, status.uptime),
        subscribers: status.bus.subscribers.iter().map(subscriber).collect(),
    }
}

fn subscriber(subscriber: &SubscriberStats) -> SubscriberBody {
    SubscriberBody {
        id: subscriber.id.to_string(),
        queued: subscriber.queued,
        capacity: subscriber.max_events,
        dropped: subscriber.totals.dropped,
        event_types: subscriber.kinds.iter().map(observe_core::EventKind::as_str).collect(),
    }
}

const fn processor(status: &EngineStatus) -> Processor {
    let (processor, cache) = (&status.processor, &status.process_cache);
    Processor {
        metrics: processor.series,
        points: processor.points,
        event_history: processor.events,
        process_cache: ProcessCache { size: cache.size, hits: cache.hits, misses: cache.misses },
        frames: processor.frames,
        late_frames: processor.late_frames,
        refused_series: processor.refused_series,
        evicted_series: processor.evicted_series,
    }
}

fn ml(status: &EngineStatus) -> Ml {
    let steps = status.processor.steps;
    Ml {
        runs: status.detectors.points,
        anomalies: status.detectors.anomalies,
        trends: status.detectors.trends,
        detectors: status.detectors.detectors,
        last_run_ms: (steps > 0).then(|| time::millis(status.processor.busy.div_f64(steps as f64))),
    }
}

fn collectors<T: WireTime>(status: &EngineStatus) -> Vec<CollectorBody<T>> {
    let bodies = status.collectors.iter().map(|collector| CollectorBody {
        name: collector.name,
        status: collector.state.as_str(),
        reason: collector.reason.clone(),
        interval_seconds: collector.interval.as_secs_f64(),
        runs: collector.runs,
        failures: collector.failures,
        skipped: collector.skipped,
        last_run: collector.last_run.map(T::from),
        last_duration_ms: time::millis(collector.last_duration),
    });
    bodies.collect()
}

fn performance(state: &AppState) -> Performance {
    let (usage, cpu_percent) = state.process().look();
    Performance { cpu_percent, rss_bytes: usage.rss_bytes, threads: usage.threads, open_fds: usage.open_fds }
}
