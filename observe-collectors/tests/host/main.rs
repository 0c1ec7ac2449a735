//! The collectors of the host as a whole, on trees of files and on the running system.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "clippy allows them in test functions only, not in their helpers"
)]
#![cfg(target_os = "linux")]

mod cost;
mod cpu;
mod disk;
mod filesystem;
mod live;
mod memory;
mod network;
mod pressure;
mod robust;
mod tree;
