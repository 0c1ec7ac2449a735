//! Connections that nobody made.

use std::time::Duration;

use observe_core::{Collect, InvalidSchema, KernelBoard, Timestamp};

use super::{FIRST_PID, Random, Simulation, task};
use crate::{
    TcpConfig,
    guard::Guard,
    origin::Origin,
    tcp::{
        connection::{Connection, Outcome, Wanted},
        report::{Report, Totals},
    },
};

/// Makes up the feature `tcp`.
#[derive(Debug)]
pub(crate) struct SimulatedTcp {
    report: Report,
    totals: Totals,
    wanted: Wanted,
    guard: Guard,
}

impl SimulatedTcp {
    pub(crate) fn new(
        interval: Duration,
        config: &TcpConfig,
        guard: &Guard,
        board: &KernelBoard,
    ) -> Result<Self, InvalidSchema> {
        let report = Report::new(Origin::Simulated, interval, board)?;
        let totals = Totals { resets_sent: Some(0), resets_received: Some(0), ..Totals::default() };
        let wanted = Wanted { is_every: config.connect_events, slow: Duration::from_millis(config.slow_ms) };
        Ok(Self { report, totals, wanted, guard: guard.clone() })
    }

    /// Counts what a second might bring, and returns the connections of it.
    fn count(&mut self, at: Timestamp, random: &mut Random) -> Vec<Connection> {
        let totals = &mut self.totals;
        (totals.connect_latency, totals.accept_latency, totals.lifetime) = Default::default();
        totals.connect_time = 0;
        let made: Vec<Connection> = (0..random.about(4.0)).map(|_| connection(at, random)).collect();
        for connection in &made {
            if connection.outcome == Outcome::Connected {
                totals.connects += 1;
                let nanos = connection.duration.map_or(0, |duration| duration.as_nanos() as u64);
                totals.connect_latency.observe(nanos);
                totals.connect_time += nanos;
            } else {
                totals.failures += 1;
            }
        }
        for _ in 0..random.about(3.0) {
            totals.accepts += 1;
            totals.accept_latency.observe(random.nanos(2e5));
        }
        for _ in 0..random.about(6.0) {
            totals.closes += 1;
            totals.lifetime.observe(random.nanos(1e6));
        }
        totals.retransmits += u64::from(random.happens(0.1));
        made
    }
}

impl Simulation for SimulatedTcp {
    fn name(&self) -> &'static str {
        "tcp"
    }

    fn step(&mut self, random: &mut Random, cx: &mut Collect<'_>) -> u64 {
        let made = self.count(cx.timestamp(), random);
        self.report.emit(&self.totals, cx);
        self.guard.judge(made.iter().map(Connection::observation), cx);
        let events = made.iter().filter_map(|connection| connection.event(self.wanted, Origin::Simulated));
        let mut count = 0;
        for event in events {
            cx.emit(event);
            count += 1;
        }
        count
    }
}

fn connection(at: Timestamp, random: &mut Random) -> Connection {
    let is_refused = random.happens(0.02);
    // Addresses that documents may use, and nobody else.
    let host = |last: f64| [192, 0, 2, last as u8];
    let source = (host(10.0), random.between(32_768.0, 60_000.0) as u16);
    let destination = (host(random.between(20.0, 40.0)), if random.happens(0.5) { 443 } else { 5432 });
    Connection {
        at,
        task: Some(task("simulated", FIRST_PID)),
        source: source.into(),
        destination: destination.into(),
        outcome: if is_refused { Outcome::Refused } else { Outcome::Connected },
        is_incoming: false,
        duration: Some(Duration::from_nanos(random.nanos(6e5))),
    }
}
