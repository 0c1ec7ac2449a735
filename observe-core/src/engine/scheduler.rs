//! The loop that drives one collector.

use std::{
    borrow::Cow,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use super::{CollectorState, CollectorStatus, drain::StopSignal, handle::Shared};
use crate::{Collect, CollectError, Collector, EventSink, SystemEvent, Timestamp, time::FOR_EVER};

/// Drives one collector until the engine stops.
pub(super) struct Schedule {
    collector: Box<dyn Collector>,
    epoch: Instant,
    record: Arc<CollectorRecord>,
    shared: Arc<Shared>,
    stop: Arc<StopSignal>,
    /// Items refused since the last one that went in.
    gap: u64,
}

impl Schedule {
    pub(super) fn new(
        collector: Box<dyn Collector>,
        epoch: Instant,
        record: Arc<CollectorRecord>,
        shared: Arc<Shared>,
        stop: Arc<StopSignal>,
    ) -> Self {
        Self { collector, epoch, record, shared, stop, gap: 0 }
    }

    pub(super) fn run(mut self) {
        let interval = interval_of(&*self.collector);
        let mut next = self.epoch;
        while !self.stop.wait_until(next) {
            let outcome = self.read(interval);
            let pause = self.record.settle(&outcome, interval);
            let Some(pause) = pause else {
                tracing::error!(collector = self.collector.name(), "given up after too many panics");
                return;
            };
            let (following, missed) = following_tick(next, pause, Instant::now());
            self.record.skip(missed);
            next = following;
        }
    }

    fn read(&mut self, interval: Duration) -> Outcome {
        let (now, started) = (self.shared.clock.now(), Instant::now());
        self.record.begin(now, started);
        let mut cx = Collect::new(now, started + interval, &self.shared.processes);
        let result = catch_unwind(AssertUnwindSafe(|| self.collector.collect(&mut cx)));
        let items = cx.take_items();
        let outcome = match result {
            Ok(Ok(())) => cx.degraded().map_or(Outcome::Done, |reason| Outcome::Partly(reason.to_owned())),
            Ok(Err(CollectError::Unsupported(reason))) => Outcome::Unsupported(reason),
            Ok(Err(error)) => Outcome::Failed(describe(&error)),
            Err(panic) => Outcome::Panicked(panic_message(&*panic)),
        };
        for item in items {
            self.publish(item, now);
        }
        outcome
    }

    /// Hands an item in; what is refused is counted, and told as soon as there is room again.
    fn publish(&mut self, item: crate::Item, now: Timestamp) {
        if self.shared.intake.publish(item).is_err() {
            self.gap += 1;
            self.record.skip(1);
            return;
        }
        if self.gap > 0 {
            let data = serde_json::json!({ "collector": self.collector.name(), "skipped": self.gap });
            if self.shared.intake.publish(SystemEvent::gap(now, data).into()).is_ok() {
                self.gap = 0;
            }
        }
    }
}

/// How a reading ended.
#[derive(Debug)]
enum Outcome {
    Done,
    Failed(String),
    Panicked(String),
    Partly(String),
    Unsupported(Cow<'static, str>),
}

/// What is known about a collector.
#[derive(Debug)]
pub(crate) struct CollectorRecord {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    status: CollectorStatus,
    running_since: Option<Instant>,
    failures_in_a_row: u32,
    panics_in_a_row: u32,
}

impl CollectorRecord {
    pub(super) fn new(collector: &dyn Collector) -> Self {
        let status = CollectorStatus {
            name: collector.name(),
            state: CollectorState::Starting,
            reason: None,
            interval: interval_of(collector),
            runs: 0,
            failures: 0,
            panics: 0,
            skipped: 0,
            busy: Duration::ZERO,
            last_run: None,
            last_duration: Duration::ZERO,
        };
        let inner = Inner { status, running_since: None, failures_in_a_row: 0, panics_in_a_row: 0 };
        Self { inner: Mutex::new(inner) }
    }

    /// Returns the status; a reading that takes too long shows as degraded.
    pub(super) fn status(&self) -> CollectorStatus {
        let inner = self.inner.lock();
        let mut status = inner.status.clone();
        let waited = inner.running_since.map_or(Duration::ZERO, |since| since.elapsed());
        if waited > status.interval.saturating_mul(3).max(Duration::from_secs(5)) {
            status.state = CollectorState::Degraded;
            status.reason = Some(format!("has been reading for {} s without an answer", waited.as_secs()));
        }
        status
    }

    fn begin(&self, now: Timestamp, started: Instant) {
        let mut inner = self.inner.lock();
        inner.running_since = Some(started);
        inner.status.runs += 1;
        inner.status.last_run = Some(now);
    }

    fn skip(&self, count: u64) {
        self.inner.lock().status.skipped += count;
    }

    /// Records how a reading ended. Returns the time from this tick to the next, `None` for never again.
    fn settle(&self, outcome: &Outcome, interval: Duration) -> Option<Duration> {
        let mut inner = self.inner.lock();
        let Inner { status, running_since, failures_in_a_row, panics_in_a_row } = &mut *inner;
        status.last_duration = running_since.take().map_or(Duration::ZERO, |since| since.elapsed());
        status.busy += status.last_duration;
        let is_failure = matches!(outcome, Outcome::Failed(_) | Outcome::Panicked(_));
        let is_panic = matches!(outcome, Outcome::Panicked(_));
        *failures_in_a_row = if is_failure { *failures_in_a_row + 1 } else { 0 };
        *panics_in_a_row = if is_panic { *panics_in_a_row + 1 } else { 0 };
        status.failures += u64::from(is_failure);
        status.panics += u64::from(is_panic);
        let (state, reason) = match outcome {
            Outcome::Done => (CollectorState::Healthy, None),
            Outcome::Partly(reason) => (CollectorState::Degraded, Some(reason.clone())),
            Outcome::Unsupported(reason) => (CollectorState::Unsupported, Some(reason.to_string())),
            Outcome::Failed(reason) if *failures_in_a_row < FAILURES_TO_FAIL => {
                (CollectorState::Degraded, Some(reason.clone()))
            }
            Outcome::Failed(reason) | Outcome::Panicked(reason) => (CollectorState::Failed, Some(reason.clone())),
        };
        let is_start = (status.state, state) == (CollectorState::Starting, CollectorState::Healthy);
        if status.state != state && !is_start {
            let (collector, state) = (status.name, state.as_str());
            tracing::warn!(collector, state, reason = reason.as_deref(), "a collector changed its state");
        }
        (status.state, status.reason) = (state, reason);
        match outcome {
            Outcome::Panicked(_) if *panics_in_a_row >= PANICS_TO_GIVE_UP => None,
            Outcome::Panicked(_) => Some(interval.saturating_mul(2u32.saturating_pow(*panics_in_a_row)).min(FOR_EVER)),
            Outcome::Unsupported(_) => Some(interval.max(UNSUPPORTED_PAUSE)),
            _ => Some(interval),
        }
    }
}

/// Returns the time between two readings, within what can be waited for.
fn interval_of(collector: &dyn Collector) -> Duration {
    collector.interval().clamp(SHORTEST_INTERVAL, FOR_EVER)
}

/// Returns the next tick after `now` on the grid `previous + n * step`, and how many ticks that passes over.
fn following_tick(previous: Instant, step: Duration, now: Instant) -> (Instant, u64) {
    let next = previous + step;
    if next > now {
        return (next, 0);
    }
    let missed = now.duration_since(next).as_nanos() / step.as_nanos().max(1) + 1;
    let missed = u32::try_from(missed).unwrap_or(u32::MAX);
    (next + step * missed, u64::from(missed))
}

/// Spells an error with its causes, as one line.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", text.unwrap_or("without a message"))
}

/// A collector that asks for less still leaves the processor some air.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(10);
/// Readings in a row that must fail before a collector counts as failed.
const FAILURES_TO_FAIL: u32 = 3;
/// Readings in a row that must panic before a collector is not called any more.
const PANICS_TO_GIVE_UP: u32 = 5;
/// How often a source that is not there is looked for again.
const UNSUPPORTED_PAUSE: Duration = Duration::from_secs(60);
