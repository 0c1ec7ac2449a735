//! Packets, in a network namespace where nobody else sends any.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream, UdpSocket},
};

use aya::programs::{SchedClassifier, TcAttachType};
use observe_core::{EventData, Packet, PacketKind};
use observe_ebpf::Config;
use rustix::net::{AddressFamily, SendFlags, SocketType, ipproto, sendto, socket};

use crate::{
    host::{Host, Reading},
    namespace::{Namespace, run},
};

fn load(change: impl FnOnce(&mut Config)) -> Option<Host> {
    let mut config = Config::default();
    change(&mut config);
    Host::load(&config, "ebpf.net")
}

/// Sends datagrams of 100 bytes to somebody who is there, so that nothing comes back.
fn send(count: usize) {
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..count {
        sender.send_to(&[0; 100], receiver.local_addr().unwrap()).unwrap();
    }
}

/// Sends a packet of IP that says it carries TCP.
fn send_tcp(bytes: &[u8]) {
    let socket = socket(AddressFamily::INET, SocketType::RAW, Some(ipproto::TCP)).unwrap();
    sendto(&socket, bytes, SendFlags::empty(), &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).unwrap();
}

fn connect() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

/// Asks over HTTP and answers, on one thread: the kernel keeps what was sent.
fn exchange((client, server): &mut (TcpStream, TcpStream), status: &str) {
    let mut buffer = [0; 1024];
    client.write_all(b"GET /hello?token=secret HTTP/1.1\r\nHost: example.test\r\n\r\n").unwrap();
    assert!(server.read(&mut buffer).unwrap() > 0);
    server.write_all(format!("HTTP/1.1 {status} Such\r\nContent-Length: 0\r\n\r\n").as_bytes()).unwrap();
    assert!(client.read(&mut buffer).unwrap() > 0);
}

fn packets(reading: &Reading) -> Vec<&Packet> {
    let packets = reading.events.iter().map(|event| match &event.data {
        EventData::Packet(packet) => packet,
        other => panic!("{other:?}"),
    });
    packets.collect()
}

#[test]
fn every_packet_is_counted_once_in_each_direction() {
    let Some(_namespace) = Namespace::enter() else { return };
    let Some(mut host) = load(|_| {}) else { return };

    send(1_000);
    let reading = host.read();

    for direction in ["receive", "transmit"] {
        let labels = format!("{{direction={direction},interface=lo}}");
        assert_eq!(reading.value(&format!("packet.count{labels}")), Some(1_000.0));
        // Headers of UDP, IP and the link are 42 bytes.
        assert_eq!(reading.value(&format!("packet.bytes{labels}")), Some(142_000.0));
        assert_eq!(reading.value(&format!("packet.malformed{labels}")), Some(0.0));
    }
    assert_eq!(reading.value("packet.by_protocol{family=ipv4,protocol=udp}"), Some(2_000.0));
    assert_eq!(reading.value("packet.total"), Some(2_000.0));
}

#[test]
fn a_malformed_packet_is_counted_and_told() {
    let Some(_namespace) = Namespace::enter() else { return };
    let Some(mut host) = load(|_| {}) else { return };

    send_tcp(&[0; 10]);
    // A whole header of TCP, without any flag.
    send_tcp(&[0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0, 0, 0, 0, 0, 0, 0]);
    let reading = host.read();

    assert_eq!(reading.value("packet.malformed{direction=receive,interface=lo}"), Some(2.0));
    assert_eq!(reading.value("packet.total_malformed"), Some(4.0));
    let told = packets(&reading);
    assert!(told.iter().all(|packet| packet.kind == PacketKind::Malformed && packet.protocol == "tcp"), "{told:?}");
    let details: Vec<&str> = told.iter().map(|packet| &*packet.detail).collect();
    assert_eq!(details[..2], ["TCP is shorter than its header"; 2]);
    assert_eq!(details[2..], ["TCP has flags that exclude each other, or none"; 2]);
}

#[test]
fn malformed_packets_do_not_blind_the_rules() {
    let Some(_namespace) = Namespace::enter() else { return };
    let Some(mut host) = load(|config| config.net.first_bytes = true) else { return };

    for _ in 0..1_000 {
        send_tcp(&[0; 10]);
    }
    let (mut client, _server) = connect();
    client.write_all(b"GET /items?id=1%20or%201=1 HTTP/1.1\r\n\r\n").unwrap();
    let reading = host.read();

    assert_eq!(reading.value("packet.total_malformed"), Some(2_000.0));
    let (findings, told): (Vec<_>, Vec<_>) =
        reading.events.iter().partition(|event| matches!(event.data, EventData::Security(_)));
    assert_eq!(findings.len(), 1);
    assert!((1..=50).contains(&told.len()), "{}", told.len());
}

#[test]
fn a_handshake_and_a_request_over_http_are_timed() {
    let Some(_namespace) = Namespace::enter() else { return };
    let Some(mut host) = load(|_| {}) else { return };

    let mut ends = connect();
    exchange(&mut ends, "200");
    exchange(&mut ends, "404");
    exchange(&mut connect(), "503");
    let reading = host.read();

    assert_eq!(reading.value("packet.handshakes{direction=transmit}"), Some(2.0));
    // On `lo` both the one who asks and the one who is asked are seen.
    assert_eq!((reading.value("packet.syn"), reading.value("packet.syn_ack")), (Some(4.0), Some(4.0)));
    for class in ["2xx", "4xx", "5xx"] {
        assert_eq!(reading.value(&format!("http.requests{{status={class}}}")), Some(1.0), "{class}");
    }
    for name in ["packet.handshake_latency_p50", "http.request_latency_p50", "http.request_latency_p99"] {
        assert!(reading.value(&format!("{name}{{direction=transmit}}")).is_some_and(|nanos| nanos > 0.0), "{name}");
    }
    let told = packets(&reading);
    assert_eq!(told.iter().map(|packet| &*packet.detail).collect::<Vec<_>>(), ["503"], "the others were fast and fine");
}

#[test]
fn without_first_bytes_an_event_has_the_status_alone_and_with_them_no_query() {
    let Some(_namespace) = Namespace::enter() else { return };
    for (first_bytes, detail) in [(false, "200"), (true, "GET /hello 200, host example.test")] {
        let Some(mut host) = load(|config| {
            config.net.http_events = true;
            config.net.first_bytes = first_bytes;
        }) else {
            return;
        };

        exchange(&mut connect(), "200");
        let reading = host.read();

        let told = packets(&reading);
        let [packet] = told[..] else { panic!("{told:?}") };
        assert_eq!((&*packet.detail, packet.interface.as_deref()), (detail, Some("lo")));
        assert!(packet.duration.is_some_and(|duration| !duration.is_zero()));
    }
}

#[test]
fn what_is_cut_or_joined_on_its_way_is_not_malformed() {
    let Some(_namespace) = Namespace::enter() else { return };
    run("ip link set lo mtu 1500");
    let Some(mut host) = load(|_| {}) else { return };

    for address in ["127.0.0.1:0", "[::1]:0"] {
        let receiver = UdpSocket::bind(address).unwrap();
        UdpSocket::bind(address).unwrap().send_to(&[0; 4000], receiver.local_addr().unwrap()).unwrap();
    }
    let (mut client, mut server) = connect();
    let sender = std::thread::spawn(move || client.write_all(&[0; 4 << 20]).unwrap());
    std::io::copy(&mut server, &mut std::io::sink()).unwrap();
    sender.join().unwrap();
    let reading = host.read();

    // Each datagram is three packets, in both directions.
    for family in ["ipv4", "ipv6"] {
        assert_eq!(reading.value(&format!("packet.by_protocol{{family={family},protocol=udp}}")), Some(6.0));
    }
    assert!(reading.value("packet.total_bytes").is_some_and(|bytes| bytes >= (8 << 20) as f64));
    assert_eq!(reading.value("packet.total_malformed"), Some(0.0));
}

#[test]
fn rules_see_requests_for_connections_and_first_bytes_that_may_leave_the_kernel() {
    let Some(_namespace) = Namespace::enter() else { return };
    let Some(mut host) = load(|config| config.net.first_bytes = true) else { return };

    for port in 1..100 {
        TcpStream::connect(("127.0.0.1", port)).unwrap_err();
    }
    let (mut client, _server) = connect();
    client.write_all(b"GET /items?id=1%20or%201=1 HTTP/1.1\r\n\r\n").unwrap();
    let findings = [host.read(), host.read()].map(|reading| {
        let rules = reading.events.iter().map(|event| match &event.data {
            EventData::Security(finding) => finding.rule.to_string(),
            other => panic!("{other:?}"),
        });
        rules.collect::<Vec<_>>()
    });

    assert_eq!(findings, [["sql_injection"], ["port_scan"]]);
}

#[test]
fn flows_with_most_bytes_have_series_when_asked_for() {
    let Some(_namespace) = Namespace::enter() else { return };
    let Some(mut host) = load(|config| config.net.flows = 64) else { return };
    let receiver = UdpSocket::bind("127.0.0.1:777").unwrap();

    UdpSocket::bind("127.0.0.1:0").unwrap().send_to(&[0; 100], receiver.local_addr().unwrap()).unwrap();
    let reading = host.read();

    let key = "packet.flow_rate{client=127.0.0.1,protocol=udp,server=127.0.0.1:777}";
    assert!(reading.value(key).is_some_and(|rate| rate > 0.0));
    assert_eq!(host.read().value(key), None, "it is over");
}

#[test]
fn nothing_stays_attached_after_the_feature_is_dropped() {
    let Some(_namespace) = Namespace::enter() else { return };
    let Some(host) = load(|_| {}) else { return };
    let attached = || {
        let at = |side| SchedClassifier::query_tcx("lo", side).map(|(_, programs)| programs.len()).unwrap_or_default();
        [at(TcAttachType::Ingress), at(TcAttachType::Egress)]
    };
    let before = attached();

    drop(host);

    assert_eq!((before, attached()), ([1, 1], [0, 0]));
}
