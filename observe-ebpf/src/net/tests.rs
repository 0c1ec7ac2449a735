//! What cannot be seen from outside, in the real kernel: interfaces that come and go, and what observers get.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use aya::programs::{
    LinkOrder, SchedClassifier, TcAttachType,
    tc::{NlOptions, TcAttachOptions},
};
use observe_core::{
    Clock, Collect, CollectError, Collector, Frame, Item, KernelBoard, KernelMode, ProcessCache, SystemClock, Timestamp,
};
use parking_lot::Mutex;
use rustix::thread::{CpuSet, sched_setaffinity};

use super::{
    interfaces::{self, Interfaces, Way, filter},
    namespace::{Namespace, run},
    netlink,
    programs::{OBJECT, TRAFFIC},
    traffic::IPV4_UDP,
    *,
};
use crate::{
    InterfaceFilter,
    kernel::{Kernel, Loaded, Rows, Setup, testing::skip},
    rules::{Observation, Syns},
};

/// Reads once; `false` where the kernel refuses.
fn read(collector: &mut dyn Collector) -> bool {
    read_frames(collector).is_some()
}

/// Reads once; `None` where the kernel refuses.
fn read_frames(collector: &mut dyn Collector) -> Option<Vec<Frame>> {
    let processes = ProcessCache::new();
    let deadline = Instant::now() + Duration::from_secs(1);
    let mut cx = Collect::new(SystemClock.now(), deadline, &processes);
    match collector.collect(&mut cx) {
        Ok(()) => {
            let frame = |item| if let Item::Frame(frame) = item { Some(frame) } else { None };
            Some(cx.take_items().into_iter().filter_map(frame).collect())
        }
        Err(CollectError::Unsupported(reason)) => {
            skip("net", reason);
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// What an observer got.
#[derive(Clone, Default)]
struct Got(Arc<Mutex<(Vec<Syns>, Vec<String>)>>);

impl Got {
    fn observe(&self, config: &NetConfig) -> Box<dyn Collector> {
        let got = self.clone();
        let observer = move |_: Timestamp, seen: Observation<'_>, _: &mut Collect<'_>| match seen {
            Observation::Payload(payload) => {
                let text = String::from_utf8_lossy(payload.bytes).into_owned();
                assert!(payload.interface == Some("lo") && payload.is_incoming);
                got.0.lock().1.push(text);
            }
            Observation::Syns(syns) => got.0.lock().0.push(syns),
            other => panic!("{other:?}"),
        };
        let kernel = Kernel::new(KernelBoard::new(KernelMode::Live));
        Net::observed(&kernel, config, Box::new(observer)).unwrap()
    }

    fn take(&self) -> (Vec<Syns>, Vec<String>) {
        std::mem::take(&mut *self.0.lock())
    }
}

/// Asks over HTTP and answers, on one thread: the kernel keeps what was sent.
fn exchange(request: &str, answer: &str) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    let mut buffer = [0; 1024];
    client.write_all(request.as_bytes()).unwrap();
    assert_eq!(server.read(&mut buffer).unwrap(), request.len());
    server.write_all(answer.as_bytes()).unwrap();
    assert_eq!(client.read(&mut buffer).unwrap(), answer.len());
}

#[test]
fn first_bytes_of_both_sides_leave_the_kernel_only_when_asked_for() {
    let Some(_namespace) = Namespace::enter() else { return };
    for first_bytes in [false, true] {
        let got = Got::default();
        let config = NetConfig { first_bytes, http_events: true, ..NetConfig::default() };
        let mut collector = got.observe(&config);
        if !read(&mut *collector) {
            return;
        }

        exchange("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nworld");
        exchange("USER someone\r\n", "331 password, please\r\n");
        read(&mut *collector);

        let told = got.take().1;
        if first_bytes {
            let begins: Vec<&str> = told.iter().filter_map(|text| text.split("\r\n").next()).collect();
            assert_eq!(begins, ["GET /hello HTTP/1.1", "HTTP/1.1 200 OK", "USER someone", "331 password, please"]);
        } else {
            assert!(told.is_empty(), "{told:?}");
        }
    }
}

#[test]
fn requests_for_connections_are_told_by_who_was_asked_and_whether_they_came_about() {
    let Some(_namespace) = Namespace::enter() else { return };
    let got = Got::default();
    let mut collector = got.observe(&NetConfig::default());
    if !read(&mut *collector) {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:5000").unwrap();

    for port in [5000, 5000, 5001] {
        let _outcome = TcpStream::connect(("127.0.0.1", port));
    }
    read(&mut *collector);
    assert!(got.take().0.is_empty(), "some may still come about");
    read(&mut *collector);

    let mut syns = got.take().0;
    syns.sort_by_key(|syns| syns.destination);
    let told: Vec<_> = syns.iter().map(|syns| (syns.destination, syns.received, syns.completed)).collect();
    let asked = |port| Some(SocketAddr::from(([127, 0, 0, 1], port)));
    assert_eq!(told, [(asked(5000), 2, 2), (asked(5001), 1, 0)]);
    assert!(syns.iter().all(|syns| syns.source == Some([127, 0, 0, 1].into())));
    drop(listener);
    read(&mut *collector);
    assert!(got.take().0.is_empty(), "each request is told once");
}

#[test]
fn a_connection_that_two_processors_make_came_about() {
    let Some(_namespace) = Namespace::enter() else { return };
    let processor = |number| {
        let mut set = CpuSet::new();
        set.set(number);
        set
    };
    if sched_setaffinity(None, &processor(1)).is_err() {
        eprintln!("SKIPPED: there is no second processor");
        return;
    }
    sched_setaffinity(None, &processor(0)).unwrap();
    // What this processor sends, the other one receives.
    run("unshare --mount sh -c 'mount -t sysfs none /sys && echo 2 > /sys/class/net/lo/queues/rx-0/rps_cpus'");
    let got = Got::default();
    let mut collector = got.observe(&NetConfig::default());
    if !read(&mut *collector) {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let asked = listener.local_addr().unwrap();

    for _ in 0..10 {
        TcpStream::connect(asked).unwrap();
        listener.accept().unwrap();
    }
    read(&mut *collector);
    read(&mut *collector);

    let told: Vec<_> = got.take().0.iter().map(|syns| (syns.destination, syns.received, syns.completed)).collect();
    assert_eq!(told, [(Some(asked), 10, 10)]);
}

#[test]
fn requests_that_are_too_many_to_be_told_apart_are_counted() {
    let Some(_namespace) = Namespace::enter() else { return };
    let got = Got::default();
    let mut collector = got.observe(&NetConfig::default());
    if !read(&mut *collector) {
        return;
    }

    for port in 1..=2000 {
        let _outcome = TcpStream::connect(("127.0.0.1", port));
    }
    read(&mut *collector);
    let frames = read_frames(&mut *collector).unwrap();

    let told: u64 = got.take().0.iter().map(|syns| syns.received).sum();
    assert!((100..1500).contains(&told), "{told}");
    assert_eq!(told as f64 + value(&frames, "packet.syn_unplaced"), 2000.0);
}

fn value(frames: &[Frame], name: &str) -> f64 {
    let values = frames.iter().filter_map(|frame| {
        let column = frame.schema().columns().iter().position(|column| column.metric.name == name)?;
        frame.value(0, column)
    });
    values.sum()
}

/// The programs, without interfaces. `None` where the kernel refuses.
fn load() -> Option<(Kernel, Loaded, Rows)> {
    let kernel = Kernel::new(KernelBoard::new(KernelMode::Live));
    if !kernel.board().read().facts.capabilities.iter().any(|held| ["CAP_NET_ADMIN", "CAP_SYS_ADMIN"].contains(held)) {
        return None;
    }
    let setup = Setup::default().size("obs_traffic", kernel.cpus() * TRAFFIC).with_ring(&kernel, 4096, 1);
    let mut loaded = kernel.load(&OBJECT, &setup, "classifier").unwrap();
    interfaces::load(&kernel, &mut loaded).unwrap();
    let counts = loaded.rows(&kernel, "obs_traffic", TRAFFIC).unwrap();
    Some((kernel, loaded, counts))
}

/// Sends to a port where nobody misses it.
fn send(address: &str, count: usize) {
    let receiver = UdpSocket::bind((address, 0)).unwrap();
    let sender = UdpSocket::bind((address, 0)).unwrap();
    for _ in 0..count {
        sender.send_to(b"0123456789", receiver.local_addr().unwrap()).unwrap();
    }
}

#[test]
fn a_queue_that_was_made_is_taken_away_and_one_that_was_there_stays() {
    let Some(_namespace) = Namespace::enter() else { return };
    let Some((kernel, mut loaded, counts)) = load() else { return };
    for is_there in [false, true] {
        if is_there {
            run("tc qdisc add dev lo clsact");
        }
        let mut interfaces = Interfaces::new(InterfaceFilter::default(), Some(Way::Clsact));
        interfaces.scan(&kernel, &mut loaded, &counts).unwrap();

        send("127.0.0.1", 10);
        interfaces.count(&counts);

        assert_eq!(interfaces.total().packets(), 20);
        assert!(run("tc filter show dev lo ingress").contains("net_ingress"));
        drop(interfaces);
        assert_eq!(run("tc qdisc show dev lo").contains("clsact"), is_there);
        assert_eq!(run("tc filter show dev lo ingress"), "");
    }
}

#[test]
fn a_queue_that_others_use_by_now_stays() {
    let Some(_namespace) = Namespace::enter() else { return };
    let Some((kernel, mut loaded, counts)) = load() else { return };
    let mut interfaces = Interfaces::new(InterfaceFilter::default(), Some(Way::Clsact));
    interfaces.scan(&kernel, &mut loaded, &counts).unwrap();
    let program: &mut SchedClassifier = loaded.ebpf().program_mut("net_ingress").unwrap().try_into().unwrap();
    let options = TcAttachOptions::Netlink(NlOptions { priority: 7, ..NlOptions::default() });
    let id = program.attach_with_options("lo", TcAttachType::Egress, options).unwrap();

    drop(interfaces);

    let filters = run("tc filter show dev lo egress");
    assert!(filters.contains("pref 7") && !filters.contains("net_egress"), "{filters}");
    program.detach(id).unwrap();
}

#[test]
fn what_a_killed_process_left_behind_is_taken_away() {
    let Some(_namespace) = Namespace::enter() else { return };
    let Some((kernel, mut loaded, counts)) = load() else { return };
    let mut killed = Command::new("true").spawn().unwrap();
    killed.wait().unwrap();
    run("tc qdisc add dev lo clsact");
    // Of a process with another id, and of one that had the id of this one.
    for pid in [killed.id(), std::process::id()] {
        for (name, side) in [("net_ingress", TcAttachType::Ingress), ("net_egress", TcAttachType::Egress)] {
            let program: &mut SchedClassifier = loaded.ebpf().program_mut(name).unwrap().try_into().unwrap();
            let id = program.attach_with_options("lo", side, TcAttachOptions::Netlink(filter(pid))).unwrap();
            std::mem::forget(program.take_link(id).unwrap());
        }
    }
    let mut interfaces = Interfaces::new(InterfaceFilter::default(), Some(Way::Clsact));

    interfaces.scan(&kernel, &mut loaded, &counts).unwrap();

    let filters = run("tc filter show dev lo ingress; tc filter show dev lo egress");
    assert_eq!(filters.matches(" handle ").count(), 2, "{filters}");
    drop(interfaces);
    assert!(!run("tc qdisc show dev lo").contains("clsact"));
}

#[test]
fn programs_of_another_process_that_lives_stay() {
    let Some(_namespace) = Namespace::enter() else { return };
    let Some((kernel, mut loaded, counts)) = load() else { return };
    run("tc qdisc add dev lo clsact");
    let program: &mut SchedClassifier = loaded.ebpf().program_mut("net_ingress").unwrap().try_into().unwrap();
    let options = TcAttachOptions::Netlink(filter(1));
    let id = program.attach_with_options("lo", TcAttachType::Ingress, options).unwrap();
    let other = program.take_link(id).unwrap();
    let mut interfaces = Interfaces::new(InterfaceFilter::default(), Some(Way::Clsact));

    interfaces.scan(&kernel, &mut loaded, &counts).unwrap();
    drop(interfaces);

    assert!(run("tc filter show dev lo ingress").contains("handle 0x1 net_ingress"));
    drop(other);
}

#[test]
fn interfaces_are_found_when_they_come_and_let_go_when_they_leave() {
    let Some(_namespace) = Namespace::enter() else { return };
    let Some((kernel, mut loaded, counts)) = load() else { return };
    let filter = InterfaceFilter { include: Vec::new(), exclude: vec!["v0".into()] };
    let mut interfaces = Interfaces::new(filter, Some(Way::Tcx));
    interfaces.scan(&kernel, &mut loaded, &counts).unwrap();
    run("ip link add v0 type veth peer name v1 && ip tuntap add t0 mode tun");

    interfaces.scan(&kernel, &mut loaded, &counts).unwrap();

    let attached = |name| SchedClassifier::query_tcx(name, TcAttachType::Egress).unwrap().1.len();
    assert_eq!(["lo", "t0", "v0", "v1"].map(attached), [1, 1, 0, 1]);
    run("ip link delete v1 && ip tuntap del t0 mode tun");
    send("127.0.0.1", 3);
    interfaces.scan(&kernel, &mut loaded, &counts).unwrap();
    send("127.0.0.1", 3);
    interfaces.count(&counts);
    let names: Vec<String> = interfaces.sides().map(|side| side.interface.to_owned()).collect();
    assert_eq!(names, ["lo", "lo"]);
    assert_eq!(interfaces.named(1), None);
    drop(interfaces);
    assert_eq!(attached("lo"), 0);
}

#[test]
fn the_first_interface_that_fits_decides_how_programs_are_attached() {
    let Some(_namespace) = Namespace::enter() else { return };
    let Some((kernel, mut loaded, counts)) = load() else { return };
    let filter = InterfaceFilter { include: vec!["t0".into()], exclude: Vec::new() };
    let mut interfaces = Interfaces::new(filter, None);
    interfaces.scan(&kernel, &mut loaded, &counts).unwrap();
    assert!(interfaces.is_empty());
    run("ip tuntap add t0 mode tun");
    // The kernel refuses to attach a program twice, as older ones refuse to attach any in this way.
    let program: &mut SchedClassifier = loaded.ebpf().program_mut("net_ingress").unwrap().try_into().unwrap();
    let options = TcAttachOptions::TcxOrder(LinkOrder::default());
    program.attach_with_options("t0", TcAttachType::Ingress, options).unwrap();

    interfaces.scan(&kernel, &mut loaded, &counts).unwrap();

    assert!(run("tc filter show dev t0 ingress").contains("net_ingress"));
}

#[test]
fn more_interfaces_than_slots_are_left_out_and_told() {
    let Some(_namespace) = Namespace::enter() else { return };
    let Some((kernel, mut loaded, counts)) = load() else { return };
    run("for i in $(seq 40); do ip tuntap add t$i mode tun; done");
    let mut interfaces = Interfaces::new(InterfaceFilter::default(), Some(Way::Tcx));

    let told = interfaces.scan(&kernel, &mut loaded, &counts).unwrap_err().to_string();

    let links = netlink::links().unwrap();
    let attached = |name: &str| SchedClassifier::query_tcx(name, TcAttachType::Ingress).unwrap().1.len();
    assert_eq!(links.iter().map(|link| attached(&link.name)).sum::<usize>(), interfaces::SLOTS);
    assert_eq!(told, format!("the kernel does not take so many interfaces: {} are left out", links.len() - 32));
}

#[test]
fn a_tunnel_without_a_header_of_its_own_is_read_from_its_first_byte() {
    let Some(_namespace) = Namespace::enter() else { return };
    let Some((kernel, mut loaded, counts)) = load() else { return };
    run("ip tuntap add t0 mode tun && ip address add 10.9.0.1/24 dev t0 && ip link set t0 up");
    let filter = InterfaceFilter { include: vec!["t0".into()], exclude: Vec::new() };
    let mut interfaces = Interfaces::new(filter, Some(Way::Tcx));
    interfaces.scan(&kernel, &mut loaded, &counts).unwrap();

    // Without a program that holds the other end the packet is seen and then lost.
    let _outcome = UdpSocket::bind("10.9.0.1:0").unwrap().send_to(b"x", "10.9.0.2:9");

    interfaces.count(&counts);
    let total = interfaces.total();
    assert_eq!((total.kinds()[IPV4_UDP], total.others()[1]), (1, 0), "{total:?}");
}
