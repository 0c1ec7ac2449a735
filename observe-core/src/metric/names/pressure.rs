//! Pressure stall information: time lost to waiting for a resource.

use super::rows;
use crate::{Formula, Metric, Term, Unit};

rows! {
    SOME_AVG10 = percent("pressure.some_avg10", "Share of 10 s in which some threads waited for the resource.");
    SOME_AVG60 = percent("pressure.some_avg60", "Share of 60 s in which some threads waited for the resource.");
    SOME_AVG300 = percent("pressure.some_avg300", "Share of 300 s in which some threads waited for the resource.");
    SOME_TIME = Metric::counter("pressure.some_time", Unit::Seconds,
        "Time in which some threads waited for the resource.");
    SOME = share("pressure.some", &[Term::plus("pressure.some_time")],
        "Share of the time in which some threads waited for the resource.");
    FULL_AVG10 = percent("pressure.full_avg10", "Share of 10 s in which all threads waited for the resource.");
    FULL_AVG60 = percent("pressure.full_avg60", "Share of 60 s in which all threads waited for the resource.");
    FULL_AVG300 = percent("pressure.full_avg300", "Share of 300 s in which all threads waited for the resource.");
    FULL_TIME = Metric::counter("pressure.full_time", Unit::Seconds,
        "Time in which all threads waited for the resource.");
    FULL = share("pressure.full", &[Term::plus("pressure.full_time")],
        "Share of the time in which all threads waited for the resource.");
}

/// An average that the kernel keeps.
const fn percent(name: &'static str, help: &'static str) -> Metric {
    Metric::gauge(name, Unit::Percent, help)
}

/// Waiting time as a share of the time that passed.
const fn share(name: &'static str, of: &'static [Term], help: &'static str) -> Metric {
    Metric::derived(name, Unit::Percent, Formula::Rate { of, scale: 100.0 }, help)
}
