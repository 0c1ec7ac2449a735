//! Packets that the kernel throws away, and why.

#[cfg(target_os = "linux")]
mod programs;
#[cfg(target_os = "linux")]
mod reasons;
pub(crate) mod report;

#[cfg(target_os = "linux")]
pub(crate) use self::programs::Drops;
