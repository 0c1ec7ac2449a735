//! Run queues.

use std::{
    fs,
    io::{self, Read, Write},
    thread,
};

use observe_ebpf::Config;
use rustix::thread::{CpuSet, gettid, sched_getaffinity, sched_setaffinity};

use crate::host::Host;

/// What threads themselves count.
#[derive(Clone, Copy, Debug, Default)]
struct Switches {
    voluntary: u64,
    all: u64,
}

/// Sends a byte to and fro between two threads, each on a processor of its own, where there are two.
fn play(rounds: usize) -> Switches {
    let (mut there, mut here) = io::pipe().unwrap();
    let (mut back, mut answer) = io::pipe().unwrap();
    let cpus = cpus();
    let (first, last) = (cpus[0], cpus[cpus.len() - 1]);
    let partner = thread::spawn(move || {
        pin(first);
        let mut byte = [0];
        for _ in 0..rounds {
            there.read_exact(&mut byte).unwrap();
            answer.write_all(&byte).unwrap();
        }
        own_switches()
    });
    let player = thread::spawn(move || {
        pin(last);
        let mut byte = [0];
        for _ in 0..rounds {
            here.write_all(&byte).unwrap();
            back.read_exact(&mut byte).unwrap();
        }
        own_switches()
    });
    let (one, other) = (partner.join().unwrap(), player.join().unwrap());
    Switches { voluntary: one.voluntary + other.voluntary, all: one.all + other.all }
}

fn cpus() -> Vec<usize> {
    let set = sched_getaffinity(None).unwrap();
    (0..CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu)).collect()
}

fn pin(cpu: usize) {
    let mut set = CpuSet::new();
    set.set(cpu);
    sched_setaffinity(None, &set).unwrap();
}

fn own_switches() -> Switches {
    let status = fs::read_to_string(format!("/proc/self/task/{}/status", gettid().as_raw_nonzero())).unwrap();
    let count = |key: &str| number(&status, key);
    let voluntary = count("voluntary_ctxt_switches:");
    Switches { voluntary, all: voluntary + count("nonvoluntary_ctxt_switches:") }
}

/// All switches of this host, as the kernel counts them.
fn all_switches() -> u64 {
    number(&fs::read_to_string("/proc/stat").unwrap(), "ctxt")
}

fn number(text: &str, key: &str) -> u64 {
    text.lines().find_map(|line| line.strip_prefix(key)).unwrap().trim().parse().unwrap()
}

#[test]
fn as_many_switches_are_counted_as_the_kernel_counts() {
    let Some(mut host) = Host::load(&Config::default(), "ebpf.sched") else { return };
    let outer = all_switches();
    let before = host.read().value("sched.switches").unwrap();
    let inner = all_switches();

    play(5_000);
    let least = all_switches() - inner;
    let counted = (host.read().value("sched.switches").unwrap() - before) as u64;
    let most = all_switches() - outer;

    // A switch that is under way on each processor may be counted by one and not yet by the other; and of ten thousand
    // from and to idling, the kernel itself does not trace a few.
    let under_way = cpus().len() as u64;
    assert!((least - under_way - least / 100..=most + under_way).contains(&counted), "{least} {counted} {most}");
}

#[test]
fn threads_that_wait_for_each_other_are_seen_to_switch_and_to_wake() {
    let Some(mut host) = Host::load(&Config::default(), "ebpf.sched") else { return };
    let before = host.read();

    let own = play(5_000);
    let after = host.read();

    let growth = |key: &str| (after.value(key).unwrap() - before.value(key).unwrap()) as u64;
    let (switches, wakeups) = (growth("sched.switches"), growth("sched.wakeups"));
    assert!(own.all > 0 && switches >= own.all, "{switches} {own:?}");
    // Whoever went to wait was woken again, but for the end of each thread.
    assert!(wakeups >= own.voluntary, "{wakeups} {own:?}");
    assert!(growth("sched.involuntary_switches") <= switches);
}

#[test]
fn waits_are_timed_all_of_them_or_one_in_so_many() {
    for sample in [1, 16] {
        let mut config = Config::default();
        config.sched.sample = sample;
        let Some(mut host) = Host::load(&config, "ebpf.sched") else { return };
        host.read();

        play(5_000);
        let reading = host.read();

        let half = reading.value("sched.runqueue_latency_p50").unwrap();
        let most = reading.value("sched.runqueue_latency_p99").unwrap();
        assert!(half > 0.0 && half <= most && most < 60e9, "{half} {most}");
        assert!(reading.value("sched.runqueue_latency_ns").is_some_and(|mean| mean > 0.0 && mean < 60e9));
    }
}

#[test]
fn a_sample_that_is_no_power_of_two_is_refused() {
    let mut config = Config::default();
    config.sched.sample = 3;

    let error = observe_ebpf::tracing(&config).unwrap_err().to_string();

    assert_eq!(error, "ebpf.sched.sample = 3 cannot be used: set it to a power of two, 1 to 65536");
}
