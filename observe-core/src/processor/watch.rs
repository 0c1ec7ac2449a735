//! Detectors at work: made when a series first varies, shown every point, stopped when they panic.

use std::{
    fmt, mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use crate::{
    Detector, DetectorFactory, EventData, Finding, Metric, MetricKey, MetricKind, Point, SystemEvent, series::Observer,
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
    Detectors(Vec<Box<dyn Detector>>),
}

impl Watch {
    fn size_bytes(&self) -> usize {
        let sizes = || self.detectors().iter().map(|detector| detector.size_bytes()).sum();
        guarded(sizes).unwrap_or(0)
    }

    fn detectors(&self) -> &[Box<dyn Detector>] {
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
pub(super) struct Watchers {
    factories: Vec<Arc<dyn DetectorFactory>>,
    max_bytes: usize,
    found: Vec<Found>,
    stats: DetectorStats,
}

impl Watchers {
    pub(super) fn new(factories: Vec<Arc<dyn DetectorFactory>>, max_bytes: usize) -> Self {
        Self { factories, max_bytes, found: Vec::new(), stats: DetectorStats::default() }
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

    fn make(&mut self, key: &MetricKey, is_first: bool) -> Watch {
        if self.stats.bytes >= self.max_bytes {
            self.stats.refused += u64::from(is_first);
            return Watch::NoRoom;
        }
        let detector = |factory: &Arc<dyn DetectorFactory>| guarded(|| factory.detector(key, None)).flatten();
        let made: Vec<_> = self.factories.iter().filter_map(detector).collect();
        if made.is_empty() {
            return Watch::Ignored;
        }
        let watch = Watch::Detectors(made);
        self.stats.detectors += watch.detectors().len();
        self.stats.bytes += watch.size_bytes();
        watch
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
            *watch = self.make(&key(), is_first);
        }
        let Watch::Detectors(detectors) = watch else { return };
        self.stats.points += detectors.len() as u64;
        let mut has_panicked = false;
        for detector in &mut *detectors {
            match guarded(|| detector.update(point)) {
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
