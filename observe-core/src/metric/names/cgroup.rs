//! Control groups: containers and units.

use super::rows;
use crate::{Formula, Metric, Term, Unit};

const TIME: &[Term] = &[Term::plus("cgroup.cpu_time")];
const PERIODS: &[Term] = &[Term::plus("cgroup.periods")];
const THROTTLED: &[Term] = &[Term::plus("cgroup.throttled_periods")];
const MEMORY: &[Term] = &[Term::plus("cgroup.memory")];
const LIMIT: &[Term] = &[Term::plus("cgroup.memory_limit")];

rows! {
    CPU_USAGE = Metric::derived("cgroup.cpu", Unit::Percent, Formula::Rate { of: TIME, scale: 100.0 },
        "Share of one core that the control group used; more than the whole where it ran on several.")
        .otel("container.cpu.usage", Unit::Ratio, 0.01);
    CPU_TIME = Metric::counter("cgroup.cpu_time", Unit::Seconds, "Time that processors spent on the control group.")
        .otel("container.cpu.time", Unit::Seconds, 1.0);
    USER_TIME = Metric::counter("cgroup.cpu_user_time", Unit::Seconds,
        "Time that processors spent on the programs of the control group.");
    SYSTEM_TIME = Metric::counter("cgroup.cpu_system_time", Unit::Seconds,
        "Time that processors spent in the kernel for the control group.");
    PERIOD_COUNT = Metric::counter("cgroup.periods", Unit::Count,
        "Periods in which a limit of processor time applied to the control group.");
    THROTTLED_PERIODS = Metric::counter("cgroup.throttled_periods", Unit::Count,
        "Periods in which the control group used up its limit of processor time.");
    THROTTLED_TIME = Metric::counter("cgroup.throttled_time", Unit::Seconds,
        "Time that the control group had to wait because its limit of processor time was used up.");
    THROTTLED_SHARE = Metric::derived("cgroup.throttled", Unit::Percent,
        Formula::GrowthRatio { of: THROTTLED, over: PERIODS, scale: 100.0 },
        "Share of the periods in which the control group used up its limit of processor time.");
    MEMORY_USED = Metric::gauge("cgroup.memory", Unit::Bytes, "Memory of the control group, its page cache included.")
        .otel("container.memory.usage", Unit::Bytes, 1.0);
    MEMORY_LIMIT = Metric::gauge("cgroup.memory_limit", Unit::Bytes,
        "The most memory that the control group may use; absent without a limit.");
    MEMORY_PERCENT = Metric::derived("cgroup.memory_percent", Unit::Percent,
        Formula::Ratio { of: MEMORY, over: LIMIT, scale: 100.0 },
        "Share of its limit of memory that the control group uses; absent without a limit.");
    MEMORY_ANONYMOUS = Metric::gauge("cgroup.memory_anonymous", Unit::Bytes,
        "Memory of the control group that no file stands behind.");
    MEMORY_FILE = Metric::gauge("cgroup.memory_file", Unit::Bytes, "Page cache of the control group.");
    READ_BYTES = Metric::counter("cgroup.read_bytes", Unit::Bytes, "Bytes that the control group read from devices.");
    WRITE_BYTES = Metric::counter("cgroup.write_bytes", Unit::Bytes, "Bytes that the control group wrote to devices.");
    READS = Metric::counter("cgroup.reads", Unit::Count, "Reads of the control group from devices.");
    WRITES = Metric::counter("cgroup.writes", Unit::Count, "Writes of the control group to devices.");
    PIDS = Metric::gauge("cgroup.pids", Unit::Count, "Processes and threads of the control group.");

    COUNT = Metric::gauge("cgroups.count", Unit::Count, "Control groups of the host that were found.");
    UNTRACKED = Metric::gauge("cgroup.untracked", Unit::Count,
        "Control groups that have no series, because a limit is reached or their path is too long.");
}
