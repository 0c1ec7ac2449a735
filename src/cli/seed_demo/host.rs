//! Processors, memory and processes of a host that does not exist.

use std::time::Duration;

use observe::{
    Timestamp,
    names::{cpu, memory, process},
};

use super::{
    devices::Devices,
    noise::{around_zero, burst, unit, wave},
    recorder::{Id, Recorder},
};

/// The host, and what its counters stand at.
#[derive(Debug)]
pub(super) struct Host {
    restarts: Vec<Timestamp>,
    booted: Timestamp,
    states: Vec<(Id, f64)>,
    cores: Vec<Vec<(Id, f64)>>,
    switches: (Id, f64),
    forks: (Id, f64),
    gauges: Gauges,
    loads: [f64; 3],
    processes: Vec<Process>,
    devices: Devices,
    /// How busy it is at present, 0 to 1.
    pub(super) load: f64,
}

#[derive(Debug)]
struct Gauges {
    count: Id,
    running: Id,
    uptime: Id,
    loads: [Id; 3],
    memory_total: Id,
    memory_available: Id,
    memory_free: Id,
    swap_total: Id,
    swap_free: Id,
}

#[derive(Debug)]
struct Process {
    user: (Id, f64),
    system: (Id, f64),
    rss: Id,
    threads: Id,
    share: f64,
    bytes: f64,
}

impl Host {
    pub(super) fn new(recorder: &mut Recorder, start: Timestamp, end: Timestamp) -> Self {
        let range = end.since(start);
        let mut series = |metric, pairs: &[_]| recorder.series("cpu", metric, pairs, 1);
        let states = STATES.map(|(state, _)| (series(&cpu::TIME, &[("state", state)]), 0.0)).to_vec();
        let core = |recorder: &mut Recorder, core: usize| {
            let number = core.to_string();
            let id = |(state, _): (&'static str, f64)| {
                (recorder.series("cpu_core", &cpu::CORE_TIME, &[("core", &number), ("state", state)], 1), 0.0)
            };
            STATES.map(id).to_vec()
        };
        let (switches, forks) = ((series(&cpu::CONTEXT_SWITCHES, &[]), 0.0), (series(&cpu::FORKS, &[]), 0.0));
        Self {
            restarts: vec![start + range / 3, start + range * 3 / 4],
            booted: start - Duration::from_secs(3 * 86_400 + 4_321),
            states,
            cores: (0..CORES).map(|number| core(recorder, number)).collect(),
            switches,
            forks,
            gauges: Gauges::new(recorder),
            loads: [0.5; 3],
            processes: PROCESSES.iter().map(|described| Process::new(recorder, *described)).collect(),
            devices: Devices::new(recorder, start, end),
            load: 0.0,
        }
    }

    /// Returns whether the host starts anew at a time.
    pub(super) fn restarts_at(&self, now: Timestamp) -> bool {
        self.restarts.iter().any(|restart| restart.floor(SECOND) == now)
    }

    /// Goes on by a second.
    pub(super) fn tick(&mut self, recorder: &mut Recorder, now: Timestamp) {
        if self.restarts_at(now) {
            self.booted = now + DOWN;
            self.reset();
        }
        if now < self.booted {
            return;
        }
        let second = now.as_millis() / 1_000;
        self.load = load(now, second);
        self.processors(recorder, now, second);
        self.memory(recorder, now, second);
        for process in &mut self.processes {
            process.tick(recorder, now, second, self.load);
        }
        self.devices.tick(recorder, now, self.load);
    }

    fn processors(&mut self, recorder: &mut Recorder, now: Timestamp, second: i64) {
        let mut sums = vec![0.0; STATES.len()];
        for (number, core) in self.cores.iter_mut().enumerate() {
            let skew = 1.0 + 0.3 * around_zero(20 + number as u64, second);
            let busy = (self.load * skew).clamp(0.01, 1.0);
            for ((id, count), ((_, share), sum)) in core.iter_mut().zip(STATES.iter().zip(&mut sums)) {
                let spent = if *share > 0.0 { busy * share } else { (1.0 - busy) * -share };
                *count += spent;
                *sum += spent;
                recorder.push(*id, now, hundredths(*count));
            }
        }
        for ((id, count), sum) in self.states.iter_mut().zip(sums) {
            *count += sum;
            recorder.push(*id, now, hundredths(*count));
        }
        self.switches.1 += (800.0 + 9_000.0 * self.load * (1.0 + 0.2 * around_zero(30, second))).floor();
        self.forks.1 += (unit(31, second) * 3.0 * (1.0 + 4.0 * self.load)).floor();
        recorder.push(self.switches.0, now, self.switches.1);
        recorder.push(self.forks.0, now, self.forks.1);
        let running = (self.load * CORES as f64 + unit(32, second)).floor().max(1.0);
        recorder.push(self.gauges.running, now, running);
        recorder.push(self.gauges.count, now, CORES as f64);
        recorder.push(self.gauges.uptime, now, now.since(self.booted).as_secs_f64());
        for ((load, id), seconds) in self.loads.iter_mut().zip(self.gauges.loads).zip([60.0, 300.0, 900.0]) {
            *load += (running - *load) / seconds;
            recorder.push(id, now, hundredths(*load));
        }
    }

    fn memory(&self, recorder: &mut Recorder, now: Timestamp, second: i64) {
        // It leaks a little from start to start.
        let leak = (now.since(self.booted).as_secs_f64() / 86_400.0).min(4.0) * 0.04;
        let used = 0.34 + 0.12 * self.load + leak + 0.004 * around_zero(40, second);
        let pages = |share: f64| (share * MEMORY / 4_096.0).floor() * 4_096.0;
        recorder.push(self.gauges.memory_total, now, MEMORY);
        recorder.push(self.gauges.memory_available, now, pages(1.0 - used));
        recorder.push(self.gauges.memory_free, now, pages((1.0 - used) * 0.3));
        recorder.push(self.gauges.swap_total, now, SWAP);
        recorder.push(self.gauges.swap_free, now, SWAP - (SWAP * 0.02 * self.load / 4_096.0).floor() * 4_096.0);
    }

    fn reset(&mut self) {
        let counters = self.states.iter_mut().chain(self.cores.iter_mut().flatten());
        counters.for_each(|(_, count)| *count = 0.0);
        (self.switches.1, self.forks.1, self.loads) = (0.0, 0.0, [0.1; 3]);
        self.processes.iter_mut().for_each(|process| (process.user.1, process.system.1) = (0.0, 0.0));
        self.devices.reset();
    }
}

impl Gauges {
    fn new(recorder: &mut Recorder) -> Self {
        let mut cpu = |metric| recorder.series("cpu", metric, &[], 1);
        let (count, running, uptime) = (cpu(&cpu::COUNT), cpu(&cpu::PROCS_RUNNING), cpu(&cpu::UPTIME));
        let loads = [&cpu::LOAD_1, &cpu::LOAD_5, &cpu::LOAD_15].map(cpu);
        let mut memory = |metric| recorder.series("memory", metric, &[], 1);
        Self {
            count,
            running,
            uptime,
            loads,
            memory_total: memory(&memory::TOTAL),
            memory_available: memory(&memory::AVAILABLE),
            memory_free: memory(&memory::FREE),
            swap_total: memory(&memory::SWAP_TOTAL),
            swap_free: memory(&memory::SWAP_FREE),
        }
    }
}

impl Process {
    fn new(recorder: &mut Recorder, (name, pid, share, mebibytes): (&str, &str, f64, f64)) -> Self {
        let mut series = |metric, state: Option<&str>| {
            let state = state.map(|state| ("state", state));
            let pairs: Vec<_> = [("name", name), ("pid", pid)].into_iter().chain(state).collect();
            recorder.series("process", metric, &pairs, 1)
        };
        Self {
            user: (series(&process::TIME, Some("user")), 0.0),
            system: (series(&process::TIME, Some("system")), 0.0),
            rss: series(&process::RSS, None),
            threads: series(&process::THREADS, None),
            share,
            bytes: mebibytes * 1_048_576.0,
        }
    }

    fn tick(&mut self, recorder: &mut Recorder, now: Timestamp, second: i64, load: f64) {
        let stream = 50 + (self.bytes / 1_048_576.0) as u64;
        let spent = load * CORES as f64 * self.share * (1.0 + 0.3 * around_zero(stream, second));
        self.user.1 += spent * 0.8;
        self.system.1 += spent * 0.2;
        recorder.push(self.user.0, now, hundredths(self.user.1));
        recorder.push(self.system.0, now, hundredths(self.system.1));
        let bytes = self.bytes * (1.0 + 0.1 * load + 0.01 * unit(stream + 1, second / 30));
        recorder.push(self.rss, now, (bytes / 4_096.0).floor() * 4_096.0);
        recorder.push(self.threads, now, (4.0 + 20.0 * self.share + 6.0 * load).floor());
    }
}

/// Returns how busy the host is: more by day, in waves, with bursts.
fn load(now: Timestamp, second: i64) -> f64 {
    let waves = 0.22 + 0.14 * wave(now, 86_400.0, 28_800.0) + 0.05 * wave(now, 2_700.0, 0.0);
    let burst = burst(second).map_or(0.0, |burst| burst.height);
    (waves + burst + 0.04 * around_zero(10, second)).clamp(0.01, 0.98)
}

/// The kernel counts in hundredths of a second.
fn hundredths(value: f64) -> f64 {
    (value * 100.0).floor() / 100.0
}

const SECOND: Duration = Duration::from_secs(1);
/// How long the host is away when it starts anew.
const DOWN: Duration = Duration::from_secs(42);
const CORES: usize = 4;
const MEMORY: f64 = 8_589_934_592.0;
const SWAP: f64 = 2_147_483_648.0;
/// Of each state its share of the busy time, or below zero of the idle time.
const STATES: [(&str, f64); 8] = [
    ("user", 0.66),
    ("nice", 0.02),
    ("system", 0.24),
    ("idle", -0.97),
    ("iowait", -0.03),
    ("irq", 0.02),
    ("softirq", 0.05),
    ("steal", 0.01),
];
/// Name, pid, share of the busy time, and memory in mebibytes.
const PROCESSES: [(&str, &str, f64, f64); 5] = [
    ("demo-shop", "2001", 0.45, 512.0),
    ("postgres", "1203", 0.25, 1_024.0),
    ("nginx", "1105", 0.08, 64.0),
    ("demo-worker", "2042", 0.12, 256.0),
    ("sshd", "801", 0.001, 12.0),
];
