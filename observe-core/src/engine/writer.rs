//! The thread that brings commits to the store.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use super::{
    RefillStatus, StoreStatus,
    backlog::{Backlog, Dropped, Taken, Urgency},
    guard::guarded,
    handle::Shared,
    upkeep::Pace,
};
use crate::{Commit, Enriched, EventSink, Store, SystemEvent, time::FOR_EVER};

pub(super) struct Writer {
    store: Arc<dyn Store>,
    backlog: Arc<Backlog>,
    shared: Arc<Shared>,
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

    pub(super) fn record_refill(&self, change: impl FnOnce(&mut RefillStatus)) {
        change(&mut self.status.lock().refill);
    }

    pub(super) fn status(&self) -> StoreStatus {
        let status = self.status.lock().clone();
        let (backlog_bytes, dropped) = self.backlog.as_ref().map(|backlog| backlog.status()).unwrap_or_default();
        let figures = self.store.as_ref().map(|store| store.figures()).unwrap_or_default();
        StoreStatus { backlog_bytes, dropped_frames: dropped.frames, dropped_events: dropped.events, figures, ..status }
    }
}

impl Writer {
    pub(super) fn new(store: Arc<dyn Store>, backlog: Arc<Backlog>, shared: Arc<Shared>, interval: Duration) -> Self {
        Self { store, backlog, shared, interval: interval.min(FOR_EVER) }
    }

    pub(super) fn run(self) {
        match tokio::runtime::Builder::new_current_thread().enable_time().enable_io().build() {
            Ok(runtime) => runtime.block_on(async {
                self.write_all().await;
                self.close().await;
            }),
            Err(error) => {
                let message = format!("cannot start the store's runtime: {error}");
                self.shared.writer.status.lock().last_error = Some(message);
            }
        }
        self.shared.intake.progress().stop();
    }

    /// Commits until nothing will follow, and keeps the store in order in between.
    async fn write_all(&self) {
        let mut due = Instant::now() + self.interval;
        let mut pace = Pace::from(Instant::now());
        let (mut failures, mut last_tries) = (0u32, 0);
        loop {
            self.rest(due, failures, &mut pace).await;
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

    /// Keeps the store in order and sleeps until `due`, or until a commit is urgent. After a failure only the end of
    /// the engine hurries it.
    async fn rest(&self, due: Instant, failures: u32, pace: &mut Pace) {
        let progress = self.shared.intake.progress();
        loop {
            let now = Instant::now();
            let is_time = match self.backlog.urgency(progress) {
                Urgency::Last => true,
                Urgency::Soon => failures == 0 || now >= due,
                Urgency::Whenever => now >= due,
            };
            if is_time {
                return;
            }
            if now >= pace.due() {
                self.maintain(pace).await;
                continue;
            }
            tokio::select! {
                () = progress.woken() => {}
                () = tokio::time::sleep_until(due.min(pace.due()).into()) => {}
            }
        }
    }

    /// Has the store do one piece of the work that keeps it in order.
    async fn maintain(&self, pace: &mut Pace) {
        let (store, now) = (Arc::clone(&self.store), self.shared.clock.now());
        let result = guarded(self.store.name(), async move { store.maintain(now).await }).await;
        pace.settle(&result, &mut self.shared.writer.status.lock());
    }

    /// Gives back what the store holds. A store that hangs does not keep the engine from ending.
    async fn close(&self) {
        let store = Arc::clone(&self.store);
        let closed = guarded(self.store.name(), async move { store.close().await });
        match tokio::time::timeout(CLOSE_PATIENCE, closed).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the store was not closed"),
            Err(_) => tracing::error!("the store was not closed in time"),
        }
    }

    /// Stores what was taken, or puts it back. Returns whether it is stored.
    async fn turn(&self, mut taken: Taken) -> bool {
        self.tell(taken.gap, &mut taken.commit);
        let result = self.write(taken.commit).await;
        let is_stored = result.is_ok();
        self.backlog.settle(result.err(), self.shared.intake.progress());
        if is_stored {
            self.shared.intake.progress().advance(taken.through);
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
        let (store, shared) = (Arc::clone(&self.store), Arc::clone(&commit));
        let result = guarded(self.store.name(), async move { store.commit(&shared).await }).await;
        let mut status = self.shared.writer.status.lock();
        status.last_duration = started.elapsed();
        match result {
            Ok(()) => {
                status.commits += 1;
                status.last_commit = Some(self.shared.clock.now());
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

    /// Records what had to leave the backlog: as an event like any other, or, when nothing is taken in any more, as
    /// the last one of this commit.
    fn tell(&self, gap: Dropped, commit: &mut Commit) {
        if gap == Dropped::default() {
            return;
        }
        let data = serde_json::json!({ "dropped_frames": gap.frames, "dropped_events": gap.events });
        let mut event = SystemEvent::gap(self.shared.clock.now(), data);
        if self.shared.intake.publish(event.clone().into()).is_err() {
            event.id = self.shared.processor.write().next_id(event.timestamp);
            commit.events.push(Arc::new(Enriched { event, process: None }));
        }
    }
}

/// Returns how long to wait after `failures` failed commits in a row.
pub(super) fn retry_pause(failures: u32) -> Duration {
    (FIRST_RETRY * 2u32.saturating_pow(failures.saturating_sub(1))).min(LONGEST_RETRY)
}

const FIRST_RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(5);
/// Tries to store the rest when the engine ends.
const LAST_TRIES: u32 = 3;
/// A store that takes longer to close is left as it is.
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);
