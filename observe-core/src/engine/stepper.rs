//! The thread that takes from the intake, steps, and hands on what came out.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use super::{backlog::Backlog, handle::Shared};
use crate::{Commit, processor::Outcome};

pub(super) struct Stepper {
    shared: Arc<Shared>,
    backlog: Option<Arc<Backlog>>,
}

impl Stepper {
    pub(super) const fn new(shared: Arc<Shared>, backlog: Option<Arc<Backlog>>) -> Self {
        Self { shared, backlog }
    }

    pub(super) fn run(self) {
        let _end = End(&self);
        loop {
            let mut batch = self.shared.intake.take(PATIENCE);
            let before = batch.through - batch.items.len() as u64;
            let mut taken = 0;
            while !batch.items.is_empty() {
                let count = batch.items.len().min(ITEMS_A_STEP);
                taken += count as u64;
                let outcome = self.step(batch.items.drain(..count));
                let refused = outcome.refused.iter().map(|index| before + taken - (count - index) as u64 + 1);
                self.shared.intake.progress().refuse(refused);
                self.hand_on(outcome, before + taken);
            }
            if batch.is_last {
                let outcome = self.step(std::iter::empty());
                self.hand_on(outcome, batch.through);
                self.save(batch.through);
                break;
            }
        }
    }

    /// Hands on what detectors remember, once nothing will follow.
    fn save(&self, through: u64) {
        let Some(backlog) = &self.backlog else { return };
        loop {
            let states = self.shared.processor.write().last_states();
            if states.is_empty() {
                return;
            }
            backlog.add(Commit { states, ..Commit::default() }, through, self.shared.intake.progress());
        }
    }

    fn step(&self, items: impl Iterator<Item = crate::Item>) -> Outcome {
        let now = self.shared.clock.now();
        let mut processor = self.shared.processor.write();
        let started = Instant::now();
        let outcome = processor.step(items, now);
        processor.count_busy(started.elapsed());
        if processor.wants_refill() {
            self.shared.wake_refill.notify_one();
        }
        outcome
    }

    fn hand_on(&self, outcome: Outcome, through: u64) {
        let progress = self.shared.intake.progress();
        self.shared.tick.fetch_add(1, Relaxed);
        if let Some(backlog) = &self.backlog {
            backlog.add(outcome.commit, through, progress);
        }
        self.shared.bus.publish(&outcome.announce);
        if self.backlog.is_none() {
            // Whoever has waited for an item finds what follows from it on the bus.
            progress.advance(through);
        }
    }
}

/// What must happen when the thread ends, after a panic too: nothing more is taken in, and nobody waits for ever.
struct End<'a>(&'a Stepper);

impl Drop for End<'_> {
    fn drop(&mut self) {
        let Stepper { shared, backlog } = self.0;
        shared.intake.stop();
        match backlog {
            Some(backlog) => backlog.finish(shared.intake.progress()),
            None => shared.intake.progress().stop(),
        }
    }
}

/// Readers get their turn between steps, however much waits.
const ITEMS_A_STEP: usize = 256;
/// How long the thread sleeps when nothing comes in.
const PATIENCE: Duration = Duration::from_secs(60);
