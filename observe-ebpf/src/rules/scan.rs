//! Many ports or hosts that one source tries without success.

use std::{
    hash::{BuildHasher, RandomState},
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use observe_core::Task;

use super::{
    config::{RulesConfig, seconds},
    observation::{Connect, Syns, canonical},
    report::{Finding, Subject, Turn},
    rule::Rule,
    table::Table,
    window::{Bits, Sliding},
};

/// Attempts without success, by source. Successes do not count: busy clients have many of them, scans have few.
#[derive(Debug)]
pub(super) struct Scans {
    sources: Table<IpAddr, Sliding<Tried>>,
    /// Seeded by chance, so that nobody can choose ports that count as one.
    hasher: RandomState,
    window: Duration,
    ports: u32,
    hosts: u32,
}

#[derive(Debug, Default)]
struct Tried {
    ports: Bits,
    hosts: Bits,
}

impl Scans {
    pub(super) fn new(config: &RulesConfig) -> Self {
        Self {
            sources: Table::new(config.max_sources),
            hasher: RandomState::new(),
            window: seconds(config.port_scan.window_seconds),
            ports: config.port_scan.ports,
            hosts: config.port_scan.hosts,
        }
    }

    pub(super) const fn evicted(&self) -> u64 {
        self.sources.evicted()
    }

    /// Looks at an attempt to connect.
    pub(super) fn connect(&mut self, turn: &mut Turn<'_>, connect: &Connect<'_>, peer: IpAddr) {
        if connect.outcome.is_failure() {
            self.attempt(turn, connect.source.ip(), connect.destination, peer, connect.task);
        }
    }

    /// Looks at requests for connections, where they are known by source and destination.
    pub(super) fn syns(&mut self, turn: &mut Turn<'_>, syns: &Syns) {
        if let (Some(source), Some(destination), 1.., 0) =
            (syns.source, syns.destination, syns.received, syns.completed)
        {
            let source = source.to_canonical();
            self.attempt(turn, source, canonical(destination), source, None);
        }
    }

    fn attempt(
        &mut self,
        turn: &mut Turn<'_>,
        source: IpAddr,
        destination: SocketAddr,
        peer: IpAddr,
        task: Option<&Task>,
    ) {
        if !turn.wants(Rule::PortScan, Some(peer), &[task.map_or("", |task| &task.name)]) {
            return;
        }
        let tried = self.sources.state(source);
        let current = tried.turn(turn.at, self.window);
        current.ports.insert(self.hasher.hash_one(destination.port()));
        current.hosts.insert(self.hasher.hash_one(destination.ip()));
        let [previous, current] = tried.halves();
        let (ports, hosts) = (previous.ports.union(current.ports), previous.hosts.union(current.hosts));
        if ports >= self.ports || hosts >= self.hosts {
            let within = self.window.as_secs();
            turn.tell(&Finding {
                rule: Rule::PortScan,
                subject: Subject::Address(source),
                evidence: format_args!("at least {ports} ports, {hosts} hosts within {within} s"),
                task,
                source: Some(source),
                destination: Some(destination),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{
        ConnectOutcome, Observation,
        testing::{Bench, connect, task, told},
    };

    const SOURCE: &str = "192.0.2.7:40000";

    fn try_port(bench: &mut Bench, port: u16, outcome: ConnectOutcome) -> Vec<(String, String)> {
        told(&bench.see(Observation::Connect(connect(SOURCE, &format!("10.0.0.1:{port}"), outcome))))
    }

    #[test]
    fn many_ports_without_success_are_told_once() {
        let mut bench = Bench::new("");
        let found: Vec<_> = (1..200).flat_map(|port| try_port(&mut bench, port, ConnectOutcome::Refused)).collect();

        assert_eq!(found, [("port_scan".into(), "at least 20 ports, 1 hosts within 60 s".into())]);
        assert!(bench.rules.suppressed() > 100);
    }

    #[test]
    fn many_hosts_without_success_are_told_once() {
        let mut bench = Bench::new("");
        let try_host = |host: u16| {
            let destination = format!("10.1.{}.{}:22", host / 200, host % 200);
            bench.see(Observation::Connect(connect(SOURCE, &destination, ConnectOutcome::TimedOut))).len()
        };

        assert_eq!((0..400).map(try_host).sum::<usize>(), 1);
    }

    #[test]
    fn few_ports_successes_and_slow_attempts_are_passed_over() {
        let mut bench = Bench::new("");
        for round in 0..100 {
            assert_eq!(try_port(&mut bench, round % 19, ConnectOutcome::Refused), []);
        }
        for port in 100..1_000 {
            assert_eq!(try_port(&mut bench, port, ConnectOutcome::Connected), []);
            assert_eq!(try_port(&mut bench, port, ConnectOutcome::Other), []);
        }
        let mut bench = Bench::new("");
        for port in 0..200 {
            bench.wait(4);
            assert_eq!(try_port(&mut bench, port, ConnectOutcome::Refused), [], "{port}");
        }
    }

    #[test]
    fn flows_without_a_completed_connection_are_attempts() {
        let mut bench = Bench::new("");
        let mut see = |source: u8, port, completed| {
            let source = Some(IpAddr::from([192, 0, 2, source]));
            let destination = Some(SocketAddr::from(([10, 0, 0, 1], port)));
            bench.see(Observation::Syns(Syns { source, destination, received: 1, completed })).len()
        };

        assert_eq!((1..200).map(|port| see(7, port, 0)).sum::<usize>(), 1);
        assert_eq!((1..200).map(|port| see(8, port, 1)).sum::<usize>(), 0);
    }

    #[test]
    fn allowed_programs_and_hosts_do_not_count() {
        let prober = task(5, "prober");
        let mut bench = Bench::new("[port_scan]\nallow = ['prober', '10.0.0.0/24']");
        for port in 1..200 {
            let outcome = ConnectOutcome::Refused;
            assert_eq!(try_port(&mut bench, port, outcome), []);
            let elsewhere = connect(SOURCE, &format!("10.9.0.1:{port}"), outcome);
            assert_eq!(bench.see(Observation::Connect(Connect { task: Some(&prober), ..elsewhere })), []);
        }
    }
}
