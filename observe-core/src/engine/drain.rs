//! How an engine ends.

use std::{
    mem,
    sync::{Arc, atomic::Ordering::Relaxed},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::handle::Shared;
use crate::time::instant_after;

/// What was left undone when an engine ended.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct DrainReport {
    /// Threads that did not end in time, by name.
    pub stuck: Vec<String>,
    /// Threads that ended in a panic, by name.
    pub panicked: Vec<String>,
    /// Bytes that were taken in and did not reach the store.
    pub unstored_bytes: usize,
}

impl DrainReport {
    /// Returns whether everything was stored and every thread ended as it should.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.stuck.is_empty() && self.panicked.is_empty() && self.unstored_bytes == 0
    }
}

/// Tells threads that sleep between ticks to end.
#[derive(Debug, Default)]
pub(super) struct StopSignal {
    is_stopped: Mutex<bool>,
    changed: Condvar,
}

impl StopSignal {
    /// Sleeps until `until`; returns early and true when it is time to end.
    pub(super) fn wait_until(&self, until: Instant) -> bool {
        let mut is_stopped = self.is_stopped.lock();
        while !*is_stopped && !self.changed.wait_until(&mut is_stopped, until).timed_out() {}
        *is_stopped
    }

    fn stop(&self) {
        *self.is_stopped.lock() = true;
        self.changed.notify_all();
    }
}

/// The threads of an engine.
#[derive(Debug)]
pub(crate) struct Workers {
    pub(super) shared: Arc<Shared>,
    pub(super) stop: Arc<StopSignal>,
    pub(super) collectors: Vec<JoinHandle<()>>,
    /// The thread that fills producers, and what stops it when it is dropped.
    pub(super) refiller: Option<JoinHandle<()>>,
    pub(super) refiller_stop: Option<oneshot::Sender<()>>,
    pub(super) stepper: Option<JoinHandle<()>>,
    pub(super) writer: Option<JoinHandle<()>>,
}

impl Workers {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            stop: Arc::default(),
            collectors: Vec::new(),
            refiller: None,
            refiller_stop: None,
            stepper: None,
            writer: None,
        }
    }

    /// Ends the threads in the order of the data: collectors, intake, step, bus, store. Collectors have half of the
    /// time, so that one that hangs leaves the rest its share.
    pub(super) fn drain(mut self, grace: Duration) -> DrainReport {
        let (until, collectors_until) = (instant_after(grace), instant_after(grace / 2));
        self.shared.is_draining.store(true, Relaxed);
        self.stop.stop();
        self.refiller_stop = None;
        let mut report = DrainReport::default();
        join(mem::take(&mut self.collectors).into_iter().chain(self.refiller.take()), collectors_until, &mut report);
        self.shared.intake.stop();
        join(self.stepper.take(), until, &mut report);
        self.shared.bus.close();
        join(self.writer.take(), until, &mut report);
        self.shared.intake.progress().stop();
        report.unstored_bytes = self.shared.writer.status().backlog_bytes;
        report
    }
}

impl Drop for Workers {
    /// An engine that failed half-way through its start must not leave threads behind.
    fn drop(&mut self) {
        self.stop.stop();
        self.shared.intake.stop();
    }
}

/// Waits for threads; those that do not end in time are named and left behind.
fn join(threads: impl IntoIterator<Item = JoinHandle<()>>, until: Instant, report: &mut DrainReport) {
    for thread in threads {
        while !thread.is_finished() && Instant::now() < until {
            thread::park_timeout(POLL);
        }
        let name = thread.thread().name().unwrap_or("unnamed").to_owned();
        if !thread.is_finished() {
            report.stuck.push(name);
        } else if thread.join().is_err() {
            tracing::error!(thread = name, "a thread of the engine ended in a panic");
            report.panicked.push(name);
        }
    }
}

/// How often a thread that should end is looked at: the standard library has no join with a time limit.
const POLL: Duration = Duration::from_millis(1);
