//! Run queues: how often processors switch from task to task, and how long tasks wait for one.

use super::rows;
use crate::{Formula, HistogramFamily, Metric, Term, Unit};

rows! {
    SWITCHES = Metric::counter("sched.switches", Unit::Count, "Switches from task to task.");
    INVOLUNTARY_SWITCHES = Metric::counter("sched.involuntary_switches", Unit::Count,
        "Switches away from a task that could have gone on.");
    WAKEUPS = Metric::counter("sched.wakeups", Unit::Count, "Tasks that were woken, or started.");
    LOST_WAITS = Metric::counter("sched.lost_waits", Unit::Count,
        "Waits for a processor that were not timed because another task took the place for it.");
    RUNQUEUE_LATENCY = Metric::gauge("sched.runqueue_latency_ns", Unit::Nanoseconds,
        "Mean time that tasks waited for a processor since the reading before.");
    RUNQUEUE_LATENCY_P50 = Metric::gauge("sched.runqueue_latency_p50", Unit::Nanoseconds,
        "Time that half of the waits for a processor since the reading before took less than.");
    RUNQUEUE_LATENCY_P99 = Metric::gauge("sched.runqueue_latency_p99", Unit::Nanoseconds,
        "Time that 99 of 100 waits for a processor since the reading before took less than.");
    SWITCH_RATE = Metric::derived("sched.switch_rate", Unit::CountPerSecond,
        Formula::Rate { of: &[Term::plus("sched.switches")], scale: 1.0 }, "Switches from task to task in a second.");
}

/// The histogram of what [`RUNQUEUE_LATENCY`] is the mean of.
pub static RUNQUEUE_LATENCIES: HistogramFamily = HistogramFamily {
    name: "sched.runqueue_latency",
    help: "Time that tasks waited for a processor, in those waits that were timed: one in ebpf.sched.sample.",
};
