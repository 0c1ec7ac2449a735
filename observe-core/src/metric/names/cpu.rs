//! Processors and load.

use super::rows;
use crate::{Formula, Metric, Term, Unit};

const BUSY: &[Term] = &[
    Term::plus("cpu.time{state=user}"),
    Term::plus("cpu.time{state=nice}"),
    Term::plus("cpu.time{state=system}"),
    Term::plus("cpu.time{state=irq}"),
    Term::plus("cpu.time{state=softirq}"),
    Term::plus("cpu.time{state=steal}"),
];
const ALL: &[Term] = &[
    Term::plus("cpu.time{state=user}"),
    Term::plus("cpu.time{state=nice}"),
    Term::plus("cpu.time{state=system}"),
    Term::plus("cpu.time{state=irq}"),
    Term::plus("cpu.time{state=softirq}"),
    Term::plus("cpu.time{state=steal}"),
    Term::plus("cpu.time{state=idle}"),
    Term::plus("cpu.time{state=iowait}"),
];
const CORE_BUSY: &[Term] = &[
    Term::plus("cpu.core_time{state=user}"),
    Term::plus("cpu.core_time{state=nice}"),
    Term::plus("cpu.core_time{state=system}"),
    Term::plus("cpu.core_time{state=irq}"),
    Term::plus("cpu.core_time{state=softirq}"),
    Term::plus("cpu.core_time{state=steal}"),
];
const CORE_ALL: &[Term] = &[
    Term::plus("cpu.core_time{state=user}"),
    Term::plus("cpu.core_time{state=nice}"),
    Term::plus("cpu.core_time{state=system}"),
    Term::plus("cpu.core_time{state=irq}"),
    Term::plus("cpu.core_time{state=softirq}"),
    Term::plus("cpu.core_time{state=steal}"),
    Term::plus("cpu.core_time{state=idle}"),
    Term::plus("cpu.core_time{state=iowait}"),
];

rows! {
    TIME = Metric::counter("cpu.time", Unit::Seconds,
        "Time that processors spent in a state; guests count as user or nice.")
        .otel("system.cpu.time", Unit::Seconds, 1.0);
    GUEST_TIME = Metric::counter("cpu.guest_time", Unit::Seconds,
        "The part of user and nice time that ran virtual machines.");
    TOTAL = share("cpu.total", BUSY, "Share of the time in which the processors of the host were busy.")
        .otel("system.cpu.utilization", Unit::Ratio, 0.01);
    USER = share("cpu.user", &[Term::plus("cpu.time{state=user}")], "Share of the time spent on programs.");
    NICE = share("cpu.nice", &[Term::plus("cpu.time{state=nice}")],
        "Share of the time spent on programs of low priority.");
    SYSTEM = share("cpu.system", &[Term::plus("cpu.time{state=system}")], "Share of the time spent in the kernel.");
    IDLE = share("cpu.idle", &[Term::plus("cpu.time{state=idle}")], "Share of the time without any work.");
    IOWAIT = share("cpu.iowait", &[Term::plus("cpu.time{state=iowait}")],
        "Share of the time idle while input or output was due.");
    IRQ = share("cpu.irq", &[Term::plus("cpu.time{state=irq}")], "Share of the time spent on interrupts.");
    SOFTIRQ = share("cpu.softirq", &[Term::plus("cpu.time{state=softirq}")],
        "Share of the time spent on soft interrupts.");
    STEAL = share("cpu.steal", &[Term::plus("cpu.time{state=steal}")],
        "Share of the time that the hypervisor gave to others.");

    CORE_TIME = Metric::counter("cpu.core_time", Unit::Seconds, "Time that one core spent in a state.");
    CORE = Metric::derived("cpu.core", Unit::Percent,
        Formula::GrowthRatio { of: CORE_BUSY, over: CORE_ALL, scale: 100.0 },
        "Share of the time in which one core was busy.")
        .otel("system.cpu.utilization", Unit::Ratio, 0.01);
    COUNT = Metric::gauge("cpu.count", Unit::Count, "Logical processors that are online.")
        .otel("system.cpu.logical.count", Unit::Count, 1.0);
    FREQUENCY = Metric::gauge("cpu.frequency", Unit::Megahertz, "Mean clock of the cores.")
        .otel("system.cpu.frequency", Unit::Hertz, 1e6);
    CORE_FREQUENCY = Metric::gauge("cpu.core_frequency", Unit::Megahertz, "Clock of one core.")
        .otel("system.cpu.frequency", Unit::Hertz, 1e6);

    CONTEXT_SWITCHES = Metric::counter("cpu.context_switches", Unit::Count, "Switches from one thread to another.");
    CONTEXT_SWITCHES_PER_SEC = rate("cpu.context_switches_per_sec", &[Term::plus("cpu.context_switches")],
        "Context switches in a second.");
    INTERRUPTS = Metric::counter("cpu.interrupts", Unit::Count, "Interrupts that were served.");
    INTERRUPTS_PER_SEC = rate("cpu.interrupts_per_sec", &[Term::plus("cpu.interrupts")], "Interrupts in a second.");
    SOFTIRQS = Metric::counter("cpu.softirqs", Unit::Count, "Soft interrupts of one kind that were served.");
    SOFTIRQS_ALL = Metric::counter("cpu.softirqs_all", Unit::Count, "Soft interrupts of all kinds that were served.");
    SOFTIRQS_PER_SEC = rate("cpu.softirqs_per_sec", &[Term::plus("cpu.softirqs_all")], "Soft interrupts in a second.");
    FORKS = Metric::counter("cpu.forks", Unit::Count, "Processes and threads that were started.")
        .otel("system.process.created", Unit::Count, 1.0);
    FORKS_PER_SEC = rate("cpu.forks_per_sec", &[Term::plus("cpu.forks")], "Processes and threads started in a second.");
    PROCS_RUNNING = Metric::gauge("cpu.procs_running", Unit::Count, "Threads that run or could run.");
    PROCS_BLOCKED = Metric::gauge("cpu.procs_blocked", Unit::Count, "Threads that wait for input or output.");

    LOAD_1 = Metric::gauge("load.1", Unit::Count, "Threads that ran or waited for a disk, averaged over a minute.");
    LOAD_5 = Metric::gauge("load.5", Unit::Count, "Threads that ran or waited for a disk, averaged over 5 minutes.");
    LOAD_15 = Metric::gauge("load.15", Unit::Count, "Threads that ran or waited for a disk, averaged over 15 minutes.");
    LOAD_RUNNABLE = Metric::gauge("load.runnable", Unit::Count, "Threads that the scheduler runs or could run.");
    LOAD_THREADS = Metric::gauge("load.threads", Unit::Count, "Threads that exist.");
    UPTIME = Metric::gauge("cpu.uptime", Unit::Seconds, "Time since the host started.")
        .otel("system.uptime", Unit::Seconds, 1.0);
}

/// A share of all time that the processors of the host had.
const fn share(name: &'static str, of: &'static [Term], help: &'static str) -> Metric {
    Metric::derived(name, Unit::Percent, Formula::GrowthRatio { of, over: ALL, scale: 100.0 }, help)
}

/// The growth of a counter in a second.
const fn rate(name: &'static str, of: &'static [Term], help: &'static str) -> Metric {
    Metric::derived(name, Unit::CountPerSecond, Formula::Rate { of, scale: 1.0 }, help)
}
