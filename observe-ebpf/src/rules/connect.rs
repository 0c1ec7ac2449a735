//! Rules about connections.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use observe_core::{Exec, ProcessChange, Task, Timestamp};

use super::{
    command::{Command, is_shell, program_name},
    config::{RulesConfig, seconds},
    observation::{Connect, ConnectOutcome, canonical},
    report::{Finding, Subject, Turn},
    rule::Rule,
    scan::Scans,
    table::Table,
    window::Sliding,
};

/// What is remembered of connections.
#[derive(Debug)]
pub(super) struct Connections {
    pub(super) scans: Scans,
    /// Connections to a login service, by source and destination.
    logins: Table<(IpAddr, SocketAddr), Sliding<u64>>,
    login_window: Duration,
    login_limit: u64,
    login_ports: Vec<u16>,
    miner_ports: Vec<u16>,
    /// When and where a process connected last, by id.
    outgoing: Table<u32, Option<(Timestamp, SocketAddr)>>,
    /// The shell that a process became or started last, by id. Programs and connections come from two threads, so the
    /// connection may be seen after the shell.
    shells: Table<u32, Option<Arc<Shell>>>,
}

/// A shell without a script.
#[derive(Debug)]
struct Shell {
    at: Timestamp,
    path: String,
    task: Task,
}

impl Connections {
    pub(super) fn new(config: &RulesConfig) -> Self {
        Self {
            scans: Scans::new(config),
            logins: Table::new(config.max_sources),
            login_window: seconds(config.ssh_brute_force.window_seconds),
            login_limit: config.ssh_brute_force.connections,
            login_ports: config.ssh_brute_force.ports.clone(),
            miner_ports: config.crypto_miner_port.ports.clone(),
            outgoing: Table::new(config.max_sources),
            shells: Table::new(config.max_sources),
        }
    }

    pub(super) const fn evicted(&self) -> u64 {
        self.scans.evicted() + self.logins.evicted() + self.outgoing.evicted() + self.shells.evicted()
    }

    /// Looks at a connection.
    pub(super) fn observe(&mut self, turn: &mut Turn<'_>, connect: &Connect<'_>) {
        let connect =
            &Connect { source: canonical(connect.source), destination: canonical(connect.destination), ..*connect };
        let peer = if connect.is_incoming { connect.source.ip() } else { connect.destination.ip() };
        self.scans.connect(turn, connect, peer);
        if connect.outcome == ConnectOutcome::Connected {
            self.login(turn, connect, peer);
            if !connect.is_incoming && !peer.is_loopback() {
                self.outgoing(turn, connect, peer);
            }
        }
    }

    /// Looks at a program that starts: a shell without a script, by a process that has just connected.
    pub(super) fn start(&mut self, turn: &mut Turn<'_>, exec: &Exec) {
        if exec.change != ProcessChange::Started || !Command::of(exec).is_bare_shell() {
            return;
        }
        let connected = |pid| self.outgoing.find(pid).copied().flatten();
        let shell = Shell { at: turn.at, path: exec.path.clone(), task: exec.task.clone() };
        let pids = [exec.task.pid, exec.ppid];
        if let Some((_, destination)) = pids.into_iter().filter_map(connected).find(|(at, _)| shell.is_soon_after(*at))
        {
            shell.tell(turn, destination);
            return;
        }
        let shell = Arc::new(shell);
        for pid in pids {
            *self.shells.state(pid) = Some(Arc::clone(&shell));
        }
    }

    fn login(&mut self, turn: &mut Turn<'_>, connect: &Connect<'_>, peer: IpAddr) {
        let is_login = self.login_ports.contains(&connect.destination.port());
        if !is_login || !turn.wants(Rule::SshBruteForce, Some(peer), &[name(connect)]) {
            return;
        }
        let count = self.logins.state((connect.source.ip(), connect.destination));
        *count.turn(turn.at, self.login_window) += 1;
        let (count, within) = (count.sum(), self.login_window.as_secs());
        if count >= self.login_limit {
            let evidence = format_args!("{count} connections within {within} s");
            tell(turn, Rule::SshBruteForce, connect, connect.source.ip(), evidence);
        }
    }

    fn outgoing(&mut self, turn: &mut Turn<'_>, connect: &Connect<'_>, peer: IpAddr) {
        let (destination, name) = (connect.destination, name(connect));
        if let Some(task) = connect.task {
            *self.outgoing.state(task.pid) = Some((turn.at, destination));
            let shell = self.shells.find(task.pid).and_then(Option::as_deref);
            if let Some(shell) = shell.filter(|shell| shell.is_soon_after(turn.at)) {
                shell.tell(turn, destination);
            }
        }
        if is_shell(program_name(name)) && turn.wants(Rule::ShellConnection, Some(peer), &[name]) {
            tell(turn, Rule::ShellConnection, connect, peer, format_args!("{name} to {destination}"));
        }
        let is_pool = self.miner_ports.contains(&destination.port()) && is_public(peer);
        if is_pool && turn.wants(Rule::CryptoMinerPort, Some(peer), &[name]) {
            tell(turn, Rule::CryptoMinerPort, connect, peer, format_args!("{name} to {destination}"));
        }
    }
}

impl Shell {
    /// Returns whether the shell started soon after a connection that was made at this time.
    fn is_soon_after(&self, connected: Timestamp) -> bool {
        self.at.since(connected) < BECOMES_SHELL && connected.since(self.at) < CLOCKS_DIFFER
    }

    fn tell(&self, turn: &mut Turn<'_>, destination: SocketAddr) {
        if turn.wants(Rule::ReverseShell, Some(destination.ip()), &[&self.path, &self.task.name]) {
            turn.tell(&Finding {
                rule: Rule::ReverseShell,
                subject: Subject::Program(&self.path),
                evidence: format_args!("started after a connection to {destination}: {}", self.path),
                task: Some(&self.task),
                source: None,
                destination: Some(destination),
            });
        }
    }
}

fn tell(turn: &mut Turn<'_>, rule: Rule, connect: &Connect<'_>, subject: IpAddr, evidence: std::fmt::Arguments<'_>) {
    turn.tell(&Finding {
        rule,
        subject: Subject::Address(subject),
        evidence,
        task: connect.task,
        source: Some(connect.source.ip()),
        destination: Some(connect.destination),
    });
}

fn name<'a>(connect: &Connect<'a>) -> &'a str {
    connect.task.map_or("", |task| &task.name)
}

/// Returns whether an address is one of the internet.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            let is_shared = first == 100 && (64..128).contains(&second);
            !(address.is_private() || address.is_loopback() || address.is_link_local() || is_shared)
                && (1..224).contains(&first)
        }
        // Everything that is given out lies in 2000::/3.
        IpAddr::V6(address) => address.segments().first().is_some_and(|first| first >> 13 == 1),
    }
}

/// Time in which a process that connects becomes a shell, or starts one: at once, in practice.
const BECOMES_SHELL: Duration = Duration::from_secs(10);
/// By how much the times of two threads may be wrong.
const CLOCKS_DIFFER: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests;
