//! By what a process is known to others on its machine.

use std::{fmt, fs, process};

/// What tells a process from all others that its machine has or had: when the machine was started, which of its process
/// namespaces it is, the number there, and when the process was started.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Trace {
    boot: String,
    namespace: String,
    pid: u32,
    started: String,
}

impl Trace {
    pub(super) fn of_this_process() -> Self {
        let pid = process::id();
        Self { boot: boot(), namespace: namespace(), pid, started: started(pid).unwrap_or_default() }
    }

    /// Finds the trace in what a process wrote of itself; `None` where there is none.
    pub(super) fn read(holder: &str) -> Option<Self> {
        let mut words = holder.lines().nth(1)?.split(' ').map(str::to_owned);
        let (boot, namespace, pid, started) =
            (words.next()?, words.next()?, words.next()?.parse().ok()?, words.next()?);
        let is_known = !boot.is_empty() && !namespace.is_empty() && !started.is_empty();
        is_known.then_some(Self { boot, namespace, pid, started })
    }

    /// Returns whether the process is there; `None` where that cannot be seen from here.
    pub(super) fn is_here(&self) -> Option<bool> {
        if self.boot != boot() || self.namespace != namespace() {
            return None;
        }
        Some(started(self.pid).is_some_and(|started| started == self.started))
    }
}

/// Writes what [`Trace::read`] reads.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { boot, namespace, pid, started } = self;
        write!(f, "{boot} {namespace} {pid} {started}")
    }
}

fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

fn namespace() -> String {
    let link = fs::read_link("/proc/self/ns/pid");
    link.map(|link| link.display().to_string()).unwrap_or_default()
}

/// Returns when a process was started, in ticks since the machine was; `None` where there is none, or only its remains.
fn started(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program may hold anything; fields are counted from behind it, where the third is.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let is_dead = matches!(fields.next()?, "X" | "Z");
    fields.nth(18).filter(|_| !is_dead).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_here_and_one_of_the_same_number_that_was_started_before_is_not() {
        let this = Trace::of_this_process();
        let other = Trace { started: "1".to_owned(), ..this.clone() };

        assert_eq!(Trace::read(&format!("a process\n{this}")), Some(this.clone()));
        assert_eq!(this.is_here(), Some(true));
        assert_eq!(other.is_here(), Some(false));
    }

    #[test]
    fn nothing_is_known_of_other_machines_and_of_those_that_left_no_trace() {
        let this = Trace::of_this_process();

        assert_eq!(Trace { boot: "other".to_owned(), ..this.clone() }.is_here(), None);
        assert_eq!(Trace { namespace: "other".to_owned(), ..this }.is_here(), None);
        assert_eq!(Trace::read("process 7 on mars since 2024"), None);
        assert_eq!(Trace::read("process 7\n  7 "), None);
    }
}
