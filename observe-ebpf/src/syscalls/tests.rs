//! The twin for raw tracepoints, on a kernel that does not describe its types.

use std::time::{Duration, Instant};

use observe_core::{Clock, Collect, CollectError, Item, KernelBoard, KernelMode, ProcessCache, SystemClock, Timestamp};

use super::Syscalls;
use crate::{
    Latency, SyscallsConfig,
    kernel::{Kernel, testing::skip},
};

#[test]
fn calls_are_counted_exactly_and_by_name_without_types_of_the_kernel() {
    for latency in [Latency::Off, Latency::Sampled, Latency::Full] {
        let kernel = Kernel::without_types(KernelBoard::new(KernelMode::Live));
        let config = SyscallsConfig { latency, pid: std::process::id(), min_readings: 1, ..SyscallsConfig::default() };
        let mut collector = Syscalls::collector(&kernel, &config).unwrap();
        let processes = ProcessCache::new();
        let mut read = || {
            let now: Timestamp = SystemClock.now();
            let mut cx = Collect::new(now, Instant::now() + Duration::from_secs(1), &processes);
            collector.collect(&mut cx).map(|()| cx.take_items())
        };
        if let Err(CollectError::Unsupported(reason)) = read() {
            return skip("syscalls", reason);
        }

        for _ in 0..1_000 {
            let _ = rustix::process::getppid();
        }

        assert_eq!(calls(&read().unwrap(), "getppid"), Some(1_000.0), "{latency:?}");
    }
}

fn calls(items: &[Item], name: &str) -> Option<f64> {
    items.iter().find_map(|item| {
        let Item::Frame(frame) = item else { return None };
        let of_call = |subject: &Option<observe_core::Subject>| {
            subject.as_ref().is_some_and(|subject| subject.attributes.value("syscall") == Some(name))
        };
        frame.value(frame.subjects().iter().position(of_call)?, 0)
    })
}
