//! Requests to a disk that does not exist.

use std::time::Duration;

use observe_core::{Collect, EventData, InvalidSchema, Io, KernelBoard, SystemEvent};

use super::{Random, Simulation};
use crate::{
    block::{Device, Pair, Report, Requests},
    histogram::Counts,
    origin::Origin,
};

/// Makes up the feature `block`.
#[derive(Debug)]
pub(crate) struct SimulatedBlock {
    report: Report,
    requests: Vec<(Pair, Requests, Habit)>,
}

/// How a request is made, on average.
#[derive(Clone, Copy, Debug)]
struct Habit {
    operation: u8,
    per_second: f64,
    bytes: u64,
    median_nanos: f64,
}

impl SimulatedBlock {
    pub(crate) fn new(interval: Duration, board: &KernelBoard) -> Result<Self, InvalidSchema> {
        let requests = HABITS.map(|habit| {
            let requests = Requests { device: NAME.to_owned(), ..Requests::default() };
            (Pair::new(DEVICE, habit.operation), requests, habit)
        });
        Ok(Self { report: Report::new(Origin::Simulated, interval, board)?, requests: requests.into() })
    }
}

impl Simulation for SimulatedBlock {
    fn name(&self) -> &'static str {
        "block"
    }

    fn step(&mut self, random: &mut Random, cx: &mut Collect<'_>) -> u64 {
        for (_, requests, habit) in &mut self.requests {
            let count = random.about(habit.per_second);
            requests.requests += count;
            requests.bytes += count * habit.bytes;
            (requests.timed, requests.time) = (Counts::default(), 0);
            for _ in 0..count {
                let nanos = random.nanos(habit.median_nanos);
                requests.timed.observe(nanos);
                requests.time += nanos;
            }
        }
        self.report.emit(self.requests.iter().map(|(pair, requests, _)| (*pair, requests)), cx);
        let is_slow = random.happens(0.03);
        if is_slow {
            cx.emit(slow(random, cx));
        }
        u64::from(is_slow)
    }
}

fn slow(random: &mut Random, cx: &Collect<'_>) -> SystemEvent {
    let io = Io {
        device: NAME.to_owned(),
        operation: "write",
        bytes: 1 << 19,
        duration: Duration::from_nanos(random.nanos(2e8)),
        error: 0,
        task: None,
    };
    SystemEvent::new(Origin::Simulated.source("block"), cx.timestamp(), EventData::Io(io))
}

const NAME: &str = "sda";
const DEVICE: Device = Device { major: 8, minor: 0 };
/// Reads, writes and flushes.
const HABITS: [Habit; 3] = [
    Habit { operation: 0, per_second: 30.0, bytes: 16 << 10, median_nanos: 3e5 },
    Habit { operation: 1, per_second: 45.0, bytes: 24 << 10, median_nanos: 8e5 },
    Habit { operation: 2, per_second: 4.0, bytes: 0, median_nanos: 2e6 },
];
