//! What the rest of the program holds of an engine.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use parking_lot::RwLock;
use tokio::sync::Notify;

use super::{CollectorStatus, EngineStatus, scheduler::CollectorRecord, writer::WriterRecord};
use crate::{
    Bus, Clock, Enriched, EventId, EventQuery, EventSink, Item, MetricKey, Point, ProcessCache, Refused, SeriesView,
    Stats, Store, Ticket, Timestamp, intake::Intake, processor::Processor,
};

/// Publishes to an engine and asks it. Clones are cheap and stay usable after the engine has ended.
#[derive(Clone, Debug)]
pub struct Handle {
    pub(super) shared: Arc<Shared>,
}

/// What the threads of an engine share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(super) host_name: Arc<str>,
    pub(super) started: Instant,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) bus: Bus,
    pub(super) intake: Arc<Intake>,
    pub(super) processor: RwLock<Processor>,
    pub(super) processes: Arc<ProcessCache>,
    pub(super) collectors: Vec<Arc<CollectorRecord>>,
    pub(super) writer: Arc<WriterRecord>,
    /// Wakes the thread that fills producers.
    pub(super) wake_refill: Notify,
    pub(super) tick: AtomicU64,
    pub(super) is_draining: AtomicBool,
}

impl Handle {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Returns the present moment of the engine's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// Returns how long the engine has been running.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        self.shared.started.elapsed()
    }

    /// Returns the name of this host.
    #[must_use]
    pub fn host_name(&self) -> &Arc<str> {
        &self.shared.host_name
    }

    /// Returns the bus.
    #[must_use]
    pub fn bus(&self) -> &Bus {
        &self.shared.bus
    }

    /// Returns a number that grows whenever something came in: the key for caches of rendered answers.
    #[must_use]
    pub fn tick(&self) -> u64 {
        self.shared.tick.load(Relaxed)
    }

    /// Returns the newest point of a series.
    #[must_use]
    pub fn latest(&self, key: &MetricKey) -> Option<Point> {
        self.with_series(key, |series| series.latest())?
    }

    /// Returns the points of a series in `[start, end)`, oldest first; `None` where nobody knows the series.
    #[must_use]
    pub fn points(&self, key: &MetricKey, start: Timestamp, end: Timestamp) -> Option<Vec<Point>> {
        self.with_series(key, |series| series.points(start, end))
    }

    /// Sums up the last `window` of a series, or all that is kept in memory.
    #[must_use]
    pub fn stats(&self, key: &MetricKey, window: Option<Duration>) -> Option<Stats> {
        self.with_series(key, |series| series.stats(window))?
    }

    /// Shows every series, producer by producer and subject by subject.
    ///
    /// It holds a lock that delays the next step: keep it short, and do not call the handle from within.
    pub fn visit(&self, mut visit: impl FnMut(&SeriesView<'_>)) {
        self.shared.processor.read().registry().views().for_each(|view| visit(&view));
    }

    /// Returns how many series can be asked about.
    #[must_use]
    pub fn series_len(&self) -> usize {
        self.shared.processor.read().registry().series_len()
    }

    /// Returns events of the recent past, newest first. Frames among them are rebuilt from the rings.
    #[must_use]
    pub fn events(&self, query: &EventQuery) -> Vec<Arc<Enriched>> {
        self.shared.processor.read().events(query)
    }

    /// Returns a recent event; a frame is rebuilt from the rings.
    #[must_use]
    pub fn event(&self, id: EventId) -> Option<Arc<Enriched>> {
        self.shared.processor.read().event(id)
    }

    /// Returns what is known about recent processes.
    #[must_use]
    pub fn processes(&self) -> &ProcessCache {
        &self.shared.processes
    }

    /// Returns how the collectors are doing.
    #[must_use]
    pub fn collectors(&self) -> Vec<CollectorStatus> {
        self.shared.collectors.iter().map(|record| record.status()).collect()
    }

    /// Returns the store, where there is one.
    #[must_use]
    pub fn store(&self) -> Option<&Arc<dyn Store>> {
        self.shared.writer.store()
    }

    /// Returns how everything is doing.
    #[must_use]
    pub fn status(&self) -> EngineStatus {
        let processor = self.shared.processor.read();
        let (stats, detectors) = (processor.stats(), processor.detector_stats());
        drop(processor);
        EngineStatus {
            uptime: self.uptime(),
            intake: self.shared.intake.stats(),
            bus: self.shared.bus.stats(),
            processor: stats,
            process_cache: self.shared.processes.stats(),
            detectors,
            store: self.shared.writer.status(),
            collectors: self.collectors(),
        }
    }

    /// Returns whether the engine is going down.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.shared.is_draining.load(Relaxed)
    }

    /// Says that the engine is about to go down, so that [`Self::is_draining`] tells it before anything stops.
    pub fn begin_drain(&self) {
        self.shared.is_draining.store(true, Relaxed);
    }

    pub(super) fn with_series<T>(&self, key: &MetricKey, ask: impl FnOnce(&SeriesView<'_>) -> T) -> Option<T> {
        let processor = self.shared.processor.read();
        processor.registry().find(key).map(|series| ask(&series))
    }
}

impl EventSink for Handle {
    fn publish(&self, item: Item) -> Result<Ticket, Refused> {
        self.shared.intake.publish(item)
    }
}
