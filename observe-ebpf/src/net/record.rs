//! Records that the programs hand over one by one.

use std::{net::SocketAddr, time::Duration};

use observe_core::{Packet, PacketKind};

use super::{
    http::Request,
    tables::{direction, ip, transport},
    traffic::Direction,
};
use crate::kernel::Record;

/// What a record tells.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Told {
    /// A packet whose headers make no sense, and the number of what is wrong.
    Fault(u16),
    /// First bytes of what a packet carries.
    FirstBytes,
    /// A request over HTTP that was answered, and the status.
    Http(u16),
}

/// A `struct obs_net_record`.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) told: Told,
    /// Names the connection.
    pub(super) connection: u64,
    pub(super) source: SocketAddr,
    pub(super) destination: SocketAddr,
    pub(super) slot: usize,
    pub(super) direction: Direction,
    pub(super) bytes: u32,
    duration: Duration,
    transport: &'static str,
}

impl Head {
    /// Reads what stands between the time and any bytes; `None` for a record of a kind that is not known.
    pub(super) fn read(record: &mut Record<'_>) -> Option<Self> {
        let (connection, duration) = (record.u64(), record.duration());
        let (source, destination) = (ip(record.u64(), record.u64()), ip(record.u64(), record.u64()));
        let (bytes, source_port, destination_port) = (record.u32(), record.u16(), record.u16());
        let told = match (record.u16(), record.u16()) {
            (1, fault) => Told::Fault(fault),
            (2, status) => Told::Http(status),
            (3, _) => Told::FirstBytes,
            _ => return None,
        };
        let [slot, way, _family, carrier] = record.u32().to_ne_bytes();
        Some(Self {
            told,
            connection,
            source: SocketAddr::new(source, source_port),
            destination: SocketAddr::new(destination, destination_port),
            slot: slot.into(),
            direction: direction(way),
            bytes,
            duration,
            transport: transport(carrier),
        })
    }

    /// Makes an event of a packet whose headers make no sense.
    pub(super) fn malformed(&self, fault: u16, interface: Option<&str>) -> Packet {
        Packet {
            kind: PacketKind::Malformed,
            protocol: self.transport.into(),
            packets: 1,
            duration: None,
            detail: explain(fault).to_owned(),
            ..self.packet(interface)
        }
    }

    /// Makes an event of a request that was answered.
    pub(super) fn answered(&self, status: u16, request: Option<&Request>, interface: Option<&str>) -> Packet {
        let detail = request.map_or_else(|| status.to_string(), |request| request.describe(status));
        Packet { detail, ..self.packet(interface) }
    }

    fn packet(&self, interface: Option<&str>) -> Packet {
        Packet {
            kind: PacketKind::Http,
            protocol: "http".into(),
            interface: interface.map(str::to_owned),
            source: self.source,
            destination: self.destination,
            bytes: self.bytes.into(),
            packets: 2,
            duration: Some(self.duration),
            detail: String::new(),
            task: None,
        }
    }
}

/// Says what is wrong with a packet.
const fn explain(fault: u16) -> &'static str {
    match fault {
        1 => "ARP is shorter than its addresses",
        2 => "ICMP is shorter than its header",
        3 => "the header of IP has another version, or is too short",
        4 => "IP states a length that the packet does not have",
        5 => "IP is shorter than its header",
        6 => "TCP has flags that exclude each other, or none",
        7 => "TCP states a header that it does not have",
        8 => "TCP is shorter than its header",
        9 => "UDP states a length that it does not have",
        10 => "UDP is shorter than its header",
        _ => "its headers make no sense",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes() -> Vec<u8> {
        let low = |address: [u8; 4]| 0xFFFF_0000_0000 | u64::from(u32::from_be_bytes(address));
        let mut bytes = Vec::new();
        for word in [7, 2_000_000, 0, low([10, 0, 0, 1]), 0, low([10, 0, 0, 2])] {
            bytes.extend(word.to_ne_bytes());
        }
        bytes.extend(300_u32.to_ne_bytes());
        for half in [40_000_u16, 80, 2, 404] {
            bytes.extend(half.to_ne_bytes());
        }
        bytes.extend([3, 1, 1, 1]);
        bytes
    }

    #[test]
    fn an_answer_is_read_field_by_field() {
        let bytes = bytes();
        let head = Head::read(&mut Record::new(&bytes)).unwrap();

        assert_eq!((head.told, head.connection, head.slot), (Told::Http(404), 7, 3));
        let packet = head.answered(404, Request::parse(b"GET /x HTTP/1.1\r\n").as_ref(), Some("eth0"));
        assert_eq!((packet.source.to_string(), packet.destination.port()), ("10.0.0.1:40000".into(), 80));
        assert_eq!((packet.duration, &*packet.detail), (Some(Duration::from_millis(2)), "GET /x 404"));
        assert_eq!(head.answered(404, None, None).detail, "404");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            if let Some(head) = Head::read(&mut Record::new(&bytes)) {
                head.malformed(3, None);
            }
        }
    }
}
