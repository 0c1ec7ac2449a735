//! System calls: how many, how many failed, how long they take.

mod call;
mod names;
#[cfg(target_os = "linux")]
mod programs;
mod report;

#[cfg(target_os = "linux")]
pub(crate) use self::programs::Syscalls;
