//! Connections that are begun and not completed.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use super::{
    config::{RulesConfig, seconds},
    observation::{Syns, canonical},
    report::{Finding, Subject, Turn},
    rule::Rule,
    table::Table,
    window::Sliding,
};

/// Requests for connections, by destination: the sources of a flood are often forged.
#[derive(Debug)]
pub(super) struct Floods {
    destinations: Table<Option<SocketAddr>, Sliding<Requests>>,
    window: Duration,
    requests: u64,
}

#[derive(Debug, Default)]
struct Requests {
    received: u64,
    completed: u64,
    senders: Senders,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Senders {
    Many,
    #[default]
    Nobody,
    One(IpAddr),
}

impl Senders {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nobody, one) | (one, Self::Nobody) => one,
            (one, other) if one == other => one,
            _ => Self::Many,
        }
    }
}

impl Floods {
    pub(super) fn new(config: &RulesConfig) -> Self {
        Self {
            destinations: Table::new(config.max_sources),
            window: seconds(config.syn_flood.window_seconds),
            requests: config.syn_flood.requests,
        }
    }

    pub(super) const fn evicted(&self) -> u64 {
        self.destinations.evicted()
    }

    /// Adds requests to those of the same destination.
    pub(super) fn syns(&mut self, turn: &mut Turn<'_>, syns: &Syns) {
        let source = syns.source.map(|source| source.to_canonical());
        if syns.received == 0 && syns.completed == 0 || !turn.wants(Rule::SynFlood, source, &[]) {
            return;
        }
        let destination = syns.destination.map(canonical);
        let requests = self.destinations.state(destination);
        let current = requests.turn(turn.at, self.window);
        current.received = current.received.saturating_add(syns.received);
        current.completed = current.completed.saturating_add(syns.completed);
        current.senders = current.senders.and(source.map_or(Senders::Many, Senders::One));
        let [previous, current] = requests.halves();
        let received = previous.received.saturating_add(current.received);
        let completed = previous.completed.saturating_add(current.completed);
        if received >= self.requests && completed <= received / 4 {
            let within = self.window.as_secs();
            turn.tell(&Finding {
                rule: Rule::SynFlood,
                subject: Subject::Destination(destination),
                evidence: format_args!("{received} connections begun, {completed} completed within {within} s"),
                task: None,
                source: match previous.senders.and(current.senders) {
                    Senders::One(source) => Some(source),
                    Senders::Many | Senders::Nobody => None,
                },
                destination,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use observe_core::Security;

    use super::*;
    use crate::rules::{Observation, testing::Bench};

    fn see(bench: &mut Bench, source: Option<&str>, received: u64, completed: u64) -> Vec<Security> {
        let source = source.map(|source| source.parse().unwrap());
        let destination = Some("10.0.0.1:80".parse().unwrap());
        bench.wait(1);
        bench.see(Observation::Syns(Syns { source, destination, received, completed }))
    }

    #[test]
    fn many_requests_without_success_are_a_flood() {
        let mut bench = Bench::new("");
        let found: Vec<_> = (0..20).flat_map(|_| see(&mut bench, None, 300, 10)).collect();

        assert_eq!(found.len(), 1);
        assert_eq!(found[0].evidence, "1200 connections begun, 40 completed within 10 s");
        assert_eq!((found[0].source, found[0].destination), (None, Some("10.0.0.1:80".parse().unwrap())));
    }

    #[test]
    fn a_source_is_named_where_all_came_from_it() {
        assert_eq!(see(&mut Bench::new(""), Some("192.0.2.7"), 5000, 0)[0].source, Some("192.0.2.7".parse().unwrap()));

        let mut bench = Bench::new("");
        see(&mut bench, Some("192.0.2.7"), 900, 0);
        assert_eq!(see(&mut bench, Some("192.0.2.8"), 900, 0)[0].source, None);
    }

    #[test]
    fn busy_and_quiet_services_are_passed_over() {
        let mut bench = Bench::new("");
        for _ in 0..20 {
            assert_eq!(see(&mut bench, None, 100_000, 30_000), [], "enough succeed");
        }
        let mut bench = Bench::new("");
        for _ in 0..100 {
            assert_eq!(see(&mut bench, None, 90, 0), [], "few are begun");
        }
        assert_eq!(see(&mut Bench::new("[syn_flood]\nallow = ['192.0.2.7']"), Some("192.0.2.7"), 5000, 0), []);
    }

    #[test]
    fn counts_do_not_overflow() {
        let mut bench = Bench::new("");
        see(&mut bench, None, u64::MAX, 0);

        assert_eq!(see(&mut bench, None, u64::MAX, u64::MAX), []);
    }
}
