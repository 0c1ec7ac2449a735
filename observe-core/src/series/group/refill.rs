//! A group that began with the process gets the past that a store has of it.
//!
//! Rings only grow at their new end. So the past goes into a group of its own, and the frames that came meanwhile follow.

use std::sync::Arc;

use super::{Group, GroupLimits, Observer};
use crate::{EventId, Frame, Schema, Subjects, Timestamp};

/// Whose past is looked for.
#[derive(Clone, Debug)]
pub(crate) struct Outline {
    pub(crate) schema: Arc<Schema>,
    pub(crate) subjects: Subjects,
    /// When the group's first frame was measured, and the id that it has as an event.
    pub(crate) first: Timestamp,
    pub(crate) first_id: EventId,
    restarts: u64,
}

impl<W: Default> Group<W> {
    /// Makes a group that knows its subjects before its first frame.
    pub(crate) fn with_subjects<O: Observer<Watch = W>>(
        outline: &Outline,
        limits: GroupLimits,
        observer: &mut O,
    ) -> Self {
        let mut group = Self::new(Arc::clone(&outline.schema), limits);
        group.subjects.adopt(&outline.subjects, 0, observer);
        group
    }

    /// Has the observer wait for [`Self::release`].
    pub(crate) const fn hold(&mut self) {
        self.is_held = true;
    }

    pub(crate) const fn release(&mut self) {
        self.is_held = false;
    }

    /// Returns whether there is anybody whose past could be looked for.
    pub(crate) const fn has_subjects(&self) -> bool {
        self.subjects.live_len() > 0
    }

    /// Returns what there is to look for; `None` once the first frame has left the rings.
    pub(crate) fn outline(&self) -> Option<Outline> {
        Some(Outline {
            schema: Arc::clone(&self.schema),
            subjects: self.previous.as_ref()?.subjects().clone(),
            first: self.stamps.at(0)?,
            first_id: self.stamps.id_at(0)?,
            restarts: self.restarts,
        })
    }

    /// Returns whether the group still has all frames since the outline's first one.
    pub(crate) fn follows(&self, outline: &Outline) -> bool {
        self.restarts == outline.restarts && self.stamps.id_at(0) == Some(outline.first_id)
    }

    /// Rebuilds at most `limit` frames that are newer than `after`, oldest first, for the subjects that are here now.
    pub(crate) fn frames_after(&self, after: Option<Timestamp>, limit: usize) -> Vec<(EventId, Frame)> {
        let Some(subjects) = self.previous.as_ref().map(Frame::subjects) else { return Vec::new() };
        let mut ticks = self.stamps.ticks(after.unwrap_or(Timestamp::MIN), Timestamp::MAX);
        if self.stamps.at(ticks.start).is_some_and(|first| Some(first) == after) {
            ticks.start += 1;
        }
        let frame = |tick| Some((self.stamps.id_at(tick)?, self.frame(tick, subjects)?));
        ticks.take(limit).filter_map(frame).collect()
    }

    /// Counts on from what `before` has counted.
    pub(crate) const fn succeed(&mut self, before: &Self) {
        self.restarts = before.restarts;
        self.subjects.count_refused(before.subjects.refused());
    }
}
