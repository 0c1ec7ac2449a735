#![doc = include_str!("../README.md")]

mod config;
mod drops;
mod exec;
#[cfg(target_os = "linux")]
mod feature;
#[cfg(target_os = "linux")]
mod floor;
mod guard;
mod histogram;
#[cfg(target_os = "linux")]
mod kernel;
mod memory;
mod origin;
pub mod rules;
mod simulated;
mod syscalls;
mod table;
mod tcp;

pub use self::{
    config::{Config, DropsConfig, ExecConfig, InvalidConfig, Latency, MemoryConfig, Mode, SyscallsConfig, TcpConfig},
    table::{NothingTraced, Tracing, tracing},
};
#[cfg(target_os = "linux")]
pub use self::{
    floor::Floor,
    kernel::{Kernel, Unavailable},
};
