//! Packets that nobody sent.

use std::time::Duration;

use observe_core::{Collect, InvalidSchema};

use super::{Random, Simulation};
use crate::{
    histogram::Counts,
    net::{
        report::Report,
        traffic::{ANSWERS, Answers, Direction, HTTP, IPV4_TCP, IPV4_UDP, KINDS, Side, Traffic, View, WORDS},
    },
    origin::Origin,
};

/// Makes up the feature `net`.
#[derive(Debug)]
pub(crate) struct SimulatedNet {
    report: Report,
    /// What came in, and what went out.
    traffic: [Traffic; 2],
    answers: [Answers; ANSWERS],
}

impl SimulatedNet {
    pub(crate) fn new(interval: Duration) -> Result<Self, InvalidSchema> {
        let report = Report::new(Origin::Simulated, interval)?;
        Ok(Self { report, traffic: Default::default(), answers: Default::default() })
    }

    fn count(&mut self, random: &mut Random) {
        for traffic in &mut self.traffic {
            let (tcp, udp, syn) = (random.about(420.0), random.about(35.0), random.about(4.0));
            let mut words = [0; WORDS];
            // TCP and UDP over IPv4; bytes and SYN follow the kinds.
            (words[IPV4_TCP], words[IPV4_UDP]) = (tcp, udp);
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
        for answers in self.answers.iter_mut().skip(HTTP) {
            for _ in 0..answers.timed.len() {
                let class = random.choose(&STATUSES).copied().unwrap_or_default();
                answers.statuses.iter_mut().skip(class).take(1).for_each(|count| *count += 1);
            }
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

/// First digits: most answers are fine.
const STATUSES: [usize; 10] = [2, 2, 2, 2, 2, 2, 2, 3, 4, 5];

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use observe_core::{Item, ProcessCache, Timestamp};

    use super::*;

    #[test]
    fn packets_and_answers_are_of_kinds_that_have_names() {
        let mut net = SimulatedNet::new(Duration::from_secs(1)).unwrap();
        let processes = ProcessCache::new();
        let mut cx = Collect::new(Timestamp::default(), Instant::now(), &processes);
        let mut random = Random::new(1);

        for _ in 0..20 {
            net.step(&mut random, &mut cx);
        }

        let mut named: Vec<String> = Vec::new();
        for item in cx.take_items() {
            let Item::Frame(frame) = item else { panic!("{item:?}") };
            for subject in frame.subjects().iter().flatten() {
                let names = ["family", "protocol", "status"].map(|name| subject.attributes.value(name));
                named.extend(names.into_iter().flatten().map(str::to_owned));
            }
        }
        named.sort_unstable();
        named.dedup();
        assert_eq!(named, ["2xx", "3xx", "4xx", "5xx", "ipv4", "tcp", "udp"]);
    }
}
