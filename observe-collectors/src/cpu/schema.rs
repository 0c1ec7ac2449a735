//! The columns of the cpu collector.

use std::{sync::Arc, time::Duration};

use observe_core::{EventKind, InvalidSchema, Metric, Schema, names::cpu as names};

use super::stat::{SOFTIRQS, STATES};

/// Numbers of the host's raw columns, or of the first in a row of them.
pub(super) mod column {
    use super::{SOFTIRQS, STATES};

    pub(in super::super) const TIME: usize = 0;
    pub(in super::super) const CONTEXT_SWITCHES: usize = TIME + STATES.len() + 2;
    pub(in super::super) const INTERRUPTS: usize = CONTEXT_SWITCHES + 1;
    pub(in super::super) const FORKS: usize = INTERRUPTS + 1;
    pub(in super::super) const RUNNING: usize = FORKS + 1;
    pub(in super::super) const BLOCKED: usize = RUNNING + 1;
    pub(in super::super) const SOFTIRQ: usize = BLOCKED + 1;
    pub(in super::super) const COUNT: usize = SOFTIRQ + SOFTIRQS.len() + 1;
    pub(in super::super) const LOAD: usize = COUNT + 1;
    pub(in super::super) const UPTIME: usize = LOAD + 5;
}

/// Columns of the host as a whole.
pub(super) fn host(interval: Duration) -> Result<Arc<Schema>, InvalidSchema> {
    let mut schema = Schema::builder("cpu").kind(EventKind::CpuMetric).interval(interval);
    for state in STATES {
        schema = schema.column_with(&names::TIME, &[("state", state)]);
    }
    for state in ["user", "nice"] {
        schema = schema.column_with(&names::GUEST_TIME, &[("state", state)]);
    }
    schema = AFTER_TIME.iter().fold(schema, |schema, metric| schema.column(metric));
    for kind in SOFTIRQS {
        schema = schema.column_with(&names::SOFTIRQS, &[("kind", kind)]);
    }
    AFTER_SOFTIRQS.iter().chain(DERIVED).fold(schema, |schema, metric| schema.column(metric)).build()
}

/// Columns of each core.
pub(super) fn core(interval: Duration) -> Result<Arc<Schema>, InvalidSchema> {
    let mut schema = Schema::builder("cpu_core").kind(EventKind::CpuMetric).interval(interval);
    for state in STATES {
        schema = schema.column_with(&names::CORE_TIME, &[("state", state)]);
    }
    schema.column(&names::CORE).build()
}

static AFTER_TIME: &[&Metric] = &[
    &names::CONTEXT_SWITCHES,
    &names::INTERRUPTS,
    &names::FORKS,
    &names::PROCS_RUNNING,
    &names::PROCS_BLOCKED,
    &names::SOFTIRQS_ALL,
];
static AFTER_SOFTIRQS: &[&Metric] = &[
    &names::COUNT,
    &names::LOAD_1,
    &names::LOAD_5,
    &names::LOAD_15,
    &names::LOAD_RUNNABLE,
    &names::LOAD_THREADS,
    &names::UPTIME,
];
static DERIVED: &[&Metric] = &[
    &names::TOTAL,
    &names::USER,
    &names::NICE,
    &names::SYSTEM,
    &names::IDLE,
    &names::IOWAIT,
    &names::IRQ,
    &names::SOFTIRQ,
    &names::STEAL,
    &names::CONTEXT_SWITCHES_PER_SEC,
    &names::INTERRUPTS_PER_SEC,
    &names::SOFTIRQS_PER_SEC,
    &names::FORKS_PER_SEC,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_columns_are_those_of_the_schema() {
        let schema = host(Duration::from_secs(1)).unwrap();
        let name = |column: usize| schema.columns()[column].to_text();

        assert_eq!(name(column::TIME), "cpu.time{state=user}");
        assert_eq!(name(column::CONTEXT_SWITCHES), "cpu.context_switches");
        assert_eq!(name(column::BLOCKED), "cpu.procs_blocked");
        assert_eq!(name(column::SOFTIRQ), "cpu.softirqs_all");
        assert_eq!(name(column::COUNT), "cpu.count");
        assert_eq!(name(column::LOAD), "load.1");
        assert_eq!(name(column::UPTIME), "cpu.uptime");
        assert_eq!(schema.raw_len(), column::UPTIME + 1);
    }
}
