//! A store whose process is killed at any time keeps everything that it has acknowledged: once, and bit by bit.
//!
//! Each round starts this program again as the one who writes, kills it, opens the store and looks at all of it.
//! `OBSERVE_CRASH_ROUNDS` is the number of rounds, 20 where it is not set.

#![allow(clippy::expect_used, clippy::print_stdout, clippy::unwrap_used, reason = "a test fails loudly, or tells")]

mod check;
mod child;
mod model;

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use observe_core::{Clock as _, SystemClock};
use tempfile::TempDir;

use self::{check::Checker, model::Dice};

/// Writes until it is killed, when a test has started it for that.
#[test]
fn child() {
    child::run();
}

#[test]
fn nothing_acknowledged_is_lost_or_doubled_when_the_writer_is_killed() {
    kill_again_and_again(Checker::default(), false);
}

#[test]
fn what_is_to_be_kept_is_kept_when_the_writer_is_killed_while_it_removes_what_is_not() {
    kill_again_and_again(Checker::of_last(300), true);
}

#[test]
fn a_store_that_is_killed_while_it_is_made_can_be_opened() {
    let mut kills = Kills::new();

    for round in 0..rounds() {
        let patience = Duration::from_micros(kills.dice.below(60_000));
        let (file, mut checker) = (format!("{round}.db"), Checker::default());
        let told = kills.kill(&file, &checker, patience);
        checker.check(&kills.path(&file), &told, true);
    }
}

fn kill_again_and_again(mut checker: Checker, is_short: bool) {
    let mut kills = Kills { is_short, ..Kills::new() };
    let mut killed_while_it_opened = 0;
    let rounds = rounds();

    for round in 0..rounds {
        let patience = Duration::from_micros(kills.dice.below(300_000));
        let told = kills.kill("observe.db", &checker, patience);
        killed_while_it_opened += u32::from(told.commits.is_empty());
        let is_whole = round % 50 == 49 || round + 1 == rounds;
        checker.check(&kills.path("observe.db"), &told, is_whole);
    }

    println!("{rounds} rounds, {killed_while_it_opened} before the first commit: {checker}");
    assert!(checker.commits() > u64::from(rounds), "hardly anything was written");
}

struct Kills {
    is_short: bool,
    directory: TempDir,
    dice: Dice,
}

/// What the writer said before it was killed.
#[derive(Debug, Default)]
struct Told {
    /// The first and the last tick of each commit that was acknowledged.
    commits: Vec<(u64, u64)>,
    /// Those of the commit that was being written.
    open: Option<(u64, u64)>,
    /// Pieces of maintenance that were done.
    pieces: u64,
}

impl Kills {
    fn new() -> Self {
        let seed = SystemClock.now().as_nanos().unsigned_abs();
        println!("seed {seed}");
        Self { is_short: false, directory: tempfile::tempdir().unwrap(), dice: Dice(seed) }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.directory.path().join(file)
    }

    /// Starts a writer, kills it a while later, and returns what it said.
    fn kill(&self, file: &str, checker: &Checker, patience: Duration) -> Told {
        let output = self.path("told");
        let mut command = Command::new(env::current_exe().unwrap());
        if self.is_short {
            command.env(child::IS_SHORT, "1");
        }
        let mut child = command
            .args(["--exact", "child", "--nocapture"])
            .env(child::PATH, self.path(file))
            .env(child::FIRST, checker.next_tick().to_string())
            .stdin(Stdio::null())
            .stdout(File::create(&output).unwrap())
            .spawn()
            .unwrap();
        thread::sleep(patience);
        let has_ended = child.try_wait().unwrap();
        assert_eq!(has_ended, None, "the writer ended by itself: {}", fs::read_to_string(&output).unwrap());
        child.kill().unwrap();
        child.wait().unwrap();
        Told::read(&output)
    }
}

impl Told {
    fn read(path: &Path) -> Self {
        let mut told = Self::default();
        for line in fs::read_to_string(path).unwrap().split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let ticks = || (words[1].parse().unwrap(), words[2].parse().unwrap());
            match words.first() {
                Some(&"try") => told.open = Some(ticks()),
                Some(&"done") => {
                    told.commits.push(ticks());
                    told.open = None;
                }
                Some(&"piece") => told.pieces += 1,
                _ => {}
            }
        }
        told
    }
}

fn rounds() -> u32 {
    let asked = env::var_os("OBSERVE_CRASH_ROUNDS");
    asked.map_or(20, |rounds| rounds.to_str().and_then(|rounds| rounds.parse().ok()).expect("a number of rounds"))
}
