//! Waits for processors that nobody waited for.

use std::time::Duration;

use observe_core::{Collect, InvalidSchema, KernelBoard, PostedHistogram, names::sched as names};

use super::{Random, Simulation};
use crate::{
    histogram::Counts,
    origin::Origin,
    sched::{QueueCounts, Queues, Report},
};

/// Makes up the feature `sched`.
#[derive(Debug)]
pub(crate) struct SimulatedSched {
    report: Report,
    counts: QueueCounts,
    waits: PostedHistogram,
}

impl SimulatedSched {
    pub(crate) fn new(interval: Duration, board: &KernelBoard) -> Result<Self, InvalidSchema> {
        let waits = board.post(&names::RUNQUEUE_LATENCIES, Origin::Simulated.attributes([]));
        Ok(Self { report: Report::new(Origin::Simulated, interval)?, counts: QueueCounts::default(), waits })
    }
}

impl Simulation for SimulatedSched {
    fn name(&self) -> &'static str {
        "sched"
    }

    fn step(&mut self, random: &mut Random, cx: &mut Collect<'_>) -> u64 {
        let (wakeups, involuntary) = (random.about(WAKEUPS), random.about(INVOLUNTARY));
        self.counts.wakeups += wakeups;
        self.counts.involuntary += involuntary;
        // From each task that waited, and back to idling.
        self.counts.switches += wakeups * 2 + involuntary;
        let (mut waits, mut time) = (Counts::default(), 0);
        for _ in 0..wakeups + involuntary {
            let nanos = random.nanos(MEDIAN_NANOS);
            waits.observe(nanos);
            time += nanos;
        }
        self.waits.add(waits.iter(), time);
        self.report.emit(&Queues::new(self.counts, &waits, time), cx);
        0
    }
}

/// In a second.
const WAKEUPS: f64 = 900.0;
const INVOLUNTARY: f64 = 40.0;
const MEDIAN_NANOS: f64 = 6000.0;
