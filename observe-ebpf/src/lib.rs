#![doc = include_str!("../README.md")]

mod config;
#[cfg(target_os = "linux")]
mod feature;
mod histogram;
#[cfg(target_os = "linux")]
mod kernel;
mod origin;
pub mod rules;
mod syscalls;
mod table;

#[cfg(target_os = "linux")]
pub use self::kernel::{Kernel, Unavailable};
pub use self::{
    config::{Config, InvalidConfig, Latency, Mode, SyscallsConfig},
    table::{NothingTraced, Tracing, tracing},
};
