//! The engine's own metrics.

use std::time::Duration;

use observe_core::{CollectorState, CollectorStatus, EngineStatus, Handle};

use super::{Exposition, Name};
use crate::process::{ProcessMeter, ProcessUse};

/// One metric and where its value stands.
struct Row<T: 'static> {
    name: Name,
    value: fn(&T) -> f64,
}

pub(super) fn add(exposition: &mut Exposition, handle: &Handle) {
    let status = handle.status();
    for row in ENGINE {
        exposition.add(&row.name, &[], (row.value)(&status));
    }
    for collector in &status.collectors {
        for row in COLLECTOR {
            exposition.add(&row.name, &[("collector", collector.name)], (row.value)(collector));
        }
    }
    for figure in &status.store.figures {
        exposition.add(&Name::of_store(figure), &[], figure.value as f64);
    }
    exposition.add(&BUILD, &[("version", env!("CARGO_PKG_VERSION"))], 1.0);
}

/// Adds what Prometheus' own clients say about their process.
pub(super) fn add_process(exposition: &mut Exposition, meter: &ProcessMeter) {
    let (usage, _) = meter.look();
    for (name, value) in PROCESS {
        if let Some(value) = value(&usage) {
            exposition.add(name, &[], value);
        }
    }
}

const fn counter<T>(name: &'static str, help: &'static str, value: fn(&T) -> f64) -> Row<T> {
    Row { name: Name::counter(name, help), value }
}

const fn gauge<T>(name: &'static str, help: &'static str, value: fn(&T) -> f64) -> Row<T> {
    Row { name: Name::gauge(name, help), value }
}

const fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

static BUILD: Name = Name::gauge("observe_build", "The version that runs; the value is always 1.");

static ENGINE: &[Row<EngineStatus>] = &[
    gauge("observe_uptime_seconds", "Time since the engine started.", |s| seconds(s.uptime)),
    counter("observe_intake_accepted_items_total", "Items taken in.", |s| s.intake.accepted as f64),
    counter("observe_intake_refused_items_total", "Items refused because too much waited.", |s| {
        s.intake.refused as f64
    }),
    gauge("observe_intake_queued_items", "Items that wait to be processed.", |s| s.intake.queued as f64),
    gauge("observe_intake_queued_bytes", "Bytes that wait to be processed.", |s| s.intake.queued_bytes as f64),
    counter("observe_bus_published_events_total", "Events put into a subscriber's queue.", |s| {
        s.bus.totals.published as f64
    }),
    counter("observe_bus_delivered_events_total", "Events taken out by a subscriber.", |s| {
        s.bus.totals.delivered as f64
    }),
    counter("observe_bus_dropped_events_total", "Events dropped because a subscriber was slow.", |s| {
        s.bus.totals.dropped as f64
    }),
    gauge("observe_bus_subscribers", "Subscribers at present.", |s| s.bus.subscribers.len() as f64),
    gauge("observe_bus_queued_events", "Events that wait for subscribers.", |s| {
        s.bus.subscribers.iter().map(|subscriber| subscriber.queued).sum::<usize>() as f64
    }),
    gauge("observe_processor_series", "Series that can be asked about.", |s| s.processor.series as f64),
    gauge("observe_processor_points", "Points in memory.", |s| s.processor.points as f64),
    gauge("observe_processor_ring_bytes", "Bytes that the points take.", |s| s.processor.ring_bytes as f64),
    gauge("observe_processor_history_events", "Events in memory.", |s| s.processor.events as f64),
    gauge("observe_processor_history_bytes", "Bytes that the events take.", |s| s.processor.event_bytes as f64),
    counter("observe_processor_steps_total", "Turns of the processor.", |s| s.processor.steps as f64),
    counter("observe_processor_frames_total", "Frames that came in.", |s| s.processor.frames as f64),
    counter("observe_processor_samples_total", "Values that were written.", |s| s.processor.samples as f64),
    counter("observe_processor_late_frames_total", "Frames that came too late.", |s| s.processor.late_frames as f64),
    counter("observe_processor_refused_frames_total", "Frames of producers too many, or with other columns.", |s| {
        s.processor.refused_frames as f64
    }),
    counter("observe_processor_clock_restarts_total", "Times that rings began anew after the clock went back.", |s| {
        s.processor.clock_restarts as f64
    }),
    counter("observe_processor_refused_series_total", "Series not kept because their producer had too many.", |s| {
        s.processor.refused_series as f64
    }),
    counter("observe_processor_evicted_series_total", "Series forgotten early because memory was short.", |s| {
        s.processor.evicted_series as f64
    }),
    counter("observe_processor_busy_seconds_total", "Time spent in steps.", |s| seconds(s.processor.busy)),
    gauge("observe_process_cache_processes", "Processes that are remembered.", |s| s.process_cache.size as f64),
    counter("observe_process_cache_hits_total", "Look-ups of a process that found one.", |s| {
        s.process_cache.hits as f64
    }),
    counter("observe_process_cache_misses_total", "Look-ups of a process that found none.", |s| {
        s.process_cache.misses as f64
    }),
    gauge("observe_detectors", "Detectors at work.", |s| s.detectors.detectors as f64),
    gauge("observe_detectors_bytes", "Bytes that detectors hold.", |s| s.detectors.bytes as f64),
    counter("observe_detectors_points_total", "Points shown to detectors.", |s| s.detectors.points as f64),
    counter("observe_detectors_anomalies_total", "Anomalies that were found.", |s| s.detectors.anomalies as f64),
    counter("observe_detectors_trends_total", "Changes of direction that were found.", |s| s.detectors.trends as f64),
    counter("observe_detectors_refused_series_total", "Series without detectors for want of room.", |s| {
        s.detectors.refused as f64
    }),
    counter("observe_detectors_panics_total", "Detectors that panicked and were removed.", |s| {
        s.detectors.panics as f64
    }),
    counter("observe_store_commits_total", "Commits that succeeded.", |s| s.store.commits as f64),
    counter("observe_store_failures_total", "Commits that failed.", |s| s.store.failures as f64),
    gauge("observe_store_up", "Whether there is a store and its last commit succeeded.", |s| {
        f64::from(u8::from(s.store.name.is_some() && s.store.last_error.is_none()))
    }),
    gauge("observe_store_backlog_bytes", "Bytes that wait to be stored.", |s| s.store.backlog_bytes as f64),
    gauge("observe_store_last_commit_duration_seconds", "Time that the last commit took.", |s| {
        seconds(s.store.last_duration)
    }),
    counter("observe_store_dropped_frames_total", "Frames that were never stored because too much waited.", |s| {
        s.store.dropped_frames as f64
    }),
    counter("observe_store_maintenance_failures_total", "Pieces of upkeep that failed.", |s| {
        s.store.maintenance_failures as f64
    }),
    gauge("observe_store_refill_running", "Whether rings are being filled with what was before the start.", |s| {
        f64::from(u8::from(s.store.refill.is_running))
    }),
    counter("observe_store_refill_points_total", "Points that came back into the rings.", |s| {
        s.store.refill.points as f64
    }),
    counter("observe_store_dropped_events_total", "Events that were never stored because too much waited.", |s| {
        s.store.dropped_events as f64
    }),
];

static COLLECTOR: &[Row<CollectorStatus>] = &[
    gauge("observe_collector_up", "Whether the collector reads its source, at least in part.", |c| {
        f64::from(u8::from(matches!(c.state, CollectorState::Healthy | CollectorState::Degraded)))
    }),
    gauge("observe_collector_healthy", "Whether the collector reads all of its source.", |c| {
        f64::from(u8::from(c.state == CollectorState::Healthy))
    }),
    counter("observe_collector_runs_total", "Readings that were begun.", |c| c.runs as f64),
    counter("observe_collector_failures_total", "Readings that failed.", |c| c.failures as f64),
    counter("observe_collector_panics_total", "Readings that panicked.", |c| c.panics as f64),
    counter("observe_collector_skipped_total", "Ticks without a reading and items that were refused.", |c| {
        c.skipped as f64
    }),
    counter("observe_collector_busy_seconds_total", "Time spent reading.", |c| seconds(c.busy)),
    gauge("observe_collector_last_duration_seconds", "Time that the last reading took.", |c| seconds(c.last_duration)),
];

type ProcessRow = (Name, fn(&ProcessUse) -> Option<f64>);

static PROCESS: &[ProcessRow] = &[
    (Name::counter("process_cpu_seconds_total", "Processor time of this process."), |p| p.cpu_seconds),
    (Name::gauge("process_resident_memory_bytes", "Memory of this process that is in RAM."), |p| {
        p.rss_bytes.map(|bytes| bytes as f64)
    }),
    (Name::gauge("process_virtual_memory_bytes", "Memory that this process has mapped."), |p| {
        p.virtual_bytes.map(|bytes| bytes as f64)
    }),
    (Name::gauge("process_open_fds", "File descriptors that this process has open."), |p| {
        p.open_fds.map(|count| count as f64)
    }),
    (Name::gauge("process_threads", "Threads of this process."), |p| p.threads.map(|count| count as f64)),
    (Name::gauge("process_start_time_seconds", "When this process started, in seconds since the epoch."), |p| {
        p.start_time_seconds
    }),
];
