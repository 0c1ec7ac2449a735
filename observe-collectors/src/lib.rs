#![doc = include_str!("../README.md")]

mod bucket;
#[cfg(target_os = "linux")]
mod cgroup;
mod config;
#[cfg(target_os = "linux")]
mod cpu;
#[cfg(target_os = "linux")]
mod disk;
mod facts;
#[cfg(target_os = "linux")]
mod filesystem;
mod filter;
#[cfg(target_os = "linux")]
mod hardware;
#[cfg(target_os = "linux")]
mod layout;
#[cfg(target_os = "linux")]
mod memory;
#[cfg(target_os = "linux")]
mod network;
#[cfg(any(test, not(target_os = "linux")))]
mod portable;
#[cfg(target_os = "linux")]
mod pressure;
#[cfg(target_os = "linux")]
mod process;
#[cfg(target_os = "linux")]
mod read;
mod roots;
mod table;
#[cfg(target_os = "linux")]
mod text;

#[cfg(target_os = "linux")]
pub use self::{
    cgroup::CgroupCollector,
    cpu::CpuCollector,
    disk::DiskCollector,
    filesystem::FilesystemCollector,
    hardware::HardwareCollector,
    memory::MemoryCollector,
    network::NetworkCollector,
    pressure::PressureCollector,
    process::{ProcessCollector, TopProcess},
};
pub use self::{
    config::{
        CgroupConfig, CollectorConfig, Config, CpuConfig, DiskConfig, FilesystemConfig, HardwareConfig, InvalidConfig,
        NetworkConfig, ProcessConfig,
    },
    facts::{HostFacts, host_facts},
    filter::NameFilter,
    roots::Roots,
    table::collectors,
};
