//! Processes.

use super::rows;
use crate::{Formula, Metric, Term, Unit};

const CPU_TIME: &[Term] = &[Term::plus("process.cpu_time{state=user}"), Term::plus("process.cpu_time{state=system}")];
const GROUP_CPU_TIME: &[Term] = &[Term::plus("process.group.cpu_time")];

rows! {
    CPU_USAGE = Metric::derived("process.cpu", Unit::Percent, Formula::Rate { of: CPU_TIME, scale: 100.0 },
        "Share of one core that the process used; more than the whole where it ran on several.")
        .otel("process.cpu.utilization", Unit::Ratio, 0.01);
    TIME = Metric::counter("process.cpu_time", Unit::Seconds, "Time that processors spent on the process in a state.")
        .otel("process.cpu.time", Unit::Seconds, 1.0);
    RSS = Metric::gauge("process.rss", Unit::Bytes, "Physical memory of the process, shared pages included.")
        .otel("process.memory.usage", Unit::Bytes, 1.0);
    VMS = Metric::gauge("process.vms", Unit::Bytes, "Address space of the process.")
        .otel("process.memory.virtual", Unit::Bytes, 1.0);
    THREADS = Metric::gauge("process.threads", Unit::Count, "Threads of the process.")
        .otel("process.thread.count", Unit::Count, 1.0);
    MINOR_FAULTS = Metric::counter("process.minor_faults", Unit::Count,
        "Page faults of the process that needed no input.");
    MAJOR_FAULTS = Metric::counter("process.major_faults", Unit::Count,
        "Page faults of the process that waited for input.");

    GROUP_CPU = Metric::derived("process.group.cpu", Unit::Percent, Formula::Rate { of: GROUP_CPU_TIME, scale: 100.0 },
        "Share of one core used by processes of a command that have no series of their own.");
    GROUP_TIME = Metric::counter("process.group.cpu_time", Unit::Seconds,
        "Time that processors spent on processes of a command while these had no series of their own.");
    GROUP_RSS = Metric::gauge("process.group.rss", Unit::Bytes,
        "Physical memory of processes of a command that have no series of their own.");
    GROUP_COUNT = Metric::gauge("process.group.count", Unit::Count,
        "Processes of a command that have no series of their own.");

    COUNT = Metric::gauge("processes.count", Unit::Count, "Processes of the host.")
        .otel("system.process.count", Unit::Count, 1.0);
    IN_STATE = Metric::gauge("processes.in_state", Unit::Count, "Processes of the host that are in a state.");
    ALL_THREADS = Metric::gauge("processes.threads", Unit::Count, "Threads of all processes of the host.");
    UNTRACKED = Metric::gauge("process.untracked", Unit::Count,
        "Processes that are old enough for series of their own and have none, because a limit is reached.");
    UNREAD = Metric::gauge("processes.unread", Unit::Count,
        "Processes of the host that were not read: no permission, or more than can be remembered.");
}
