//! Real programs in the real kernel. Where it does not let itself be traced, each test says why and passes; with
//! `OBSERVE_EBPF_REQUIRE=1` it fails instead.
#![cfg(target_os = "linux")]
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails loudly, in its helpers too")]

mod block;
mod drops;
mod exec;
mod host;
mod memory;
#[path = "../../src/net/namespace.rs"]
mod namespace;
mod net;
mod privileges;
mod profile;
mod sched;
mod statistics;
mod syscalls;
mod tcp;
