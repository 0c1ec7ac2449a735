//! What waits to be stored.

use std::{collections::HashSet, sync::Arc, time::Duration};

use parking_lot::{Condvar, Mutex};

use crate::{Commit, Enriched, EventKind, Frame, State, intake::Progress, processor::DETECTOR_STATES};

/// Commits that the store has not taken yet, what it is just writing included, bounded in bytes.
///
/// When it is full and the store works, the processor waits, so that the intake fills up and refuses. When the store
/// fails, waiting tickets are refused and what detectors remember leaves, then the oldest frames, then the oldest
/// events. Alerts never do.
#[derive(Debug)]
pub(crate) struct Backlog {
    max_bytes: usize,
    inner: Mutex<Inner>,
    settled: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    commit: Commit,
    /// The number of the last item in it.
    through: u64,
    bytes: usize,
    /// Bytes that the store is writing.
    in_flight_bytes: usize,
    /// What left since this was last told.
    gap: Dropped,
    dropped: Dropped,
    /// Whether the last commit failed, or takes so long that it may.
    is_failing: bool,
    is_finished: bool,
}

/// What left the backlog because there was no room.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Dropped {
    pub(super) frames: u64,
    pub(super) events: u64,
}

/// What the writer takes out in one turn.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) commit: Commit,
    /// The number of the last item in it.
    pub(super) through: u64,
    pub(super) gap: Dropped,
    /// Whether nothing will follow.
    pub(super) is_last: bool,
}

/// How soon the writer should write.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Urgency {
    /// When the interval is over.
    Whenever,
    /// Now, unless the store has just failed: somebody waits, or half of the room is taken.
    Soon,
    /// Now in any case: nothing will follow.
    Last,
}

impl Backlog {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { max_bytes, inner: Mutex::default(), settled: Condvar::new() }
    }

    /// Adds what a step wants stored, and wakes the writer if it is urgent. Waits for a store that works to make room.
    pub(super) fn add(&self, commit: Commit, through: u64, progress: &Progress) {
        let size = commit.size_bytes();
        let mut inner = self.inner.lock();
        while inner.is_full_with(size, self.max_bytes) && !inner.is_failing {
            progress.wake();
            inner.is_failing = self.settled.wait_for(&mut inner, PATIENCE).timed_out();
        }
        inner.bytes += size;
        inner.append(commit);
        inner.through = through;
        self.bound(&mut inner, progress);
        let urgency = self.urgency_of(&inner, progress);
        drop(inner);
        if urgency != Urgency::Whenever {
            progress.wake();
        }
    }

    /// Takes everything out; [`Self::settle`] says what became of it.
    pub(super) fn take(&self) -> Taken {
        let mut inner = self.inner.lock();
        inner.in_flight_bytes = std::mem::take(&mut inner.bytes);
        Taken {
            commit: std::mem::take(&mut inner.commit),
            through: inner.through,
            gap: std::mem::take(&mut inner.gap),
            is_last: inner.is_finished,
        }
    }

    /// Ends a turn of the writer: what could not be stored goes back, before what came meanwhile.
    pub(super) fn settle(&self, unstored: Option<Commit>, progress: &Progress) {
        let mut inner = self.inner.lock();
        inner.in_flight_bytes = 0;
        inner.is_failing = unstored.is_some();
        if let Some(older) = unstored {
            inner.bytes += older.size_bytes();
            let newer = std::mem::replace(&mut inner.commit, older);
            inner.append(newer);
            self.bound(&mut inner, progress);
        }
        drop(inner);
        self.settled.notify_all();
    }

    /// Says that nothing will follow.
    pub(super) fn finish(&self, progress: &Progress) {
        self.inner.lock().is_finished = true;
        progress.wake();
    }

    pub(super) fn urgency(&self, progress: &Progress) -> Urgency {
        self.urgency_of(&self.inner.lock(), progress)
    }

    /// Returns the bytes that are not stored, and what had to leave since the start.
    pub(super) fn status(&self) -> (usize, Dropped) {
        let inner = self.inner.lock();
        (inner.bytes + inner.in_flight_bytes, inner.dropped)
    }

    fn urgency_of(&self, inner: &Inner, progress: &Progress) -> Urgency {
        match inner.is_finished {
            true => Urgency::Last,
            false if inner.bytes > self.max_bytes / 2 || progress.is_wanted(inner.through) => Urgency::Soon,
            false => Urgency::Whenever,
        }
    }

    fn bound(&self, inner: &mut Inner, progress: &Progress) {
        let excess = (inner.bytes + inner.in_flight_bytes).saturating_sub(self.max_bytes);
        if excess == 0 {
            return;
        }
        // Detectors learn anew what is lost of theirs, and nobody waits for it.
        let is_droppable = |state: &State| state.kind == DETECTOR_STATES;
        let (_, freed) = drop_oldest(&mut inner.commit.states, excess, State::size_bytes, is_droppable);
        inner.bytes = inner.bytes.saturating_sub(freed);
        let excess = excess.saturating_sub(freed);
        if excess == 0 {
            return;
        }
        progress.lose(inner.through);
        let (frames, freed) = drop_oldest(&mut inner.commit.frames, excess, Frame::size_bytes, |_| true);
        inner.bytes = inner.bytes.saturating_sub(freed);
        let is_droppable = |event: &Arc<Enriched>| event.kind() != EventKind::Alert;
        let excess = excess.saturating_sub(freed);
        let (events, freed) = drop_oldest(&mut inner.commit.events, excess, |event| event.size_bytes(), is_droppable);
        inner.bytes = inner.bytes.saturating_sub(freed);
        for dropped in [&mut inner.gap, &mut inner.dropped] {
            dropped.frames += frames;
            dropped.events += events;
        }
    }
}

impl Inner {
    const fn is_full_with(&self, more: usize, max_bytes: usize) -> bool {
        let waiting = self.bytes + self.in_flight_bytes;
        waiting > 0 && waiting + more > max_bytes
    }

    /// Adds what came later. States that it replaces need not be stored at all.
    fn append(&mut self, newer: Commit) {
        if !newer.states.is_empty() && !self.commit.states.is_empty() {
            let newer: HashSet<(&str, &str)> = newer.states.iter().map(|state| (&*state.kind, &*state.key)).collect();
            let is_replaced = |state: &mut State| newer.contains(&(&*state.kind, &*state.key));
            let replaced: usize = self.commit.states.extract_if(.., is_replaced).map(|state| state.size_bytes()).sum();
            self.bytes = self.bytes.saturating_sub(replaced);
        }
        self.commit.append(newer);
    }
}

/// Drops items from the front until `excess` bytes are free. Returns how many went, and how many bytes that freed.
fn drop_oldest<T>(
    items: &mut Vec<T>,
    excess: usize,
    size_bytes: impl Fn(&T) -> usize,
    is_droppable: impl Fn(&T) -> bool,
) -> (u64, usize) {
    let (mut count, mut freed) = (0, 0);
    if excess > 0 {
        items.retain(|item| {
            let stays = freed >= excess || !is_droppable(item);
            if !stays {
                count += 1;
                freed += size_bytes(item);
            }
            stays
        });
    }
    (count, freed)
}

/// A store that makes no room for so long counts as failing: watching the host must go on.
const PATIENCE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
