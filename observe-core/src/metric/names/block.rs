//! Requests to block devices, counted and timed in the kernel.

use super::rows;
use crate::{HistogramFamily, Metric, Unit};

rows! {
    REQUESTS = Metric::counter("block.requests", Unit::Count, "Requests that ended, failed ones included.");
    BYTES = Metric::counter("block.bytes", Unit::Bytes, "Bytes of requests that were fulfilled.");
    ERRORS = Metric::counter("block.errors", Unit::Count, "Requests that failed.");
    UNTIMED = Metric::counter("block.untimed", Unit::Count,
        "Requests of which the kernel did not note when they began.");
    LATENCY = Metric::gauge("block.latency_ns", Unit::Nanoseconds,
        "Mean time that the device worked on requests that ended since the reading before.");
    LATENCY_P50 = Metric::gauge("block.latency_p50", Unit::Nanoseconds,
        "Time that half of the requests since the reading before took less than.");
    LATENCY_P99 = Metric::gauge("block.latency_p99", Unit::Nanoseconds,
        "Time that 99 of 100 requests since the reading before took less than.");
}

/// The histograms of what [`LATENCY`] is the mean of.
pub static LATENCIES: HistogramFamily = HistogramFamily {
    name: "block.latency",
    help: "Time that the device worked on requests, those apart of which the kernel did not note when they began.",
};
