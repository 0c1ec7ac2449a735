//! How far a long command has come, for whoever watches.

use std::{
    io::{self, IsTerminal as _},
    time::{Duration, Instant},
};

use super::tell;

/// A line on standard error that is written anew once a second, where that is a terminal.
#[derive(Debug)]
pub(super) struct Progress {
    things: &'static str,
    began: Instant,
    told: Instant,
    is_watched: bool,
}

impl Progress {
    /// Begins to count. Where the terminal has the result as well, nothing is told.
    pub(super) fn new(things: &'static str, has_result: bool) -> Self {
        let is_watched = io::stderr().is_terminal() && !(has_result && io::stdout().is_terminal());
        let began = Instant::now();
        Self { things, began, told: began, is_watched }
    }

    /// Tells how much is done.
    pub(super) fn tell(&mut self, done: u64) {
        if !self.is_watched || self.told.elapsed() < EVERY {
            return;
        }
        self.told = Instant::now();
        let rate = done as f64 / self.began.elapsed().as_secs_f64();
        tell(&format!("\r{done} {} so far, {rate:.0} a second{CLEAR}", self.things));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_watched {
            tell(&format!("\r{CLEAR}"));
        }
    }
}

const EVERY: Duration = Duration::from_secs(1);
/// Tells a terminal to forget the rest of the line.
const CLEAR: &str = "\u{1b}[K";
