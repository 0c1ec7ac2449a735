//! Events of the kernel, one line each.

use std::{fmt::Write, time::Duration};

use observe::{EventData, Exec, Io, Item, KernelStatus, Packet, ProcessChange, Security, SystemEvent, Task};

use super::{Screen, printable};
use crate::cli::{error::CommandError, output, time};

/// Shows each event as it comes.
#[derive(Debug)]
pub(super) struct Lines;

impl Screen for Lines {
    fn show(&mut self, items: Vec<Item>, _: Duration, _: &KernelStatus) -> Result<(), CommandError> {
        let mut text = String::new();
        for item in items {
            if let Item::Event(event) = item {
                // Writing to a string cannot fail.
                writeln!(text, "{}", line(&event)).unwrap_or_default();
            }
        }
        if text.is_empty() { Ok(()) } else { output::write(&text) }
    }
}

/// Writes an event in a line; what programs call themselves cannot break out of it.
fn line(event: &SystemEvent) -> String {
    let what = match &event.data {
        EventData::Exec(exec) => of_process(exec),
        EventData::Io(io) => of_device(io),
        EventData::Packet(packet) => of_packet(packet),
        EventData::Security(finding) => of_finding(finding),
        other => format!("{other:?}"),
    };
    let what: String = what.chars().flat_map(printable).collect();
    format!("{} {what}", time::rfc3339(event.timestamp))
}

fn of_process(exec: &Exec) -> String {
    let Exec { change, task, ppid, path, arguments } = exec;
    let who = format!("{:>7} {:>7} {:>6} {:<15}", task.pid, ppid, task.uid, task.name);
    match change {
        ProcessChange::Exited { status, signal, lifetime } => {
            format!("{who} exited {status} signal {signal} after {:.3} s", lifetime.as_secs_f64())
        }
        ProcessChange::OomKilled { anonymous_bytes } => {
            format!("{who} killed for want of memory, it held {anonymous_bytes} bytes")
        }
        _ if arguments.is_empty() => format!("{who} {path}"),
        _ => format!("{who} {}", arguments.join(" ")),
    }
}

fn of_device(io: &Io) -> String {
    let error = if io.error == 0 { String::new() } else { format!(" error {}", io.error) };
    let (micros, who) = (io.duration.as_secs_f64() * 1e6, io.task.as_ref().map(who).unwrap_or_default());
    format!("{:<8} {:<7} {:>9} bytes {micros:>10.0} us{error} {who}", io.device, io.operation, io.bytes)
}

fn of_packet(packet: &Packet) -> String {
    let duration =
        packet.duration.map(|duration| format!(" {:.0} us", duration.as_secs_f64() * 1e6)).unwrap_or_default();
    let who = packet.task.as_ref().map(who).unwrap_or_default();
    let (kind, protocol) = (packet.kind.as_str(), &packet.protocol);
    format!("{protocol} {kind} {} -> {}{duration} {} {who}", packet.source, packet.destination, packet.detail)
}

fn of_finding(finding: &Security) -> String {
    let who = finding.task.as_ref().map(who).unwrap_or_default();
    format!("{} {}: {} {who}", finding.severity.as_str(), finding.rule, finding.evidence)
}

fn who(task: &Task) -> String {
    format!("{}[{}]", task.name, task.pid)
}

#[cfg(test)]
mod tests {
    use observe::Timestamp;

    use super::*;

    #[test]
    fn a_command_line_cannot_break_out_of_its_line() {
        let exec = Exec {
            change: ProcessChange::Started,
            task: Task { pid: 7, ..Task::default() },
            ppid: 1,
            path: "/bin/x".to_owned(),
            arguments: vec!["x".to_owned(), "\u{1b}[31m\nroot".to_owned()],
        };
        let event = SystemEvent::new("ebpf::exec", Timestamp::default(), EventData::Exec(exec));

        let line = line(&event);

        assert!(line.ends_with("x \\u{1b}[31m\\nroot") && !line.contains('\n'), "{line}");
    }
}
