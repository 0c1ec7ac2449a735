//! What an event's `data` says of the kernel.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use observe_core::{Exec, Io, Packet, ProcessChange, Security, Syscall, Task};
use serde::Serialize;
use utoipa::ToSchema;

/// Who did something, as the kernel knew it at that moment.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TaskBody<'a> {
    /// The process.
    pid: u32,
    /// The thread.
    tid: u32,
    /// The user it ran as.
    uid: u32,
    /// The thread's command name, at most 15 bytes.
    name: &'a str,
    /// The id of its control group, 0 where it is not known.
    cgroup: u64,
}

/// A system call that took long, or failed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SyscallBody<'a> {
    /// Its name: `openat`.
    name: &'a str,
    task: TaskBody<'a>,
    /// The time from entry to return, in microseconds.
    duration_us: f64,
    /// What it returned; below zero it is an error number.
    result: i64,
}

/// A process that started, ended or was killed for want of memory.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExecBody<'a> {
    /// `exited`, `oom_killed` or `started`.
    change: &'static str,
    task: TaskBody<'a>,
    /// The id of its parent.
    ppid: u32,
    /// The program's file; empty where only the command name is known.
    path: &'a str,
    /// The command line of one that started, secrets masked.
    arguments: &'a [String],
    /// The exit status of one that ended.
    status: Option<i32>,
    /// The signal that ended it, 0 for none.
    signal: Option<i32>,
    /// How long it had lived, in milliseconds.
    lifetime_ms: Option<f64>,
    /// Bytes of anonymous memory that one held that was killed for want of memory.
    anonymous_bytes: Option<u64>,
}

/// A request that a block device took long for, or failed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IoBody<'a> {
    /// The device: `sda`, or `8:0` where it has no name.
    device: &'a str,
    /// `discard`, `flush`, `other`, `read` or `write`.
    operation: &'static str,
    /// Bytes that were asked for.
    bytes: u64,
    /// The time from the request to its end, in microseconds.
    duration_us: f64,
    /// The error number, 0 for none.
    error: i32,
    /// Who waited or wrote; null where that is not known.
    task: Option<TaskBody<'a>>,
}

/// Packets that belong together: a connection, a request, or what was wrong with them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PacketBody<'a> {
    /// `connect`, `drop`, `http`, `malformed` or `retransmit`.
    kind: &'static str,
    /// `tcp`, `udp`, `icmp`, `http`.
    protocol: &'a str,
    /// The interface; null where it is not known.
    interface: Option<&'a str>,
    /// Who sent first: `10.0.0.1:51234`, `[::1]:51234`.
    #[schema(value_type = String)]
    source: SocketAddr,
    /// Who was asked.
    #[schema(value_type = String)]
    destination: SocketAddr,
    /// Bytes in both directions.
    bytes: u64,
    /// Packets in both directions.
    packets: u64,
    /// How long it took, in microseconds; null where that is not known.
    duration_us: Option<f64>,
    /// What else is known, without payload: `GET /login 404`.
    detail: &'a str,
    /// The process; null where it is not known.
    task: Option<TaskBody<'a>>,
}

/// Something that may be an attack: what a rule found, and what speaks against it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SecurityBody<'a> {
    /// The rule: `port_scan`.
    rule: &'a str,
    /// `info`, `warning` or `critical`.
    severity: &'static str,
    /// What was seen, in one sentence.
    explanation: &'a str,
    /// When the rule is wrong.
    false_positives: &'a str,
    /// What the rule saw, secrets masked.
    evidence: &'a str,
    /// Who is attacked, or attacks, on this host; null where that is not known.
    task: Option<TaskBody<'a>>,
    /// The address it comes from; null where that is not known.
    #[schema(value_type = Option<String>)]
    source: Option<IpAddr>,
    /// The address and port it goes to; null where that is not known.
    #[schema(value_type = Option<String>)]
    destination: Option<SocketAddr>,
    /// How often it was seen since the last event of the same rule and source.
    count: u64,
}

impl<'a> TaskBody<'a> {
    fn new(task: &'a Task) -> Self {
        Self { pid: task.pid, tid: task.tid, uid: task.uid, name: &task.name, cgroup: task.cgroup }
    }
}

impl<'a> SyscallBody<'a> {
    pub(super) fn new(syscall: &'a Syscall) -> Self {
        Self {
            name: &syscall.name,
            task: TaskBody::new(&syscall.task),
            duration_us: micros(syscall.duration),
            result: syscall.result,
        }
    }
}

impl<'a> ExecBody<'a> {
    pub(super) fn new(exec: &'a Exec) -> Self {
        let body = Self {
            change: exec.change.as_str(),
            task: TaskBody::new(&exec.task),
            ppid: exec.ppid,
            path: &exec.path,
            arguments: &exec.arguments,
            status: None,
            signal: None,
            lifetime_ms: None,
            anonymous_bytes: None,
        };
        match exec.change {
            ProcessChange::Exited { status, signal, lifetime } => {
                Self { status: Some(status), signal: Some(signal), lifetime_ms: Some(micros(lifetime) / 1e3), ..body }
            }
            ProcessChange::OomKilled { anonymous_bytes } => Self { anonymous_bytes: Some(anonymous_bytes), ..body },
            _ => body,
        }
    }
}

impl<'a> IoBody<'a> {
    pub(super) fn new(io: &'a Io) -> Self {
        Self {
            device: &io.device,
            operation: io.operation,
            bytes: io.bytes,
            duration_us: micros(io.duration),
            error: io.error,
            task: io.task.as_ref().map(TaskBody::new),
        }
    }
}

impl<'a> PacketBody<'a> {
    pub(super) fn new(packet: &'a Packet) -> Self {
        Self {
            kind: packet.kind.as_str(),
            protocol: &packet.protocol,
            interface: packet.interface.as_deref(),
            source: packet.source,
            destination: packet.destination,
            bytes: packet.bytes,
            packets: packet.packets,
            duration_us: packet.duration.map(micros),
            detail: &packet.detail,
            task: packet.task.as_ref().map(TaskBody::new),
        }
    }
}

impl<'a> SecurityBody<'a> {
    pub(super) fn new(finding: &'a Security) -> Self {
        Self {
            rule: &finding.rule,
            severity: finding.severity.as_str(),
            explanation: &finding.explanation,
            false_positives: &finding.false_positives,
            evidence: &finding.evidence,
            task: finding.task.as_ref().map(TaskBody::new),
            source: finding.source,
            destination: finding.destination,
            count: finding.count,
        }
    }
}

/// Returns microseconds with their fraction.
fn micros(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e3
}
