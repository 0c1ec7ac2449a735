//! Run queues: how often processors switch from task to task, and how long tasks wait for one.

mod config;
#[cfg(target_os = "linux")]
mod procfs;
#[cfg(target_os = "linux")]
mod programs;
mod report;

pub use self::config::SchedConfig;
#[cfg(target_os = "linux")]
pub(crate) use self::programs::Sched;
pub(crate) use self::report::{QueueCounts, Queues, Report};
