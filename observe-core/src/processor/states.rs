//! What detectors remember, on its way to the store and back.

use std::{borrow::Cow, collections::HashMap, time::Duration};

use parking_lot::Mutex;

use crate::{MetricKey, State, Timestamp};

/// States of detectors that were read from the store and wait for their series.
#[derive(Debug, Default)]
pub(crate) struct SavedStates {
    by_key: Mutex<HashMap<String, Saved>>,
}

/// What a detector remembered before the restart.
#[derive(Debug)]
pub(super) struct Saved {
    pub(super) data: Vec<u8>,
    /// The last point that it had seen.
    pub(super) updated_at: Timestamp,
}

impl SavedStates {
    /// Keeps a state; one in a form that nobody here reads is left out.
    pub(crate) fn put(&self, state: State) {
        if state.version == STATE_VERSION {
            let saved = Saved { data: state.data, updated_at: state.updated_at };
            self.by_key.lock().insert(state.key, saved);
        }
    }

    /// Takes the state of the detector that the factory called `factory` made for a series.
    pub(super) fn take(&self, factory: &str, key: &MetricKey) -> Option<Saved> {
        let mut by_key = self.by_key.lock();
        if by_key.is_empty() { None } else { by_key.remove(&state_key(factory, key)) }
    }

    /// Forgets what no series has asked for.
    pub(crate) fn clear(&self) {
        *self.by_key.lock() = HashMap::new();
    }
}

/// Makes a state of what a detector remembers.
pub(super) fn state(factory: &str, key: &MetricKey, data: Vec<u8>, updated_at: Timestamp) -> State {
    State {
        kind: Cow::Borrowed(DETECTOR_STATES),
        key: state_key(factory, key),
        version: STATE_VERSION,
        data,
        updated_at,
    }
}

fn state_key(factory: &str, key: &MetricKey) -> String {
    format!("{factory} {key}")
}

/// When detectors are asked for what they remember. One round goes over all series, a few in each step.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    next: Option<Timestamp>,
    /// Where the present round has come to: a group, and a series in it.
    place: Option<(usize, usize)>,
}

impl Rounds {
    /// Returns where to go on at `now`; `None` between two rounds.
    pub(super) fn place(&mut self, now: Timestamp) -> Option<(usize, usize)> {
        let next = *self.next.get_or_insert(now + STATE_INTERVAL);
        // A clock that was set back must not put the next round off.
        let is_due = now >= next || next.since(now) > STATE_INTERVAL;
        if self.place.is_none() && is_due {
            self.place = Some((0, 0));
            self.next = Some(now + STATE_INTERVAL);
        }
        self.place
    }

    /// Says where this step has come to; `None` at the end of the round.
    pub(super) const fn settle(&mut self, place: Option<(usize, usize)>) {
        self.place = place;
    }
}

/// How much of a round one step may do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Portion {
    pub(super) states: usize,
    pub(super) series: usize,
}

impl Portion {
    /// What does not delay the samples of the host.
    pub(super) const STEP: Self = Self { states: STATES_A_STEP, series: SERIES_A_STEP };
    /// What makes a commit of decent size when the engine ends.
    pub(super) const LAST: Self = Self { states: STATES_A_COMMIT, series: usize::MAX };
}

/// The kind under which the store has the states of detectors.
pub(crate) const DETECTOR_STATES: &str = "detector";
/// The form of the keys, and that the data is a detector's snapshot. The detector has a version of its own in it.
const STATE_VERSION: u32 = 1;
/// The time from one round to the next.
const STATE_INTERVAL: Duration = Duration::from_secs(300);
/// Snapshots that a step takes.
const STATES_A_STEP: usize = 16;
/// Series that a step looks at for one to take.
const SERIES_A_STEP: usize = 4_096;
const STATES_A_COMMIT: usize = 256;

#[cfg(test)]
mod tests;
