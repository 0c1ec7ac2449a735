//! Packets on the loopback interface that go nowhere.

use std::net::{TcpListener, TcpStream, UdpSocket};

use observe_ebpf::Config;

use crate::host::{Host, Reading};

fn load() -> Option<Host> {
    Host::load(&Config::default(), "ebpf.drops")
}

fn dropped(reading: &Reading, reason: &str) -> f64 {
    reading.value(&format!("drops.packets{{reason={reason}}}")).unwrap_or(0.0)
}

/// Kernels before 5.17 give no reason, and early ones not for everything.
fn has_reasons(reading: &Reading) -> bool {
    dropped(reading, "unknown") == 0.0
}

#[test]
fn packets_to_a_port_where_nobody_listens_are_dropped_for_that_reason() {
    let Some(mut host) = load() else { return };
    let closed = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let before = host.read();

    for _ in 0..20 {
        sender.send_to(b"x", closed).unwrap();
    }
    let reading = host.read();

    let reason = if has_reasons(&reading) { "no_socket" } else { "unknown" };
    assert!(dropped(&reading, reason) >= dropped(&before, reason) + 20.0, "{reading:?}");
    assert!(reading.value("drops.total").unwrap() >= before.value("drops.total").unwrap() + 20.0);
}

#[test]
fn packets_to_a_socket_that_is_full_are_dropped_for_another_reason() {
    let Some(mut host) = load() else { return };
    let full = UdpSocket::bind("127.0.0.1:0").unwrap();
    rustix::net::sockopt::set_socket_recv_buffer_size(&full, 4096).unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let before = host.read();

    for _ in 0..100 {
        sender.send_to(&[0; 1024], full.local_addr().unwrap()).unwrap();
    }
    let reading = host.read();

    full.set_nonblocking(true).unwrap();
    let received = std::iter::from_fn(|| full.recv(&mut [0; 1024]).ok()).count();
    let reason = if has_reasons(&reading) { "socket_rcvbuff" } else { "unknown" };
    assert!(received < 100);
    assert!(dropped(&reading, reason) >= dropped(&before, reason) + (100 - received) as f64, "{reading:?}");
}

#[test]
fn traffic_that_arrives_is_not_dropped_for_want_of_a_socket() {
    let Some(mut host) = load() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let before = host.read();

    for _ in 0..50 {
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        drop(listener.accept().unwrap());
        drop(client);
    }
    let reading = host.read();

    // Others on this host may lose some meanwhile; 50 connections have some 400 packets.
    assert!(dropped(&reading, "no_socket") < dropped(&before, "no_socket") + 100.0);
    assert_eq!(reading.value("drops.packets{reason=skb_consumed}"), None);
}
