//! What waits to be stored.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::{Commit, Enriched, EventKind, Frame, intake::Progress};

/// Commits that the store has not taken yet, bounded in bytes.
///
/// When it is full, waiting tickets are refused and the oldest frames leave, then the oldest events. Alerts never do.
#[derive(Debug)]
pub(super) struct Backlog {
    max_bytes: usize,
    inner: Mutex<Waiting>,
}

/// What the writer takes out in one turn.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) commit: Commit,
    /// The number of the last item in it.
    pub(super) through: u64,
    pub(super) bytes: usize,
    /// Frames that left because there was no room.
    pub(super) dropped_frames: u64,
    /// Events that left because there was no room.
    pub(super) dropped_events: u64,
    /// Whether nothing will follow.
    pub(super) is_finished: bool,
}

impl Backlog {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { max_bytes, inner: Mutex::default() }
    }

    /// Adds what a step wants stored, and wakes the writer if somebody waits for it.
    pub(super) fn add(&self, commit: Commit, through: u64, progress: &Progress) {
        let mut inner = self.inner.lock();
        inner.bytes += commit.size_bytes();
        inner.commit.append(commit);
        inner.through = through;
        self.bound(&mut inner, progress);
        drop(inner);
        if progress.is_wanted(through) {
            progress.wake();
        }
    }

    /// Takes everything out.
    pub(super) fn take(&self) -> Waiting {
        let mut inner = self.inner.lock();
        let (through, is_finished) = (inner.through, inner.is_finished);
        std::mem::replace(&mut *inner, Waiting { through, is_finished, ..Waiting::default() })
    }

    /// Puts back what could not be stored, before what came meanwhile.
    pub(super) fn put_back(&self, mut older: Commit, progress: &Progress) {
        let mut inner = self.inner.lock();
        older.append(std::mem::take(&mut inner.commit));
        inner.bytes = older.size_bytes();
        inner.commit = older;
        self.bound(&mut inner, progress);
    }

    /// Says that nothing will follow.
    pub(super) fn finish(&self, progress: &Progress) {
        self.inner.lock().is_finished = true;
        progress.wake();
    }

    /// Returns the bytes that wait, and whether somebody waits for them or nothing will follow.
    pub(super) fn urgency(&self, progress: &Progress) -> (usize, bool) {
        let inner = self.inner.lock();
        (inner.bytes, inner.is_finished || progress.is_wanted(inner.through))
    }

    fn bound(&self, waiting: &mut Waiting, progress: &Progress) {
        if waiting.bytes <= self.max_bytes {
            return;
        }
        progress.lose(waiting.through);
        let excess = waiting.bytes - self.max_bytes;
        let (frames, freed) = drop_oldest(&mut waiting.commit.frames, excess, Frame::size_bytes, |_| true);
        waiting.bytes -= freed;
        let is_droppable = |event: &Arc<Enriched>| event.kind() != EventKind::Alert;
        let excess = excess.saturating_sub(freed);
        let (events, freed) = drop_oldest(&mut waiting.commit.events, excess, |event| event.size_bytes(), is_droppable);
        waiting.bytes -= freed;
        waiting.dropped_frames += frames;
        waiting.dropped_events += events;
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
    items.retain(|item| {
        let stays = freed >= excess || !is_droppable(item);
        if !stays {
            count += 1;
            freed += size_bytes(item);
        }
        stays
    });
    (count, freed)
}
