//! Records of connections, as the programs in the kernel hand them over.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use observe_core::Timestamp;

use super::connection::{Connection, Outcome, Retransmit};
use crate::kernel::Record;

/// What a record tells.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Told {
    Connection(Connection),
    Retransmit(Retransmit),
}

/// Reads a `struct obs_connection` behind its time; `None` of a kind that is not known.
pub(super) fn read(at: Timestamp, mut record: Record<'_>) -> Option<Told> {
    let (duration, kind, error) = (record.u64(), record.u32(), record.i32());
    let (local, remote) = (record.bytes(ADDRESS_BYTES), record.bytes(ADDRESS_BYTES));
    let (local_port, remote_port) = (record.u16(), record.u16());
    let (family, state, task) = (record.u16(), record.u16(), record.task());
    let local = SocketAddr::new(address(family, local), local_port);
    let remote = SocketAddr::new(address(family, remote), remote_port);
    let (outcome, is_incoming) = match kind {
        CONNECTED => (Outcome::Connected, false),
        FAILED => (Outcome::of_error(error), false),
        ACCEPTED => (Outcome::Connected, true),
        REFUSED => (Outcome::Refused, true),
        RETRANSMITTED => {
            let state = STATES.get(usize::from(state)).copied().unwrap_or("unknown");
            return Some(Told::Retransmit(Retransmit { source: local, destination: remote, state }));
        }
        _ => return None,
    };
    let (source, destination) = if is_incoming { (remote, local) } else { (local, remote) };
    let duration = (duration > 0).then(|| Duration::from_nanos(duration));
    let task = (task.pid > 0).then_some(task);
    Some(Told::Connection(Connection { at, task, source, destination, outcome, is_incoming, duration }))
}

/// Reads an address; one of IPv4 that is mapped into IPv6 is the same host as without.
fn address(family: u16, bytes: &[u8]) -> IpAddr {
    let bytes: [u8; ADDRESS_BYTES] = bytes.try_into().unwrap_or_default();
    let [a, b, c, d, ..] = bytes;
    if family == AF_INET6 { Ipv6Addr::from(bytes).to_canonical() } else { Ipv4Addr::new(a, b, c, d).into() }
}

const ADDRESS_BYTES: usize = 16;
const AF_INET6: u16 = 10;
const CONNECTED: u32 = 1;
const FAILED: u32 = 2;
const ACCEPTED: u32 = 3;
const REFUSED: u32 = 4;
const RETRANSMITTED: u32 = 5;

/// States by the kernel's numbers.
const STATES: [&str; 13] = [
    "unknown",
    "established",
    "syn_sent",
    "syn_received",
    "fin_wait_1",
    "fin_wait_2",
    "time_wait",
    "closed",
    "close_wait",
    "last_ack",
    "listening",
    "closing",
    "syn_received",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AT: Timestamp = Timestamp::from_millis(990);

    /// A record from 10.0.0.1:1000 to 10.0.0.2:80, or of the same addresses mapped into IPv6.
    fn record(kind: u32, error: i32, is_mapped: bool, pid: u32) -> Vec<u8> {
        let address = |last: u8| {
            let plain = [10, 0, 0, last, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            if is_mapped { Ipv4Addr::new(10, 0, 0, last).to_ipv6_mapped().octets() } else { plain }
        };
        let family: u16 = if is_mapped { 10 } else { 2 };
        let mut bytes = 1_500_u64.to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(error.to_ne_bytes());
        bytes.extend(address(1));
        bytes.extend(address(2));
        bytes.extend([1_000, 80, family, 1].iter().flat_map(|half| half.to_ne_bytes()));
        bytes.extend(9_u64.to_ne_bytes());
        bytes.extend([pid, 12, 13].iter().flat_map(|id| id.to_ne_bytes()));
        bytes.extend(b"curl\0\0\0\0\0\0\0\0\0\0\0\0");
        bytes.extend([0; 4]);
        bytes
    }

    fn connection(bytes: &[u8]) -> Connection {
        match read(AT, Record::new(bytes)) {
            Some(Told::Connection(connection)) => connection,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_outgoing_connection_goes_from_here_and_names_who_asked() {
        let connection = connection(&record(FAILED, 111, false, 11));

        assert_eq!(connection.source, "10.0.0.1:1000".parse().unwrap());
        assert_eq!(connection.destination, "10.0.0.2:80".parse().unwrap());
        assert_eq!((connection.at, connection.outcome, connection.is_incoming), (AT, Outcome::Refused, false));
        assert_eq!(connection.duration, Some(Duration::from_nanos(1_500)));
        let task = connection.task.unwrap();
        assert_eq!((task.pid, task.name.as_str()), (11, "curl"));
    }

    #[test]
    fn an_incoming_connection_goes_to_here_and_mapped_addresses_are_those_of_ipv4() {
        let connection = connection(&record(ACCEPTED, 0, true, 0));

        assert_eq!(connection.source, "10.0.0.2:80".parse().unwrap());
        assert_eq!(connection.destination, "10.0.0.1:1000".parse().unwrap());
        assert!(connection.is_incoming && connection.task.is_none());
    }

    #[test]
    fn a_segment_that_was_sent_again_tells_the_state() {
        let bytes = record(RETRANSMITTED, 0, false, 0);

        let Some(Told::Retransmit(segment)) = read(AT, Record::new(&bytes)) else { panic!() };

        assert_eq!((segment.state, segment.destination.port()), ("established", 80));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..128)) {
            read(AT, Record::new(&bytes));
        }
    }
}
