//! The table of those who make most system calls.

use std::{
    io::{self, IsTerminal},
    sync::Arc,
    time::Duration,
};

use observe::{Item, KernelStatus, TopSyscall, TopSyscalls};

use super::{CLEAR, Screen, printable};
use crate::cli::{error::CommandError, output, table};

/// Of whom it is shown what they call.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(super) enum Caller {
    Cgroup,
    Process,
}

/// Shows who calls most, as the board has it.
#[derive(Debug)]
pub(super) struct Callers {
    by: Caller,
    top: usize,
    before: Arc<TopSyscalls>,
}

impl Callers {
    pub(super) fn new(by: Caller, top: usize) -> Self {
        Self { by, top, before: Arc::default() }
    }

    fn render(&self, tops: &TopSyscalls) -> String {
        let table = match self.by {
            Caller::Cgroup => {
                let rows: Vec<_> = tops.by_cgroup.iter().take(self.top).map(cgroup).collect();
                table::aligned(["CGROUP", "CALL", "CALLS/S"], &rows, &[2])
            }
            Caller::Process => {
                let rows: Vec<_> = tops.by_process.iter().take(self.top).map(process).collect();
                table::aligned(["PID", "NAME", "CALL", "CALLS/S"], &rows, &[0, 3])
            }
        };
        format!("{table}estimated from one call in 64\n")
    }
}

impl Screen for Callers {
    fn show(&mut self, _: Vec<Item>, _: Duration, status: &KernelStatus) -> Result<(), CommandError> {
        let tops = &status.top_syscalls;
        // The board has a new list now and then; the first one is empty.
        if Arc::ptr_eq(tops, &self.before) || **tops == TopSyscalls::default() {
            return Ok(());
        }
        let text = self.render(tops);
        self.before = tops.clone();
        if io::stdout().is_terminal() {
            output::write(&format!("{CLEAR}{text}"))
        } else {
            output::write(&format!("{text}\n"))
        }
    }
}

fn process(top: &TopSyscall) -> [String; 4] {
    [top.id.to_string(), name(top, "?".to_owned()), top.syscall.to_string(), rate(top)]
}

fn cgroup(top: &TopSyscall) -> [String; 3] {
    [name(top, top.id.to_string()), top.syscall.to_string(), rate(top)]
}

/// Returns the caller's name; what programs call themselves cannot break out of its line.
fn name(top: &TopSyscall, without: String) -> String {
    top.name.as_deref().map_or(without, |name| name.chars().flat_map(printable).collect())
}

fn rate(top: &TopSyscall) -> String {
    format!("{:.0}", top.calls_per_second)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn top(id: u64, name: Option<&str>, calls_per_second: f64) -> TopSyscall {
        TopSyscall { id, name: name.map(Into::into), syscall: "read".into(), calls_per_second }
    }

    fn tops() -> TopSyscalls {
        TopSyscalls {
            reason: None,
            by_process: vec![top(4711, Some("\u{1b}[31m"), 1234.5), top(7, None, 9.0), top(8, Some("sh"), 1.0)],
            by_cgroup: vec![top(33, Some("/system.slice"), 1300.0), top(34, None, 9.0)],
        }
    }

    #[test]
    fn processes_have_ids_and_names_that_cannot_break_out() {
        let text = Callers::new(Caller::Process, 2).render(&tops());

        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], "4711  \\u{1b}[31m  read     1234");
        assert_eq!(lines[2], "   7  ?           read        9");
        assert_eq!(lines[3], "estimated from one call in 64");
    }

    #[test]
    fn a_control_group_without_a_path_has_its_id() {
        let text = Callers::new(Caller::Cgroup, 20).render(&tops());

        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1..3], ["/system.slice  read     1300", "34             read        9"]);
    }
}
