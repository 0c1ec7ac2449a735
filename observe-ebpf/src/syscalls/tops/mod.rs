//! Who makes most system calls, by process and by control group.

#[cfg(target_os = "linux")]
mod cgroups;
mod credits;
#[cfg(target_os = "linux")]
mod programs;
mod report;

#[cfg(target_os = "linux")]
pub(super) use self::programs::Tops;
pub(crate) use self::report::{Report, Top};
