//! System calls: how many, how many failed, how long they take.

mod call;
mod config;
pub(crate) mod names;
#[cfg(target_os = "linux")]
mod programs;
mod report;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
pub(crate) mod tops;

pub use self::config::{Latency, SyscallsConfig};
#[cfg(target_os = "linux")]
pub(crate) use self::programs::Syscalls;
pub(crate) use self::{call::Call, report::Report};
