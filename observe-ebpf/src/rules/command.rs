//! Command lines: which program, and what a shell was told to do.

use observe_core::Exec;

/// A program and its arguments, both bounded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Command<'a> {
    /// The name without directories and version: `python` for `/usr/bin/python3.11`.
    pub(super) name: &'a str,
    arguments: &'a [String],
}

impl<'a> Command<'a> {
    pub(super) fn of(exec: &'a Exec) -> Self {
        let mut arguments = exec.arguments.get(..MAX_ARGUMENTS).unwrap_or(&exec.arguments);
        let mut name = program_name(if exec.path.is_empty() { &exec.task.name } else { &exec.path });
        if name == "busybox" {
            // It is what it is called as, or what its first argument says.
            while name == "busybox"
                && let Some((first, rest)) = arguments.split_first()
            {
                name = program_name(first);
                arguments = rest;
            }
        } else {
            arguments = arguments.get(1..).unwrap_or_default();
        }
        Self { name, arguments }
    }

    /// Returns the arguments after the name, each at most 4096 bytes of it.
    pub(super) fn arguments(self) -> impl Iterator<Item = &'a str> {
        self.arguments.iter().map(|argument| bounded(argument))
    }

    pub(super) fn is_shell(self) -> bool {
        is_shell(self.name)
    }

    /// Returns what a shell was told to do by `-c`.
    pub(super) fn script(self) -> Option<&'a str> {
        match self.shell_use() {
            ShellUse::Script(script) => Some(script),
            ShellUse::Bare | ShellUse::File => None,
        }
    }

    /// Returns whether this is a shell that does what is typed.
    pub(super) fn is_bare_shell(self) -> bool {
        self.is_shell() && matches!(self.shell_use(), ShellUse::Bare)
    }

    fn shell_use(self) -> ShellUse<'a> {
        let mut arguments = self.arguments();
        while let Some(argument) = arguments.next() {
            let Some(letters) = argument.strip_prefix(['-', '+']) else {
                return ShellUse::File;
            };
            if letters.starts_with('-') {
                if matches!(letters, "-init-file" | "-rcfile") {
                    arguments.next();
                }
            } else if self.is_shell() && letters.contains('c') {
                return arguments.next().map_or(ShellUse::Bare, ShellUse::Script);
            } else if letters.ends_with(['o', 'O']) {
                arguments.next();
            }
        }
        ShellUse::Bare
    }
}

enum ShellUse<'a> {
    /// It reads its input.
    Bare,
    /// It runs a file.
    File,
    /// It runs an argument.
    Script(&'a str),
}

/// Returns the name of a program without directories, the sign of a login shell, and version.
pub(super) fn program_name(path: &str) -> &str {
    let name = bounded(path.rsplit('/').next().unwrap_or_default());
    let name = name.strip_prefix('-').unwrap_or(name);
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    if matches!(stem, "lua" | "perl" | "php" | "python" | "ruby") { stem } else { name }
}

pub(super) fn is_shell(name: &str) -> bool {
    SHELLS.contains(&name)
}

/// Returns whether a text names a shell, be that `"/bin/sh"`, `'bash'` or `sh -i`, but not `run.sh`.
pub(super) fn mentions_shell(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    text.split(|c| !is_part(c)).any(|word| is_shell(word) && word != "fish")
}

fn bounded(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_BYTES)).unwrap_or(text)
}

const MAX_ARGUMENTS: usize = 64;
const MAX_BYTES: usize = 4096;
const SHELLS: &[&str] = &["ash", "bash", "csh", "dash", "fish", "ksh", "mksh", "rbash", "sh", "tcsh", "yash", "zsh"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::testing::exec;

    #[test]
    fn names_have_no_directories_and_no_version() {
        for (path, name) in [
            ("/usr/bin/python3.11", "python"),
            ("/usr/bin/perl5.36.0", "perl"),
            ("-bash", "bash"),
            ("./nc.traditional", "nc.traditional"),
            ("/opt/app2", "app2"),
            ("", ""),
        ] {
            assert_eq!(program_name(path), name);
        }
        let called = |path, arguments: &[&str]| Command::of(&exec(path, arguments)).name.to_owned();
        assert_eq!(called("/bin/busybox", &["nc", "-l"]), "nc");
        assert_eq!(called("/bin/busybox", &["busybox", "sh"]), "sh");
        assert_eq!(called("/bin/busybox", &[]), "busybox");
    }

    #[test]
    fn scripts_are_found_behind_options() {
        for (arguments, script) in [
            (&["sh", "-c", "a b"][..], Some("a b")),
            (&["bash", "--norc", "-euo", "pipefail", "-lc", "a"], Some("a")),
            (&["bash", "--rcfile", "f", "-c", "a"], Some("a")),
            (&["bash", "script", "-c", "a"], None),
            (&["bash", "-c"], None),
            (&["bash"], None),
        ] {
            assert_eq!(Command::of(&exec("/bin/bash", arguments)).script(), script, "{arguments:?}");
        }
    }

    #[test]
    fn shells_that_do_what_is_typed_are_bare() {
        for (path, arguments, is_bare) in [
            ("/bin/sh", &["sh", "-i"][..], true),
            ("/bin/bash", &["-bash"], true),
            ("/bin/bash", &["bash", "--init-file", "/x"], true),
            ("/bin/bash", &["bash", "/x"], false),
            ("/bin/bash", &["bash", "-c", "x"], false),
            ("/bin/cat", &["cat"], false),
        ] {
            assert_eq!(Command::of(&exec(path, arguments)).is_bare_shell(), is_bare, "{arguments:?}");
        }
    }

    #[test]
    fn shells_are_recognised_as_words() {
        assert!(mentions_shell("exec(\"/bin/sh -i\")") && mentions_shell("['bash']"));
        assert!(!mentions_shell("push show shell.py run.sh"));
    }
}
