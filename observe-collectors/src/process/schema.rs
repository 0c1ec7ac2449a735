//! The columns of the process collector's frames.

use std::{sync::Arc, time::Duration};

use observe_core::{EventKind, InvalidSchema, Schema, SchemaBuilder, names::process as names};

/// Columns of a process; [`super::ProcessCollector`] writes the raw ones in this order.
pub(super) fn process(interval: Duration) -> Result<Arc<Schema>, InvalidSchema> {
    builder("process", interval)
        .column_with(&names::TIME, &[("state", "user")])
        .column_with(&names::TIME, &[("state", "system")])
        .column(&names::RSS)
        .column(&names::VMS)
        .column(&names::THREADS)
        .column(&names::MINOR_FAULTS)
        .column(&names::MAJOR_FAULTS)
        .column(&names::CPU_USAGE)
        .build()
}

/// Columns of a sum by command.
pub(super) fn group(interval: Duration) -> Result<Arc<Schema>, InvalidSchema> {
    builder("process.group", interval)
        .column(&names::GROUP_TIME)
        .column(&names::GROUP_RSS)
        .column(&names::GROUP_COUNT)
        .column(&names::GROUP_CPU)
        .build()
}

/// Columns of the host, those of [`STATES`] last.
pub(super) fn host(interval: Duration) -> Result<Arc<Schema>, InvalidSchema> {
    let sums = builder("processes", interval)
        .column(&names::COUNT)
        .column(&names::ALL_THREADS)
        .column(&names::UNTRACKED)
        .column(&names::UNREAD);
    STATES.iter().fold(sums, |schema, (state, _)| schema.column_with(&names::IN_STATE, &[("state", state)])).build()
}

fn builder(name: &'static str, interval: Duration) -> SchemaBuilder {
    Schema::builder(name).kind(EventKind::ProcessMetric).interval(interval)
}

/// States of processes, and the letters that the kernel has for them.
pub(super) const STATES: [(&str, &[u8]); 6] = [
    ("running", b"R"),
    ("sleeping", b"S"),
    ("disk_sleep", b"D"),
    ("zombie", b"Z"),
    ("stopped", b"Tt"),
    ("idle", b"IP"),
];
