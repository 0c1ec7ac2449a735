//! System calls.

use observe_ebpf::{Config, Latency};

use crate::host::{Host, Reading};

/// Traces this process alone; nobody else calls `getppid` in it.
fn load(latency: Latency) -> Option<Host> {
    let mut config = Config::default();
    config.syscalls.pid = std::process::id();
    config.syscalls.latency = latency;
    Host::load(&config, "ebpf.syscalls")
}

/// Calls `getppid` at so many readings that it has series of its own.
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
fn a_slow_call_that_works_is_told_and_one_that_waits_is_not() {
    let mut config = Config::default();
    config.syscalls.pid = std::process::id();
    config.syscalls.latency = Latency::Full;
    config.syscalls.slow_ms = 1;
    let Some(mut host) = Host::load(&config, "ebpf.syscalls") else { return };
    let folder = tempfile::tempdir().unwrap();

    std::thread::sleep(std::time::Duration::from_millis(5));
    let file = std::fs::File::create(folder.path().join("x")).unwrap();
    rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, 1 << 20).unwrap();
    let reading = host.read();

    // Nothing is known about how long the calls above took, but sleeping took 5 ms.
    let told = |name: &str| reading.events.iter().any(|event| format!("{:?}", event.data).contains(name));
    assert!(!told("clock_nanosleep") && !told("nanosleep"));
}
