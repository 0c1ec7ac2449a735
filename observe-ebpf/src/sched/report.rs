//! Frames of run queues.

use std::time::Duration;

use observe_core::{Collect, EventKind, InvalidSchema, Schema, SubjectId, Table, names::sched as names};

use crate::{histogram::Counts, origin::Origin};

/// What is known of run queues.
#[derive(Clone, Debug, Default)]
pub(crate) struct Queues {
    /// What was counted since the start, where that is known.
    pub(crate) counts: Option<QueueCounts>,
    /// The mean wait since the reading before, in nanoseconds.
    pub(crate) mean_wait: Option<f64>,
    /// The wait that half of the waits are below.
    pub(crate) half: Option<f64>,
    /// The wait that 99 of 100 are below.
    pub(crate) most: Option<f64>,
}

/// What was counted since the start.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct QueueCounts {
    /// Switches from task to task.
    pub(crate) switches: u64,
    /// Those away from a task that could have gone on.
    pub(crate) involuntary: u64,
    /// Tasks that were woken, or started.
    pub(crate) wakeups: u64,
    /// Waits that could not be timed.
    pub(crate) lost: u64,
}

impl Queues {
    /// Makes sense of what was counted, and of the waits since the reading before, which took `time` nanoseconds in all.
    pub(crate) fn new(counts: QueueCounts, waits: &Counts, time: u64) -> Self {
        let count = waits.len();
        Self {
            counts: Some(counts),
            mean_wait: (count > 0).then(|| time as f64 / count as f64),
            half: waits.quantile(0.5),
            most: waits.quantile(0.99),
        }
    }
}

/// Makes frames of what was counted.
#[derive(Debug)]
pub(crate) struct Report {
    table: Table,
    host: SubjectId,
}

impl Report {
    pub(crate) fn new(origin: Origin, interval: Duration) -> Result<Self, InvalidSchema> {
        let schema = Schema::builder("sched")
            .kind(EventKind::Metric)
            .interval(interval)
            .column(&names::SWITCHES)
            .column(&names::INVOLUNTARY_SWITCHES)
            .column(&names::WAKEUPS)
            .column(&names::LOST_WAITS)
            .column(&names::RUNQUEUE_LATENCY)
            .column(&names::RUNQUEUE_LATENCY_P50)
            .column(&names::RUNQUEUE_LATENCY_P99)
            .column(&names::SWITCH_RATE);
        let mut table = Table::new(origin.mark(schema).build()?);
        let host = table.insert(origin.attributes([]));
        Ok(Self { table, host })
    }

    /// Emits what is known.
    pub(crate) fn emit(&mut self, queues: &Queues, cx: &mut Collect<'_>) {
        let counts = queues.counts.map(|counts| [counts.switches, counts.involuntary, counts.wakeups, counts.lost]);
        let counts = counts.map_or([None; 4], |counts| counts.map(|count| Some(count as f64)));
        let waits = [queues.mean_wait, queues.half, queues.most];
        for (column, value) in counts.into_iter().chain(waits).enumerate() {
            if let Some(value) = value {
                self.table.set(self.host, column, value);
            }
        }
        cx.emit(self.table.frame(cx.timestamp()));
    }
}
