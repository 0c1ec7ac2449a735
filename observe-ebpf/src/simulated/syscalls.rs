//! System calls that nobody made.

use std::{cmp::Reverse, time::Duration};

use observe_core::{Collect, EventData, KernelBoard, Syscall, SystemEvent};

use super::{FIRST_PID, Random, Simulation, task};
use crate::{
    InvalidConfig, SyscallsConfig,
    origin::Origin,
    syscalls::{
        Call, Report, names,
        tops::{self, Top},
    },
};

/// Makes up the feature `syscalls`.
#[derive(Debug)]
pub(crate) struct SimulatedSyscalls {
    report: Report,
    calls: Vec<(Call, Habit)>,
    tops: tops::Report,
    steps: u32,
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
    pub(crate) fn new(interval: Duration, config: &SyscallsConfig, board: &KernelBoard) -> Result<Self, InvalidConfig> {
        let known = HABITS.iter().filter_map(|habit| Some((Call::new(names::number(habit.name)?), *habit)));
        Ok(Self {
            report: Report::new(Origin::Simulated, interval, config, board)?,
            calls: known.collect(),
            tops: tops::Report::new(Origin::Simulated, interval * STEPS_BETWEEN_TOPS, board)?,
            steps: 0,
        })
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
        if self.steps.is_multiple_of(STEPS_BETWEEN_TOPS) {
            self.tops.emit(callers(random, &PROCESSES), callers(random, &CGROUPS), cx);
        }
        self.steps = self.steps.wrapping_add(1);
        let is_slow = random.happens(0.05);
        if is_slow {
            cx.emit(slow(random, cx));
        }
        u64::from(is_slow)
    }
}

/// Makes up who calls most, and what.
fn callers(random: &mut Random, names: &[&'static str]) -> Vec<Top> {
    let mut tops = Vec::new();
    for (id, name) in (u64::from(FIRST_PID)..).zip(names) {
        for habit in HABITS.iter().filter(|habit| habit.per_second > 100.0) {
            let calls_per_second = random.between(0.1, 0.4) * habit.per_second;
            tops.push(Top { id, name: Some((*name).into()), syscall: habit.name.into(), calls_per_second });
        }
    }
    tops.sort_unstable_by_key(|top| Reverse(top.calls_per_second.to_bits()));
    tops
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

const STEPS_BETWEEN_TOPS: u32 = 10;
const PROCESSES: [&str; 4] = ["simulated-cache", "simulated-db", "simulated-queue", "simulated-web"];
const CGROUPS: [&str; 2] = ["/simulated.slice/db", "/simulated.slice/web"];

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
