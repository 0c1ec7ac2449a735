//! Run queues, traced in the kernel.

use std::time::Duration;

use observe_core::{Attributes, Collect, CollectError, Collector, KernelBoard, PostedHistogram, names::sched as names};

use super::{
    SchedConfig,
    procfs::{self, SchedStat},
    report::{QueueCounts, Queues, Report},
};
use crate::{
    config::{InvalidConfig, interval},
    feature::{Feature, Programs, StandIn, Tracer},
    histogram::Cumulative,
    kernel::{Kernel, Loaded, Object, Rows, Setup, Unavailable},
    origin::Origin,
};

/// The feature `sched`.
#[derive(Debug)]
pub(crate) struct Sched {
    interval: Duration,
    sample_shift: u32,
    report: Report,
    before: Cumulative,
    waits: PostedHistogram,
}

impl Sched {
    /// Makes the collector; nothing is loaded yet.
    pub(crate) fn collector(kernel: &Kernel, config: &SchedConfig) -> Result<Box<dyn Collector>, InvalidConfig> {
        Ok(Box::new(Tracer::new(kernel, Self::new(kernel.board(), config)?)))
    }

    fn new(board: &KernelBoard, config: &SchedConfig) -> Result<Self, InvalidConfig> {
        let interval = interval("ebpf.sched.interval_seconds", config.interval_seconds)?;
        Ok(Self {
            interval,
            sample_shift: config.sample_shift()?,
            report: Report::new(Origin::Kernel, interval)?,
            before: Cumulative::default(),
            waits: board.post(&names::RUNQUEUE_LATENCIES, Attributes::empty()),
        })
    }

    fn load_object(&self, kernel: &Kernel, object: &Object) -> Result<SchedPrograms, Unavailable> {
        let setup = Setup::default().global("cfg_sample_shift", &self.sample_shift).size("obs_scheds", kernel.cpus());
        let loaded = kernel.trace(object, &setup, &["sched_switch", "sched_wakeup", "sched_wakeup_new"])?;
        Ok(SchedPrograms { counts: loaded.rows(kernel, "obs_scheds", 1)?, loaded })
    }
}

/// The programs in the kernel.
#[derive(Debug)]
pub(crate) struct SchedPrograms {
    loaded: Loaded,
    counts: Rows,
}

impl Programs for SchedPrograms {
    fn loaded(&self) -> &Loaded {
        &self.loaded
    }
}

impl Feature for Sched {
    const NAME: &'static str = "sched";
    const COLLECTOR: &'static str = "ebpf.sched";

    type Programs = SchedPrograms;

    fn interval(&self) -> Duration {
        self.interval
    }

    fn load(&self, kernel: &Kernel) -> Result<SchedPrograms, Unavailable> {
        self.load_object(kernel, &OBJECT)
    }

    fn read(&mut self, programs: &mut SchedPrograms, cx: &mut Collect<'_>) -> Result<(), CollectError> {
        let sum = |word| programs.counts.sum(0, word);
        let counts = QueueCounts { switches: sum(0), involuntary: sum(1), wakeups: sum(2), lost: sum(3) };
        let (waits, time) = self.before.advance(programs.counts.histogram(0, HISTOGRAM_WORD));
        self.waits.add(waits.iter(), time);
        self.report.emit(&Queues::new(counts, &waits, time), cx);
        Ok(())
    }

    fn stand_in(&self) -> Option<Box<dyn StandIn>> {
        let reader = SchedStat::open(procfs::NAME, self.interval).ok()??;
        Some(Box::new(reader))
    }
}

static OBJECT: Object = Object {
    name: "sched",
    traced: aya::include_bytes_aligned!("../../bpf/objects/sched.bpf.o"),
    raw: Some(aya::include_bytes_aligned!("../../bpf/objects/sched.raw.bpf.o")),
    needs: "CAP_PERFMON",
};

/// Switches, involuntary ones, wake-ups and lost waits stand before.
const HISTOGRAM_WORD: usize = 4;

#[cfg(test)]
mod tests {
    use std::thread;

    use observe_core::KernelMode;

    use super::*;
    use crate::kernel::testing::or_skip;

    #[test]
    fn raw_tracepoints_count_the_same() {
        let kernel = Kernel::new(KernelBoard::new(KernelMode::Live));
        let sched = Sched::new(kernel.board(), &SchedConfig::default()).unwrap();
        let Some(programs) = or_skip("sched", sched.load_object(&kernel, &OBJECT.twin())) else { return };

        // To wait for another thread is to switch, to wait to be woken, and to wait to run.
        thread::spawn(|| ()).join().unwrap();

        let waits = programs.counts.histogram(0, HISTOGRAM_WORD);
        assert!(waits.total > 0 && programs.counts.sum(0, 0) > 0 && programs.counts.sum(0, 2) > 0, "{waits:?}");
    }
}
