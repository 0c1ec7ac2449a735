//! Rules about programs that start.

use std::borrow::Cow;

use observe_core::{Exec, ProcessChange};

use super::{
    command::Command,
    download, miner,
    observation::Started,
    report::{Finding, Subject, Turn},
    reverse,
    rule::Rule,
};

/// Looks at a program that starts.
pub(super) fn observe(turn: &mut Turn<'_>, started: &Started<'_>) {
    let exec = started.exec;
    if exec.change != ProcessChange::Started {
        return;
    }
    let command = Command::of(exec);
    if started.is_deleted {
        tell(turn, Rule::DeletedBinary, exec, format_args!("{}", exec.path));
    }
    if let Some(directory) = shared_directory(&exec.path) {
        tell(turn, Rule::ExecFromTmp, exec, format_args!("in {directory}: {}", exec.path));
    }
    if let Some(sign) = miner::command(command) {
        tell(turn, Rule::CryptoMiner, exec, format_args!("{sign}: {}", exec.path));
    }
    if let Some(shape) = reverse::shape(command) {
        tell(turn, Rule::ReverseShell, exec, format_args!("{shape}: {}", exec.path));
    }
    if let Some(download) = command.script().and_then(download::piped) {
        let host = download.host.unwrap_or_default();
        if turn.wants(Rule::DownloadAndRun, None, &[host]) {
            tell(turn, Rule::DownloadAndRun, exec, format_args!("{download}: {}", exec.path));
        }
    }
}

fn tell(turn: &mut Turn<'_>, rule: Rule, exec: &Exec, evidence: std::fmt::Arguments<'_>) {
    if turn.wants(rule, None, &[&exec.path, &exec.task.name]) {
        turn.tell(&Finding {
            rule,
            subject: Subject::Program(&exec.path),
            evidence,
            task: Some(&exec.task),
            source: None,
            destination: None,
        });
    }
}

/// Returns the directory that everyone may write to and in which `path` lies, whatever detours it takes.
fn shared_directory(path: &str) -> Option<&'static str> {
    let path = without_detours(path);
    SHARED.iter().copied().find(|directory| {
        path.strip_prefix(directory).is_some_and(|rest| rest.strip_prefix('/').is_some_and(|name| !name.is_empty()))
    })
}

/// Resolves `.`, `..` and doubled slashes, as far as that can be done without looking at the filesystem.
fn without_detours(path: &str) -> Cow<'_, str> {
    if !path.starts_with('/') || !path.contains("/.") && !path.contains("//") {
        return Cow::Borrowed(path);
    }
    let mut parts = Vec::new();
    for part in path.split('/').take(MAX_PARTS) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    Cow::Owned(format!("/{}", parts.join("/")))
}

/// As many as the longest path can have.
const MAX_PARTS: usize = 4096;
const SHARED: &[&str] = &["/dev/shm", "/tmp", "/var/tmp"];

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::rules::{
        Observation,
        testing::{Bench, exec, found_in_start, is_only, told},
    };

    #[test]
    fn programs_in_shared_directories_are_found_whatever_the_detour() {
        for path in ["/tmp/a", "/var/tmp/a/b", "/dev/shm/a", "//tmp//a", "/usr/../tmp/./a", "/tmp/.hidden/a"] {
            assert!(is_only(&found_in_start(path, &[]), "exec_from_tmp"), "{path}");
        }
        let long = format!("/tmp/{}a", "./".repeat(2000));
        assert!(is_only(&found_in_start(&long, &[]), "exec_from_tmp"));
        for path in ["/usr/bin/a", "/tmp/../usr/bin/a", "/tmpfiles/a", "/home/me/tmp/a", "/tmp", "/tmp/", "tmp/a", ""] {
            assert_eq!(found_in_start(path, &[]), [], "{path}");
        }
    }

    #[test]
    fn evidence_names_path_and_directory() {
        assert_eq!(found_in_start("/tmp/a\n", &[])[0].1, "in /tmp: /tmp/a\\u{a}");
    }

    #[test]
    fn programs_without_a_file_are_found_but_for_those_of_container_runtimes() {
        let mut bench = Bench::new("");
        let mut see = |path| {
            let exec = exec(path, &[]);
            told(&bench.see(Observation::Exec(Started { exec: &exec, is_deleted: true })))
        };

        assert_eq!(see("memfd:x"), [("deleted_binary".into(), "memfd:x".into())]);
        assert!(is_only(&see("/usr/bin/a"), "deleted_binary"));
        assert_eq!(see("memfd:runc_cloned:/proc/self/exe"), []);
        assert_eq!(see("runc"), []);
    }

    #[test]
    fn programs_on_the_list_are_passed_over() {
        let mut bench = Bench::new("[exec_from_tmp]\nallow = ['/tmp/go-build*', 'setup']");

        assert_eq!(bench.start(&exec("/tmp/go-build1/b001/x.test", &[])), []);
        assert_eq!(bench.start(&exec("/tmp/x/setup", &[])), []);
        assert_eq!(bench.start(&exec("/tmp/x/other", &[])).len(), 1);
    }

    #[test]
    fn anything_but_a_start_is_passed_over() {
        let mut exec = exec("/tmp/a", &[]);
        exec.change = ProcessChange::Exited { status: 0, signal: 0, lifetime: Duration::ZERO };

        assert_eq!(Bench::new("").start(&exec), []);
    }
}
