//! Packets that are thrown away, counted in the kernel.

use std::time::Duration;

use observe_core::{Collect, CollectError, Collector};

use super::{
    reasons::{self, PLACES, Reason},
    report::Report,
};
use crate::{
    config::{DropsConfig, InvalidConfig, interval},
    feature::{Feature, Programs, Tracer},
    kernel::{Kernel, Loaded, Object, Rows, Setup, Unavailable},
    origin::Origin,
};

/// The feature `drops`.
#[derive(Debug)]
pub(crate) struct Drops {
    interval: Duration,
    report: Report,
}

impl Drops {
    /// Makes the collector; nothing is loaded yet.
    pub(crate) fn collector(kernel: &Kernel, config: &DropsConfig) -> Result<Box<dyn Collector>, InvalidConfig> {
        let interval = interval("ebpf.drops.interval_seconds", config.interval_seconds)?;
        let report = Report::new(Origin::Kernel, interval)?;
        Ok(Box::new(Tracer::new(kernel, Self { interval, report })))
    }
}

/// The programs in the kernel.
#[derive(Debug)]
pub(crate) struct DropPrograms {
    loaded: Loaded,
    counts: Rows,
    reasons: Vec<Reason>,
}

impl Programs for DropPrograms {
    fn loaded(&self) -> &Loaded {
        &self.loaded
    }
}

impl Feature for Drops {
    const NAME: &'static str = "drops";
    const COLLECTOR: &'static str = "ebpf.drops";

    type Programs = DropPrograms;

    fn interval(&self) -> Duration {
        self.interval
    }

    fn load(&self, kernel: &Kernel) -> Result<DropPrograms, Unavailable> {
        let setup = Setup::default().size("obs_drops", kernel.cpus() * PLACES as u32);
        let loaded = kernel.trace(&OBJECT, &setup, &["kfree_skb"])?;
        let [reasons, subsystems] = kernel.variants(["skb_drop_reason", "skb_drop_reason_subsys"]);
        Ok(DropPrograms {
            counts: loaded.rows(kernel, "obs_drops", PLACES as u32)?,
            reasons: reasons::names(&reasons, &subsystems),
            loaded,
        })
    }

    fn read(&mut self, programs: &mut DropPrograms, cx: &mut Collect<'_>) -> Result<(), CollectError> {
        let counts = &programs.counts;
        let drops = programs.reasons.iter().enumerate().filter_map(|(place, reason)| match reason {
            Reason::Dropped(name) => Some((name.as_str(), counts.sum(place, 0))),
            Reason::NotDropped => None,
        });
        self.report.emit(drops, cx);
        Ok(())
    }
}

static OBJECT: Object = Object {
    name: "drops",
    traced: aya::include_bytes_aligned!("../../bpf/objects/drops.bpf.o"),
    raw: Some(aya::include_bytes_aligned!("../../bpf/objects/drops.raw.bpf.o")),
    needs: "CAP_PERFMON",
};
