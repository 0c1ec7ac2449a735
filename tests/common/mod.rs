//! A server of the built binary, and a client that speaks just enough HTTP/1.1.
#![allow(dead_code, clippy::panic, reason = "each test binary uses a part, and a test fails loudly")]

use std::{
    env, fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    os::unix::fs::chown,
    path::Path,
    process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use serde_json::Value;
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_observe");

/// How long anything may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// Prepares the binary: an empty environment, and a folder of its own to stand in.
pub(crate) fn observe(folder: &Path) -> Command {
    let mut command = Command::new(BINARY);
    command.env_clear().current_dir(folder);
    command
}

/// Prepares the binary to be run by the user 1001 with no more than some capabilities: `-all,+bpf`. `None` where this
/// user cannot become that one.
pub(crate) fn observe_as_user(folder: &Path, capabilities: &str) -> Option<Command> {
    let become_user = || {
        let mut command = Command::new("setpriv");
        command.env_clear().current_dir(folder).args(["--reuid=1001", "--regid=1001", "--clear-groups"]);
        command.args(["inh-caps", "ambient-caps", "bounding-set"].map(|set| format!("--{set}={capabilities}")));
        command
    };
    if !become_user().arg("true").output().is_ok_and(|output| output.status.success()) {
        let must = env::var_os("OBSERVE_EBPF_REQUIRE").is_some() && geteuid().is_root();
        assert!(!must, "user 1001 must be had here, with {capabilities}");
        eprintln!("SKIPPED: user 1001 with {capabilities} cannot be had");
        return None;
    }
    // That user may not get to where it was built.
    let binary = folder.join("observe");
    fs::hard_link(BINARY, &binary).or_else(|_| fs::copy(BINARY, &binary).map(drop)).unwrap();
    chown(folder, Some(1001), Some(1001)).unwrap();
    let mut command = become_user();
    command.arg(binary);
    Some(command)
}

/// Runs the binary with a settings file `observe.toml`.
pub(crate) fn run(settings: &str, arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("observe.toml"), settings).unwrap();
    observe(folder.path()).args(arguments).output().unwrap()
}

pub(crate) fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

pub(crate) fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// A server that listens on a free port. Dropping it kills it.
pub(crate) struct Server {
    child: Child,
    stdout: BufReader<ChildStdout>,
    /// What it said before it listened.
    pub(crate) greeting: String,
    /// `127.0.0.1:41234`.
    pub(crate) address: String,
    _folder: TempDir,
}

impl Server {
    pub(crate) fn start(settings: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::spawn(observe(folder.path()), folder, settings, arguments)
    }

    /// Starts a server that was prepared in a folder.
    pub(crate) fn spawn(mut command: Command, folder: TempDir, settings: &str, arguments: &[&str]) -> Self {
        fs::write(folder.path().join("observe.toml"), settings).unwrap();
        command.args(["serve", "--port", "0"]).args(arguments).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut greeting = String::new();
        let address = loop {
            let mut line = String::new();
            assert!(stdout.read_line(&mut line).unwrap() > 0, "the server ended after: {greeting}");
            if let Some(address) = line.trim().strip_prefix("listening on http://") {
                break address.to_owned();
            }
            greeting.push_str(&line);
        };
        Self { child, stdout, greeting, address, _folder: folder }
    }

    /// Returns the lines of the table of sources, once it is printed.
    pub(crate) fn sources(&mut self) -> Vec<String> {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        let count = line.strip_suffix(" sources:\n").and_then(|count| count.parse().ok());
        let count: usize = count.unwrap_or_else(|| panic!("no table: {line:?}"));
        let lines = self.stdout.by_ref().lines().take(count);
        lines.map(|line| line.unwrap().trim().to_owned()).collect()
    }

    pub(crate) fn get(&self, target: &str) -> Answer {
        get(&self.address, target)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn connect(&self) -> TcpStream {
        connect(&self.address)
    }

    pub(crate) fn wait_until_it_listens_no_more(&self) {
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(&self.address).is_ok() {
            assert!(Instant::now() < until, "{} is still listened on", self.address);
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end of the process.
    pub(crate) fn wait(mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        // Reading to the end waits for the process without polling; a process that hangs is ended by the test runner.
        self.stdout.read_to_end(&mut Vec::new()).unwrap();
        let status = self.child.wait().unwrap();
        assert!(Instant::now() < until, "the server took too long to end");
        status
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            self.child.wait().ok();
        }
    }
}

/// Asks again until the answer is as wanted; the server has to collect first.
pub(crate) fn until(server: &Server, target: &str, is_wanted: impl Fn(&Answer) -> bool) -> Answer {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = server.get(target);
        if is_wanted(&answer) {
            return answer;
        }
        assert!(Instant::now() < deadline, "{target} never came: {answer:?}");
        // Leaves the processors to the server.
        thread::sleep(Duration::from_millis(10));
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

pub(crate) fn get(address: &str, target: &str) -> Answer {
    let mut stream = connect(address);
    write!(stream, "GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    parse(&bytes)
}

pub(crate) fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn parse(bytes: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
    let is_chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    let body = if is_chunked { join_chunks(body) } else { body.to_owned() };
    Answer { status, head: head.to_owned(), body }
}

fn join_chunks(mut rest: &str) -> String {
    let mut body = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        body.push_str(&after[..size]);
        rest = &after[size + 2..];
    }
    body
}
