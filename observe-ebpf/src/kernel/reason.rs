//! Why a feature cannot work here, and what to do about it.

use std::{error::Error, io};

use aya::{EbpfError, maps::MapError, programs::ProgramError, sys::SyscallError};

/// Says why the kernel does not let a feature work. The text is a sentence for users.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unavailable {
    /// Something that the process may not do.
    #[error("missing {0}")]
    Capability(&'static str),
    /// Whatever else the kernel said.
    #[error("the kernel does not take {what}: {reason}")]
    Failed {
        /// What was tried.
        what: String,
        /// What it said, causes included.
        reason: String,
    },
    /// Another tool has what can be had once.
    #[error("another program already uses {0}")]
    InUse(String),
    /// The kernel was built without it.
    #[error("the kernel has no {0}")]
    Missing(String),
    /// The kernel does not describe its types.
    #[error("the kernel does not describe its types: no /sys/kernel/btf/vmlinux")]
    NoBtf,
    /// The kernel is older than any that is supported.
    #[error("kernel {release} is older than 5.15")]
    Outdated {
        /// Its release.
        release: String,
    },
    /// The process has what it takes, and the kernel refuses all the same.
    #[error("the kernel's policy refuses {what}{}", lockdown.as_ref().map(|mode| format!(" (lockdown: {mode})")).unwrap_or_default())]
    Policy {
        /// What it refuses.
        what: String,
        /// The mode of lockdown, where that can be read.
        lockdown: Option<String>,
    },
    /// The kernel found a program of this crate unsafe.
    #[error("the kernel's verifier refuses {program}: {log}")]
    Verifier {
        /// The program.
        program: String,
        /// The end of the verifier's log.
        log: String,
    },
}

impl Unavailable {
    /// Returns what to do about it.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Capability("CAP_NET_ADMIN") => {
                "run as root, or `setcap cap_bpf,cap_perfmon,cap_net_admin+ep` on the binary"
            }
            Self::Capability("CAP_SYS_ADMIN") => "run as root, or switch this off",
            Self::Capability(_) => {
                "run as root, or `setcap cap_bpf,cap_perfmon+ep` on the binary; in a container, add both"
            }
            Self::Failed { .. } => "see the log for details",
            Self::InUse(_) => "stop the other program, or switch this feature off",
            Self::Missing(_) => "use a kernel built with it, or switch this feature off",
            Self::NoBtf => "use a kernel built with CONFIG_DEBUG_INFO_BTF",
            Self::Outdated { .. } => "use Linux 5.15 or later",
            Self::Policy { .. } => {
                "see kernel.unprivileged_bpf_disabled, lockdown and the security modules of this host"
            }
            Self::Verifier { .. } => "report this with the kernel's release: it is a defect of observe",
        }
    }

    /// Returns whether trying again while the process runs is in vain.
    pub(crate) const fn is_final(&self) -> bool {
        !matches!(self, Self::Failed { .. } | Self::InUse(_))
    }

    /// Returns whether a raw tracepoint may be taken where the other kind is not.
    pub(super) const fn may_be_the_type(&self) -> bool {
        matches!(
            self,
            Self::Failed { .. } | Self::Missing(_) | Self::NoBtf | Self::Policy { .. } | Self::Verifier { .. }
        )
    }
}

/// What an error needs to be understood.
#[derive(Debug)]
pub(crate) struct Circumstances<'a> {
    /// Capabilities of this process.
    pub(crate) capabilities: &'a [&'static str],
    /// The mode of lockdown.
    pub(crate) lockdown: Option<&'a str>,
    /// What the type of program needs beside `CAP_BPF`.
    pub(crate) needs: &'static str,
}

impl Circumstances<'_> {
    /// Understands why an object was not loaded: maps are made then, programs are not.
    pub(crate) fn of_object(&self, what: &str, error: &EbpfError) -> Unavailable {
        match error {
            EbpfError::MapError(MapError::CreateError { name, io_error }) => {
                self.of_refusal(&format!("map {name}"), "CAP_BPF", io_error)
            }
            EbpfError::NoBTF => Unavailable::NoBtf,
            other => Unavailable::Failed { what: what.to_owned(), reason: chain(other) },
        }
    }

    /// Understands why a program was not loaded or attached.
    pub(crate) fn of_program(&self, program: &str, error: &ProgramError) -> Unavailable {
        match error {
            ProgramError::LoadError { io_error, verifier_log } => {
                let log = verifier_log.to_string();
                if log.trim().is_empty() || io_error.kind() == io::ErrorKind::PermissionDenied && !self.has(self.needs)
                {
                    return self.of_refusal(&format!("program {program}"), self.needs, io_error);
                }
                Unavailable::Verifier { program: program.to_owned(), log: tail(&log) }
            }
            ProgramError::Btf(_) => Unavailable::Missing(format!("tracepoint {program}")),
            ProgramError::SyscallError(error) => {
                self.of_refusal(&format!("program {program}"), self.needs, &error.io_error)
            }
            other => Unavailable::Failed { what: format!("program {program}"), reason: chain(other) },
        }
    }

    /// Understands why runs of programs are not counted.
    pub(crate) fn of_statistics(&self, error: &SyscallError) -> Unavailable {
        self.of_refusal("counts of runs", self.needs, &error.io_error)
    }

    fn of_refusal(&self, what: &str, needs: &'static str, error: &io::Error) -> Unavailable {
        let errno = rustix::io::Errno::from_io_error(error);
        match errno {
            Some(rustix::io::Errno::PERM | rustix::io::Errno::ACCESS) if !self.has(needs) => {
                Unavailable::Capability(needs)
            }
            Some(rustix::io::Errno::PERM) => {
                Unavailable::Policy { what: what.to_owned(), lockdown: self.lockdown.map(str::to_owned) }
            }
            Some(rustix::io::Errno::NOENT) => Unavailable::Missing(what.to_owned()),
            Some(rustix::io::Errno::BUSY | rustix::io::Errno::EXIST) => Unavailable::InUse(what.to_owned()),
            _ => Unavailable::Failed { what: what.to_owned(), reason: error.to_string() },
        }
    }

    /// `CAP_SYS_ADMIN` includes the three that are asked for.
    fn has(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|held| *held == capability || *held == "CAP_SYS_ADMIN")
    }
}

/// Spells an error with its causes, as one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// Returns the last lines of a log, where the verifier says what it does not like.
fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(4)..].join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(capabilities: &[&'static str], errno: i32) -> String {
        let circumstances = Circumstances { capabilities, lockdown: Some("integrity"), needs: "CAP_PERFMON" };
        circumstances.of_refusal("program x", "CAP_PERFMON", &io::Error::from_raw_os_error(errno)).to_string()
    }

    #[test]
    fn a_refusal_names_the_capability_that_is_missing() {
        assert_eq!(refusal(&["CAP_BPF"], 1), "missing CAP_PERFMON");
        assert_eq!(refusal(&["CAP_BPF"], 13), "missing CAP_PERFMON");
    }

    #[test]
    fn a_refusal_in_spite_of_all_capabilities_is_policy() {
        let said = refusal(&["CAP_BPF", "CAP_PERFMON"], 1);

        assert_eq!(said, "the kernel's policy refuses program x (lockdown: integrity)");
        assert_eq!(refusal(&["CAP_SYS_ADMIN"], 1), said);
    }

    #[test]
    fn what_another_program_holds_and_what_is_not_built_in_are_told_apart() {
        assert_eq!(refusal(&["CAP_SYS_ADMIN"], 16), "another program already uses program x");
        assert_eq!(refusal(&["CAP_SYS_ADMIN"], 2), "the kernel has no program x");
    }

    #[test]
    fn of_a_log_the_last_lines_are_kept() {
        assert_eq!(tail("a\n\nb\nc\nd\ne\n"), "b; c; d; e");
        assert_eq!(tail(""), "");
    }
}
