//! Who makes most system calls.

use observe_core::{TopSyscall, TopSyscalls};
use serde::Serialize;
use utoipa::ToSchema;

/// Who makes most system calls: estimates of the last seconds, made of the calls that were timed. Seldom ones are missing.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TopSyscallsBody {
    /// Whether the rates are estimates. They always are.
    estimated: bool,
    /// Why nothing is known.
    reason: Option<&'static str>,
    /// Processes and calls, those made most first, at most 20.
    by_process: Vec<TopProcessBody>,
    /// Control groups and calls, those made most first, at most 20.
    by_cgroup: Vec<TopCgroupBody>,
}

/// A call that a process makes often.
#[derive(Debug, Serialize, ToSchema)]
struct TopProcessBody {
    /// The process.
    pid: u64,
    /// Its command name; null where it had ended before it was asked for.
    name: Option<String>,
    /// The call: `read`.
    syscall: String,
    /// How often it was made in a second.
    calls_per_second: f64,
}

/// A call that the processes of a control group make often.
#[derive(Debug, Serialize, ToSchema)]
struct TopCgroupBody {
    /// The id of the control group.
    cgroup: u64,
    /// Its path below the mount of control groups of version 2; null where it is not there any more.
    path: Option<String>,
    /// The call: `read`.
    syscall: String,
    /// How often it was made in a second.
    calls_per_second: f64,
}

impl TopSyscallsBody {
    pub(crate) fn new(tops: &TopSyscalls) -> Self {
        Self {
            estimated: true,
            reason: tops.reason,
            by_process: tops.by_process.iter().map(TopProcessBody::new).collect(),
            by_cgroup: tops.by_cgroup.iter().map(TopCgroupBody::new).collect(),
        }
    }
}

impl TopProcessBody {
    fn new(top: &TopSyscall) -> Self {
        Self {
            pid: top.id,
            name: top.name.as_deref().map(str::to_owned),
            syscall: top.syscall.clone().into_owned(),
            calls_per_second: top.calls_per_second,
        }
    }
}

impl TopCgroupBody {
    fn new(top: &TopSyscall) -> Self {
        Self {
            cgroup: top.id,
            path: top.name.as_deref().map(str::to_owned),
            syscall: top.syscall.clone().into_owned(),
            calls_per_second: top.calls_per_second,
        }
    }
}
