//! What was counted of packets, as plain values.

use crate::histogram::{Counts, Cumulative};

/// Counters of one direction of an interface, or of many together, in the order of `struct obs_traffic`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Traffic([u64; WORDS]);

impl Traffic {
    pub(crate) const fn new(words: [u64; WORDS]) -> Self {
        Self(words)
    }

    /// Returns how many packets there were of each kind: four transports for each of four families.
    pub(crate) fn kinds(&self) -> &[u64] {
        self.0.get(..KINDS).unwrap_or_default()
    }

    pub(crate) fn packets(&self) -> u64 {
        self.kinds().iter().sum()
    }

    /// Returns bytes, headers of the link included; then malformed packets; then segments of TCP with SYN, with SYN
    /// and ACK, with RST, and with FIN.
    pub(crate) fn others(&self) -> [u64; WORDS - KINDS] {
        let mut others = [0; WORDS - KINDS];
        others.iter_mut().zip(self.0.iter().skip(KINDS)).for_each(|(to, from)| *to = *from);
        others
    }

    pub(crate) fn add(&mut self, more: &Self) {
        self.0.iter_mut().zip(&more.0).for_each(|(sum, more)| *sum = sum.wrapping_add(*more));
    }

    /// Returns what was counted since `before`.
    pub(crate) fn since(&self, before: &Self) -> Self {
        let mut growth = *self;
        growth.0.iter_mut().zip(&before.0).for_each(|(now, before)| *now = now.wrapping_sub(*before));
        growth
    }
}

/// One direction of one interface.
#[derive(Debug)]
pub(crate) struct Side<'a> {
    pub(crate) interface: &'a str,
    pub(crate) direction: Direction,
    /// What was counted since the interface was found.
    pub(crate) traffic: Traffic,
}

/// Which way packets go. Complete by nature.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Direction {
    Receive,
    Transmit,
}

impl Direction {
    pub(crate) const BOTH: [Self; 2] = [Self::Receive, Self::Transmit];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Receive => "receive",
            Self::Transmit => "transmit",
        }
    }
}

/// How long answers took, and what they said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answers {
    /// Answers since the start.
    pub(crate) count: u64,
    /// Those since the reading before.
    pub(crate) timed: Counts,
    /// By the first digit of the status, since the start; the rest is at 0.
    pub(crate) statuses: [u64; 6],
    before: Cumulative,
}

impl Answers {
    /// Takes in how the counters stand now.
    pub(crate) fn update(&mut self, now: Cumulative, statuses: [u64; 6]) {
        (self.timed, _) = self.before.advance(now);
        self.count += self.timed.len();
        self.statuses = statuses;
    }
}

/// A flow between an address and another with a port, the lower one of both.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct FlowKey {
    pub(crate) client: String,
    pub(crate) server: String,
    pub(crate) protocol: &'static str,
}

/// All that is known at one reading.
#[derive(Debug)]
pub(crate) struct View<'a> {
    pub(crate) sides: Vec<Side<'a>>,
    /// Since the start, of all interfaces, those included that left.
    pub(crate) total: &'a Traffic,
    /// Of handshakes and of HTTP, each by who asked: others, then this host.
    pub(crate) answers: &'a [Answers; ANSWERS],
    /// Requests for connections that could not be credited to anybody, since the start.
    pub(crate) unplaced: u64,
    /// Flows with most bytes, and their bytes in a second.
    pub(crate) flows: Vec<(FlowKey, f64)>,
}

pub(crate) const ANSWERS: usize = 4;
pub(crate) const HANDSHAKE: usize = 0;
pub(crate) const HTTP: usize = 2;
pub(crate) const KINDS: usize = 16;
/// Kinds of packets: the family times four, and the transport.
pub(crate) const IPV4_TCP: usize = 4 + 1;
pub(crate) const IPV4_UDP: usize = 4 + 2;
pub(crate) const WORDS: usize = KINDS + 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_counted_word_by_word() {
        let mut words = [1; WORDS];
        let before = Traffic::new(words);
        (words[0], words[KINDS]) = (5, 100);

        let growth = Traffic::new(words).since(&before);

        assert_eq!((growth.packets(), growth.others()), (4, [99, 0, 0, 0, 0, 0]));
    }

    #[test]
    fn answers_are_those_since_the_reading_before() {
        let mut answers = Answers::default();
        let mut now = Cumulative::default();
        now.buckets[7] = 3;
        answers.update(now.clone(), [0; 6]);
        now.buckets[7] = 5;

        answers.update(now, [0, 0, 5, 0, 0, 0]);

        assert_eq!((answers.count, answers.timed.len(), answers.statuses[2]), (5, 2, 5));
    }
}
