//! One connection that was made or could not be, and one segment that was sent again.

use std::{borrow::Cow, net::SocketAddr, time::Duration};

use observe_core::{EventData, Packet, PacketKind, SystemEvent, Task, Timestamp};

use crate::{
    origin::Origin,
    rules::{Connect, ConnectOutcome, Observation},
};

/// A connection that was made, or could not be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Connection {
    /// When that was.
    pub(crate) at: Timestamp,
    /// Who connected, where that is known. Who accepts is not: the kernel does so before.
    pub(crate) task: Option<Task>,
    /// Who asked for the connection.
    pub(crate) source: SocketAddr,
    /// Who was asked.
    pub(crate) destination: SocketAddr,
    /// What came of it.
    pub(crate) outcome: Outcome,
    /// Whether it came to this host, rather than from it.
    pub(crate) is_incoming: bool,
    /// How long it took, where that was measured.
    pub(crate) duration: Option<Duration>,
}

/// What came of an attempt to connect.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// Whoever asked did not wait for an answer, or could not ask.
    Abandoned,
    /// The other side accepted.
    Connected,
    /// Another error, by its number.
    Failed(i32),
    /// The other side said no.
    Refused,
    /// The other side said nothing.
    TimedOut,
    /// The network said that there is no way.
    Unreachable,
}

impl Outcome {
    /// Understands the number of an error.
    #[cfg(target_os = "linux")]
    pub(crate) fn of_error(number: i32) -> Self {
        use rustix::io::Errno;
        let is = |error: Errno| number == error.raw_os_error();
        if number == 0 {
            Self::Abandoned
        } else if is(Errno::CONNREFUSED) {
            Self::Refused
        } else if is(Errno::TIMEDOUT) {
            Self::TimedOut
        } else if is(Errno::HOSTUNREACH) || is(Errno::NETUNREACH) {
            Self::Unreachable
        } else {
            Self::Failed(number)
        }
    }

    const fn for_rules(self) -> ConnectOutcome {
        match self {
            Self::Abandoned | Self::Failed(_) => ConnectOutcome::Other,
            Self::Connected => ConnectOutcome::Connected,
            Self::Refused => ConnectOutcome::Refused,
            Self::TimedOut => ConnectOutcome::TimedOut,
            Self::Unreachable => ConnectOutcome::Unreachable,
        }
    }

    fn text(self) -> Cow<'static, str> {
        match self {
            Self::Abandoned => "abandoned".into(),
            Self::Connected => "connected".into(),
            Self::Failed(number) => format!("failed with error {number}").into(),
            Self::Refused => "refused".into(),
            Self::TimedOut => "timed out".into(),
            Self::Unreachable => "unreachable".into(),
        }
    }
}

/// A segment that was sent again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Retransmit {
    /// Who sent it.
    pub(crate) source: SocketAddr,
    /// Whom it was sent to.
    pub(crate) destination: SocketAddr,
    /// The state of the connection: `established`.
    pub(crate) state: &'static str,
}

/// Which connections become events.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// Whether all do, rather than those from this host that failed or were slow.
    pub(crate) is_every: bool,
    /// From how long on one is slow.
    pub(crate) slow: Duration,
}

impl Connection {
    /// Returns what rules look at, and when it was.
    pub(crate) const fn observation(&self) -> (Timestamp, Observation<'_>) {
        let connect = Connect {
            task: self.task.as_ref(),
            source: self.source,
            destination: self.destination,
            outcome: self.outcome.for_rules(),
            is_incoming: self.is_incoming,
        };
        (self.at, Observation::Connect(connect))
    }

    /// Makes the event of a connection, where one is wanted.
    pub(crate) fn event(&self, wanted: Wanted, origin: Origin) -> Option<SystemEvent> {
        let is_slow = self.duration.is_some_and(|duration| duration >= wanted.slow);
        let matters = !self.is_incoming && (self.outcome != Outcome::Connected || is_slow);
        if !matters && !wanted.is_every {
            return None;
        }
        let direction = if self.is_incoming { "incoming" } else { "outgoing" };
        let packet = Packet {
            duration: self.duration,
            detail: format!("{direction}, {}", self.outcome.text()),
            task: self.task.clone(),
            ..packet(PacketKind::Connect, self.source, self.destination)
        };
        Some(SystemEvent::new(origin.source("tcp"), self.at, EventData::Packet(packet)))
    }
}

impl Retransmit {
    /// Makes the event of what happened `at` a time.
    pub(crate) fn event(self, origin: Origin, at: Timestamp) -> SystemEvent {
        let packet = Packet {
            packets: 1,
            detail: self.state.to_owned(),
            ..packet(PacketKind::Retransmit, self.source, self.destination)
        };
        SystemEvent::new(origin.source("tcp"), at, EventData::Packet(packet))
    }
}

fn packet(kind: PacketKind, source: SocketAddr, destination: SocketAddr) -> Packet {
    Packet {
        kind,
        protocol: "tcp".into(),
        interface: None,
        source,
        destination,
        bytes: 0,
        packets: 0,
        duration: None,
        detail: String::new(),
        task: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOW: Duration = Duration::from_secs(1);

    fn connection(outcome: Outcome, is_incoming: bool, seconds: u64) -> Connection {
        Connection {
            at: Timestamp::from_millis(990),
            task: None,
            source: "10.0.0.1:40000".parse().unwrap(),
            destination: "[2001:db8::1]:443".parse().unwrap(),
            outcome,
            is_incoming,
            duration: Some(Duration::from_secs(seconds)),
        }
    }

    fn told(connection: &Connection, is_every: bool) -> Option<Packet> {
        let wanted = Wanted { is_every, slow: SLOW };
        let event = connection.event(wanted, Origin::Simulated)?;
        assert_eq!((&*event.source, event.timestamp), ("simulated::tcp", connection.at));
        let EventData::Packet(packet) = event.data else { panic!("{event:?}") };
        Some(packet)
    }

    #[test]
    fn failed_and_slow_connections_of_this_host_are_told_and_others_when_asked_for() {
        let fast = connection(Outcome::Connected, false, 0);
        let scanned = connection(Outcome::Refused, true, 0);

        assert_eq!(told(&connection(Outcome::Refused, false, 0), false).unwrap().detail, "outgoing, refused");
        assert_eq!(told(&connection(Outcome::Connected, false, 1), false).unwrap().detail, "outgoing, connected");
        assert_eq!((told(&fast, false), told(&scanned, false)), (None, None));
        assert_eq!(told(&fast, true).unwrap().detail, "outgoing, connected");
        assert_eq!(told(&scanned, true).unwrap().detail, "incoming, refused");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn errors_are_told_apart() {
        let outcomes = [0, 110, 111, 113, 101, 13].map(Outcome::of_error);

        let texts = outcomes.map(Outcome::text);

        let expected = ["abandoned", "timed out", "refused", "unreachable", "unreachable", "failed with error 13"];
        assert_eq!(texts, expected);
        assert_eq!([-1, i32::MAX, i32::MIN].map(Outcome::of_error), [-1, i32::MAX, i32::MIN].map(Outcome::Failed));
    }

    #[test]
    fn rules_see_both_ends_and_what_came_of_it() {
        let connection = connection(Outcome::TimedOut, true, 0);

        let (at, Observation::Connect(connect)) = connection.observation() else { panic!() };

        assert_eq!(
            (at, connect.source, connect.destination),
            (connection.at, connection.source, connection.destination)
        );
        assert!(connect.is_incoming && connect.outcome == ConnectOutcome::TimedOut && connect.task.is_none());
    }

    #[test]
    fn a_retransmit_names_both_ends_and_the_state() {
        let [source, destination] = ["10.0.0.1:1", "10.0.0.2:2"].map(|address| address.parse().unwrap());

        let event = Retransmit { source, destination, state: "established" }
            .event(Origin::Kernel, Timestamp::from_millis(1_000));

        let EventData::Packet(packet) = event.data else { panic!("{event:?}") };
        assert_eq!((packet.kind, packet.source, packet.packets), (PacketKind::Retransmit, source, 1));
    }
}
