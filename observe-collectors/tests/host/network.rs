use observe_collectors::NetworkCollector;
use observe_core::CollectError;

use crate::tree::{Run, Tree};

fn run(tree: &Tree) -> Run<NetworkCollector> {
    Run::new(NetworkCollector::new(&tree.config))
}

#[test]
fn interfaces_protocols_and_sockets_are_read() {
    let reading = run(&Tree::new()).tick();

    assert_eq!(reading.subjects("interface"), ["eth0", "ifb0", "ifb1", "lo"]);
    assert_eq!(reading.value("network.bytes_recv{interface=eth0}"), Some(299_780_113.0));
    assert_eq!(reading.value("network.packets_sent{interface=eth0}"), Some(7778.0));
    assert_eq!(reading.value("network.tcp_active_opens"), Some(39.0));
    assert_eq!(reading.value("network.tcp_in_segments"), Some(13_029.0));
    assert_eq!(reading.value("network.tcp_connections"), Some(1.0));
    assert_eq!(reading.value("network.sockets{protocol=udp6}"), Some(0.0));
    assert!(reading.value("network.tcp_listen_overflows").is_some());
    assert!(reading.value("network.ip6_in_bytes").is_some());
    assert_eq!((reading.degraded, reading.result.is_ok()), (None, true));
}

#[test]
fn rates_and_sums_follow() {
    let tree = Tree::new();
    tree.write("proc/net/dev", "h\nh\n eth0: 100 1 2 3 0 0 0 0 200 4 5 6 0 0 0 0\n");
    let mut run = run(&tree);
    let before = run.tick();

    tree.write("proc/net/dev", "h\nh\n eth0: 350 1 3 3 0 0 0 0 210 4 5 8 0 0 0 0\n");
    let after = run.tick();

    let derived = |name: &str| after.derived(&before, &format!("{name}{{interface=eth0}}"));
    assert_eq!(derived("network.bytes_recv_per_sec"), Some(250.0));
    assert_eq!(derived("network.bytes_sent_per_sec"), Some(10.0));
    assert_eq!((derived("network.errors"), derived("network.drops")), (Some(8.0), Some(11.0)));
    assert_eq!((derived("network.errors_per_sec"), derived("network.drops_per_sec")), (Some(1.0), Some(2.0)));
}

#[test]
fn pairs_of_virtual_interfaces_are_left_out_and_others_vanish() {
    let tree = Tree::new();
    tree.edit("proc/net/dev", "ifb0:", "veth7:");
    let mut run = run(&tree);
    let before = run.tick();

    tree.edit("proc/net/dev", "  eth0: 2", "  wlan0: 2");
    let after = run.tick();

    assert_eq!(before.subjects("interface"), ["eth0", "ifb1", "lo"]);
    assert_eq!(after.subjects("interface"), ["ifb1", "lo", "wlan0"]);
}

#[test]
fn connections_over_both_versions_count_and_a_host_without_the_new_one_is_fine() {
    let tree = Tree::new();
    tree.edit("proc/net/sockstat6", "TCP6: inuse 0", "TCP6: inuse 4");
    let both = run(&tree).tick();
    tree.remove("proc/net/sockstat6");
    tree.remove("proc/net/snmp6");
    let old = run(&tree).tick();

    assert_eq!(both.value("network.tcp_connections"), Some(5.0));
    assert_eq!((old.value("network.tcp_connections"), old.degraded), (Some(1.0), None));
}

#[test]
fn protocols_can_be_left_out() {
    let mut tree = Tree::new();
    tree.config.network.protocols = false;

    let reading = run(&tree).tick();

    assert_eq!((reading.frames.len(), reading.value("network.tcp_connections")), (1, None));
}

#[test]
fn an_unreadable_part_degrades_and_the_rest_goes_on() {
    let tree = Tree::new();
    tree.block("proc/net/dev");
    tree.write("proc/net/snmp", "Tcp: ActiveOpens\nUdp: 7\n");

    let reading = run(&tree).tick();

    assert!(reading.degraded.as_deref().is_some_and(|reason| reason.contains("net/dev")), "{reading:?}");
    assert!(reading.subjects("interface").is_empty());
    assert_eq!(reading.value("network.tcp_active_opens"), None);
    assert_eq!(reading.value("network.tcp_connections"), Some(1.0));
}

#[test]
fn a_host_without_the_files_is_unsupported() {
    let tree = Tree::new();
    tree.remove("proc/net");

    assert!(matches!(run(&tree).tick().result, Err(CollectError::Unsupported(_))));
}
