//! Real programs in the real kernel. Where it does not let itself be traced, each test says why and passes; with
//! `OBSERVE_EBPF_REQUIRE=1` it fails instead.
#![cfg(target_os = "linux")]

mod exec;
mod host;
mod memory;
mod syscalls;
