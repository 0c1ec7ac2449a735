//! Connections over TCP, counted and timed in the kernel.

use super::rows;
use crate::{Formula, HistogramFamily, Metric, Term, Unit};

rows! {
    CONNECTS = Metric::counter("tcp.connects", Unit::Count, "Connections that this host asked for and got.")
        .otel("observe.tcp.connects", Unit::Count, 1.0);
    ACCEPTS = Metric::counter("tcp.accepts", Unit::Count, "Connections that others asked for and got.")
        .otel("observe.tcp.accepts", Unit::Count, 1.0);
    CONNECT_FAILURES = Metric::counter("tcp.connect_failures", Unit::Count,
        "Connections that this host asked for and did not get.")
        .otel("observe.tcp.connect_failures", Unit::Count, 1.0);
    CLOSES = Metric::counter("tcp.closes", Unit::Count, "Connections that ended.")
        .otel("observe.tcp.closes", Unit::Count, 1.0);
    RETRANSMITS = Metric::counter("tcp.retransmits", Unit::Count, "Segments that were sent again.")
        .otel("observe.tcp.retransmits", Unit::Count, 1.0);
    RESETS_SENT = Metric::counter("tcp.resets_sent", Unit::Count, "Resets that went out.")
        .otel("observe.tcp.resets_sent", Unit::Count, 1.0);
    RESETS_RECEIVED = Metric::counter("tcp.resets_received", Unit::Count, "Resets that came in.")
        .otel("observe.tcp.resets_received", Unit::Count, 1.0);
    UNMEASURED = Metric::counter("tcp.unmeasured", Unit::Count,
        "Connections that were counted, but not timed: there were too many at once.");
    CONNECT_LATENCY_P50 = time("tcp.connect_latency_p50",
        "Time that half of the connections since the reading before were made in.");
    CONNECT_LATENCY_P99 = time("tcp.connect_latency_p99",
        "Time that 99 of 100 connections since the reading before were made in.");
    ACCEPT_LATENCY_P50 = time("tcp.accept_latency_p50",
        "Time in which half of those who connected since the reading before answered this host's answer.");
    ACCEPT_LATENCY_P99 = time("tcp.accept_latency_p99",
        "Time in which 99 of 100 who connected since the reading before answered this host's answer.");
    LIFETIME_P50 = time("tcp.lifetime_p50",
        "Time that half of the connections that ended since the reading before had lasted at most.");
    LIFETIME_P99 = time("tcp.lifetime_p99",
        "Time that 99 of 100 connections that ended since the reading before had lasted at most.");
    CONNECT_RATE = rate("tcp.connect_rate", &[Term::plus("tcp.connects")],
        "Connections in a second that this host asked for and got.");
    ACCEPT_RATE = rate("tcp.accept_rate", &[Term::plus("tcp.accepts")],
        "Connections in a second that others asked for and got.");
    CONNECT_FAILURE_RATE = rate("tcp.connect_failure_rate", &[Term::plus("tcp.connect_failures")],
        "Connections in a second that this host asked for and did not get.");
    RETRANSMIT_RATE = rate("tcp.retransmit_rate", &[Term::plus("tcp.retransmits")],
        "Segments in a second that were sent again.");
    RESET_RATE = rate("tcp.reset_rate", &[Term::plus("tcp.resets_sent"), Term::plus("tcp.resets_received")],
        "Resets in a second that went out or came in.");
}

/// The histogram of how long it took to make connections.
pub static CONNECT_LATENCIES: HistogramFamily = HistogramFamily {
    name: "tcp.connect_latency",
    help: "Time in which connections were made that this host asked for.",
};

const fn time(name: &'static str, help: &'static str) -> Metric {
    Metric::gauge(name, Unit::Nanoseconds, help)
}

const fn rate(name: &'static str, of: &'static [Term], help: &'static str) -> Metric {
    Metric::derived(name, Unit::CountPerSecond, Formula::Rate { of, scale: 1.0 }, help)
}
