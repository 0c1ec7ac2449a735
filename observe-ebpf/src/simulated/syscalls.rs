//! System calls that nobody made.

use std::time::Duration;

use observe_core::{Collect, EventData, Syscall, SystemEvent};

use super::{FIRST_PID, Random, Simulation, task};
use crate::{
    InvalidConfig, SyscallsConfig,
    origin::Origin,
    syscalls::{Call, Report, names},
};

/// Makes up the feature `syscalls`.
#[derive(Debug)]
pub(super) struct SimulatedSyscalls {
    report: Report,
    calls: Vec<(Call, Habit)>,
}

/// How a call is made, on average.
#[derive(Clone, Copy, Debug)]
struct Habit {
    name: &'static str,
    per_second: f64,
    failing: f64,
    median_nanos: f64,
}

impl SimulatedSyscalls {
    pub(super) fn new(interval: Duration, config: &SyscallsConfig) -> Result<Self, InvalidConfig> {
        let known = HABITS.iter().filter_map(|habit| Some((Call::new(names::number(habit.name)?), *habit)));
        Ok(Self { report: Report::new(Origin::Simulated, interval, config)?, calls: known.collect() })
    }
}

impl Simulation for SimulatedSyscalls {
    fn name(&self) -> &'static str {
        "syscalls"
    }

    fn step(&mut self, random: &mut Random, cx: &mut Collect<'_>) -> u64 {
        for (call, habit) in &mut self.calls {
            let count = random.about(habit.per_second);
            let failed = (count as f64 * habit.failing).round() as u64;
            let timed = (0..count.div_ceil(64)).map(|_| random.nanos(habit.median_nanos));
            call.add(count, failed, timed);
        }
        self.report.emit(self.calls.iter().map(|(call, _)| call), cx);
        let is_slow = random.happens(0.05);
        if is_slow {
            cx.emit(slow(random, cx));
        }
        u64::from(is_slow)
    }
}

fn slow(random: &mut Random, cx: &Collect<'_>) -> SystemEvent {
    let call = Syscall {
        name: "fsync".into(),
        task: task("simulated", FIRST_PID),
        duration: Duration::from_nanos(random.nanos(2e8)),
        result: 0,
    };
    SystemEvent::new(Origin::Simulated.source("syscall"), cx.timestamp(), EventData::Syscall(call))
}

const fn habit(name: &'static str, per_second: f64, failing: f64, median_nanos: f64) -> Habit {
    Habit { name, per_second, failing, median_nanos }
}

const HABITS: [Habit; 12] = [
    habit("close", 150.0, 0.001, 250.0),
    habit("epoll_pwait", 90.0, 0.0, 4e6),
    habit("fsync", 3.0, 0.0, 3e6),
    habit("futex", 220.0, 0.12, 9e5),
    habit("getdents64", 12.0, 0.0, 2500.0),
    habit("mmap", 20.0, 0.0, 1800.0),
    habit("newfstatat", 60.0, 0.1, 900.0),
    habit("openat", 120.0, 0.08, 2200.0),
    habit("read", 380.0, 0.03, 700.0),
    habit("recvfrom", 45.0, 0.25, 1100.0),
    habit("sendto", 30.0, 0.01, 6500.0),
    habit("write", 140.0, 0.0, 1500.0),
];
