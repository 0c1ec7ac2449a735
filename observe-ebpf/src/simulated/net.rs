//! Packets that nobody sent.

use std::time::Duration;

use observe_core::{Collect, InvalidSchema};

use super::{Random, Simulation};
use crate::{
    histogram::Counts,
    net::{
        report::Report,
        traffic::{ANSWERS, Answers, Direction, KINDS, Side, Traffic, View, WORDS},
    },
    origin::Origin,
};

/// Makes up the feature `net`.
#[derive(Debug)]
pub(super) struct SimulatedNet {
    report: Report,
    /// What came in, and what went out.
    traffic: [Traffic; 2],
    answers: [Answers; ANSWERS],
}

impl SimulatedNet {
    pub(super) fn new(interval: Duration) -> Result<Self, InvalidSchema> {
        let report = Report::new(Origin::Simulated, interval)?;
        Ok(Self { report, traffic: Default::default(), answers: Default::default() })
    }

    fn count(&mut self, random: &mut Random) {
        for traffic in &mut self.traffic {
            let (tcp, udp, syn) = (random.about(420.0), random.about(35.0), random.about(4.0));
            let mut words = [0; WORDS];
            // The first family is IPv4, its first transports TCP and UDP; bytes and SYN follow the kinds.
            (words[0], words[1]) = (tcp, udp);
            (words[KINDS], words[KINDS + 2]) = (tcp * 700 + udp * 180, syn);
            traffic.add(&Traffic::new(words));
        }
        for (answers, median) in self.answers.iter_mut().zip([2e5, 9e5, 4e6, 6e6]) {
            answers.timed = Counts::default();
            for _ in 0..random.about(5.0) {
                answers.timed.observe(random.nanos(median));
            }
            answers.count += answers.timed.len();
        }
    }
}

impl Simulation for SimulatedNet {
    fn name(&self) -> &'static str {
        "net"
    }

    fn step(&mut self, random: &mut Random, cx: &mut Collect<'_>) -> u64 {
        self.count(random);
        let [received, sent] = self.traffic;
        let mut total = received;
        total.add(&sent);
        let side = |direction, traffic| Side { interface: "simulated0", direction, traffic };
        let view = View {
            sides: vec![side(Direction::Receive, received), side(Direction::Transmit, sent)],
            total: &total,
            answers: &self.answers,
            unplaced: 0,
            flows: Vec::new(),
        };
        self.report.emit(&view, cx);
        0
    }
}
