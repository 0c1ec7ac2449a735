//! The traits of everything that watches a series.

use crate::{Finding, MetricKey, Point};

/// Watches one series: O(1) a point, bounded memory; no clock, no I/O, seeded randomness. Its state can be saved.
///
/// `Sync` costs nothing here, for nothing but `update` changes a detector, and lets readers share the processor.
///
/// It runs inside the processor's step, so what it does delays every sample of the host.
pub trait Detector: Send + Sync {
    /// Takes in the next point and says whether there is something to it.
    ///
    /// Points come in the order of time. Values may be NaN or infinite, and time may jump.
    fn update(&mut self, point: Point) -> Option<Finding>;

    /// Returns the state, for [`DetectorFactory::detector`] after a restart. It is taken every few minutes and stored:
    /// keep it small, and put a version and a check into it.
    fn snapshot(&self) -> Vec<u8>;

    /// Returns about how many bytes of memory the detector holds.
    fn size_bytes(&self) -> usize;
}

/// Makes a detector for each series it cares about, fresh or from saved state.
pub trait DetectorFactory: Send + Sync {
    /// Returns the name under which settings and findings know the detectors.
    fn name(&self) -> &'static str;

    /// Returns whether it cares about any series of the metric called `name`; asked once for each column of a producer.
    fn is_for(&self, name: &str) -> bool {
        let _ = name;
        true
    }

    /// Makes a detector for the series `key`; `None` where it does not care about that series.
    ///
    /// `state` is what [`Detector::snapshot`] gave before a restart. State that cannot be read is not used: the
    /// detector learns afresh. Points that a detector had seen when it was asked are not shown again to the one made
    /// from its answer.
    fn detector(&self, key: &MetricKey, state: Option<&[u8]>) -> Option<Box<dyn Detector>>;
}
