//! The commands that work on what is stored: they ask, look into, move and fill it.

#![expect(clippy::unwrap_used, reason = "a test fails loudly, in its helpers too")]

mod beside;
#[path = "../common/mod.rs"]
mod common;
mod kernel;
mod query;
mod seed;
mod store;
mod transfer;

use std::{fs, path::Path, process::Output};

use common::{stderr, stdout};
use tempfile::TempDir;

/// A folder with `demo.db`, an hour of a host that does not exist.
struct Folder {
    folder: TempDir,
}

impl Folder {
    /// Makes the hour before noon of a day long ago.
    fn of_long_ago() -> Self {
        Self::seeded(&["--hours", "1", "--end", "2026-01-31T12:00:00Z"])
    }

    /// Makes the last hour, of which nothing is too old to be imported.
    fn of_today() -> Self {
        Self::seeded(&["--hours", "1"])
    }

    fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn seeded(arguments: &[&str]) -> Self {
        let folder = Self::empty();
        let output = folder.run(&[&["seed-demo"], arguments].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        folder
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path().join(name), content).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }

    /// Runs a command on `demo.db`.
    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = common::observe(self.path());
        command.args(arguments).env("OBSERVE_STORE__URL", "demo.db").output().unwrap()
    }

    /// Runs a command that succeeds, and returns its result.
    fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", stderr(&output));
        stdout(&output).to_owned()
    }

    /// Runs a command that fails with a code, without a result, and returns what it says.
    fn failed(&self, arguments: &[&str], code: i32) -> String {
        let output = self.run(arguments);
        let text = stderr(&output).to_owned();
        assert_eq!((output.status.code(), stdout(&output)), (Some(code), ""), "{arguments:?}: {text}");
        assert!(code == 2 || text.contains("\n  help: "), "{arguments:?}: {text}");
        text
    }
}

#[test]
fn what_the_how_to_tells_people_to_type_works() {
    let folder = Folder::empty();
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/how-to/move-data.md")).unwrap();
    let programs = Path::new(env!("CARGO_BIN_EXE_observe")).parent().unwrap().display().to_string();
    let commands: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("$ ")).collect();

    assert!(commands.len() > 10, "{commands:?}");
    for command in commands {
        let mut shell = std::process::Command::new("/bin/sh");
        shell.args(["-c", command]).env_clear().env("PATH", &programs).current_dir(folder.path());
        let output = shell.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{command}: {}", stderr(&output));
    }
}
