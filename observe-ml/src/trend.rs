//! Windows through which a straight line rises or falls.

use std::{sync::Arc, time::Duration};

use observe_core::{Detector, DetectorFactory, Direction, Finding, MetricKey, Point, Timestamp, Trend};

use crate::{
    Config, InvalidConfig, config,
    patterns::Patterns,
    state::{Reader, Writer},
    window::Window,
};

/// The name of the detector.
pub(crate) const NAME: &str = "trend";

/// Makes the factory.
pub(crate) fn factory(config: &Config) -> Result<Arc<dyn DetectorFactory>, InvalidConfig> {
    let config = &config.trend;
    if !(f64::MIN_POSITIVE..=0.5).contains(&config.significance) {
        let value = config.significance.to_string();
        return Err(InvalidConfig::Range { key: "ml.trend.significance", value, wanted: "above 0 and at most 0.5" });
    }
    Ok(Arc::new(Factory {
        length: config::window("ml.trend.window_seconds", config.window_seconds)?,
        significance: config.significance,
        metrics: Patterns::new("ml.trend.metrics", &config.metrics)?,
    }))
}

/// Says when a series begins to rise or to fall.
///
/// It speaks when the direction is another than the one it spoke of last, at most once in [`PAUSE`]. A stretch without
/// direction is no news, but after a whole window of it the direction before is forgotten.
#[derive(Debug)]
struct Slope {
    significance: f64,
    window: Window,
    last: Option<Turn>,
}

/// The direction that was told last.
#[derive(Clone, Copy, Debug)]
struct Turn {
    is_rising: bool,
    told: Timestamp,
    /// The last time at which the series had this direction.
    seen: Timestamp,
}

impl Slope {
    /// Returns the line through the window, where there is enough of it and the line is not level.
    fn line(&self, now: Timestamp) -> Option<Trend> {
        let trend = if self.window.is_warm(now, WARM_SHARE) { self.window.trend() } else { None };
        trend.filter(|trend| trend.direction(Some(self.significance)) != Direction::Stable)
    }

    /// Returns whether a direction is news, and remembers it.
    fn turn(&mut self, is_rising: bool, now: Timestamp) -> bool {
        if let Some(last) = &mut self.last {
            let is_forgotten = now.since(last.seen) > self.window.length();
            if last.is_rising == is_rising && !is_forgotten {
                last.seen = now;
                return false;
            }
            if now.since(last.told) < PAUSE {
                return false;
            }
        }
        self.last = Some(Turn { is_rising, told: now, seen: now });
        true
    }
}

impl Detector for Slope {
    fn update(&mut self, point: Point) -> Option<Finding> {
        if !self.window.accepts(point) {
            return None;
        }
        self.window.advance(point.timestamp);
        self.window.push(point);
        let line = self.line(point.timestamp)?;
        self.turn(line.slope > 0.0, point.timestamp).then_some(Finding::Trend(line))
    }

    fn snapshot(&self) -> Vec<u8> {
        let mut writer = Writer::new(KIND);
        match self.last {
            Some(Turn { is_rising, told, seen }) => {
                writer.bytes(&[if is_rising { RISING } else { FALLING }]);
                writer.number(told.as_nanos());
                writer.number(seen.as_nanos());
            }
            None => writer.bytes(&[NEVER]),
        }
        self.window.save(&mut writer);
        writer.finish()
    }

    fn size_bytes(&self) -> usize {
        size_of::<Self>() + self.window.heap_bytes()
    }
}

#[derive(Debug)]
struct Factory {
    length: Duration,
    significance: f64,
    metrics: Patterns,
}

impl Factory {
    fn restore(&self, state: &[u8]) -> Option<(Option<Turn>, Window)> {
        let mut reader = Reader::open(KIND, state)?;
        let last = match reader.array()? {
            [NEVER] => None,
            [direction @ (RISING | FALLING)] => {
                let [told, seen] = [reader.number()?, reader.number()?].map(Timestamp::from_nanos);
                Some(Turn { is_rising: direction == RISING, told, seen })
            }
            _ => return None,
        };
        let window = Window::restore(self.length, &mut reader)?;
        reader.end()?;
        Some((last, window))
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
        let (last, window) = restored.unwrap_or_else(|| (None, Window::new(self.length)));
        Some(Box::new(Slope { significance: self.significance, window, last }))
    }
}

/// The shortest time between two findings of one series.
const PAUSE: Duration = Duration::from_secs(60);
/// The share of the window that has to be there.
const WARM_SHARE: f64 = 0.5;
const KIND: u8 = b't';
const NEVER: u8 = 0;
const RISING: u8 = 1;
const FALLING: u8 = 2;

#[cfg(test)]
mod tests;
