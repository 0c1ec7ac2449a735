//! Want of memory, traced in the kernel: who waits for memory to be reclaimed, and what is killed for it.

use super::rows;
use crate::{Formula, Metric, Term, Unit};

rows! {
    OOM_KILLS = Metric::counter("memory.oom_kills", Unit::Count,
        "Processes that the kernel chose to kill because memory ran out, for the host or a control group.");
    COUNT = Metric::counter("memory.reclaim_count", Unit::Count,
        "Times that a thread had to reclaim memory before it went on.");
    PAGES = Metric::counter("memory.reclaim_pages", Unit::Count, "Pages that threads reclaimed before they went on.");
    LATENCY = Metric::gauge("memory.reclaim_latency_ns", Unit::Nanoseconds,
        "Mean time that reclaiming held a thread up since the reading before.");
    LATENCY_P50 = Metric::gauge("memory.reclaim_latency_p50", Unit::Nanoseconds,
        "Time that half of the reclaims since the reading before took less than.");
    LATENCY_P99 = Metric::gauge("memory.reclaim_latency_p99", Unit::Nanoseconds,
        "Time that 99 of 100 reclaims since the reading before took less than.");
    RATE = rate("memory.reclaim_rate", &[Term::plus("memory.reclaim_count")],
        "Times in a second that a thread had to reclaim memory before it went on.");
    FAULTS = Metric::counter("memory.faults", Unit::Count, "Page faults of programs, by what they wanted to do.");
    FAULT_RATE = rate("memory.fault_rate", &[Term::plus("memory.faults")],
        "Page faults of programs in a second, by what they wanted to do.");
}

/// The growth of counters in a second.
const fn rate(name: &'static str, of: &'static [Term], help: &'static str) -> Metric {
    Metric::derived(name, Unit::CountPerSecond, Formula::Rate { of, scale: 1.0 }, help)
}
