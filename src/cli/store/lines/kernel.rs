//! What a line says of an event of the kernel.

use std::{
    borrow::Cow,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use observe::{Exec, Io, Packet, PacketKind, ProcessChange, Security, Severity, Syscall, Task};
use serde::{Deserialize, Serialize};

use super::record::{meant, word};

#[derive(Deserialize, Serialize)]
struct TaskData<'a> {
    pid: u32,
    tid: u32,
    uid: u32,
    name: Cow<'a, str>,
    #[serde(default)]
    cgroup: u64,
}

#[derive(Deserialize, Serialize)]
pub(super) struct ExecData<'a> {
    #[serde(flatten)]
    change: Change,
    task: TaskData<'a>,
    ppid: u32,
    #[serde(default)]
    path: Cow<'a, str>,
    #[serde(default)]
    arguments: Cow<'a, [String]>,
}

#[derive(Deserialize, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
enum Change {
    Exited { status: i32, signal: i32, lifetime_ns: u64 },
    OomKilled { anonymous_bytes: u64 },
    Started,
}

#[derive(Deserialize, Serialize)]
pub(super) struct IoData<'a> {
    device: Cow<'a, str>,
    operation: Cow<'a, str>,
    bytes: u64,
    duration_ns: u64,
    #[serde(default)]
    error: i32,
    task: Option<TaskData<'a>>,
}

#[derive(Deserialize, Serialize)]
pub(super) struct PacketData<'a> {
    kind: Cow<'a, str>,
    protocol: Cow<'a, str>,
    interface: Option<Cow<'a, str>>,
    source: SocketAddr,
    destination: SocketAddr,
    bytes: u64,
    packets: u64,
    duration_ns: Option<u64>,
    #[serde(default)]
    detail: Cow<'a, str>,
    task: Option<TaskData<'a>>,
}

#[derive(Deserialize, Serialize)]
pub(super) struct SecurityData<'a> {
    rule: Cow<'a, str>,
    severity: Cow<'a, str>,
    explanation: Cow<'a, str>,
    #[serde(default)]
    false_positives: Cow<'a, str>,
    #[serde(default)]
    evidence: Cow<'a, str>,
    task: Option<TaskData<'a>>,
    source: Option<IpAddr>,
    destination: Option<SocketAddr>,
    count: u64,
}

#[derive(Deserialize, Serialize)]
pub(super) struct SyscallData<'a> {
    name: Cow<'a, str>,
    task: TaskData<'a>,
    duration_ns: u64,
    result: i64,
}

impl<'a> TaskData<'a> {
    fn new(task: &'a Task) -> Self {
        let Task { pid, tid, uid, name, cgroup } = task;
        Self { pid: *pid, tid: *tid, uid: *uid, name: Cow::Borrowed(name), cgroup: *cgroup }
    }

    fn read(self) -> Task {
        let Self { pid, tid, uid, name, cgroup } = self;
        Task { pid, tid, uid, name: name.into_owned(), cgroup }
    }
}

impl<'a> ExecData<'a> {
    /// Describes a change of a process; `None` where lines have no word for it.
    pub(super) fn new(exec: &'a Exec) -> Option<Self> {
        Some(Self {
            change: Change::new(exec.change)?,
            task: TaskData::new(&exec.task),
            ppid: exec.ppid,
            path: Cow::Borrowed(&exec.path),
            arguments: Cow::Borrowed(&exec.arguments),
        })
    }

    pub(super) fn read(self) -> Exec {
        Exec {
            change: self.change.read(),
            task: self.task.read(),
            ppid: self.ppid,
            path: self.path.into_owned(),
            arguments: self.arguments.into_owned(),
        }
    }
}

impl Change {
    fn new(change: ProcessChange) -> Option<Self> {
        Some(match change {
            ProcessChange::Exited { status, signal, lifetime } => {
                Self::Exited { status, signal, lifetime_ns: nanos(lifetime) }
            }
            ProcessChange::OomKilled { anonymous_bytes } => Self::OomKilled { anonymous_bytes },
            ProcessChange::Started => Self::Started,
            _ => return None,
        })
    }

    const fn read(self) -> ProcessChange {
        match self {
            Self::Exited { status, signal, lifetime_ns } => {
                ProcessChange::Exited { status, signal, lifetime: Duration::from_nanos(lifetime_ns) }
            }
            Self::OomKilled { anonymous_bytes } => ProcessChange::OomKilled { anonymous_bytes },
            Self::Started => ProcessChange::Started,
        }
    }
}

impl<'a> IoData<'a> {
    pub(super) fn new(io: &'a Io) -> Self {
        Self {
            device: Cow::Borrowed(&io.device),
            operation: Cow::Borrowed(io.operation),
            bytes: io.bytes,
            duration_ns: nanos(io.duration),
            error: io.error,
            task: io.task.as_ref().map(TaskData::new),
        }
    }

    pub(super) fn read(self) -> Result<Io, String> {
        Ok(Io {
            device: self.device.into_owned(),
            operation: meant(&OPERATIONS, &self.operation)?,
            bytes: self.bytes,
            duration: Duration::from_nanos(self.duration_ns),
            error: self.error,
            task: self.task.map(TaskData::read),
        })
    }
}

impl<'a> PacketData<'a> {
    pub(super) fn new(packet: &'a Packet) -> Self {
        Self {
            kind: word(&PACKETS, &packet.kind).into(),
            protocol: Cow::Borrowed(&packet.protocol),
            interface: packet.interface.as_deref().map(Cow::Borrowed),
            source: packet.source,
            destination: packet.destination,
            bytes: packet.bytes,
            packets: packet.packets,
            duration_ns: packet.duration.map(nanos),
            detail: Cow::Borrowed(&packet.detail),
            task: packet.task.as_ref().map(TaskData::new),
        }
    }

    pub(super) fn read(self) -> Result<Packet, String> {
        Ok(Packet {
            kind: meant(&PACKETS, &self.kind)?,
            protocol: self.protocol.into_owned().into(),
            interface: self.interface.map(Cow::into_owned),
            source: self.source,
            destination: self.destination,
            bytes: self.bytes,
            packets: self.packets,
            duration: self.duration_ns.map(Duration::from_nanos),
            detail: self.detail.into_owned(),
            task: self.task.map(TaskData::read),
        })
    }
}

impl<'a> SecurityData<'a> {
    pub(super) fn new(finding: &'a Security) -> Self {
        Self {
            rule: Cow::Borrowed(&finding.rule),
            severity: word(&SEVERITIES, &finding.severity).into(),
            explanation: Cow::Borrowed(&finding.explanation),
            false_positives: Cow::Borrowed(&finding.false_positives),
            evidence: Cow::Borrowed(&finding.evidence),
            task: finding.task.as_ref().map(TaskData::new),
            source: finding.source,
            destination: finding.destination,
            count: finding.count,
        }
    }

    pub(super) fn read(self) -> Result<Security, String> {
        Ok(Security {
            rule: self.rule.into_owned().into(),
            severity: meant(&SEVERITIES, &self.severity)?,
            explanation: self.explanation.into_owned(),
            false_positives: self.false_positives.into_owned().into(),
            evidence: self.evidence.into_owned(),
            task: self.task.map(TaskData::read),
            source: self.source,
            destination: self.destination,
            count: self.count,
        })
    }
}

impl<'a> SyscallData<'a> {
    pub(super) fn new(syscall: &'a Syscall) -> Self {
        Self {
            name: Cow::Borrowed(&syscall.name),
            task: TaskData::new(&syscall.task),
            duration_ns: nanos(syscall.duration),
            result: syscall.result,
        }
    }

    pub(super) fn read(self) -> Syscall {
        Syscall {
            name: self.name.into_owned().into(),
            task: self.task.read(),
            duration: Duration::from_nanos(self.duration_ns),
            result: self.result,
        }
    }
}

/// Returns nanoseconds, at most those of 584 years.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The words of the HTTP interface.
const OPERATIONS: [(&str, &str); 5] =
    [("discard", "discard"), ("flush", "flush"), ("other", "other"), ("read", "read"), ("write", "write")];
const PACKETS: [(&str, PacketKind); 5] = [
    ("connect", PacketKind::Connect),
    ("drop", PacketKind::Drop),
    ("http", PacketKind::Http),
    ("malformed", PacketKind::Malformed),
    ("retransmit", PacketKind::Retransmit),
];
const SEVERITIES: [(&str, Severity); 3] =
    [("critical", Severity::Critical), ("info", Severity::Info), ("warning", Severity::Warning)];
