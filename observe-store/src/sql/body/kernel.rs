//! What the kernel said.

use std::{
    borrow::Cow,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use observe_core::{EventData, Exec, Io, Packet, PacketKind, ProcessChange, Security, Severity, Syscall, Task};
use serde::{Deserialize, Serialize};

#[derive(Deserialize, Serialize)]
struct TaskBody<'a> {
    pid: u32,
    tid: u32,
    uid: u32,
    name: Cow<'a, str>,
    cgroup: u64,
}

impl<'a> TaskBody<'a> {
    fn new(task: &'a Task) -> Self {
        let Task { pid, tid, uid, name, cgroup } = task;
        Self { pid: *pid, tid: *tid, uid: *uid, name: Cow::Borrowed(name), cgroup: *cgroup }
    }

    fn into_task(self) -> Task {
        let Self { pid, tid, uid, name, cgroup } = self;
        Task { pid, tid, uid, name: name.into_owned(), cgroup }
    }
}

#[derive(Deserialize, Serialize)]
pub(super) struct SyscallBody<'a> {
    name: Cow<'a, str>,
    task: TaskBody<'a>,
    duration_ns: u64,
    result: i64,
}

impl<'a> SyscallBody<'a> {
    pub(super) fn new(syscall: &'a Syscall) -> Self {
        Self {
            name: Cow::Borrowed(&syscall.name),
            task: TaskBody::new(&syscall.task),
            duration_ns: nanos(syscall.duration),
            result: syscall.result,
        }
    }

    pub(super) fn into_data(self) -> EventData {
        EventData::Syscall(Syscall {
            name: self.name.into_owned().into(),
            task: self.task.into_task(),
            duration: Duration::from_nanos(self.duration_ns),
            result: self.result,
        })
    }
}

#[derive(Deserialize, Serialize)]
pub(super) struct ExecBody<'a> {
    change: ChangeBody,
    task: TaskBody<'a>,
    ppid: u32,
    #[serde(default, skip_serializing_if = "str::is_empty")]
    path: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    arguments: Cow<'a, [String]>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum ChangeBody {
    Exited { status: i32, signal: i32, lifetime_ns: u64 },
    OomKilled { anonymous_bytes: u64 },
    Started,
}

impl<'a> ExecBody<'a> {
    /// Makes the body; `None` for a change that has no form here.
    pub(super) fn new(exec: &'a Exec) -> Option<Self> {
        let change = match exec.change {
            ProcessChange::Exited { status, signal, lifetime } => {
                ChangeBody::Exited { status, signal, lifetime_ns: nanos(lifetime) }
            }
            ProcessChange::OomKilled { anonymous_bytes } => ChangeBody::OomKilled { anonymous_bytes },
            ProcessChange::Started => ChangeBody::Started,
            _ => return None,
        };
        Some(Self {
            change,
            task: TaskBody::new(&exec.task),
            ppid: exec.ppid,
            path: Cow::Borrowed(&exec.path),
            arguments: Cow::Borrowed(&exec.arguments),
        })
    }

    pub(super) fn into_data(self) -> EventData {
        let change = match self.change {
            ChangeBody::Exited { status, signal, lifetime_ns } => {
                ProcessChange::Exited { status, signal, lifetime: Duration::from_nanos(lifetime_ns) }
            }
            ChangeBody::OomKilled { anonymous_bytes } => ProcessChange::OomKilled { anonymous_bytes },
            ChangeBody::Started => ProcessChange::Started,
        };
        EventData::Exec(Exec {
            change,
            task: self.task.into_task(),
            ppid: self.ppid,
            path: self.path.into_owned(),
            arguments: self.arguments.into_owned(),
        })
    }
}

#[derive(Deserialize, Serialize)]
pub(super) struct IoBody<'a> {
    device: Cow<'a, str>,
    operation: Cow<'a, str>,
    bytes: u64,
    duration_ns: u64,
    error: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    task: Option<TaskBody<'a>>,
}

impl<'a> IoBody<'a> {
    pub(super) fn new(io: &'a Io) -> Self {
        Self {
            device: Cow::Borrowed(&io.device),
            operation: Cow::Borrowed(io.operation),
            bytes: io.bytes,
            duration_ns: nanos(io.duration),
            error: io.error,
            task: io.task.as_ref().map(TaskBody::new),
        }
    }

    pub(super) fn into_data(self) -> EventData {
        let operation = OPERATIONS.into_iter().find(|operation| *operation == self.operation);
        EventData::Io(Io {
            device: self.device.into_owned(),
            operation: operation.unwrap_or("other"),
            bytes: self.bytes,
            duration: Duration::from_nanos(self.duration_ns),
            error: self.error,
            task: self.task.map(TaskBody::into_task),
        })
    }
}

#[derive(Deserialize, Serialize)]
pub(super) struct PacketBody<'a> {
    kind: Cow<'a, str>,
    protocol: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    interface: Option<Cow<'a, str>>,
    source: SocketAddr,
    destination: SocketAddr,
    bytes: u64,
    packets: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    duration_ns: Option<u64>,
    detail: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    task: Option<TaskBody<'a>>,
}

impl<'a> PacketBody<'a> {
    pub(super) fn new(packet: &'a Packet) -> Self {
        Self {
            kind: packet.kind.as_str().into(),
            protocol: Cow::Borrowed(&packet.protocol),
            interface: packet.interface.as_deref().map(Cow::Borrowed),
            source: packet.source,
            destination: packet.destination,
            bytes: packet.bytes,
            packets: packet.packets,
            duration_ns: packet.duration.map(nanos),
            detail: Cow::Borrowed(&packet.detail),
            task: packet.task.as_ref().map(TaskBody::new),
        }
    }

    pub(super) fn into_data(self) -> Result<EventData, String> {
        let kind = PACKET_KINDS.into_iter().find(|kind| kind.as_str() == self.kind);
        Ok(EventData::Packet(Packet {
            kind: kind.ok_or_else(|| format!("there are no packets of the kind {}", self.kind))?,
            protocol: self.protocol.into_owned().into(),
            interface: self.interface.map(Cow::into_owned),
            source: self.source,
            destination: self.destination,
            bytes: self.bytes,
            packets: self.packets,
            duration: self.duration_ns.map(Duration::from_nanos),
            detail: self.detail.into_owned(),
            task: self.task.map(TaskBody::into_task),
        }))
    }
}

#[derive(Deserialize, Serialize)]
pub(super) struct SecurityBody<'a> {
    rule: Cow<'a, str>,
    severity: Cow<'a, str>,
    explanation: Cow<'a, str>,
    false_positives: Cow<'a, str>,
    evidence: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    task: Option<TaskBody<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    destination: Option<SocketAddr>,
    count: u64,
}

impl<'a> SecurityBody<'a> {
    pub(super) fn new(finding: &'a Security) -> Self {
        Self {
            rule: Cow::Borrowed(&finding.rule),
            severity: finding.severity.as_str().into(),
            explanation: Cow::Borrowed(&finding.explanation),
            false_positives: Cow::Borrowed(&finding.false_positives),
            evidence: Cow::Borrowed(&finding.evidence),
            task: finding.task.as_ref().map(TaskBody::new),
            source: finding.source,
            destination: finding.destination,
            count: finding.count,
        }
    }

    pub(super) fn into_data(self) -> Result<EventData, String> {
        let severity = SEVERITIES.into_iter().find(|severity| severity.as_str() == self.severity);
        Ok(EventData::Security(Security {
            rule: self.rule.into_owned().into(),
            severity: severity.ok_or_else(|| format!("there is no severity {}", self.severity))?,
            explanation: self.explanation.into_owned(),
            false_positives: self.false_positives.into_owned().into(),
            evidence: self.evidence.into_owned(),
            task: self.task.map(TaskBody::into_task),
            source: self.source,
            destination: self.destination,
            count: self.count,
        }))
    }
}

/// Returns nanoseconds, at most those of 584 years.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

const OPERATIONS: [&str; 4] = ["discard", "flush", "read", "write"];
const PACKET_KINDS: [PacketKind; 5] =
    [PacketKind::Connect, PacketKind::Drop, PacketKind::Http, PacketKind::Malformed, PacketKind::Retransmit];
const SEVERITIES: [Severity; 3] = [Severity::Info, Severity::Warning, Severity::Critical];
