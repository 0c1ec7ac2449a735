//! The one who writes and is killed.

use std::{env, time::Duration};

use observe_core::{Store as _, Upkeep};
use observe_store::{Config, RetentionConfig, SqlStore};

use crate::model::{Commits, Dice, commit_len, due};

/// The variable that names the file; where it is not set, nothing is done.
pub(crate) const PATH: &str = "OBSERVE_CRASH_CHILD";
/// The variable that says with which tick to begin.
pub(crate) const FIRST: &str = "OBSERVE_CRASH_FIRST";

/// The variable that says that hardly anything is kept: points, events and log records for twelve minutes.
pub(crate) const IS_SHORT: &str = "OBSERVE_CRASH_IS_SHORT";

/// Writes for ever, and says what was acknowledged.
pub(crate) fn run() {
    let Some(path) = env::var_os(PATH) else { return };
    let first = env::var_os(FIRST).unwrap().to_str().unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(write(path.to_str().unwrap(), first));
}

async fn write(path: &str, mut first: u64) {
    let is_short = env::var_os(IS_SHORT).is_some();
    let store = SqlStore::open(&config(path, is_short)).await.unwrap();
    // What must be kept for at least 72 minutes is as good as an hour old.
    let ahead = Duration::from_secs(if is_short { 3_600 } else { 0 });
    let mut commits = Commits::new();
    loop {
        let last = first + commit_len(first) - 1;
        let commit = commits.commit(first, last);
        println!("try {first} {last}");
        store.commit(&commit).await.unwrap();
        println!("done {first} {last}");
        first = last + 1;
        // Now and then all that can be packed is, else a part.
        let pieces = Dice(first).below(40);
        for _ in 0..pieces {
            let upkeep = store.maintain(due(last) + ahead).await.unwrap();
            println!("piece");
            if upkeep == Upkeep::Done {
                break;
            }
        }
    }
}

fn config(path: &str, is_short: bool) -> Config {
    let short = RetentionConfig {
        raw_days: SHORTEST_DAYS,
        minute_days: SHORTEST_DAYS,
        hour_days: SHORTEST_DAYS,
        event_days: SHORTEST_DAYS,
        log_days: SHORTEST_DAYS,
        ..RetentionConfig::default()
    };
    Config { retention: if is_short { short } else { RetentionConfig::default() }, ..Config::at(path) }
}

const SHORTEST_DAYS: f64 = 0.05;
