//! Test doubles for users of the traits: a clock that stands still, a sink that remembers, a store that fails on
//! demand, a collector that follows a script.

mod store;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use parking_lot::Mutex;

pub use self::store::FlakyStore;
use crate::{
    Bus, Clock, Collect, CollectError, Collector, Commit, DetectorFactory, Enriched, EventSink, Item, Limits, Refused,
    Ticket, Timestamp, intake::Progress, processor::Processor,
};

/// A clock that moves when it is told to.
///
/// # Examples
///
/// ```
/// use observe_core::{Clock, Timestamp, testing::ManualClock};
/// use std::time::Duration;
///
/// let clock = ManualClock::at(Timestamp::from_millis(1_000));
/// clock.advance(Duration::from_secs(1));
///
/// assert_eq!(clock.now(), Timestamp::from_millis(2_000));
/// ```
#[derive(Debug, Default)]
pub struct ManualClock {
    now: Mutex<Timestamp>,
}

impl ManualClock {
    /// Makes a clock that shows `now`.
    #[must_use]
    pub const fn at(now: Timestamp) -> Self {
        Self { now: parking_lot::const_mutex(now) }
    }

    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        let mut now = self.now.lock();
        *now = *now + by;
    }

    /// Sets the clock, backwards too.
    pub fn set(&self, now: Timestamp) {
        *self.now.lock() = now;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.now.lock()
    }
}

/// A sink that remembers what it was given, or refuses everything.
#[derive(Debug, Default)]
pub struct RecordingSink {
    items: Mutex<Vec<Item>>,
    refusal: Option<Refused>,
    progress: Arc<Progress>,
}

impl RecordingSink {
    /// Makes a sink that takes everything; its tickets resolve at once.
    #[must_use]
    pub fn new() -> Self {
        let sink = Self::default();
        sink.progress.advance(u64::MAX);
        sink
    }

    /// Makes a sink that refuses everything.
    #[must_use]
    pub fn refusing(refusal: Refused) -> Self {
        Self { refusal: Some(refusal), ..Self::default() }
    }

    /// Takes out what was published so far.
    #[must_use]
    pub fn take(&self) -> Vec<Item> {
        std::mem::take(&mut *self.items.lock())
    }
}

impl EventSink for RecordingSink {
    fn publish(&self, item: Item) -> Result<Ticket, Refused> {
        if let Some(refusal) = self.refusal {
            return Err(refusal);
        }
        let mut items = self.items.lock();
        items.push(item);
        Ok(Ticket::new(items.len() as u64, Arc::clone(&self.progress)))
    }
}

/// Puts events on a bus that have not been through a processor, for tests of subscribers and for benches.
pub fn publish(bus: &Bus, events: &[Arc<Enriched>]) {
    bus.publish(events);
}

/// A processor without an engine around it, for benches and for tests that want one step at a time.
#[derive(Debug)]
pub struct StepBench {
    processor: Processor,
}

impl StepBench {
    /// Makes a processor without detectors.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self::with_detectors(limits, Vec::new())
    }

    /// Makes a processor with detectors.
    #[must_use]
    pub fn with_detectors(limits: &Limits, factories: Vec<Arc<dyn DetectorFactory>>) -> Self {
        Self { processor: Processor::new(limits, factories, Arc::default()) }
    }

    /// Returns how many series there are.
    #[must_use]
    pub fn series_len(&self) -> usize {
        self.processor.registry().series_len()
    }

    /// Takes items in; returns what must be durable and what observers see.
    pub fn step(&mut self, items: Vec<Item>, now: Timestamp) -> (Commit, Vec<Arc<Enriched>>) {
        let outcome = self.processor.step(items, now);
        (outcome.commit, outcome.announce)
    }
}

/// One reading of a [`ScriptedCollector`].
type ScriptedReading = Box<dyn FnMut(&mut Collect<'_>) -> Result<(), CollectError> + Send>;

/// A collector whose readings are closures, one for each tick; after the last one it has nothing more to say.
pub struct ScriptedCollector {
    name: &'static str,
    interval: Duration,
    readings: VecDeque<ScriptedReading>,
}

impl ScriptedCollector {
    /// Makes a collector that ticks every ten milliseconds.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, interval: Duration::from_millis(10), readings: VecDeque::new() }
    }

    /// Adds the next reading.
    #[must_use]
    pub fn then(mut self, reading: impl FnMut(&mut Collect<'_>) -> Result<(), CollectError> + Send + 'static) -> Self {
        self.readings.push_back(Box::new(reading));
        self
    }
}

impl Collector for ScriptedCollector {
    fn name(&self) -> &'static str {
        self.name
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    fn collect(&mut self, cx: &mut Collect<'_>) -> Result<(), CollectError> {
        self.readings.pop_front().map_or(Ok(()), |mut reading| reading(cx))
    }
}

impl std::fmt::Debug for ScriptedCollector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScriptedCollector").field("name", &self.name).field("left", &self.readings.len()).finish()
    }
}
