//! Processes that start and end, counted in the kernel. Those of the kernel itself do not count.

use super::rows;
use crate::{Formula, Metric, Term, Unit};

rows! {
    STARTED = Metric::counter("exec.started", Unit::Count, "Times that a process began to run a program.");
    FORKED = Metric::counter("exec.forked", Unit::Count, "Processes that were made, threads left out.")
        .otel("system.processes.created", Unit::Count, 1.0);
    EXITED = Metric::counter("exec.exited", Unit::Count, "Processes that ended.");
    FAILED = Metric::counter("exec.failed", Unit::Count, "Processes that ended with an exit status other than zero.");
    SIGNALLED = Metric::counter("exec.signalled", Unit::Count, "Processes that ended by a signal.");
    LIFETIME_P50 = Metric::gauge("exec.lifetime_p50", Unit::Seconds,
        "Time that half of the processes which ended since the reading before had lived less than.");
    LIFETIME_P99 = Metric::gauge("exec.lifetime_p99", Unit::Seconds,
        "Time that 99 of 100 processes which ended since the reading before had lived less than.");
    RATE = rate("exec.rate", &[Term::plus("exec.started")], "Times in a second that a process began to run a program.");
    FORK_RATE = rate("exec.fork_rate", &[Term::plus("exec.forked")], "Processes that were made in a second.");
    FAILED_RATE = rate("exec.failed_rate", &[Term::plus("exec.failed"), Term::plus("exec.signalled")],
        "Processes in a second that ended with an exit status other than zero or by a signal.");
}

/// The growth of counters in a second.
const fn rate(name: &'static str, of: &'static [Term], help: &'static str) -> Metric {
    Metric::derived(name, Unit::CountPerSecond, Formula::Rate { of, scale: 1.0 }, help)
}
