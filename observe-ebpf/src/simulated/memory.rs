//! Want of memory that nobody felt.

use std::time::Duration;

use observe_core::{Collect, InvalidSchema};

use super::{FIRST_PID, Random, Simulation, task};
use crate::{
    memory::report::{Counted, Report, Victim},
    origin::Origin,
};

/// Makes up the feature `memory`.
#[derive(Debug)]
pub(crate) struct SimulatedMemory {
    report: Report,
    counted: Counted,
}

impl SimulatedMemory {
    pub(crate) fn new(interval: Duration) -> Result<Self, InvalidSchema> {
        Ok(Self { report: Report::new(Origin::Simulated, interval)?, counted: Counted::default() })
    }
}

impl Simulation for SimulatedMemory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn step(&mut self, random: &mut Random, cx: &mut Collect<'_>) -> u64 {
        for reclaims in &mut self.counted.reclaims {
            (reclaims.latencies, reclaims.time) = Default::default();
            for _ in 0..random.about(0.3) {
                let nanos = random.nanos(4e5);
                reclaims.count += 1;
                reclaims.pages += 32;
                reclaims.latencies.observe(nanos);
                reclaims.time += nanos;
            }
        }
        let is_killed = random.happens(0.002);
        self.counted.oom_kills += u64::from(is_killed);
        self.report.emit(&self.counted, cx);
        if is_killed {
            let victim = Victim { task: task("simulated", FIRST_PID), ppid: 1, anonymous_bytes: 512 << 20 };
            self.report.tell(cx.timestamp(), victim, cx);
        }
        u64::from(is_killed)
    }
}
