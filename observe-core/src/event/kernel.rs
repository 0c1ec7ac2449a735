//! What the kernel says about system calls, processes, devices and the network.

use std::{
    borrow::Cow,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use super::Severity;

/// Who did something, as the kernel knew it at that moment.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Task {
    /// The process.
    pub pid: u32,
    /// The thread.
    pub tid: u32,
    /// The user it ran as.
    pub uid: u32,
    /// The thread's command name, at most 15 bytes.
    pub name: String,
    /// The id of its control group, zero where it is not known.
    pub cgroup: u64,
}

/// A system call that took long, or failed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Syscall {
    /// Its name, or `syscall_600` where this program does not know the number.
    pub name: Cow<'static, str>,
    /// Who called.
    pub task: Task,
    /// The time from entry to return.
    pub duration: Duration,
    /// What it returned; below zero it is an error number.
    pub result: i64,
}

/// A process that started, ended or was killed for want of memory.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Exec {
    /// What became of the process.
    pub change: ProcessChange,
    /// The process.
    pub task: Task,
    /// Its parent.
    pub ppid: u32,
    /// The program's file; empty where only the command name is known.
    pub path: String,
    /// The command line, secrets masked; empty for anything but a start.
    pub arguments: Vec<String>,
}

/// What became of a process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ProcessChange {
    /// It ended.
    Exited {
        /// Its exit status.
        status: i32,
        /// The signal that ended it, zero for none.
        signal: i32,
        /// How long it had lived.
        lifetime: Duration,
    },
    /// The kernel chose it to free memory.
    OomKilled {
        /// Bytes of anonymous memory that it held.
        anonymous_bytes: u64,
    },
    /// It began to run a program.
    Started,
}

impl ProcessChange {
    /// Returns `exited`, `oom_killed` or `started`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exited { .. } => "exited",
            Self::OomKilled { .. } => "oom_killed",
            Self::Started => "started",
        }
    }
}

/// A request that a block device took long for, or failed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Io {
    /// The device: `sda`, or `8:0` where it has no name.
    pub device: String,
    /// `read`, `write`, `flush`, `discard` or `other`.
    pub operation: &'static str,
    /// Bytes that were asked for.
    pub bytes: u64,
    /// The time from the request to its end.
    pub duration: Duration,
    /// The error number, zero for none.
    pub error: i32,
    /// Who waited or wrote, where that is known.
    pub task: Option<Task>,
}

/// Packets that belong together: a connection, a request, or what was wrong with them.
#[derive(Clone, Debug, PartialEq)]
pub struct Packet {
    /// What was seen.
    pub kind: PacketKind,
    /// `tcp`, `udp`, `icmp`, `http` …
    pub protocol: Cow<'static, str>,
    /// The interface, where it is known.
    pub interface: Option<String>,
    /// Who sent first.
    pub source: SocketAddr,
    /// Who was asked.
    pub destination: SocketAddr,
    /// Bytes in both directions.
    pub bytes: u64,
    /// Packets in both directions.
    pub packets: u64,
    /// How long it took.
    pub duration: Option<Duration>,
    /// What else is known, in words, without payload: `GET /login 404`.
    pub detail: String,
    /// The process, where it is known.
    pub task: Option<Task>,
}

/// What was seen of packets.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum PacketKind {
    /// A connection was made, or could not be.
    Connect,
    /// A packet was lost in this host, and why.
    Drop,
    /// A request over HTTP/1 and its answer.
    Http,
    /// Headers without sense.
    Malformed,
    /// A segment was sent again.
    Retransmit,
}

impl PacketKind {
    /// Returns the name in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Drop => "drop",
            Self::Http => "http",
            Self::Malformed => "malformed",
            Self::Retransmit => "retransmit",
        }
    }
}

/// Something that may be an attack: what a rule found, and what speaks against it.
#[derive(Clone, Debug, PartialEq)]
pub struct Security {
    /// The rule: `port_scan`.
    pub rule: Cow<'static, str>,
    /// How much it matters.
    pub severity: Severity,
    /// What was seen, in one sentence.
    pub explanation: String,
    /// When the rule is wrong.
    pub false_positives: Cow<'static, str>,
    /// What the rule saw, secrets masked.
    pub evidence: String,
    /// Who is attacked or attacks on this host.
    pub task: Option<Task>,
    /// Where it comes from.
    pub source: Option<IpAddr>,
    /// What it goes to.
    pub destination: Option<SocketAddr>,
    /// How often it was seen since the last event of the same rule and source.
    pub count: u64,
}

impl Task {
    pub(super) const fn heap_bytes(&self) -> usize {
        self.name.capacity()
    }
}

impl Exec {
    pub(super) fn heap_bytes(&self) -> usize {
        let arguments: usize = self.arguments.iter().map(|argument| size_of::<String>() + argument.capacity()).sum();
        self.task.heap_bytes() + self.path.capacity() + arguments
    }
}

impl Io {
    pub(super) fn heap_bytes(&self) -> usize {
        self.device.capacity() + self.task.as_ref().map_or(0, Task::heap_bytes)
    }
}

impl Packet {
    pub(super) fn heap_bytes(&self) -> usize {
        let interface = self.interface.as_ref().map_or(0, String::capacity);
        interface + self.detail.capacity() + self.task.as_ref().map_or(0, Task::heap_bytes)
    }
}

impl Security {
    pub(super) fn heap_bytes(&self) -> usize {
        self.explanation.capacity() + self.evidence.capacity() + self.task.as_ref().map_or(0, Task::heap_bytes)
    }
}
