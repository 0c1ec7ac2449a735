//! System calls, counted and timed in the kernel.

use super::rows;
use crate::{Formula, HistogramFamily, Metric, Term, Unit};

rows! {
    COUNT = Metric::counter("syscall.count", Unit::Count, "Calls.")
        .otel("observe.syscall.count", Unit::Count, 1.0);
    ERRORS = Metric::counter("syscall.errors", Unit::Count, "Calls that returned an error.")
        .otel("observe.syscall.errors", Unit::Count, 1.0);
    LATENCY = Metric::gauge("syscall.latency_ns", Unit::Nanoseconds,
        "Mean time of the calls that were timed since the reading before.")
        .otel("observe.syscall.duration", Unit::Seconds, 1e-9);
    LATENCY_P50 = Metric::gauge("syscall.latency_p50", Unit::Nanoseconds,
        "Time that half of the timed calls since the reading before took less than.");
    LATENCY_P99 = Metric::gauge("syscall.latency_p99", Unit::Nanoseconds,
        "Time that 99 of 100 timed calls since the reading before took less than.");
    TOTAL = Metric::counter("syscall.calls", Unit::Count, "Calls of all kinds.");
    FAILED = Metric::counter("syscall.failed", Unit::Count, "Calls of all kinds that returned an error.");
    RATE = Metric::derived("syscall.rate", Unit::CountPerSecond,
        Formula::Rate { of: &[Term::plus("syscall.calls")], scale: 1.0 }, "Calls of all kinds in a second.");
    ERROR_RATE = Metric::derived("syscall.error_rate", Unit::CountPerSecond,
        Formula::Rate { of: &[Term::plus("syscall.failed")], scale: 1.0 },
        "Calls of all kinds in a second that returned an error.");
    PROCESS_RATE = Metric::gauge("syscall.process_rate", Unit::CountPerSecond,
        "Calls in a second by the processes of one name, estimated from those that were timed.");
    CGROUP_RATE = Metric::gauge("syscall.cgroup_rate", Unit::CountPerSecond,
        "Calls in a second by the processes of one control group, estimated from those that were timed.");
}

/// The histograms of what [`LATENCY`] is the mean of.
pub static LATENCIES: HistogramFamily = HistogramFamily {
    name: "syscall.latency",
    help: "Time of the calls that were timed, which are one in 64 unless ebpf.syscalls.latency is full.",
};
