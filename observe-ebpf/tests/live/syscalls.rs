//! System calls.

use std::time::Duration;

use observe_core::{Clock, EventData, KernelHistogram, Syscall, SystemClock, TopSyscall};
use observe_ebpf::{Config, Latency};

use crate::host::{Host, Reading};

/// Traces this process alone; nobody else calls `getppid` in it.
fn load(latency: Latency) -> Option<Host> {
    let mut config = Config::default();
    config.syscalls.pid = std::process::id();
    config.syscalls.latency = latency;
    config.syscalls.min_readings = 1;
    Host::load(&config, "ebpf.syscalls")
}

/// Calls `getppid` at several readings.
fn call(host: &mut Host, count: usize) -> Reading {
    let mut last = Reading::default();
    for _ in 0..5 {
        for _ in 0..count / 5 {
            let _ = rustix::process::getppid();
        }
        last = host.read();
    }
    last
}

#[test]
fn a_thousand_calls_are_counted_as_a_thousand() {
    for latency in [Latency::Off, Latency::Sampled, Latency::Full] {
        let Some(mut host) = load(latency) else { return };

        let reading = call(&mut host, 1_000);

        assert_eq!(reading.value("syscall.count{syscall=getppid}"), Some(1_000.0), "{latency:?}");
        assert_eq!(reading.value("syscall.errors{syscall=getppid}"), Some(0.0));
    }
}

#[test]
fn errors_are_counted_and_totals_add_up() {
    let Some(mut host) = load(Latency::Off) else { return };

    let mut reading = Reading::default();
    for _ in 0..5 {
        for _ in 0..20 {
            rustix::fs::access("/no/such/file", rustix::fs::Access::EXISTS).unwrap_err();
        }
        reading = host.read();
    }

    let name = if cfg!(target_arch = "x86_64") { "access" } else { "faccessat" };
    assert_eq!(reading.value(&format!("syscall.errors{{syscall={name}}}")), Some(100.0));
    assert!(reading.value("syscall.failed").is_some_and(|failed| failed >= 100.0));
}

#[test]
fn every_call_is_timed_when_asked_for() {
    let Some(mut host) = load(Latency::Full) else { return };

    let reading = call(&mut host, 1_000);

    let half = reading.value("syscall.latency_p50{syscall=getppid}").unwrap();
    let most = reading.value("syscall.latency_p99{syscall=getppid}").unwrap();
    assert!(half > 0.0 && half <= most && most < 1e9, "{half} {most}");
    assert!(reading.value("syscall.latency_ns{syscall=getppid}").is_some());
}

#[test]
fn every_timed_call_is_in_the_histogram_on_the_board() {
    let Some(mut host) = load(Latency::Full) else { return };

    let reading = call(&mut host, 1_000);

    let histograms = host.board.histograms();
    let is_meant = |histogram: &&KernelHistogram| histogram.attributes.value("syscall") == Some("getppid");
    let histogram = histograms.iter().find(is_meant).unwrap();
    assert_eq!((histogram.count, histogram.counts.iter().sum()), (1_000, 1_000));
    let mean = reading.value("syscall.latency_ns{syscall=getppid}").unwrap();
    assert!(mean > 0.0 && histogram.sum_seconds > 0.0);
}

#[test]
fn who_calls_most_is_known_by_process_and_by_control_group() {
    for latency in [Latency::Sampled, Latency::Full] {
        let mut config = Config::default();
        config.syscalls.latency = latency;
        let Some(mut host) = Host::load(&config, "ebpf.syscalls") else { return };
        let later = |seconds| SystemClock.now() + Duration::from_secs(seconds);
        let start = later(100);
        host.read_at(start);

        for _ in 0..100_000 {
            let _ = rustix::process::getppid();
        }
        let reading = host.read_at(start + Duration::from_secs(10));

        let tops = host.board.read().top_syscalls;
        // Others may be busy at the same time, and count in the same control group.
        let (name, group) = (own("comm", ""), own("cgroup", "0::"));
        let is_ours = |top: &&TopSyscall| top.id == u64::from(std::process::id()) && top.syscall == "getppid";
        let is_our_group = |top: &&TopSyscall| top.name.as_deref() == Some(&*group) && top.syscall == "getppid";
        let process = tops.by_process.iter().find(is_ours).unwrap_or_else(|| panic!("{tops:?}"));
        let cgroup = tops.by_cgroup.iter().find(is_our_group).unwrap_or_else(|| panic!("{tops:?}"));
        let rate = reading.value(&format!("syscall.process_rate{{name={name}}}")).unwrap();
        assert_eq!(process.name.as_deref(), Some(&*name));
        for rate in [process.calls_per_second, rate] {
            assert!((5_000.0..15_000.0).contains(&rate), "{latency:?}: {rate}");
        }
        assert!(cgroup.calls_per_second > 5_000.0, "{latency:?}: {tops:?}");
    }
}

/// Returns the line in a file about this process that begins so, without the beginning.
fn own(file: &str, beginning: &str) -> String {
    let text = std::fs::read_to_string(format!("/proc/self/{file}")).unwrap();
    text.lines().find_map(|line| line.strip_prefix(beginning)).unwrap().to_owned()
}

#[test]
fn without_latency_nobody_is_credited_and_the_board_says_so() {
    let Some(mut host) = load(Latency::Off) else { return };

    host.read_at(SystemClock.now() + Duration::from_secs(100));

    let tops = host.board.read().top_syscalls;
    assert!(tops.reason.is_some_and(|reason| reason.contains("ebpf.syscalls.latency")));
    assert!(tops.by_process.is_empty() && host.board.histograms().is_empty());
}

/// Some other kernels have no door for 32-bit programs, and end who knocks.
#[cfg(target_arch = "x86_64")]
#[test]
#[expect(unsafe_code, reason = "a call of the table for 32-bit programs is made")]
fn calls_of_32_bit_programs_are_not_taken_for_others_with_their_numbers() {
    if !std::path::Path::new("/proc/sys/abi/vsyscall32").exists() {
        eprintln!("SKIPPED: the kernel does not run 32-bit programs");
        return;
    }
    let Some(mut host) = load(Latency::Full) else { return };
    assert_eq!(host.board.read().features["syscalls"].programs[0].kind, "tp_btf", "the others cannot know");
    let (getppid, own_parent) = (64_u64, u64::from(std::os::unix::process::parent_id()));

    let mut reading = Reading::default();
    for _ in 0..5 {
        for _ in 0..20 {
            let parent: u64;
            // SAFETY: the call takes no arguments and changes nothing but these registers.
            unsafe {
                std::arch::asm!("int 0x80", inlateout("rax") getppid => parent,
                    out("r8") _, out("r9") _, out("r10") _, out("r11") _);
            }
            assert_eq!(parent, own_parent);
        }
        reading = host.read();
    }

    assert_eq!(reading.value("syscall.count{syscall=compat}"), Some(100.0));
    assert_eq!(reading.value("syscall.count{syscall=semget}"), None, "it has that number here");
    let histograms = host.board.histograms();
    let timed = histograms.iter().find(|histogram| histogram.attributes.value("syscall") == Some("compat"));
    assert_eq!(timed.map(|histogram| histogram.count), Some(100));
}

/// Traces this process alone, and tells every call that takes a millisecond.
fn load_slow() -> Option<Host> {
    let mut config = Config::default();
    config.syscalls.pid = std::process::id();
    config.syscalls.latency = Latency::Full;
    config.syscalls.slow_ms = 1;
    Host::load(&config, "ebpf.syscalls")
}

fn slow_calls(reading: &Reading) -> Vec<&Syscall> {
    let calls = reading.events.iter().filter_map(|event| match &event.data {
        EventData::Syscall(call) => Some(call),
        _ => None,
    });
    calls.collect()
}

#[test]
fn a_slow_call_is_told_with_who_made_it_and_what_it_returned() {
    let Some(mut host) = load_slow() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RWXU).unwrap();
    let (send, receive) = std::sync::mpsc::channel();

    // Opening a pipe takes until somebody opens its other end.
    let reader = std::thread::spawn({
        let path = path.clone();
        move || {
            send.send(rustix::thread::gettid().as_raw_pid()).unwrap();
            std::fs::File::open(path).unwrap()
        }
    });
    let tid = receive.recv().unwrap();
    while !own(&format!("task/{tid}/status"), "State:\t").starts_with('S') {
        std::thread::yield_now();
    }
    std::thread::sleep(Duration::from_millis(5));
    let _writer = std::fs::File::options().write(true).open(path).unwrap();
    let _reader = reader.join().unwrap();
    let reading = host.read();

    let calls = slow_calls(&reading);
    let call = calls.iter().find(|call| call.task.tid == tid as u32).unwrap();
    assert_eq!((&*call.name, call.task.pid), ("openat", std::process::id()));
    assert!(call.duration >= Duration::from_millis(1) && call.result >= 0, "{call:?}");
}

#[test]
fn a_call_that_waits_by_its_nature_is_not_told() {
    let Some(mut host) = load_slow() else { return };

    std::thread::sleep(Duration::from_millis(5));
    let reading = host.read();

    let told: Vec<_> = slow_calls(&reading).iter().map(|call| call.name.clone()).collect();
    assert!(!told.iter().any(|name| name.contains("nanosleep")), "{told:?}");
}
