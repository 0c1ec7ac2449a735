//! Want of memory, counted and told by the kernel.

use std::time::Duration;

use observe_core::{Collect, CollectError, Collector};

use super::report::{Counted, Reclaims, Report, Victim};
use crate::{
    config::{InvalidConfig, MemoryConfig, interval},
    feature::{Feature, Programs, Tracer},
    histogram::Cumulative,
    kernel::{Kernel, Loaded, Object, Record, Ring, Rows, Setup, Unavailable},
    origin::Origin,
};

/// The feature `memory`.
#[derive(Debug)]
pub(crate) struct Memory {
    interval: Duration,
    wants_faults: bool,
    page_bytes: u64,
    report: Report,
    latencies: [Cumulative; 2],
}

impl Memory {
    /// Makes the collector; nothing is loaded yet.
    pub(crate) fn collector(kernel: &Kernel, config: &MemoryConfig) -> Result<Box<dyn Collector>, InvalidConfig> {
        Ok(Box::new(Tracer::new(kernel, Self::new(config)?)))
    }

    pub(super) fn new(config: &MemoryConfig) -> Result<Self, InvalidConfig> {
        let interval = interval("ebpf.memory.interval_seconds", config.interval_seconds)?;
        Ok(Self {
            interval,
            wants_faults: config.page_faults,
            page_bytes: rustix::param::page_size() as u64,
            report: Report::new(Origin::Kernel, interval)?,
            latencies: Default::default(),
        })
    }

    pub(super) fn load_object(&self, kernel: &Kernel, object: &Object) -> Result<MemoryPrograms, Unavailable> {
        let setup = Setup::default()
            .size("obs_memory", kernel.cpus())
            .size("obs_reclaims", 2 * kernel.cpus())
            .with_ring(kernel, RING_BYTES, RING_RATE);
        let mut points = POINTS.to_vec();
        // A kernel without memory control groups has no such tracepoints.
        if CGROUP_POINTS.iter().all(|point| kernel.has_point(point)) {
            points.extend(CGROUP_POINTS);
        }
        // The program reads the error code of x86.
        let has_faults = self.wants_faults && cfg!(target_arch = "x86_64") && kernel.has_point(FAULT_POINT);
        points.extend(has_faults.then_some(FAULT_POINT));
        let mut loaded = kernel.trace(object, &setup, &points)?;
        Ok(MemoryPrograms {
            counts: loaded.rows(kernel, "obs_memory", 1)?,
            reclaims: loaded.rows(kernel, "obs_reclaims", 2)?,
            ring: loaded.ring(kernel)?,
            loaded,
            has_faults,
        })
    }

    /// Reads the counters.
    pub(super) fn count(&mut self, programs: &MemoryPrograms) -> Counted {
        let count = |word| programs.counts.sum(0, word);
        let mut reclaims: [Reclaims; 2] = Default::default();
        for (scope, (reclaims, before)) in reclaims.iter_mut().zip(&mut self.latencies).enumerate() {
            let rows = &programs.reclaims;
            let (latencies, time) = before.advance(rows.histogram(scope, HISTOGRAM_WORD));
            *reclaims = Reclaims { count: rows.sum(scope, 0), pages: rows.sum(scope, 1), latencies, time };
        }
        let faults = programs.has_faults.then(|| [count(1), count(2), count(3)]);
        Counted { oom_kills: count(0), reclaims, faults }
    }
}

/// The programs in the kernel.
#[derive(Debug)]
pub(crate) struct MemoryPrograms {
    loaded: Loaded,
    counts: Rows,
    reclaims: Rows,
    ring: Ring,
    has_faults: bool,
}

impl Programs for MemoryPrograms {
    fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    fn ring(&self) -> Option<&Ring> {
        Some(&self.ring)
    }
}

impl Feature for Memory {
    const NAME: &'static str = "memory";
    const COLLECTOR: &'static str = "ebpf.memory";
    const INSTEAD: Option<&'static str> = Some("the collectors `memory` and `pressure`");
    const NAMES_PROCESSES: bool = true;

    type Programs = MemoryPrograms;

    fn interval(&self) -> Duration {
        self.interval
    }

    fn load(&self, kernel: &Kernel) -> Result<MemoryPrograms, Unavailable> {
        self.load_object(kernel, &OBJECT)
    }

    fn read(&mut self, programs: &mut MemoryPrograms, cx: &mut Collect<'_>) -> Result<(), CollectError> {
        if self.wants_faults && !programs.has_faults {
            cx.degrade("page faults are not counted: the kernel has no tracepoint page_fault_user of x86-64");
        }
        let counted = self.count(programs);
        self.report.emit(&counted, cx);
        programs.ring.drain(RING_RECORDS, cx.timestamp(), |at, record| {
            self.report.tell(at, victim(record, self.page_bytes), cx);
        });
        Ok(())
    }
}

/// Reads a `struct obs_victim` behind its time.
fn victim(mut record: Record<'_>, page_bytes: u64) -> Victim {
    let (pages, ppid) = (record.u64(), record.u32());
    record.u32();
    Victim { task: record.task(), ppid, anonymous_bytes: pages.saturating_mul(page_bytes) }
}

pub(super) static OBJECT: Object = Object {
    name: "memory",
    traced: aya::include_bytes_aligned!("../../bpf/objects/memory.bpf.o"),
    raw: Some(aya::include_bytes_aligned!("../../bpf/objects/memory.raw.bpf.o")),
    needs: "CAP_PERFMON",
};

const POINTS: [&str; 3] = ["mark_victim", "mm_vmscan_direct_reclaim_begin", "mm_vmscan_direct_reclaim_end"];
const CGROUP_POINTS: [&str; 2] = ["mm_vmscan_memcg_reclaim_begin", "mm_vmscan_memcg_reclaim_end"];
const FAULT_POINT: &str = "page_fault_user";
/// Two counters stand before.
const HISTOGRAM_WORD: usize = 2;
const RING_BYTES: u32 = 4 << 10;
/// Records a second and processor.
const RING_RATE: u32 = 20;
/// The most records that are taken out at one reading; a full ring has fewer.
const RING_RECORDS: usize = 100;
