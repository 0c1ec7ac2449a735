//! Tables of the programs: how long answers took, who asked whom for connections, which flows had most bytes.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use super::traffic::{Answers, Direction, FlowKey};
use crate::{histogram::BUCKETS, kernel::Rows, rules::Syns};

/// Adds up requests for connections that all processors counted in one round, by who was asked.
pub(super) fn syns(targets: &Rows, round: u32) -> impl Iterator<Item = Syns> {
    let mut sums: HashMap<SocketAddr, Target> = HashMap::new();
    let first = (round as usize % ROUNDS) * PLACES;
    for row in (first..first + PLACES).flat_map(|index| targets.row(index)) {
        let target = Target::read(row);
        if target.round == round && target.asked > 0 {
            sums.entry(target.destination).and_modify(|sum| sum.add(&target)).or_insert(target);
        }
    }
    sums.into_values().map(|target| Syns {
        source: (!target.has_more).then_some(target.source),
        destination: Some(target.destination),
        received: target.asked,
        completed: target.completed,
    })
}

/// A `struct obs_target`.
#[derive(Debug)]
struct Target {
    destination: SocketAddr,
    source: IpAddr,
    round: u32,
    asked: u64,
    completed: u64,
    has_more: bool,
}

impl Target {
    fn read(row: &[AtomicU64]) -> Self {
        let (counts, rest) = (word(row, 5), word(row, 6));
        Self {
            destination: SocketAddr::new(address(row, 0), rest as u16),
            source: address(row, 2),
            round: word(row, 4) as u32,
            asked: counts & u64::from(u32::MAX),
            completed: counts >> 32,
            has_more: rest >> 16 & 255 != 0,
        }
    }

    /// Adds what another processor counted.
    fn add(&mut self, more: &Self) {
        self.has_more |= more.has_more || more.source != self.source;
        self.asked += more.asked;
        self.completed += more.completed;
    }
}

/// Finds the flows that had most bytes in one round, at most `limit`; connections of one client to one port are one.
pub(super) fn flows(flows: &Rows, round: u32, limit: usize) -> Vec<(FlowKey, u64)> {
    let places = flows.len() / 2;
    let first = (round & 1) as usize * places;
    let mut sums: HashMap<FlowKey, u64> = HashMap::new();
    for row in (first..first + places).flat_map(|index| flows.row(index)) {
        // The round, then the ports of both.
        let ends = word(row, 8);
        if ends as u32 == round {
            *sums.entry(flow(row, (ends >> 32) as u16, (ends >> 48) as u16)).or_default() += word(row, 5);
        }
    }
    let mut flows: Vec<(FlowKey, u64)> = sums.into_iter().collect();
    flows.sort_unstable_by(|(_, one), (_, other)| other.cmp(one));
    flows.truncate(limit);
    flows
}

/// The end with the lower port is the one that was asked; the port of the other changes with each connection.
fn flow(row: &[AtomicU64], source_port: u16, destination_port: u16) -> FlowKey {
    let ends = [(address(row, 1), source_port), (address(row, 3), destination_port)];
    let [client, server] = if source_port < destination_port { [ends[1], ends[0]] } else { ends };
    let server = match server {
        (address, 0) => address.to_string(),
        (address, port) => SocketAddr::new(address, port).to_string(),
    };
    FlowKey { client: client.0.to_string(), server, protocol: transport(word(row, 9) as u8) }
}

pub(super) const fn transport(number: u8) -> &'static str {
    match number {
        1 => "tcp",
        2 => "udp",
        3 => "icmp",
        _ => "other",
    }
}

/// Reads a `struct obs_address`.
fn address(row: &[AtomicU64], first: usize) -> IpAddr {
    ip(word(row, first), word(row, first + 1))
}

pub(super) fn ip(high: u64, low: u64) -> IpAddr {
    Ipv6Addr::from_bits(u128::from(high) << 64 | u128::from(low)).to_canonical()
}

pub(super) const fn direction(number: u8) -> Direction {
    if number == 0 { Direction::Receive } else { Direction::Transmit }
}

fn word(row: &[AtomicU64], index: usize) -> u64 {
    row.get(index).map_or(0, |word| word.load(Relaxed))
}

/// Takes in a `struct obs_answers`.
pub(super) fn update(answers: &mut Answers, rows: &Rows, index: usize) {
    let statuses = std::array::from_fn(|class| rows.sum(index, FIRST_STATUS_WORD + class));
    answers.update(rows.histogram(index, 0), statuses);
}

/// As in the programs.
const ROUNDS: usize = 4;
const PLACES: usize = 128;
/// The elements that each processor has.
pub(super) const TARGETS: u32 = (ROUNDS * PLACES) as u32;
/// The time in all, the longest, and two buckets a word stand before.
const FIRST_STATUS_WORD: usize = 2 + BUCKETS / 2;
