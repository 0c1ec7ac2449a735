//! Block devices: requests, how many failed, how long they take.

mod config;
#[cfg(target_os = "linux")]
mod devices;
mod pair;
#[cfg(target_os = "linux")]
mod programs;
mod report;

pub use self::config::BlockConfig;
#[cfg(target_os = "linux")]
pub(crate) use self::programs::Block;
pub(crate) use self::{
    pair::{Device, Pair},
    report::{Report, Requests},
};
