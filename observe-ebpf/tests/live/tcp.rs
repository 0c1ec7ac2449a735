//! Connections on the loopback interface. Whatever else connects on this host is told apart by its port.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream},
    time::{Duration, Instant},
};

use observe_core::{EventData, Packet, PacketKind};
use observe_ebpf::{Config, TcpConfig};

use crate::host::{Host, Reading};

fn load(change: impl FnOnce(&mut TcpConfig)) -> Option<Host> {
    let mut config = Config::default();
    change(&mut config.tcp);
    Host::load(&config, "ebpf.tcp")
}

/// Returns the events of connections to a port.
fn packets(reading: &Reading, port: u16) -> Vec<&Packet> {
    let packets = reading.events.iter().filter_map(|event| match &event.data {
        EventData::Packet(packet) => Some(packet),
        _ => None,
    });
    packets.filter(|packet| packet.destination.port() == port).collect()
}

/// Listens on a loopback address, where the host has it.
fn listen(address: IpAddr) -> Option<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind((address, 0)).ok()?;
    let address = listener.local_addr().unwrap();
    Some((listener, address))
}

/// Connects once and waits until the other side has it.
fn connect(listener: &TcpListener, address: SocketAddr) -> (TcpStream, TcpStream) {
    let client = TcpStream::connect(address).unwrap();
    (client, listener.accept().unwrap().0)
}

/// Returns an address at which nobody listens.
fn closed(address: IpAddr) -> Option<SocketAddr> {
    listen(address).map(|(_, address)| address)
}

fn is_own(packet: &Packet) -> bool {
    let name = std::fs::read_to_string("/proc/thread-self/comm").unwrap();
    packet.task.as_ref().is_some_and(|task| task.pid == std::process::id() && task.name == name.trim_end())
}

const LOOPBACK: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

#[test]
fn a_connection_of_which_nothing_is_told_is_no_event_on_the_board() {
    let Some(mut host) = load(|_| {}) else { return };
    let events = |host: &Host| host.board.read().features["tcp"].events;
    let (listener, address) = listen(LOOPBACK[0]).unwrap();
    let before = events(&host);

    let pair = connect(&listener, address);
    let refused = TcpStream::connect(closed(LOOPBACK[0]).unwrap());
    let reading = host.read();

    drop(pair);
    assert!(refused.is_err() && packets(&reading, address.port()).is_empty() && !reading.events.is_empty());
    assert_eq!(events(&host) - before, reading.events.len() as u64);
}

#[test]
fn ten_connections_are_ten_from_this_process_and_ten_to_its_listener() {
    let Some(mut host) = load(|tcp| tcp.connect_events = true) else { return };
    for (listener, address) in LOOPBACK.into_iter().filter_map(listen) {
        let before = host.read();

        let pairs: Vec<(TcpStream, TcpStream)> = (0..10).map(|_| connect(&listener, address)).collect();
        let reading = host.read();

        let packets = packets(&reading, address.port());
        let outgoing: Vec<&&Packet> = packets.iter().filter(|packet| packet.detail == "outgoing, connected").collect();
        let incoming: Vec<&&Packet> = packets.iter().filter(|packet| packet.detail == "incoming, connected").collect();
        assert_eq!((packets.len(), outgoing.len(), incoming.len()), (20, 10, 10), "{packets:?}");
        for ((client, _), packet) in pairs.iter().zip(outgoing) {
            assert_eq!((packet.source, packet.destination), (client.local_addr().unwrap(), address));
            assert!(packet.kind == PacketKind::Connect && packet.duration.is_some() && is_own(packet), "{packet:?}");
        }
        for ((client, _), packet) in pairs.iter().zip(incoming) {
            assert_eq!((packet.source, &packet.task), (client.local_addr().unwrap(), &None));
        }
        for key in ["tcp.connects", "tcp.accepts"] {
            assert!(reading.value(key).unwrap() >= before.value(key).unwrap() + 10.0, "{key}");
        }
        for name in ["connect", "accept"] {
            let half = reading.value(&format!("tcp.{name}_latency_p50")).unwrap();
            let most = reading.value(&format!("tcp.{name}_latency_p99")).unwrap();
            assert!(half > 0.0 && half <= most, "{name}: {half} {most}");
        }
    }
}

#[test]
fn a_connection_that_is_made_in_time_is_no_event_by_default() {
    let Some(mut host) = load(|tcp| tcp.slow_ms = 3_600_000) else { return };
    let (listener, address) = listen(LOOPBACK[0]).unwrap();

    let _pair = connect(&listener, address);

    assert_eq!(packets(&host.read(), address.port()), Vec::<&Packet>::new());
}

#[test]
fn a_refused_connection_is_a_failure_of_the_one_who_asked() {
    let Some(mut host) = load(|_| ()) else { return };
    for address in LOOPBACK.into_iter().filter_map(closed) {
        let before = host.read();

        TcpStream::connect(address).unwrap_err();
        let reading = host.read();

        let packets = packets(&reading, address.port());
        assert_eq!(packets.len(), 1, "{packets:?}");
        assert_eq!((packets[0].detail.as_str(), packets[0].destination), ("outgoing, refused", address));
        assert!(is_own(packets[0]) && packets[0].source.ip() == address.ip() && packets[0].source.port() > 0);
        for key in ["tcp.connect_failures", "tcp.resets_sent", "tcp.resets_received"] {
            assert!(reading.value(key).unwrap() > before.value(key).unwrap(), "{key}");
        }
    }
}

#[test]
fn a_connection_to_a_port_where_nobody_listens_is_seen_from_the_other_side_too() {
    let Some(mut host) = load(|tcp| tcp.connect_events = true) else { return };
    for address in LOOPBACK.into_iter().filter_map(closed) {
        TcpStream::connect(address).unwrap_err();
        let reading = host.read();

        let packets = packets(&reading, address.port());
        let ends =
            |detail| packets.iter().filter(|packet| packet.detail == detail).map(|packet| packet.source).collect();
        let (outgoing, incoming): (Vec<_>, Vec<_>) = (ends("outgoing, refused"), ends("incoming, refused"));
        assert_eq!(outgoing.len(), 1);
        // Kernels before 6.10 do not tell.
        assert!(incoming.is_empty() || incoming == outgoing, "{packets:?}");
    }
}

#[test]
fn a_connection_that_ends_has_had_a_life() {
    let Some(mut host) = load(|_| ()) else { return };
    let (listener, address) = listen(LOOPBACK[0]).unwrap();
    let before = host.read();

    let (client, mut server) = connect(&listener, address);
    drop(client);
    std::io::copy(&mut server, &mut std::io::sink()).unwrap();
    drop(server);
    let closes = before.value("tcp.closes").unwrap() + 2.0;
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut reading = host.read();
    let mut lives = Vec::new();
    loop {
        lives.extend(reading.value("tcp.lifetime_p50").zip(reading.value("tcp.lifetime_p99")));
        if reading.value("tcp.closes").unwrap() >= closes || Instant::now() > deadline {
            break;
        }
        reading = host.read();
    }

    assert!(reading.value("tcp.closes").unwrap() >= closes);
    assert!(!lives.is_empty() && lives.iter().all(|(half, most)| 0.0 < *half && half <= most), "{lives:?}");
}

/// Listens with room for one connection, and fills it.
fn full() -> (TcpListener, SocketAddr, TcpStream) {
    let (listener, address) = listen(LOOPBACK[0]).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let waiting = TcpStream::connect(address).unwrap();
    (listener, address, waiting)
}

#[test]
fn a_request_without_an_answer_is_sent_again_and_given_up_in_the_end() {
    let Some(mut host) = load(|tcp| tcp.retransmit_events = true) else { return };
    let (_listener, address, _waiting) = full();
    let before = host.read();

    // The kernel asks again after a second.
    TcpStream::connect_timeout(&address, Duration::from_secs(2)).unwrap_err();
    let reading = host.read();

    let packets = packets(&reading, address.port());
    let again: Vec<&&Packet> = packets.iter().filter(|packet| packet.kind == PacketKind::Retransmit).collect();
    let given_up: Vec<&&Packet> = packets.iter().filter(|packet| packet.kind == PacketKind::Connect).collect();
    assert!(!again.is_empty() && again.iter().all(|packet| packet.detail == "syn_sent"), "{packets:?}");
    assert_eq!(given_up.len(), 1, "{packets:?}");
    assert!(given_up[0].detail == "outgoing, abandoned" && is_own(given_up[0]));
    assert_eq!(given_up[0].source, again[0].source);
    assert!(reading.value("tcp.retransmits").unwrap() > before.value("tcp.retransmits").unwrap());
}

#[test]
fn a_connection_that_took_long_is_told_by_default() {
    let Some(mut host) = load(|tcp| tcp.retransmit_events = true) else { return };
    let (listener, address, _waiting) = full();

    let client = std::thread::spawn(move || TcpStream::connect(address).unwrap());
    while packets(&host.read(), address.port()).is_empty() {
        std::thread::yield_now();
    }
    // The request was sent again, so the answer to the next one comes late.
    let _waiting = listener.accept().unwrap();
    let _client = client.join().unwrap();
    let reading = host.read();

    let packets = packets(&reading, address.port());
    let slow: Vec<&&Packet> = packets.iter().filter(|packet| packet.kind == PacketKind::Connect).collect();
    assert_eq!(slow.len(), 1, "{packets:?}");
    assert_eq!(slow[0].detail, "outgoing, connected");
    assert!(slow[0].duration.unwrap() >= Duration::from_secs(1));
    assert_eq!(slow[0].task.as_ref().unwrap().pid, std::process::id());
}
