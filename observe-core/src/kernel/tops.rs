//! Who makes most system calls.

use std::{borrow::Cow, sync::Arc};

/// Who makes most system calls, estimated from those that were timed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopSyscalls {
    /// Why nothing can be known, as a sentence.
    pub reason: Option<&'static str>,
    /// Processes and calls, those made most first; at most [`Self::MAX`].
    pub by_process: Vec<TopSyscall>,
    /// Control groups and calls, those made most first; at most [`Self::MAX`].
    pub by_cgroup: Vec<TopSyscall>,
}

impl TopSyscalls {
    /// The length of each list at most.
    pub const MAX: usize = 20;
}

/// One call that one process or control group makes often.
#[derive(Clone, Debug, PartialEq)]
pub struct TopSyscall {
    /// The id of the process or of the control group.
    pub id: u64,
    /// The process's command name, or the control group's path; `None` where it was gone before it was asked for.
    pub name: Option<Arc<str>>,
    /// What the call is named: `read`.
    pub syscall: Cow<'static, str>,
    /// How often it was made in a second.
    pub calls_per_second: f64,
}
