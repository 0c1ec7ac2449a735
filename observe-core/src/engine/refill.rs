//! The thread that fills rings and detectors with what was before the restart, behind the collectors' backs.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::{RefillStatus, guard::guarded, handle::Shared};
use crate::{
    EventQuery, Store, StoreError,
    processor::{DETECTOR_STATES, Refill, SavedStates},
};

pub(super) struct Refiller {
    store: Arc<dyn Store>,
    shared: Arc<Shared>,
    saved: Arc<SavedStates>,
    /// What the states of detectors may take.
    max_state_bytes: usize,
    /// Questions that the store may still leave unanswered before it is not asked any more.
    failures_left: u32,
}

impl Refiller {
    pub(super) const fn new(
        store: Arc<dyn Store>,
        shared: Arc<Shared>,
        saved: Arc<SavedStates>,
        max_state_bytes: usize,
    ) -> Self {
        Self { store, shared, saved, max_state_bytes, failures_left: MAX_FAILURES }
    }

    /// Fills producers as they come, until the sender of `stop` is gone.
    pub(super) fn run(mut self, stop: oneshot::Receiver<()>) {
        let _end = End(Arc::clone(&self.shared));
        match tokio::runtime::Builder::new_current_thread().enable_time().enable_io().build() {
            Ok(runtime) => runtime.block_on(async {
                tokio::select! {
                    _ = stop => {}
                    () = self.fill_all() => {}
                }
            }),
            Err(error) => self.record(|status| status.last_error = Some(format!("cannot start its runtime: {error}"))),
        }
    }

    async fn fill_all(&mut self) {
        self.record(|status| status.is_running = true);
        self.read_last_id().await;
        self.read_states().await;
        let until = Instant::now() + STATES_KEPT;
        loop {
            self.fill_waiting().await;
            tokio::select! {
                () = self.shared.wake_refill.notified() => {}
                () = tokio::time::sleep_until(until.into()), if Instant::now() < until => self.saved.clear(),
            }
        }
    }

    /// Ids must grow over restarts too, though the clock may have been set back.
    async fn read_last_id(&mut self) {
        let store = Arc::clone(&self.store);
        let newest = self.ask(async move { store.events(&EventQuery::newest(1)).await }).await;
        if let Some(event) = newest.unwrap_or_default().first() {
            self.shared.processor.write().go_on_above(event.id);
        }
    }

    async fn read_states(&mut self) {
        let (mut after, mut bytes) = (None, 0);
        loop {
            let (store, from) = (Arc::clone(&self.store), after.take());
            let page = async move { store.states(DETECTOR_STATES, Option::as_deref(&from), STATES_A_PAGE).await };
            let Some(page) = self.ask(page).await else { return };
            after = page.last().map(|state: &crate::State| state.key.clone());
            let is_last = page.len() < STATES_A_PAGE;
            for state in page {
                bytes += state.size_bytes();
                if bytes > self.max_state_bytes {
                    tracing::warn!("there is no room for all states of detectors; some begin anew");
                    return;
                }
                self.saved.put(state);
            }
            if is_last {
                return;
            }
        }
    }

    async fn fill_waiting(&mut self) {
        loop {
            let order = self.shared.processor.write().next_refill();
            let Some(order) = order else { break };
            self.record(|status| status.is_running = true);
            self.fill(Refill::new(order)).await;
        }
        self.record(|status| status.is_running = false);
    }

    /// Fills one producer and puts it in its place. What the store does not answer is left out.
    async fn fill(&mut self, mut refill: Refill) {
        for slice in refill.slices() {
            let mut answers = Vec::new();
            for query in refill.queries(&slice).collect::<Vec<_>>() {
                let store = Arc::clone(&self.store);
                match self.ask(async move { store.range(&query).await }).await {
                    Some(answer) => answers.extend(answer),
                    None => break,
                }
            }
            refill.push_old(answers);
        }
        refill.end_of_old();
        self.catch_up(&mut refill);
        let points = refill.points();
        let (is_in_place, refill) = self.shared.processor.write().finish_refill(refill);
        if is_in_place {
            self.shared.tick.fetch_add(1, Relaxed);
            tracing::debug!(producer = refill.producer(), points, "filled with what was before the restart");
            self.record(|status| {
                status.producers += 1;
                status.points += points;
            });
        }
    }

    /// Takes in what came meanwhile, so that little is left to do under the lock.
    fn catch_up(&self, refill: &mut Refill) {
        for _ in 0..MAX_CATCH_UPS {
            let frames = self.shared.processor.read().frames_since(refill, FRAMES_AT_ONCE);
            let is_close = frames.len() <= FRAMES_UNDER_LOCK;
            if is_close {
                return;
            }
            refill.push_new(frames);
        }
    }

    /// Asks the store; `None` where it does not answer.
    async fn ask<T: Send + 'static>(
        &mut self,
        question: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Option<T> {
        if self.failures_left == 0 {
            return None;
        }
        let answer = tokio::time::timeout(PATIENCE, guarded(self.store.name(), question)).await;
        let error = match answer {
            Ok(Ok(answer)) => return Some(answer),
            Ok(Err(error)) => error,
            Err(_) => StoreError::Unavailable { store: self.store.name(), reason: "it did not answer".to_owned() },
        };
        self.failures_left = if error.is_retryable() { 0 } else { self.failures_left - 1 };
        tracing::warn!(%error, "the store could not say what was before the restart");
        self.record(|status| {
            status.failures += 1;
            status.last_error = Some(error.to_string());
        });
        None
    }

    fn record(&self, change: impl FnOnce(&mut RefillStatus)) {
        self.shared.writer.record_refill(change);
    }
}

/// What must happen when the thread ends, after a panic too: no producer waits for it.
struct End(Arc<Shared>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.processor.write().stop_refills();
        self.0.writer.record_refill(|status| status.is_running = false);
    }
}

/// A store that takes longer to answer is not asked any more: detectors wait for it.
const PATIENCE: Duration = Duration::from_secs(5);
/// Questions to which a store that works has no answer.
const MAX_FAILURES: u32 = 8;
/// States of detectors that no series has asked for are forgotten then.
const STATES_KEPT: Duration = Duration::from_secs(3_600);
const STATES_A_PAGE: usize = 256;
/// Frames that are copied between two steps.
const FRAMES_AT_ONCE: usize = 16;
/// Frames that may be left to take in while the processor waits.
const FRAMES_UNDER_LOCK: usize = 4;
/// A producer that is faster than this can follow is taken as it is.
const MAX_CATCH_UPS: usize = 64;

#[cfg(test)]
mod tests;
