//! A network of one's own, for tests: nobody else sends anything in it.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    os::fd::AsFd,
    process::{Child, Command, Stdio},
};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// A network namespace that the thread is in until this is dropped.
pub(crate) struct Namespace {
    keeper: Child,
    /// Where the thread was before, once it is inside.
    before: Option<File>,
}

impl Namespace {
    /// Makes one whose `lo` is up, and moves this thread into it. `None` where the process may not, unless it must.
    pub(crate) fn enter() -> Option<Self> {
        let before = File::open("/proc/thread-self/ns/net").unwrap();
        let script = "ip link set lo up && echo ready && exec cat";
        let mut keeper = Command::new("unshare")
            .args(["--net", "sh", "-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let mut namespace = Self { before: None, keeper };
        if said != "ready\n" {
            assert!(std::env::var_os("OBSERVE_EBPF_REQUIRE").is_none(), "a network namespace must be made here");
            eprintln!("SKIPPED: no network namespace can be made");
            return None;
        }
        let inside = File::open(format!("/proc/{}/ns/net", namespace.keeper.id())).unwrap();
        move_into_link_name_space(inside.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        namespace.before = Some(before);
        Some(namespace)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            move_into_link_name_space(before.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        }
        self.keeper.kill().unwrap();
        self.keeper.wait().unwrap();
    }
}

/// Runs a command inside.
pub(crate) fn run(command: &str) -> String {
    let output = Command::new("sh").args(["-c", command]).output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
