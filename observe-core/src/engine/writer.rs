//! The thread that brings commits to the store.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::task::JoinSet;

use super::{StoreStatus, backlog::Backlog, handle::Shared};
use crate::{Clock, Commit, Custom, Enriched, EventData, Store, StoreError, SystemEvent, intake::Intake};

pub(super) struct Writer {
    store: Arc<dyn Store>,
    backlog: Arc<Backlog>,
    intake: Arc<Intake>,
    clock: Arc<dyn Clock>,
    record: Arc<WriterRecord>,
    interval: Duration,
}

/// What is known about the store.
#[derive(Debug)]
pub(crate) struct WriterRecord {
    status: Mutex<StoreStatus>,
}

impl WriterRecord {
    pub(super) fn new(name: Option<&'static str>) -> Self {
        Self { status: Mutex::new(StoreStatus { name, ..StoreStatus::default() }) }
    }

    pub(super) fn status(&self) -> StoreStatus {
        self.status.lock().clone()
    }
}

impl Writer {
    pub(super) fn new(store: Arc<dyn Store>, backlog: Arc<Backlog>, shared: &Shared, interval: Duration) -> Self {
        Self {
            store,
            backlog,
            intake: Arc::clone(&shared.intake),
            clock: Arc::clone(&shared.clock),
            record: Arc::clone(&shared.writer),
            interval,
        }
    }

    pub(super) fn run(self) {
        match tokio::runtime::Builder::new_current_thread().enable_time().enable_io().build() {
            Ok(runtime) => runtime.block_on(self.write_all()),
            Err(error) => {
                self.record.status.lock().last_error = Some(format!("cannot start the store's runtime: {error}"));
                self.intake.progress().stop();
            }
        }
    }

    /// Commits until nothing will follow.
    async fn write_all(self) {
        let progress = self.intake.progress();
        let mut due = Instant::now() + self.interval;
        let mut failures = 0u32;
        loop {
            self.rest(due, failures).await;
            let waiting = self.backlog.take();
            let is_stored =
                self.write(self.with_gap(waiting.commit, waiting.dropped_frames, waiting.dropped_events)).await;
            if is_stored {
                progress.advance(waiting.through);
            }
            failures = if is_stored { 0 } else { failures + 1 };
            if waiting.is_finished && (is_stored || failures >= LAST_TRIES) {
                break;
            }
            due = Instant::now() + if is_stored { self.interval } else { retry_pause(failures) };
        }
        self.record.status.lock().backlog_bytes = self.backlog.urgency(progress).0;
        progress.stop();
    }

    /// Sleeps until `due`, or until somebody waits for a commit; after a failure nobody can hurry it.
    async fn rest(&self, due: Instant, failures: u32) {
        let progress = self.intake.progress();
        loop {
            let (bytes, is_urgent) = self.backlog.urgency(progress);
            self.record.status.lock().backlog_bytes = bytes;
            if Instant::now() >= due || is_urgent && failures == 0 {
                return;
            }
            tokio::select! {
                () = progress.woken(), if failures == 0 => {}
                () = tokio::time::sleep_until(due.into()) => {}
            }
        }
    }

    /// Stores a commit; puts it back where that fails. Returns whether it is stored.
    async fn write(&self, commit: Commit) -> bool {
        if commit.is_empty() {
            return true;
        }
        let started = Instant::now();
        let commit = Arc::new(commit);
        let result = self.guarded(Arc::clone(&commit)).await;
        let mut status = self.record.status.lock();
        status.last_duration = started.elapsed();
        match result {
            Ok(()) => {
                status.commits += 1;
                status.last_commit = Some(self.clock.now());
                status.last_error = None;
                true
            }
            Err(error) => {
                tracing::error!(%error, "nothing was stored; trying again");
                status.failures += 1;
                status.last_error = Some(error.to_string());
                drop(status);
                self.backlog.put_back(Arc::unwrap_or_clone(commit), self.intake.progress());
                false
            }
        }
    }

    /// Runs the commit in a task of its own, so that a panic in a store is a failure and not the end of storing.
    async fn guarded(&self, commit: Arc<Commit>) -> Result<(), StoreError> {
        let store = Arc::clone(&self.store);
        let mut task = JoinSet::new();
        task.spawn(async move { store.commit(&commit).await });
        match task.join_next().await {
            Some(Ok(result)) => result,
            _ => Err(StoreError::Unavailable { store: self.store.name(), reason: "it panicked".to_owned() }),
        }
    }

    /// Adds the record of what had to leave the backlog.
    fn with_gap(&self, mut commit: Commit, dropped_frames: u64, dropped_events: u64) -> Commit {
        if dropped_frames + dropped_events > 0 {
            let mut status = self.record.status.lock();
            status.dropped_frames += dropped_frames;
            status.dropped_events += dropped_events;
            drop(status);
            let data = serde_json::json!({ "dropped_frames": dropped_frames, "dropped_events": dropped_events });
            let gap = EventData::Custom(Custom { name: "gap".to_owned(), data });
            let event = SystemEvent::new("engine", self.clock.now(), gap);
            commit.events.push(Arc::new(Enriched { event, process: None }));
        }
        commit
    }
}

/// Returns how long to wait after `failures` failed commits in a row.
fn retry_pause(failures: u32) -> Duration {
    (FIRST_RETRY * 2u32.saturating_pow(failures.saturating_sub(1))).min(LONGEST_RETRY)
}

const FIRST_RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(5);
/// Tries to store the rest when the engine ends.
const LAST_TRIES: u32 = 3;
