//! The thread that brings commits to the store.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::task::JoinSet;

use super::{
    StoreStatus,
    backlog::{Backlog, Dropped, Taken, Urgency},
    handle::Shared,
};
use crate::{
    Clock, Commit, Enriched, EventSink, IdSequence, Store, StoreError, SystemEvent, intake::Intake, time::FOR_EVER,
};

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
    store: Option<Arc<dyn Store>>,
    backlog: Option<Arc<Backlog>>,
}

impl WriterRecord {
    pub(super) fn new(store: Option<Arc<dyn Store>>, backlog: Option<Arc<Backlog>>) -> Self {
        let name = store.as_ref().map(|store| store.name());
        Self { status: Mutex::new(StoreStatus { name, ..StoreStatus::default() }), store, backlog }
    }

    pub(super) const fn store(&self) -> Option<&Arc<dyn Store>> {
        self.store.as_ref()
    }

    pub(super) fn status(&self) -> StoreStatus {
        let status = self.status.lock().clone();
        let (backlog_bytes, dropped) = self.backlog.as_ref().map(|backlog| backlog.status()).unwrap_or_default();
        StoreStatus { backlog_bytes, dropped_frames: dropped.frames, dropped_events: dropped.events, ..status }
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
            interval: interval.min(FOR_EVER),
        }
    }

    pub(super) fn run(self) {
        match tokio::runtime::Builder::new_current_thread().enable_time().enable_io().build() {
            Ok(runtime) => runtime.block_on(self.write_all()),
            Err(error) => {
                self.record.status.lock().last_error = Some(format!("cannot start the store's runtime: {error}"));
            }
        }
        self.intake.progress().stop();
    }

    /// Commits until nothing will follow.
    async fn write_all(&self) {
        let mut due = Instant::now() + self.interval;
        let (mut failures, mut last_tries) = (0u32, 0);
        loop {
            self.rest(due, failures).await;
            let taken = self.backlog.take();
            let (is_last, is_stored) = (taken.is_last, self.turn(taken).await);
            failures = if is_stored { 0 } else { failures + 1 };
            last_tries += u32::from(is_last);
            if is_last && (is_stored || last_tries >= LAST_TRIES) {
                return;
            }
            if is_last {
                tokio::time::sleep(FIRST_RETRY).await;
            }
            due = Instant::now() + if is_stored { self.interval } else { retry_pause(failures) };
        }
    }

    /// Sleeps until `due`, or until a commit is urgent. After a failure only the end of the engine hurries it.
    async fn rest(&self, due: Instant, failures: u32) {
        let progress = self.intake.progress();
        loop {
            let is_time = match self.backlog.urgency(progress) {
                Urgency::Last => true,
                Urgency::Soon => failures == 0 || Instant::now() >= due,
                Urgency::Whenever => Instant::now() >= due,
            };
            if is_time {
                return;
            }
            tokio::select! {
                () = progress.woken() => {}
                () = tokio::time::sleep_until(due.into()) => {}
            }
        }
    }

    /// Stores what was taken, or puts it back. Returns whether it is stored.
    async fn turn(&self, mut taken: Taken) -> bool {
        self.tell(taken.gap, &mut taken.commit);
        let result = self.write(taken.commit).await;
        let is_stored = result.is_ok();
        self.backlog.settle(result.err(), self.intake.progress());
        if is_stored {
            self.intake.progress().advance(taken.through);
        }
        is_stored
    }

    /// Stores a commit; gives it back where that fails.
    async fn write(&self, commit: Commit) -> Result<(), Commit> {
        if commit.is_empty() {
            return Ok(());
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
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "nothing was stored; trying again");
                status.failures += 1;
                status.last_error = Some(error.to_string());
                Err(Arc::unwrap_or_clone(commit))
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

    /// Records what had to leave the backlog: as an event like any other, or, when nothing is taken in any more, as
    /// the last one of this commit.
    fn tell(&self, gap: Dropped, commit: &mut Commit) {
        if gap == Dropped::default() {
            return;
        }
        let data = serde_json::json!({ "dropped_frames": gap.frames, "dropped_events": gap.events });
        let mut event = SystemEvent::gap(self.clock.now(), data);
        if self.intake.publish(event.clone().into()).is_err() {
            event.id = IdSequence::default().next(event.timestamp);
            commit.events.push(Arc::new(Enriched { event, process: None }));
        }
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
