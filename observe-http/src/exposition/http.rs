//! Counters of requests and connections.

use super::{Exposition, Histogram, Name};
use crate::{
    ServerStats,
    layers::{BOUNDS, HttpMetrics, MethodMetrics},
};

pub(super) fn add(exposition: &mut Exposition, metrics: &HttpMetrics, server: Option<&ServerStats>) {
    metrics.visit(|route, method, counters| {
        for (status, count) in counters.statuses() {
            let status_text = if status == 0 { "other".to_owned() } else { status.to_string() };
            let labels = [("method", method), ("route", route), ("status", status_text.as_str())];
            exposition.add(&REQUESTS, &labels, count as f64);
            if status >= 400 {
                exposition.add(&ERRORS, &labels, count as f64);
            }
        }
        exposition.add_histogram(&DURATION, &[("method", method), ("route", route)], histogram(counters));
    });
    exposition.add(&IN_FLIGHT, &[], metrics.in_flight() as f64);
    exposition.add(&SLOW, &[], metrics.slow_requests() as f64);
    exposition.add(&PANICS, &[], metrics.panics() as f64);
    if let Some(server) = server {
        exposition.add(&OPEN, &[], server.open() as f64);
        exposition.add(&ACCEPTED, &[], server.accepted() as f64);
        exposition.add(&WAITS, &[], server.waits() as f64);
        exposition.add(&SILENT, &[], server.silent() as f64);
    }
}

fn histogram(counters: &MethodMetrics) -> Histogram {
    let mut count = 0;
    let mut buckets = Vec::with_capacity(BOUNDS.len());
    let counts = counters.buckets();
    for (bound, requests) in BOUNDS.iter().zip(counts) {
        count += requests;
        buckets.push((bound.text, count));
    }
    count += counts.last().copied().unwrap_or(0);
    Histogram { buckets, count, sum: counters.sum_seconds() }
}

static REQUESTS: Name = Name::counter("bot_http_requests_total", "Requests that were answered.");
static ERRORS: Name = Name::counter("bot_http_errors_total", "Requests that were answered with a status from 400 on.");
static DURATION: Name =
    Name::histogram("bot_http_request_duration_seconds", "Time from a request's header to the header of its answer.");
static IN_FLIGHT: Name = Name::gauge("observe_http_requests_in_flight", "Requests that are being answered.");
static SLOW: Name = Name::counter("observe_http_slow_requests_total", "Requests that took longer than they should.");
static PANICS: Name = Name::counter("observe_http_handler_panics_total", "Requests whose handler panicked.");
static OPEN: Name = Name::gauge("observe_http_connections_open", "Connections that are open.");
static ACCEPTED: Name = Name::counter("observe_http_connections_accepted_total", "Connections that were accepted.");
static WAITS: Name = Name::counter(
    "observe_http_connections_waited_total",
    "Times that accepting waited because the most connections were open.",
);
static SILENT: Name = Name::counter(
    "observe_http_connections_silent_total",
    "Connections that were closed because they said nothing in time.",
);
