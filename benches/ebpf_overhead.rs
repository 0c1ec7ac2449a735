//! Guards: counting system calls costs at most 95 ns a call, timing one in 64 at most 145, timing all at most 260;
//! reading all statistics at most 20 us. An empty pair of programs, bpftrace and `syscount` of libbpf-tools run beside.
//!
//! Run as root: `cargo bench --bench ebpf_overhead`. A cost is processor time of a thread that makes one call after the
//! other on one processor, the best of many short runs; all variants take turns, so that whoever shares the machine
//! disturbs them alike. Where the kernel does not let itself be traced, it says so and ends. The other tracers need
//! `mount -t tracefs tracefs /sys/kernel/tracing`.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a bench prints, and fails loudly")]

mod support;

use std::{
    any::Any,
    hint::black_box,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use observe::{
    Clock, Collect, CollectError, Collector, KernelBoard, KernelMode, ProcessCache, SystemClock,
    ebpf::{Config, Floor, Kernel, Latency, tracing},
};
use rustix::{
    process::getppid,
    thread::{CpuSet, sched_setaffinity},
};

use self::support::{Effort, thread_time};

fn main() {
    let effort = Effort::from_args();
    if let Err(reason) = Floor::attach(&kernel()) {
        println!("ebpf_overhead: SKIPPED: {reason}");
        return;
    }
    costs(effort);
    readings(effort);
    features(effort);
}

/// Prints what each feature costs to load, to keep and to read.
fn features(effort: Effort) {
    let config = Config::default();
    let mut tracing = tracing(&config).unwrap();
    let processes = ProcessCache::new();
    let mut sum = Duration::ZERO;
    println!("  features: ms to load, KB of kernel memory, us to read");
    let before = Instant::now();
    let loaded: Vec<bool> =
        tracing.collectors.iter_mut().map(|collector| read(&mut **collector, &processes).is_ok()).collect();
    let wall = before.elapsed();
    for (collector, _) in tracing.collectors.iter_mut().zip(loaded).filter(|(_, is_loaded)| *is_loaded) {
        let mut best = Duration::MAX;
        for _ in 0..effort.of(100) {
            let before = thread_time();
            read(&mut **collector, &processes).unwrap();
            best = best.min(thread_time() - before);
        }
        let name = collector.name().trim_start_matches("ebpf.");
        let feature = &tracing.board.read().features[name];
        sum += feature.load_time;
        let (load, memory) = (feature.load_time.as_secs_f64() * 1e3, feature.memory_bytes / 1000);
        println!("    {name:<10} {load:6.1} {memory:6} {:6.1}", best.as_secs_f64() * 1e6);
    }
    println!(
        "    all of them, one after the other: {:.1} ms, with the types of the kernel {:.1} ms",
        sum.as_secs_f64() * 1e3,
        wall.as_secs_f64() * 1e3
    );
}

/// Prints what a `getppid` costs in addition with each variant attached.
fn costs(effort: Effort) {
    pin(0);
    let mut best = [f64::INFINITY; VARIANTS.len()];
    for _ in 0..effort.of(7) {
        for (variant, best) in VARIANTS.iter().zip(&mut best) {
            let Some(_attached) = variant.attach() else { continue };
            *best = best.min(call_nanos(effort));
        }
    }
    let (untraced, floor) = (best[0], best[1] - best[0]);
    println!("ebpf_overhead: ns a getppid, untraced {untraced:.1}; the floor is an empty program at entry and at exit");
    for (variant, nanos) in VARIANTS.iter().zip(best).skip(1) {
        if nanos.is_infinite() {
            println!("  {:<34} not here", variant.name());
            continue;
        }
        let more = nanos - untraced;
        let share = more * 1e5 / 1e7;
        println!(
            "  {:<34} +{more:6.1} = {:.2} x floor = {:.2} x untraced; {share:.2} % of a core at 100,000 calls/s",
            variant.name(),
            more / floor,
            nanos / untraced
        );
    }
}

/// Prints what reading, loading and keeping the statistics costs.
fn readings(effort: Effort) {
    for latency in [Latency::Off, Latency::Sampled, Latency::Full] {
        let mut traced = Traced::load(latency).unwrap();
        let mut best = Duration::MAX;
        for _ in 0..effort.of(200) {
            let before = thread_time();
            traced.read().unwrap();
            best = best.min(thread_time() - before);
        }
        let feature = traced.board.read().features["syscalls"].clone();
        println!(
            "  syscalls, latency {latency:?}: a reading {:.1} us, loading {:.1} ms, kernel memory {} KB",
            best.as_secs_f64() * 1e6,
            feature.load_time.as_secs_f64() * 1e3,
            feature.memory_bytes / 1000
        );
    }
}

/// What a call is measured with.
enum Variant {
    Bpftrace(&'static str, &'static str),
    Floor,
    Ours(Latency),
    Syscount(&'static str, &'static [&'static str]),
    Untraced,
}

/// Untraced and the floor come first: the others are compared with them.
const VARIANTS: [Variant; 9] = [
    Variant::Untraced,
    Variant::Floor,
    Variant::Ours(Latency::Off),
    Variant::Ours(Latency::Sampled),
    Variant::Ours(Latency::Full),
    Variant::Syscount("libbpf-tools syscount, counts", &[]),
    Variant::Syscount("libbpf-tools syscount, latency", &["-L"]),
    Variant::Bpftrace("bpftrace, counts", "tracepoint:raw_syscalls:sys_enter { @[comm] = count(); }"),
    Variant::Bpftrace(
        "bpftrace, latency",
        "tracepoint:raw_syscalls:sys_enter { @start[tid] = nsecs; } \
         tracepoint:raw_syscalls:sys_exit /@start[tid]/ { @ns[args->id] = hist(nsecs - @start[tid]); delete(@start[tid]); }",
    ),
];

impl Variant {
    const fn name(&self) -> &'static str {
        match self {
            Self::Bpftrace(name, _) | Self::Syscount(name, _) => name,
            Self::Floor => "floor",
            Self::Ours(Latency::Off) => "observe, counts",
            Self::Ours(Latency::Sampled) => "observe, counts, 1 in 64 timed",
            Self::Ours(Latency::Full) => "observe, counts, all timed",
            Self::Untraced => "untraced",
        }
    }

    /// Attaches it for as long as what is returned lives; `None` where it is not here or does not work.
    fn attach(&self) -> Option<Box<dyn Any>> {
        Some(match self {
            Self::Bpftrace(_, program) => Box::new(Rival::start("bpftrace", &["-e", program])?),
            Self::Floor => Box::new(Floor::attach(&kernel()).ok()?),
            Self::Ours(latency) => Box::new(Traced::load(*latency).ok()?),
            Self::Syscount(_, arguments) => Box::new(Rival::start("syscount", arguments)?),
            Self::Untraced => Box::new(()),
        })
    }
}

/// The feature `syscalls`, attached.
struct Traced {
    collector: Box<dyn Collector>,
    board: KernelBoard,
    processes: ProcessCache,
}

impl Traced {
    fn load(latency: Latency) -> Result<Self, CollectError> {
        let mut config = Config::default();
        config.only("syscalls");
        config.syscalls.latency = latency;
        let mut tracing = tracing(&config).unwrap();
        let collector = tracing.collectors.remove(0);
        let mut traced = Self { collector, board: tracing.board, processes: ProcessCache::new() };
        traced.read()?;
        Ok(traced)
    }

    fn read(&mut self) -> Result<(), CollectError> {
        read(&mut *self.collector, &self.processes)
    }
}

fn read(collector: &mut dyn Collector, processes: &ProcessCache) -> Result<(), CollectError> {
    let deadline = Instant::now() + Duration::from_secs(1);
    let mut cx = Collect::new(SystemClock.now(), deadline, processes);
    collector.collect(&mut cx)?;
    black_box(cx.take_items());
    Ok(())
}

/// Another tracer, in a process of its own.
struct Rival(Child);

impl Rival {
    /// Starts a program and waits until its cost can be seen; `None` where it is not here or does not work.
    fn start(program: &str, arguments: &[&str]) -> Option<Self> {
        let untraced = call_nanos_of(20);
        let child = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        let mut rival = Self(child);
        let until = Instant::now() + Duration::from_secs(10);
        while Instant::now() < until {
            thread::sleep(Duration::from_millis(100));
            if rival.0.try_wait().ok()?.is_some() {
                return None;
            }
            if call_nanos_of(20) > untraced * 1.3 {
                return Some(rival);
            }
        }
        None
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
        // Its programs leave the kernel a little later than it does.
        thread::sleep(Duration::from_millis(300));
    }
}

fn call_nanos(effort: Effort) -> f64 {
    call_nanos_of(effort.of(40))
}

/// Returns the processor time of a call, the best of so many chunks.
fn call_nanos_of(chunks: usize) -> f64 {
    let chunk = || {
        let before = thread_time();
        for _ in 0..CALLS {
            black_box(getppid());
        }
        (thread_time() - before).as_secs_f64() * 1e9 / f64::from(CALLS)
    };
    (0..chunks.max(2)).map(|_| chunk()).fold(f64::INFINITY, f64::min)
}

fn pin(cpu: usize) {
    let mut cpus = CpuSet::new();
    cpus.set(cpu);
    // Where that is not allowed, figures are noisier.
    let _ = sched_setaffinity(None, &cpus);
}

fn kernel() -> Kernel {
    Kernel::new(KernelBoard::new(KernelMode::Live))
}

/// Calls in a chunk.
const CALLS: u32 = 20_000;
