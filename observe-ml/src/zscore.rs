//! Points far from the mean of the minutes before.

use std::{borrow::Cow, mem, sync::Arc, time::Duration};

use observe_core::{Anomaly, Detector, DetectorFactory, Finding, Level, MetricKey, Point};

use crate::{
    Config, InvalidConfig,
    brief::Brief,
    config,
    patterns::Patterns,
    state::{Reader, Writer},
    window::Window,
};

/// The name of the detector.
pub(crate) const NAME: &str = "zscore";

/// Makes the factory.
pub(crate) fn factory(config: &Config) -> Result<Arc<dyn DetectorFactory>, InvalidConfig> {
    let config = &config.zscore;
    if !(1.0..=1_000.0).contains(&config.threshold) {
        let value = config.threshold.to_string();
        return Err(InvalidConfig::Range { key: "ml.zscore.threshold", value, wanted: "1 to 1000" });
    }
    Ok(Arc::new(Factory {
        length: config::window("ml.zscore.window_seconds", config.window_seconds)?,
        threshold: config.threshold,
        metrics: Patterns::new("ml.zscore.metrics", &config.metrics)?,
    }))
}

/// Says when a value is more than some standard deviations away from the mean of the window before it.
///
/// It speaks once when that begins, and again only after a value was back within them: the values of a new level are
/// anomalous until the window has got used to it, and one of them is news.
#[derive(Debug)]
struct Zscore {
    metric: Box<str>,
    threshold: f64,
    window: Window,
    is_out: bool,
}

impl Zscore {
    /// Returns mean and deviation of the window, where there is enough of it.
    fn normal(&self, now: Point) -> Option<Normal> {
        if !self.window.is_warm(now.timestamp, WARM_SHARE) {
            return None;
        }
        let mean = self.window.mean();
        // A window in which nothing happens measures no deviation, and dividing by it makes anything infinitely far.
        // Below a millionth of the mean is rounding, not life.
        let smallest = (mean.abs() * SMALLEST_SHARE).max(SMALLEST);
        let measured = self.window.stddev();
        Some(Normal { mean, stddev: measured.max(smallest), is_flat: measured <= smallest })
    }

    fn anomaly(&self, value: f64, normal: Normal) -> Anomaly {
        let Normal { mean, stddev, .. } = normal;
        let z = normal.z(value);
        let side = if value > mean { "above" } else { "below" };
        let explanation = format!(
            "{} is {}, {} standard deviations {side} its mean of {} over the last {} s",
            self.metric,
            Brief(value),
            Brief(z),
            Brief(mean),
            self.window.length().as_secs(),
        );
        let reach = self.threshold * stddev;
        Anomaly {
            detector: Cow::Borrowed(NAME),
            score: normal.score(value, self.threshold),
            level: Level::Notice,
            z_score: Some(z),
            mean,
            stddev,
            expected: Some((in_range(mean - reach), in_range(mean + reach))),
            explanation,
        }
    }
}

impl Detector for Zscore {
    fn update(&mut self, point: Point) -> Option<Finding> {
        if !self.window.accepts(point) {
            return None;
        }
        self.window.advance(point.timestamp);
        let far = self.normal(point).filter(|normal| normal.z(point.value) > self.threshold);
        let was_out = mem::replace(&mut self.is_out, far.is_some());
        let begun = far.filter(|_| !was_out).map(|normal| Finding::Anomaly(self.anomaly(point.value, normal)));
        self.window.push(point);
        begun
    }

    fn snapshot(&self) -> Vec<u8> {
        let mut writer = Writer::new(KIND);
        writer.bytes(&[u8::from(self.is_out)]);
        self.window.save(&mut writer);
        writer.finish()
    }

    fn size_bytes(&self) -> usize {
        size_of::<Self>() + self.metric.len() + self.window.heap_bytes()
    }
}

/// What the window takes for normal.
#[derive(Clone, Copy)]
struct Normal {
    mean: f64,
    stddev: f64,
    /// Whether the window did not vary, so that the deviation is the smallest there may be and not one that was measured.
    is_flat: bool,
}

impl Normal {
    fn z(self, value: f64) -> f64 {
        in_range((value - self.mean).abs() / self.stddev)
    }

    /// Says how anomalous a value beyond the threshold is, from 0 to 1.
    ///
    /// Where nothing varied, the z-score measures the floor of the deviation and not the value, so it is not used.
    fn score(self, value: f64, threshold: f64) -> f64 {
        if self.is_flat {
            let change = (value - self.mean).abs() / value.abs().max(self.mean.abs());
            return HIGHEST_FLAT_SCORE * change.min(1.0);
        }
        (1.0 - threshold / self.z(value)).min(HIGHEST_SCORE)
    }
}

#[derive(Debug)]
struct Factory {
    length: Duration,
    threshold: f64,
    metrics: Patterns,
}

impl Factory {
    fn restore(&self, state: &[u8]) -> Option<(bool, Window)> {
        let mut reader = Reader::open(KIND, state)?;
        let [is_out] = reader.array()?;
        let window = Window::restore(self.length, &mut reader)?;
        reader.end()?;
        Some((is_out != 0, window))
    }
}

impl DetectorFactory for Factory {
    fn name(&self) -> &'static str {
        NAME
    }

    fn is_for(&self, name: &str) -> bool {
        self.metrics.match_name(name)
    }

    fn detector(&self, key: &MetricKey, state: Option<&[u8]>) -> Option<Box<dyn Detector>> {
        if !self.is_for(key.name()) {
            return None;
        }
        let restored = state.and_then(|state| self.restore(state));
        let (is_out, window) = restored.unwrap_or_else(|| (false, Window::new(self.length)));
        let metric = key.to_string().into_boxed_str();
        Some(Box::new(Zscore { metric, threshold: self.threshold, window, is_out }))
    }
}

/// Keeps a number that is too large for its type at the end of the range.
const fn in_range(number: f64) -> f64 {
    number.clamp(-f64::MAX, f64::MAX)
}

const KIND: u8 = b'z';
/// The share of the window that has to be there: 60 of 300 seconds.
const WARM_SHARE: f64 = 0.2;
/// The smallest standard deviation, as a share of the mean.
const SMALLEST_SHARE: f64 = 1e-6;
/// The smallest standard deviation about a mean of zero.
const SMALLEST: f64 = 1e-12;
/// The highest score: that of about 100 standard deviations at the default threshold. Beyond, more is no more unusual.
const HIGHEST_SCORE: f64 = 0.97;
/// The highest score after a window that did not vary.
const HIGHEST_FLAT_SCORE: f64 = 0.5;

#[cfg(test)]
mod tests;
