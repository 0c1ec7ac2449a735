//! Collectors whose subjects come and go: processes, control groups, hardware.

#![cfg(target_os = "linux")]
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "all of this is a test, what stands outside of functions marked so too"
)]

mod cgroup;
mod fake_proc;
mod hardware;
mod process;
mod process_live;
mod tick;
