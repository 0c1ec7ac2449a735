#![doc = include_str!("../README.md")]

mod block;
mod config;
mod drops;
mod exec;
#[cfg(target_os = "linux")]
mod feature;
mod features;
mod filter;
#[cfg(target_os = "linux")]
mod floor;
mod glob;
mod guard;
mod histogram;
#[cfg(target_os = "linux")]
mod kernel;
mod memory;
mod net;
mod origin;
mod profile;
pub mod rules;
mod sched;
mod simulated;
mod syscalls;
mod table;
mod tcp;

#[cfg(all(feature = "flamegraph", target_os = "linux"))]
pub use self::profile::FlamegraphError;
pub use self::{
    block::BlockConfig,
    config::{Config, DropsConfig, ExecConfig, InvalidConfig, MemoryConfig, Mode, ProfileConfig, TcpConfig},
    filter::InterfaceFilter,
    net::NetConfig,
    sched::SchedConfig,
    syscalls::{Latency, SyscallsConfig},
    table::{NothingTraced, Tracing, tracing},
};
#[cfg(target_os = "linux")]
pub use self::{
    floor::Floor,
    kernel::{Kernel, Unavailable},
    profile::{Profile, Profiler},
};
