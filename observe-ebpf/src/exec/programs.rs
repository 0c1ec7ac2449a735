//! Processes, counted and told by the kernel.

use std::{fs, time::Duration};

use observe_core::{Collect, CollectError, Collector, Exec, ProcessChange, Timestamp};

use super::{
    arguments::shown,
    report::{Counted, Report, Seen},
};
use crate::{
    config::{ExecConfig, InvalidConfig, interval, rate},
    feature::{Feature, Programs, Tracer},
    guard::Guard,
    histogram::Cumulative,
    kernel::{Kernel, Loaded, Object, Record, Ring, Rows, Setup, Unavailable},
    origin::Origin,
};

/// The feature `exec`.
#[derive(Debug)]
pub(crate) struct Processes {
    interval: Duration,
    has_command_lines: bool,
    has_exits: bool,
    rate: u32,
    nanos_per_tick: u64,
    report: Report,
    lifetimes: Cumulative,
    guard: Guard,
}

impl Processes {
    /// Makes the collector; nothing is loaded yet.
    pub(crate) fn collector(
        kernel: &Kernel,
        config: &ExecConfig,
        guard: &Guard,
    ) -> Result<Box<dyn Collector>, InvalidConfig> {
        Ok(Box::new(Tracer::new(kernel, Self::new(config, guard)?)))
    }

    pub(super) fn new(config: &ExecConfig, guard: &Guard) -> Result<Self, InvalidConfig> {
        let interval = interval("ebpf.exec.interval_seconds", config.interval_seconds)?;
        Ok(Self {
            interval,
            has_command_lines: config.command_lines,
            has_exits: config.exit_events,
            rate: rate("ebpf.exec.max_events_per_second", config.max_events_per_second)?,
            nanos_per_tick: NANOS_PER_SECOND / rustix::param::clock_ticks_per_second().max(1),
            report: Report::new(Origin::Kernel, interval)?,
            lifetimes: Cumulative::default(),
            guard: guard.clone(),
        })
    }

    fn setup(&self, kernel: &Kernel) -> Setup {
        Setup::default()
            .global("cfg_arguments", &u32::from(self.has_command_lines))
            .global("cfg_exits", &u32::from(self.has_exits))
            .size("obs_processes", kernel.cpus())
            .size("obs_execs", kernel.cpus())
            .with_ring(kernel, RING_BYTES, self.rate)
    }

    pub(super) fn load_object(&self, kernel: &Kernel, object: &Object) -> Result<ProcessPrograms, Unavailable> {
        let mut loaded = kernel.trace(object, &self.setup(kernel), &POINTS)?;
        Ok(ProcessPrograms { counts: loaded.rows(kernel, "obs_processes", 1)?, ring: loaded.ring(kernel)?, loaded })
    }

    /// Reads the counters.
    pub(super) fn count(&mut self, counts: &Rows) -> Counted {
        let (lifetimes, _) = self.lifetimes.advance(counts.histogram(0, HISTOGRAM_WORD));
        let count = |word| counts.sum(0, word);
        Counted {
            started: count(0),
            exited: count(1),
            forked: count(2),
            failed: count(3),
            signalled: count(4),
            lifetimes,
        }
    }

    /// Takes out what the ring tells, in the order in which it happened.
    pub(super) fn observations(&self, ring: &mut Ring, reading: Timestamp) -> Vec<Seen> {
        let mut observations = Vec::new();
        ring.drain(RING_RECORDS, reading, |at, record| observations.push(seen(at, record, self.nanos_per_tick)));
        observations
    }
}

/// The programs in the kernel.
#[derive(Debug)]
pub(crate) struct ProcessPrograms {
    loaded: Loaded,
    pub(super) counts: Rows,
    pub(super) ring: Ring,
}

impl Programs for ProcessPrograms {
    fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    fn ring(&self) -> Option<&Ring> {
        Some(&self.ring)
    }
}

impl Feature for Processes {
    const NAME: &'static str = "exec";
    const COLLECTOR: &'static str = "ebpf.exec";
    const INSTEAD: Option<&'static str> = Some("the collector `process`");
    const NAMES_PROCESSES: bool = true;

    type Programs = ProcessPrograms;

    fn interval(&self) -> Duration {
        self.interval
    }

    fn load(&self, kernel: &Kernel) -> Result<ProcessPrograms, Unavailable> {
        self.load_object(kernel, &OBJECT)
    }

    fn read(&mut self, programs: &mut ProcessPrograms, cx: &mut Collect<'_>) -> Result<(), CollectError> {
        let counted = self.count(&programs.counts);
        self.report.emit(&counted, cx);
        let observations = self.observations(&mut programs.ring, cx.timestamp());
        self.guard.judge(observations.iter().filter_map(Seen::observation), cx);
        for seen in observations {
            self.report.tell(seen, cx);
        }
        Ok(())
    }
}

/// Reads a `struct obs_change` behind its time, and the text that follows.
fn seen(at: Timestamp, mut record: Record<'_>, nanos_per_tick: u64) -> Seen {
    let (start, lifetime, code, kind) = (record.u64(), record.duration(), record.i32(), record.u32());
    let (ppid, effective_uid, is_deleted) = (record.u32(), record.u32(), record.u32() != 0);
    let (path, arguments, total) = (record.u32(), record.u32(), record.u32());
    let task = record.task();
    let path = whole(record.text(path as usize), task.pid);
    let arguments = shown(record.bytes(arguments as usize), total > arguments);
    let change = match kind {
        EXITED => ProcessChange::Exited { status: code >> 8 & 0xff, signal: code & 0x7f, lifetime },
        _ => ProcessChange::Started,
    };
    let exec = Exec { change, task, ppid, path, arguments };
    Seen { at, exec, is_deleted, start_ticks: start / nanos_per_tick, effective_uid }
}

/// Makes a path that begins in the directory of the process whole, if the process still runs.
fn whole(path: String, pid: u32) -> String {
    if path.is_empty() || path.starts_with('/') {
        return path;
    }
    let program = fs::read_link(format!("/proc/{pid}/exe"));
    program.ok().and_then(|program| program.into_os_string().into_string().ok()).unwrap_or(path)
}

pub(super) static OBJECT: Object = Object {
    name: "exec",
    traced: aya::include_bytes_aligned!("../../bpf/objects/exec.bpf.o"),
    raw: Some(aya::include_bytes_aligned!("../../bpf/objects/exec.raw.bpf.o")),
    needs: "CAP_PERFMON",
};

const POINTS: [&str; 3] = ["sched_process_exec", "sched_process_exit", "sched_process_fork"];
const EXITED: u32 = 1;
/// Six counters stand before.
const HISTOGRAM_WORD: usize = 6;
const NANOS_PER_SECOND: u64 = 1_000_000_000;
const RING_BYTES: u32 = 128 << 10;
/// The most records that are taken out at one reading; a full ring has fewer.
const RING_RECORDS: usize = 2_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_record_panics(bytes in prop::collection::vec(any::<u8>(), 0..700)) {
            seen(Timestamp::default(), Record::new(&bytes), 10_000_000);
        }
    }
}
