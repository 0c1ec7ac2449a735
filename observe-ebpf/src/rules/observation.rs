//! What rules look at.

use std::net::{IpAddr, SocketAddr};

use observe_core::{Exec, Task};

/// Something that was seen of the kernel.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Observation<'a> {
    /// A connection was made, or could not be.
    Connect(Connect<'a>),
    /// A process began to run a program.
    Exec(Started<'a>),
    /// The first bytes of what a TCP connection or a UDP packet carries.
    Payload(Payload<'a>),
    /// Requests for connections arrived.
    Syns(Syns),
}

/// A connection that was made, or could not be.
#[derive(Clone, Copy, Debug)]
pub struct Connect<'a> {
    /// Who connected or accepted, where that is known.
    pub task: Option<&'a Task>,
    /// Who asked for the connection.
    pub source: SocketAddr,
    /// Who was asked.
    pub destination: SocketAddr,
    /// What came of it.
    pub outcome: ConnectOutcome,
    /// Whether it came to this host, rather than from it.
    pub is_incoming: bool,
}

/// What came of an attempt to connect.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ConnectOutcome {
    /// The other side accepted.
    Connected,
    /// Something else, or not known.
    Other,
    /// The other side said no.
    Refused,
    /// The other side said nothing.
    TimedOut,
    /// The network said that there is no way.
    Unreachable,
}

impl ConnectOutcome {
    pub(super) const fn is_failure(self) -> bool {
        matches!(self, Self::Refused | Self::TimedOut | Self::Unreachable)
    }
}

/// A process that began to run a program.
#[derive(Clone, Copy, Debug)]
pub struct Started<'a> {
    /// The event; any change but `ProcessChange::Started` is passed over.
    pub exec: &'a Exec,
    /// Whether the program's file has no name: it was unlinked, or lives in memory only.
    pub is_deleted: bool,
}

/// The first bytes of what a TCP connection or a UDP packet carries.
#[derive(Clone, Copy, Debug)]
pub struct Payload<'a> {
    /// Who sent it.
    pub source: SocketAddr,
    /// Whom it was sent to.
    pub destination: SocketAddr,
    /// The interface it was seen at, where that is known. What is seen at `lo` does not leave the host.
    pub interface: Option<&'a str>,
    /// The bytes; those after the first 256 are passed over.
    pub bytes: &'a [u8],
    /// Whether it came to this host, rather than from it.
    pub is_incoming: bool,
}

/// Requests for TCP connections that arrived since the last observation of the same source and destination.
///
/// A collector that reads the kernel's sums once a second hands over one for each row that changed, be that a flow, a
/// listening socket or a whole interface.
#[derive(Clone, Copy, Debug)]
pub struct Syns {
    /// Who sent them, where all came from one.
    pub source: Option<IpAddr>,
    /// Whom they were sent to, where it was one.
    pub destination: Option<SocketAddr>,
    /// How many arrived.
    pub received: u64,
    /// How many connections were completed; as many as `received` where that is not known.
    pub completed: u64,
}

/// Returns an address as IPv4 where it is one mapped into IPv6, so that the same host is the same source.
pub(super) const fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
