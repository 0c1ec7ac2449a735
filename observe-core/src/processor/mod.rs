//! The stream processor: one turn takes a batch in and says what must be stored and what observers see.
//!
//! It does no input or output and asks no clock, so the same batches give the same outcomes.

mod budget;
mod history;
mod refill;
mod registry;
mod states;
mod watch;

use std::{sync::Arc, time::Duration};

pub use self::budget::Budget;
pub(crate) use self::registry::Registry;
use self::{
    history::History,
    registry::Taken,
    states::{Portion, Rounds},
    watch::{Watchers, finding_event},
};
pub(crate) use self::{
    refill::Refill,
    states::{DETECTOR_STATES, SavedStates},
};
pub use self::{registry::ProcessorStats, watch::DetectorStats};
use crate::{
    Commit, DetectorFactory, Enriched, EventData, EventId, EventQuery, Frame, IdSequence, Item, Limits, ProcessCache,
    Reading, State, SystemEvent, Timestamp, series::Arrival,
};

/// Everything that is decided in the order of intake, and the recent past that readers ask for.
#[derive(Debug)]
pub(crate) struct Processor {
    registry: Registry,
    watchers: Watchers,
    history: History,
    ids: IdSequence,
    processes: Arc<ProcessCache>,
    counters: Counters,
    /// When detectors are asked for what they remember; never where nothing outlives the engine.
    rounds: Option<Rounds>,
}

#[derive(Debug, Default)]
struct Counters {
    steps: u64,
    frames: u64,
    samples: u64,
    late_frames: u64,
    busy: Duration,
}

/// What came out of one step.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// What must be durable.
    pub(crate) commit: Commit,
    /// What observers see.
    pub(crate) announce: Vec<Arc<Enriched>>,
    /// Which of the items, counted from zero, were not taken.
    pub(crate) refused: Vec<usize>,
}

impl Processor {
    pub(crate) fn new(limits: &Limits, factories: Vec<Arc<dyn DetectorFactory>>, processes: Arc<ProcessCache>) -> Self {
        let budget = limits.budget();
        Self {
            registry: Registry::new(limits, budget.rings),
            watchers: Watchers::new(factories, Arc::default(), budget.detectors),
            history: History::new(limits.max_events, budget.history),
            ids: IdSequence::default(),
            processes,
            counters: Counters::default(),
            rounds: None,
        }
    }

    /// Makes it save what detectors remember, and make detectors from what was saved before.
    pub(crate) fn remember(&mut self, saved: Arc<SavedStates>) {
        self.watchers.remember(saved);
        self.rounds = Some(Rounds::default());
    }

    /// Lets new producers wait for [`Self::finish_refill`] before detectors see their points.
    pub(crate) const fn start_refills(&mut self) {
        self.registry.start_refills();
    }

    /// Hands out ids above one from before the restart only.
    pub(crate) fn go_on_above(&mut self, id: EventId) {
        self.ids.go_on_above(id);
    }

    /// Takes items in, in their order, and returns what follows from them.
    pub(crate) fn step(&mut self, items: impl IntoIterator<Item = Item>, now: Timestamp) -> Outcome {
        let mut outcome = Outcome::default();
        // A refill may have found something since the last step.
        self.take_findings(now, &mut outcome);
        for (index, item) in items.into_iter().enumerate() {
            match item {
                Item::Event(SystemEvent { data: EventData::Frame(reading), .. }) => {
                    self.take_frame(index, reading.frame().clone(), now, &mut outcome);
                }
                Item::Event(event) => self.take_event(event, now, &mut outcome),
                Item::Frame(frame) => self.take_frame(index, frame, now, &mut outcome),
                Item::Log(record) => {
                    let event = SystemEvent::new("log", record.timestamp, EventData::Log(record));
                    self.take_event(event, now, &mut outcome);
                }
                Item::Span(span) => {
                    let event = SystemEvent::new("span", span.start_time, EventData::Span(span));
                    self.take_event(event, now, &mut outcome);
                }
            }
        }
        self.counters.steps += 1;
        self.registry.queue_refills();
        self.registry.keep_within_budget(&mut self.watchers);
        if self.counters.steps.is_multiple_of(STEPS_BETWEEN_WEIGHINGS) {
            self.watchers.weigh(self.registry.watches_mut());
        }
        self.save_some(now, &mut outcome.commit.states);
        outcome
    }

    /// Returns what detectors remember that was not saved yet, some of it at a time; nothing once all is.
    pub(crate) fn last_states(&mut self) -> Vec<State> {
        let mut states = Vec::new();
        if self.rounds.is_some() {
            self.registry.save((0, 0), Portion::LAST, &mut self.watchers, &mut states);
        }
        states
    }

    /// Counts the time that a step took; the caller has the clock.
    pub(crate) fn count_busy(&mut self, busy: Duration) {
        self.counters.busy += busy;
    }

    /// Hands out the id of an event that does not go through a step.
    pub(crate) fn next_id(&mut self, now: Timestamp) -> EventId {
        self.ids.next(now)
    }

    pub(crate) const fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Returns events of the recent past, newest first; frames among them are rebuilt from the rings.
    pub(crate) fn events(&self, query: &EventQuery) -> Vec<Arc<Enriched>> {
        let kept = self.history.newest_first().filter(|event| query.matches(event)).take(query.limit).cloned();
        let mut found: Vec<Arc<Enriched>> = kept.collect();
        if query.kinds.iter().any(crate::EventKind::is_frame) && query.pid.is_none() && query.host.is_none() {
            let readings = self.registry.readings(query);
            found.extend(readings.map(frame_event).filter(|event| query.matches(event)));
            found.sort_unstable_by_key(|event| std::cmp::Reverse(event.id));
            found.truncate(query.limit);
        }
        found
    }

    /// Returns the lowest id of the events that are kept, frames aside.
    pub(crate) fn oldest_event(&self) -> Option<EventId> {
        self.history.newest_first().map(|event| event.id).min()
    }

    pub(crate) fn event(&self, id: EventId) -> Option<Arc<Enriched>> {
        let frame = || {
            let before = EventId::from_u64(id.as_u64().saturating_add(1));
            let query = EventQuery { before: Some(before), ..EventQuery::newest(1) };
            self.registry.readings(&query).find(|(found, _)| *found == id).map(frame_event)
        };
        self.history.find(id).cloned().or_else(frame)
    }

    pub(crate) fn stats(&self) -> ProcessorStats {
        ProcessorStats {
            events: self.history.len(),
            event_bytes: self.history.size_bytes(),
            steps: self.counters.steps,
            frames: self.counters.frames,
            samples: self.counters.samples,
            late_frames: self.counters.late_frames,
            busy: self.counters.busy,
            ..self.registry.stats()
        }
    }

    pub(crate) const fn detector_stats(&self) -> DetectorStats {
        self.watchers.stats()
    }

    fn save_some(&mut self, now: Timestamp, states: &mut Vec<State>) {
        let Some(rounds) = &mut self.rounds else { return };
        if let Some(place) = rounds.place(now) {
            rounds.settle(self.registry.save(place, Portion::STEP, &mut self.watchers, states));
        }
    }

    fn take_frame(&mut self, index: usize, frame: Frame, now: Timestamp, outcome: &mut Outcome) {
        self.counters.frames += 1;
        let id = self.ids.next(now);
        match self.registry.push(frame.clone(), Arrival { id, now }, &mut self.watchers) {
            Taken::Fresh { reading, samples } => {
                self.counters.samples += samples;
                outcome.announce.push(frame_event((id, reading)));
            }
            Taken::Late => self.counters.late_frames += 1,
            Taken::Refused => {
                outcome.refused.push(index);
                return;
            }
        }
        outcome.commit.frames.push(frame);
        self.take_findings(now, outcome);
    }

    fn take_findings(&mut self, now: Timestamp, outcome: &mut Outcome) {
        for found in self.watchers.take_findings() {
            self.take_event(finding_event(found), now, outcome);
        }
    }

    fn take_event(&mut self, mut event: SystemEvent, now: Timestamp, outcome: &mut Outcome) {
        event.id = self.ids.next(now);
        let process = self.processes.explain(&event.data);
        let event = Arc::new(Enriched { event, process });
        self.history.push(Arc::clone(&event));
        outcome.commit.events.push(Arc::clone(&event));
        outcome.announce.push(event);
    }
}

/// Makes the event that observers see of a frame.
fn frame_event((id, reading): (EventId, Reading)) -> Arc<Enriched> {
    let timestamp = reading.timestamp();
    let source = reading.frame().schema().source();
    let mut event = SystemEvent::new(source, timestamp, EventData::Frame(reading));
    event.id = id;
    Arc::new(Enriched { event, process: None })
}

/// How often the memory of detectors is added up.
const STEPS_BETWEEN_WEIGHINGS: u64 = 64;

#[cfg(test)]
mod tests;
