//! Answers that are made once and shared by all who ask until something new has come in.

use std::time::{Duration, Instant};

use axum::body::Bytes;
use http::StatusCode;
use parking_lot::Mutex;

/// The answers that are worth keeping.
#[derive(Debug)]
pub(crate) struct Rendered {
    /// `GET /deep-system/status`.
    pub(crate) deep: Cached<Bytes>,
    /// `GET /health`: the status and the body.
    pub(crate) health: Cached<(StatusCode, Bytes)>,
    /// `GET /metrics/realtime`.
    pub(crate) realtime: Cached<Bytes>,
    /// `GET /api/v1/metrics/realtime`.
    pub(crate) realtime_v1: Cached<Bytes>,
    /// `GET /metrics` of the profile `all`.
    pub(crate) overview: Cached<Bytes>,
    /// The exposition in the text format.
    pub(crate) text: Cached<Bytes>,
    /// The exposition in OpenMetrics.
    pub(crate) open_metrics: Cached<Bytes>,
    /// `GET /trends` without parameters.
    pub(crate) trends: Cached<Bytes>,
}

impl Default for Rendered {
    fn default() -> Self {
        Self {
            deep: Cached::new(Duration::from_millis(100)),
            health: Cached::new(Duration::from_millis(100)),
            realtime: Cached::new(SECOND),
            realtime_v1: Cached::new(SECOND),
            overview: Cached::new(SECOND),
            text: Cached::new(SECOND),
            open_metrics: Cached::new(SECOND),
            trends: Cached::new(SECOND),
        }
    }
}

/// One answer, made anew when the tick has changed or it has become old.
#[derive(Debug)]
pub(crate) struct Cached<T> {
    max_age: Duration,
    entry: Mutex<Option<Entry<T>>>,
}

#[derive(Debug)]
struct Entry<T> {
    tick: u64,
    made: Instant,
    value: T,
}

impl<T: Clone> Cached<T> {
    const fn new(max_age: Duration) -> Self {
        Self { max_age, entry: Mutex::new(None) }
    }

    /// Returns the answer of this tick. Those who ask while it is being made wait for it.
    pub(crate) fn of_tick(&self, tick: u64, make: impl FnOnce() -> T) -> T {
        let mut entry = self.entry.lock();
        if let Some(kept) = &*entry
            && kept.tick == tick
            && kept.made.elapsed() < self.max_age
        {
            return kept.value.clone();
        }
        let value = make();
        *entry = Some(Entry { tick, made: Instant::now(), value: value.clone() });
        value
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_made_once_a_tick() {
        let cached = Cached::new(Duration::MAX);

        let answers = [(1, "a"), (1, "b"), (2, "c"), (2, "d")].map(|(tick, made)| cached.of_tick(tick, || made));

        assert_eq!(answers, ["a", "a", "c", "c"]);
    }

    #[test]
    fn an_old_answer_is_made_anew() {
        let cached = Cached::new(Duration::ZERO);

        assert_eq!([cached.of_tick(1, || 1), cached.of_tick(1, || 2)], [1, 2]);
    }
}
