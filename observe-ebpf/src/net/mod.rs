//! Packets: how many of what kind, how long answers take, and who asks whom.

mod config;
mod http;
#[cfg(target_os = "linux")]
mod interfaces;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod namespace;
#[cfg(target_os = "linux")]
mod netlink;
#[cfg(target_os = "linux")]
mod programs;
#[cfg(target_os = "linux")]
mod record;
pub(crate) mod report;
#[cfg(target_os = "linux")]
mod tables;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
pub(crate) mod traffic;

pub use self::config::NetConfig;
#[cfg(target_os = "linux")]
pub(crate) use self::programs::Net;
