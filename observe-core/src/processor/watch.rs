//! Detectors at work: made when a series first varies, shown every point, stopped when they panic.

use std::{
    fmt, mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use super::states::{Saved, SavedStates, state};
use crate::{
    Detector, DetectorFactory, EventData, Finding, Metric, MetricKey, MetricKind, Point, State, SystemEvent, Timestamp,
    series::Observer,
};

/// What watches one series.
#[derive(Default)]
pub(crate) enum Watch {
    /// Nobody has asked yet.
    #[default]
    New,
    /// No detector cares, or the detector failed.
    Ignored,
    /// There was no room; asked again once there is.
    NoRoom,
    /// These do.
    Detectors(Vec<Made>),
}

/// A detector, who made it, and what it has seen.
pub(crate) struct Made {
    factory: usize,
    detector: Box<dyn Detector>,
    /// The last point that it was shown; it is shown newer ones only.
    seen: Timestamp,
    /// The last point that its saved state knows of.
    saved: Timestamp,
}

impl Watch {
    fn size_bytes(&self) -> usize {
        let sizes = || self.detectors().iter().map(|made| made.detector.size_bytes()).sum();
        guarded(sizes).unwrap_or(0)
    }

    fn detectors(&self) -> &[Made] {
        match self {
            Self::Detectors(detectors) => detectors,
            Self::Ignored | Self::New | Self::NoRoom => &[],
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watch({})", self.detectors().len())
    }
}

/// What a detector found, and where.
pub(super) type Found = (MetricKey, Point, Finding);

/// How many detectors there are and what they did.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct DetectorStats {
    /// Detectors at work.
    pub detectors: usize,
    /// Bytes that they held when they were last weighed.
    pub bytes: usize,
    /// Points that they were shown.
    pub points: u64,
    /// Anomalies that they found.
    pub anomalies: u64,
    /// Changes of direction that they found.
    pub trends: u64,
    /// Series that went without detectors because there was no room.
    pub refused: u64,
    /// Detectors that panicked and were removed.
    pub panics: u64,
}

/// All factories, and what their detectors found since the last look.
pub(crate) struct Watchers {
    factories: Vec<Arc<dyn DetectorFactory>>,
    /// What detectors of before the restart remembered.
    saved: Arc<SavedStates>,
    max_bytes: usize,
    found: Vec<Found>,
    stats: DetectorStats,
}

impl Watchers {
    pub(super) fn new(factories: Vec<Arc<dyn DetectorFactory>>, saved: Arc<SavedStates>, max_bytes: usize) -> Self {
        Self { factories, saved, max_bytes, found: Vec::new(), stats: DetectorStats::default() }
    }

    pub(super) fn remember(&mut self, saved: Arc<SavedStates>) {
        self.saved = saved;
    }

    /// Makes the same watchers for series that are being filled again; they have the room that is left.
    pub(super) fn for_refill(&self) -> Self {
        let max_bytes = self.max_bytes.saturating_sub(self.stats.bytes);
        Self::new(self.factories.clone(), Arc::clone(&self.saved), max_bytes)
    }

    /// Takes everything out, for [`Self::absorb`].
    pub(super) fn take(&mut self) -> Self {
        let empty = Self::new(Vec::new(), Arc::default(), 0);
        mem::replace(self, empty)
    }

    /// Takes over what the watchers of a refill made and found.
    pub(super) fn absorb(&mut self, refill: Self) {
        self.found.extend(refill.found);
        let DetectorStats { detectors, bytes, points, anomalies, trends, refused, panics } = refill.stats;
        self.stats.detectors += detectors;
        self.stats.bytes += bytes;
        self.stats.points += points;
        self.stats.anomalies += anomalies;
        self.stats.trends += trends;
        self.stats.refused += refused;
        self.stats.panics += panics;
    }

    /// Forgets what was found so far: it was told before the restart.
    pub(super) fn forget_findings(&mut self) {
        self.found.clear();
        (self.stats.anomalies, self.stats.trends) = (0, 0);
    }

    /// Makes the detectors of a series if one of them remembers anything from before `before`.
    pub(super) fn restore(&mut self, key: &MetricKey, before: Timestamp) -> Option<Watch> {
        let saved = self.saved(key, before);
        let is_known = saved.iter().any(Option::is_some) && self.stats.bytes < self.max_bytes;
        is_known.then(|| self.make_from(key, saved))
    }

    /// Asks the detectors of a series what they remember, where they have seen points since they were last asked.
    pub(super) fn save(&mut self, watch: &mut Watch, key: &dyn Fn() -> MetricKey, states: &mut Vec<State>) {
        let Watch::Detectors(detectors) = watch else { return };
        for made in detectors.iter_mut().filter(|made| made.saved < made.seen) {
            made.saved = made.seen;
            let factory = self.factories.get(made.factory);
            match guarded(|| Some(state(factory?.name(), &key(), made.detector.snapshot(), made.seen))) {
                Some(state) => states.extend(state),
                None => self.stats.panics += 1,
            }
        }
    }

    pub(super) fn take_findings(&mut self) -> Vec<Found> {
        mem::take(&mut self.found)
    }

    /// Adds up anew how many detectors there are and what they hold, and removes those for which there is no room.
    pub(super) fn weigh<'a>(&mut self, watches: impl Iterator<Item = &'a mut Watch>) {
        (self.stats.detectors, self.stats.bytes) = (0, 0);
        for watch in watches.filter(|watch| !watch.detectors().is_empty()) {
            let size = watch.size_bytes();
            if self.stats.bytes + size > self.max_bytes {
                *watch = Watch::NoRoom;
                self.stats.refused += 1;
                continue;
            }
            self.stats.detectors += watch.detectors().len();
            self.stats.bytes += size;
        }
    }

    pub(super) const fn stats(&self) -> DetectorStats {
        self.stats
    }

    fn make(&mut self, key: &MetricKey, now: Timestamp, is_first: bool) -> Watch {
        if self.stats.bytes >= self.max_bytes {
            self.stats.refused += u64::from(is_first);
            return Watch::NoRoom;
        }
        let saved = self.saved(key, now);
        self.make_from(key, saved)
    }

    /// Makes the detectors of a series, each from its state where there is one.
    fn make_from(&mut self, key: &MetricKey, saved: Vec<Option<Saved>>) -> Watch {
        let made = self.factories.iter().zip(saved).enumerate().filter_map(|(index, (factory, saved))| {
            let data = saved.as_ref().map(|saved| &*saved.data);
            let detector = guarded(|| factory.detector(key, data)).flatten()?;
            let seen = saved.map_or(Timestamp::MIN, |saved| saved.updated_at);
            Some(Made { factory: index, detector, seen, saved: seen })
        });
        let made: Vec<Made> = made.collect();
        if made.is_empty() {
            return Watch::Ignored;
        }
        let watch = Watch::Detectors(made);
        self.stats.detectors += watch.detectors().len();
        self.stats.bytes += watch.size_bytes();
        watch
    }

    /// Takes what the detectors of a series remember, one for each factory. Whatever is not from before `now` is of no
    /// use: the clock was set back.
    fn saved(&self, key: &MetricKey, now: Timestamp) -> Vec<Option<Saved>> {
        let saved = |factory: &Arc<dyn DetectorFactory>| {
            self.saved.take(factory.name(), key).filter(|saved| saved.updated_at < now)
        };
        self.factories.iter().map(saved).collect()
    }

    fn count(&mut self, finding: &Finding) {
        match finding {
            Finding::Anomaly(_) => self.stats.anomalies += 1,
            Finding::Trend(_) => self.stats.trends += 1,
        }
    }
}

impl Observer for Watchers {
    type Watch = Watch;

    fn is_for(&self, metric: &Metric) -> bool {
        metric.kind != MetricKind::Counter
            && self.factories.iter().any(|factory| guarded(|| factory.is_for(&metric.name)).unwrap_or(false))
    }

    fn observe(&mut self, watch: &mut Watch, point: Point, key: &dyn Fn() -> MetricKey) {
        let is_first = matches!(watch, Watch::New);
        if is_first || matches!(watch, Watch::NoRoom) && self.stats.bytes < self.max_bytes {
            *watch = self.make(&key(), point.timestamp, is_first);
        }
        let Watch::Detectors(detectors) = watch else { return };
        let mut has_panicked = false;
        for made in detectors.iter_mut().filter(|made| made.seen < point.timestamp) {
            made.seen = point.timestamp;
            self.stats.points += 1;
            match guarded(|| made.detector.update(point)) {
                Some(None) => {}
                Some(Some(finding)) => {
                    self.count(&finding);
                    self.found.push((key(), point, finding));
                }
                None => has_panicked = true,
            }
        }
        if has_panicked {
            tracing::error!(metric_key = %key(), "a detector panicked; the series goes on without detectors");
            self.stats.panics += 1;
            self.stats.detectors = self.stats.detectors.saturating_sub(detectors.len());
            *watch = Watch::Ignored;
        }
    }

    fn is_at_work(watch: &Watch) -> bool {
        matches!(watch, Watch::Detectors(_))
    }

    fn forget(&mut self, watch: Watch) {
        self.stats.detectors = self.stats.detectors.saturating_sub(watch.detectors().len());
        self.stats.bytes = self.stats.bytes.saturating_sub(watch.size_bytes());
    }
}

impl fmt::Debug for Watchers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.factories.iter().map(|factory| factory.name()).collect();
        f.debug_struct("Watchers").field("factories", &names).field("stats", &self.stats).finish()
    }
}

/// Runs code of a plug-in; `None` if it panicked.
fn guarded<T>(run: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(run)).ok()
}

/// Makes the event that tells of a finding.
pub(super) fn finding_event((metric_key, point, finding): Found) -> SystemEvent {
    match finding {
        Finding::Anomaly(anomaly) => {
            let data = EventData::Anomaly { metric_key, point, anomaly };
            SystemEvent::new("ml::anomaly", point.timestamp, data)
        }
        Finding::Trend(trend) => SystemEvent::new("ml::trend", point.timestamp, EventData::Trend { metric_key, trend }),
    }
}
