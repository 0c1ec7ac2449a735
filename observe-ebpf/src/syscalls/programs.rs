//! System calls, counted and timed in the kernel.

use std::{sync::Arc, time::Duration};

use observe_core::{Collect, CollectError, Collector, EventData, KernelBoard, Syscall, SystemEvent, TopSyscalls};

use super::{
    Latency, SyscallsConfig,
    call::Call,
    names::{self, PLACES},
    report::Report,
    tops::Tops,
};
use crate::{
    config::{InvalidConfig, interval, millis},
    feature::{Feature, Programs, Tracer},
    kernel::{Kernel, Loaded, Object, Record, Ring, Rows, Setup, Unavailable},
    origin::Origin,
};

/// The feature `syscalls`.
#[derive(Debug)]
pub(crate) struct Syscalls {
    interval: Duration,
    latency: Latency,
    slow: Duration,
    /// The one process that is traced, zero for all of them.
    pid: u32,
    report: Report,
    tops: Tops,
    calls: Vec<Option<Box<Call>>>,
}

impl Syscalls {
    /// Makes the collector; nothing is loaded yet.
    pub(crate) fn collector(kernel: &Kernel, config: &SyscallsConfig) -> Result<Box<dyn Collector>, InvalidConfig> {
        kernel.check_pid("ebpf.syscalls.pid", config.pid)?;
        Ok(Box::new(Tracer::new(kernel, Self::new(kernel.board(), config)?)))
    }

    fn new(board: &KernelBoard, config: &SyscallsConfig) -> Result<Self, InvalidConfig> {
        let top_interval = interval("ebpf.syscalls.top_interval_seconds", config.top_interval_seconds)?;
        let interval = interval("ebpf.syscalls.interval_seconds", config.interval_seconds)?;
        Ok(Self {
            interval,
            latency: config.latency,
            slow: millis("ebpf.syscalls.slow_ms", config.slow_ms)?,
            pid: config.pid,
            report: Report::new(Origin::Kernel, interval, config, board)?,
            tops: Tops::new(top_interval.max(interval), CREDIT, board)?,
            calls: vec![None; PLACES],
        })
    }

    fn setup(&self, kernel: &Kernel) -> Setup {
        let (sample_shift, top_shift): (u32, u32) = match self.latency {
            Latency::Full => (0, SAMPLE_SHIFT),
            Latency::Off => (NO_LATENCY, NO_LATENCY),
            Latency::Sampled => (SAMPLE_SHIFT, 0),
        };
        let slow = u64::try_from(self.slow.as_nanos()).unwrap_or(u64::MAX);
        Setup::default()
            .global("cfg_sample_shift", &sample_shift)
            .global("cfg_top_shift", &top_shift)
            .global("cfg_slow_ns", &slow)
            .global("cfg_told", &names::told())
            .global("cfg_pid", &self.pid)
            .size("obs_syscalls", kernel.cpus() * PLACES as u32)
            .size("obs_tops", kernel.cpus() * TOP_PLACES)
            .with_ring(kernel, RING_BYTES, RING_RATE)
            // The twin learns at entry which call it is.
            .typeless(&["sys_exit", "sys_enter"])
    }
}

/// The programs in the kernel.
#[derive(Debug)]
pub(crate) struct SyscallPrograms {
    loaded: Loaded,
    counts: Rows,
    /// `None` where no call is timed, and so none credited.
    tops: Option<Rows>,
    ring: Ring,
}

impl Programs for SyscallPrograms {
    fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    fn ring(&self) -> Option<&Ring> {
        Some(&self.ring)
    }
}

impl Feature for Syscalls {
    const NAME: &'static str = "syscalls";
    const COLLECTOR: &'static str = "ebpf.syscalls";
    const NAMES_PROCESSES: bool = true;

    type Programs = SyscallPrograms;

    fn interval(&self) -> Duration {
        self.interval
    }

    fn load(&self, kernel: &Kernel) -> Result<SyscallPrograms, Unavailable> {
        let is_timed = self.latency != Latency::Off;
        // Exits first: an entry whose exit is not seen would make the next call of its kind look as long as the time between.
        let points: &[&'static str] = if is_timed { &["sys_exit", "sys_enter"] } else { &["sys_exit"] };
        let mut loaded = kernel.trace(&OBJECT, &self.setup(kernel), points)?;
        let tops = is_timed.then(|| loaded.rows(kernel, "obs_tops", TOP_PLACES)).transpose()?;
        let reason = (!is_timed).then_some("no call is timed: ebpf.syscalls.latency is off");
        kernel.board().set(|status| status.top_syscalls = Arc::new(TopSyscalls { reason, ..TopSyscalls::default() }));
        Ok(SyscallPrograms {
            counts: loaded.rows(kernel, "obs_syscalls", PLACES as u32)?,
            tops,
            ring: loaded.ring(kernel)?,
            loaded,
        })
    }

    fn read(&mut self, programs: &mut SyscallPrograms, cx: &mut Collect<'_>) -> Result<(), CollectError> {
        read(&programs.counts, &mut self.calls);
        self.report.emit(self.calls.iter().flatten().map(|call| &**call), cx);
        if let Some(places) = &programs.tops {
            self.tops.read(places, self.interval, cx);
        }
        programs.ring.drain(RING_RECORDS, cx.timestamp(), |at, record| {
            let data = EventData::Syscall(slow_call(record));
            cx.emit(SystemEvent::new(Origin::Kernel.source("syscall"), at, data));
        });
        Ok(())
    }
}

/// Reads the counters of every call that was ever made.
fn read(counts: &Rows, calls: &mut [Option<Box<Call>>]) {
    // The last place counts turns of sampling.
    for number in 0..counts.len() - 1 {
        let Some(place) = calls.get_mut(number) else { return };
        let total = counts.sum(number, 0);
        if total == 0 {
            continue;
        }
        let call = place.get_or_insert_with(|| Box::new(Call::new(number)));
        call.begin();
        if total != call.calls {
            call.update(total, counts.sum(number, 1), counts.histogram(number, LATENCY_WORD));
        }
    }
}

/// Reads a `struct obs_slow_syscall` behind its time.
fn slow_call(mut record: Record<'_>) -> Syscall {
    let (duration, result, number) = (record.duration(), record.i64(), record.u32());
    record.u32();
    Syscall { name: names::name(number as usize), task: record.task(), duration, result }
}

static OBJECT: Object = Object {
    name: "syscalls",
    traced: aya::include_bytes_aligned!("../../bpf/objects/syscalls.bpf.o"),
    raw: Some(aya::include_bytes_aligned!("../../bpf/objects/syscalls.raw.bpf.o")),
    needs: "CAP_PERFMON",
};

/// One call in 2 to this power is timed.
const SAMPLE_SHIFT: u32 = 6;
/// What the programs take as "never".
const NO_LATENCY: u32 = u32::MAX;
/// Places for those who call most, half of them for processes, half for control groups.
const TOP_PLACES: u32 = 2 * 256;
/// How many calls a credit stands for: all are timed and one in so many credited, or the other way round.
const CREDIT: u32 = 1 << SAMPLE_SHIFT;
const RING_BYTES: u32 = 32 << 10;
/// Records a second and processor.
const RING_RATE: u32 = 100;
/// The most records that are taken out at one reading.
const RING_RECORDS: usize = 1000;
/// Calls and errors stand before.
const LATENCY_WORD: usize = 2;
