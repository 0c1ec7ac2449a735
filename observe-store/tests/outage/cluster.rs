//! A PostgreSQL of a test's own, which can be stopped.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

pub(crate) struct Cluster {
    programs: PathBuf,
    directory: TempDir,
}

impl Cluster {
    /// Starts a server that listens on a socket in a directory of its own; `None`, and the reason printed, where there
    /// are no programs for it.
    pub(crate) fn start_new() -> Option<Self> {
        let Some(programs) = programs() else {
            println!("skipped: there is no initdb of PostgreSQL");
            return None;
        };
        let directory = TempDir::with_prefix_in("observe-outage-", "/tmp").unwrap();
        let cluster = Self { programs, directory };
        if is_superuser() {
            assert!(Command::new("chown").arg("postgres").arg(cluster.path()).status().unwrap().success());
        }
        let data = cluster.data();
        cluster.run(
            "initdb",
            &["--username=observe", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", &data],
        );
        let access = "local all ann scram-sha-256\nlocal all all trust\n";
        fs::write(cluster.path().join("data/pg_hba.conf"), access).unwrap();
        cluster.start();
        Some(cluster)
    }

    pub(crate) fn start(&self) {
        let socket = self.path().display();
        let options = format!("-c listen_addresses='' -c unix_socket_directories={socket}");
        let log = format!("--log={socket}/log");
        self.run("pg_ctl", &["--wait", "--silent", &log, "--options", &options, "start", "--pgdata", &self.data()]);
    }

    /// Stops the server as a loss of power would.
    pub(crate) fn crash(&self) {
        self.run("pg_ctl", &["--wait", "--silent", "--mode=immediate", "stop", "--pgdata", &self.data()]);
    }

    /// Sends all processes of the server a signal: `STOP`, or `CONT`.
    pub(crate) fn signal(&self, signal: &str) {
        for pid in self.processes() {
            // Some may have ended meanwhile.
            Command::new("kill").args([&format!("-{signal}"), &pid]).stderr(Stdio::null()).status().unwrap();
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Returns where the server is, for a user: `observe`, who may do everything, or `ann:PASSWORD`.
    pub(crate) fn url(&self, user: &str) -> String {
        format!("postgres://{user}@localhost/postgres?host={}", self.path().display())
    }

    fn data(&self) -> String {
        self.path().join("data").display().to_string()
    }

    fn processes(&self) -> Vec<String> {
        let file = fs::read_to_string(self.path().join("data/postmaster.pid")).unwrap_or_default();
        let Some(first) = file.lines().next().map(str::to_owned) else { return Vec::new() };
        let children = fs::read_to_string(format!("/proc/{first}/task/{first}/children")).unwrap_or_default();
        std::iter::once(first).chain(children.split_whitespace().map(str::to_owned)).collect()
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let program = self.programs.join(program);
        let mut command = if is_superuser() {
            // PostgreSQL refuses to be root.
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        let status = command.args(arguments).current_dir("/").stdout(Stdio::null()).status().unwrap();
        assert!(status.success(), "{command:?}");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.signal("CONT");
        if self.path().join("data/postmaster.pid").exists() {
            self.crash();
        }
    }
}

fn is_superuser() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Returns the directory with the newest programs of PostgreSQL.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|entry| entry.path().join("bin")).collect();
    found.sort();
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    found.into_iter().rev().chain(std::env::split_paths(&on_path)).find(|directory| directory.join("initdb").exists())
}
