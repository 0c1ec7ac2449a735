//! The bus: observers see what the processor decided. It may drop, and counts what it drops.

mod subscription;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::Waker,
};

use parking_lot::RwLock;

use self::subscription::Queue;
pub use self::subscription::Subscription;
use crate::{Enriched, EventKinds};

/// Routes events to subscribers. A slow one loses its oldest events, never delays anybody, and sees the count.
///
/// # Examples
///
/// ```
/// use observe_core::{Bus, Filter};
///
/// let bus = Bus::new();
/// let mut subscription = bus.subscribe("example", Filter::default())?;
///
/// assert!(subscription.try_batch(10).is_empty());
/// # Ok::<(), observe_core::SubscribeError>(())
/// ```
#[derive(Clone)]
pub struct Bus {
    shared: Arc<Shared>,
}

struct Shared {
    /// Bytes for all queues together.
    max_bytes: usize,
    queues: RwLock<Vec<Arc<Queue>>>,
    is_closed: AtomicBool,
    past: RwLock<Totals>,
}

/// Which events a subscriber wants, and how many may wait for it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Filter {
    /// The kinds.
    pub kinds: EventKinds,
    /// The source, whole.
    pub source: Option<String>,
    /// The host; the engine's own is `None` in events and matches no name.
    pub host: Option<String>,
    /// The most events that wait; the oldest leave.
    pub max_events: usize,
    /// The most bytes that wait; the oldest leave.
    pub max_bytes: usize,
}

impl Filter {
    /// Asks for some kinds of events.
    #[must_use]
    pub fn kinds(kinds: EventKinds) -> Self {
        Self { kinds, ..Self::default() }
    }

    fn matches(&self, event: &Enriched) -> bool {
        self.kinds.contains(event.kind())
            && self.source.as_deref().is_none_or(|source| event.source == source)
            && self.host.as_deref().is_none_or(|host| event.host.as_deref() == Some(host))
    }
}

impl Default for Filter {
    /// Every event; at most 10,000 or 4 MiB wait.
    fn default() -> Self {
        Self { kinds: EventKinds::ALL, source: None, host: None, max_events: 10_000, max_bytes: 4 << 20 }
    }
}

/// Says why nobody was subscribed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The engine is going down.
    #[error("the bus is closed: the engine is going down")]
    Closed,
    /// Another subscriber has the id.
    #[error("subscriber {id:?} exists already")]
    Duplicate {
        /// The id.
        id: Arc<str>,
    },
    /// There are [`Bus::MAX_SUBSCRIBERS`] subscribers.
    #[error("the bus has its most subscribers: {}", Bus::MAX_SUBSCRIBERS)]
    Full,
}

/// Events and bytes, counted over all subscribers since the start: published = delivered + dropped + queued.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Totals {
    /// Put into a subscriber's queue.
    pub published: u64,
    /// Taken out by a subscriber.
    pub delivered: u64,
    /// Dropped because the subscriber was slow, or left with events waiting.
    pub dropped: u64,
    /// Bytes put into a subscriber's queue.
    pub published_bytes: u64,
    /// Bytes taken out by a subscriber.
    pub delivered_bytes: u64,
    /// Bytes dropped.
    pub dropped_bytes: u64,
}

impl Totals {
    fn add(&mut self, other: Self) {
        self.published += other.published;
        self.delivered += other.delivered;
        self.dropped += other.dropped;
        self.published_bytes += other.published_bytes;
        self.delivered_bytes += other.delivered_bytes;
        self.dropped_bytes += other.dropped_bytes;
    }
}

/// One subscriber, as [`Bus::stats`] shows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SubscriberStats {
    /// The id.
    pub id: Arc<str>,
    /// The kinds it asked for.
    pub kinds: EventKinds,
    /// The most events that may wait for it.
    pub max_events: usize,
    /// Events that wait for it.
    pub queued: usize,
    /// Bytes that wait for it.
    pub queued_bytes: usize,
    /// What went through its queue.
    pub totals: Totals,
}

/// The bus and its subscribers.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct BusStats {
    /// Over all subscribers, those that left included.
    pub totals: Totals,
    /// The subscribers at present.
    pub subscribers: Vec<SubscriberStats>,
}

impl Bus {
    /// The most subscribers of one bus.
    pub const MAX_SUBSCRIBERS: usize = 1024;

    /// Makes a bus without subscribers.
    #[must_use]
    pub fn new() -> Self {
        Self::with_max_bytes(usize::MAX)
    }

    /// Makes a bus whose subscribers share `max_bytes`: none may hold more than an equal part of it.
    #[must_use]
    pub fn with_max_bytes(max_bytes: usize) -> Self {
        Self {
            shared: Arc::new(Shared {
                max_bytes,
                queues: RwLock::default(),
                is_closed: AtomicBool::new(false),
                past: RwLock::default(),
            }),
        }
    }

    /// Adds a subscriber; it leaves when the subscription is dropped.
    ///
    /// # Errors
    ///
    /// Refuses an id that another subscriber has, more than [`Self::MAX_SUBSCRIBERS`], and anybody once the engine is
    /// going down.
    pub fn subscribe(&self, id: impl Into<Arc<str>>, filter: Filter) -> Result<Subscription, SubscribeError> {
        let id = id.into();
        let mut queues = self.shared.queues.write();
        if self.shared.is_closed.load(Relaxed) {
            return Err(SubscribeError::Closed);
        }
        if queues.len() >= Self::MAX_SUBSCRIBERS {
            return Err(SubscribeError::Full);
        }
        if queues.iter().any(|queue| queue.id() == &id) {
            return Err(SubscribeError::Duplicate { id });
        }
        let queue = Arc::new(Queue::new(id, filter));
        queues.push(Arc::clone(&queue));
        self.share_out(&queues);
        Ok(Subscription::new(queue, self.clone()))
    }

    /// Shows events to everybody who asked for their kind. What goes on the bus has been through the processor.
    pub(crate) fn publish(&self, events: &[Arc<Enriched>]) {
        let queues = self.shared.queues.read();
        let wakers: Vec<Waker> = queues.iter().filter_map(|queue| queue.push(events)).collect();
        // Whoever is woken may subscribe or leave at once, for which it needs the lock.
        drop(queues);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Returns counters of the bus and of each subscriber.
    #[must_use]
    pub fn stats(&self) -> BusStats {
        let queues = self.shared.queues.read();
        let mut totals = *self.shared.past.read();
        let subscribers: Vec<SubscriberStats> = queues.iter().map(|queue| queue.stats()).collect();
        subscribers.iter().for_each(|subscriber| totals.add(subscriber.totals));
        BusStats { totals, subscribers }
    }

    /// Wakes every subscriber; what is queued can still be taken out, and nothing follows.
    pub(crate) fn close(&self) {
        let queues = self.shared.queues.write();
        self.shared.is_closed.store(true, Relaxed);
        let wakers: Vec<Waker> = queues.iter().filter_map(|queue| queue.close()).collect();
        drop(queues);
        wakers.into_iter().for_each(Waker::wake);
    }

    fn unsubscribe(&self, queue: &Arc<Queue>) {
        let mut queues = self.shared.queues.write();
        queues.retain(|other| !Arc::ptr_eq(other, queue));
        self.share_out(&queues);
        self.shared.past.write().add(queue.abandon());
    }

    fn share_out(&self, queues: &[Arc<Queue>]) {
        let share = self.shared.max_bytes / queues.len().max(1);
        queues.iter().for_each(|queue| queue.set_share(share));
    }
}

impl Default for Bus {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bus").field("subscribers", &self.shared.queues.read().len()).finish()
    }
}

#[cfg(test)]
mod tests;
