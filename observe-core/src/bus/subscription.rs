//! A subscriber's queue, and the handle that takes out of it.

use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Poll, Waker},
    time::Duration,
};

use parking_lot::{Condvar, Mutex};

use super::{Bus, Filter, SubscriberStats, Totals};
use crate::{Enriched, time::instant_after};

/// Takes events out of the bus, in the order in which they happened.
#[derive(Debug)]
pub struct Subscription {
    queue: Arc<Queue>,
    bus: Bus,
}

impl Subscription {
    pub(super) const fn new(queue: Arc<Queue>, bus: Bus) -> Self {
        Self { queue, bus }
    }

    /// Takes what is there, at most `max` events.
    pub fn try_batch(&mut self, max: usize) -> Vec<Arc<Enriched>> {
        self.queue.state.lock().take(max)
    }

    /// Blocks until there is something, the bus is closed, or `patience` has passed; takes at most `max` events.
    pub fn wait_batch(&mut self, max: usize, patience: Duration) -> Vec<Arc<Enriched>> {
        let until = instant_after(patience);
        let mut state = self.queue.state.lock();
        while state.events.is_empty() && !state.is_closed {
            if self.queue.filled.wait_until(&mut state, until).timed_out() {
                break;
            }
        }
        state.take(max)
    }

    /// Waits until there is something; takes at most `max` events, at least one. Empty means that the bus is closed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the wait loses nothing.
    pub async fn next_batch(&mut self, max: usize) -> Vec<Arc<Enriched>> {
        poll_fn(|cx| {
            let mut state = self.queue.state.lock();
            if state.events.is_empty() && !state.is_closed {
                state.waker = Some(cx.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(state.take(max.max(1)))
        })
        .await
    }

    /// Returns how many events were dropped so far because they waited too long.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.queue.state.lock().totals.dropped
    }

    /// Returns whether the bus is closed and nothing is left to take.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        let state = self.queue.state.lock();
        state.is_closed && state.events.is_empty()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.bus.unsubscribe(&self.queue);
    }
}

/// What waits for one subscriber.
#[derive(Debug)]
pub(super) struct Queue {
    id: Arc<str>,
    filter: Filter,
    /// What the bus grants, which may be less than the filter asks for.
    share: AtomicUsize,
    state: Mutex<State>,
    filled: Condvar,
}

#[derive(Debug, Default)]
struct State {
    events: VecDeque<Waiting>,
    bytes: usize,
    totals: Totals,
    waker: Option<Waker>,
    is_closed: bool,
}

#[derive(Debug)]
struct Waiting {
    event: Arc<Enriched>,
    size: usize,
}

impl Queue {
    pub(super) fn new(id: Arc<str>, filter: Filter) -> Self {
        Self { id, filter, share: AtomicUsize::new(usize::MAX), state: Mutex::default(), filled: Condvar::new() }
    }

    pub(super) fn set_share(&self, bytes: usize) {
        self.share.store(bytes, Relaxed);
    }

    pub(super) const fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// Queues the events that the subscriber asked for. Returns what wakes it if it awaits them.
    #[must_use]
    pub(super) fn push(&self, events: &[Arc<Enriched>]) -> Option<Waker> {
        let max_bytes = self.filter.max_bytes.min(self.share.load(Relaxed));
        let mut state = self.state.lock();
        let before = state.totals.published;
        for event in events.iter().filter(|event| self.filter.matches(event)) {
            state.push(Arc::clone(event));
            while state.events.len() > self.filter.max_events || state.bytes > max_bytes {
                state.drop_oldest();
            }
        }
        if state.totals.published == before {
            return None;
        }
        let waker = state.waker.take();
        drop(state);
        self.filled.notify_all();
        waker
    }

    /// Says that nothing will follow. Returns what wakes the subscriber if it awaits something.
    #[must_use]
    pub(super) fn close(&self) -> Option<Waker> {
        let mut state = self.state.lock();
        state.is_closed = true;
        let waker = state.waker.take();
        drop(state);
        self.filled.notify_all();
        waker
    }

    /// Drops what is left and returns the final counts.
    pub(super) fn abandon(&self) -> Totals {
        let mut state = self.state.lock();
        while !state.events.is_empty() {
            state.drop_oldest();
        }
        state.totals
    }

    pub(super) fn stats(&self) -> SubscriberStats {
        let state = self.state.lock();
        SubscriberStats {
            id: Arc::clone(&self.id),
            kinds: self.filter.kinds,
            max_events: self.filter.max_events,
            queued: state.events.len(),
            queued_bytes: state.bytes,
            totals: state.totals,
        }
    }
}

impl State {
    fn push(&mut self, event: Arc<Enriched>) {
        let size = event.size_bytes();
        self.bytes += size;
        self.totals.published += 1;
        self.totals.published_bytes += size as u64;
        self.events.push_back(Waiting { event, size });
    }

    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.events.pop_front() {
            self.bytes -= oldest.size;
            self.totals.dropped += 1;
            self.totals.dropped_bytes += oldest.size as u64;
        }
    }

    fn take(&mut self, max: usize) -> Vec<Arc<Enriched>> {
        let count = max.min(self.events.len());
        let mut bytes = 0;
        let taken = self
            .events
            .drain(..count)
            .map(|waiting| {
                bytes += waiting.size;
                waiting.event
            })
            .collect();
        self.bytes -= bytes;
        self.totals.delivered += count as u64;
        self.totals.delivered_bytes += bytes as u64;
        taken
    }
}
