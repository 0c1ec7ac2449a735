//! What a client missed, in small lots.

use std::sync::Arc;

use observe_core::{Enriched, EventId, EventKind, Handle};

use super::super::events::EventFilter;
use crate::aside;

/// A stretch of events that is still to be sent, by their ids.
#[derive(Debug)]
pub(super) struct Past {
    /// Everything up to this one is sent.
    pub(super) after: u64,
    /// The last one.
    pub(super) until: u64,
    /// How many ids to look through at once.
    pub(super) width: u64,
}

/// The next events of a stretch, oldest first.
#[derive(Debug)]
pub(super) struct Lot {
    pub(super) events: Vec<Arc<Enriched>>,
    /// What is left behind them.
    pub(super) rest: Option<Past>,
    /// Whether events in front of them may have been forgotten.
    pub(super) is_cut: bool,
}

impl Past {
    /// Takes the next events, at most [`LOT`] of them. Answers have the newest, so this asks for so few ids that all
    /// events among them fit, and for more of them where events are rare. Where the store fails, memory alone answers.
    pub(super) fn lot(mut self, handle: &Handle, filter: &EventFilter) -> Lot {
        let mut is_cut = !self.is_remembered(handle, filter);
        let mut query = filter.query(LOT as usize + 1, handle.host_name());
        while self.after < self.until {
            let last = self.after.saturating_add(self.width).min(self.until);
            query.after = Some(EventId::from_u64(self.after));
            query.before = Some(EventId::from_u64(last.saturating_add(1)));
            let found = aside::wait(handle.past_events(&query)).unwrap_or_else(|_| {
                is_cut = true;
                handle.events(&query)
            });
            if found.len() as u64 > LOT && self.width > LOT {
                self.width = (self.width / 2).max(LOT);
                continue;
            }
            self.after = last;
            self.width = self.width.saturating_mul(if found.is_empty() { 2 } else { 1 });
            if !found.is_empty() {
                let events =
                    found.into_iter().rev().filter(|event| filter.matches(event, handle.host_name())).collect();
                let rest = (self.after < self.until).then_some(self);
                return Lot { events, rest, is_cut };
            }
        }
        Lot { events: Vec::new(), rest: None, is_cut }
    }

    /// Returns whether the event in front, or one before it, is still known: then nothing behind it was forgotten. Of
    /// frames only memory can tell.
    fn is_remembered(&self, handle: &Handle, filter: &EventFilter) -> bool {
        let mut query = filter.query(1, handle.host_name());
        query.before = Some(EventId::from_u64(self.after.saturating_add(1)));
        let has_frames = query.kinds.iter().any(EventKind::is_frame);
        let is_stored = || aside::wait(handle.past_events(&query)).is_ok_and(|found| !found.is_empty());
        !handle.events(&query).is_empty() || (!has_frames && is_stored())
    }
}

/// The most events that a client's stream takes out of memory at once.
pub(super) const LOT: u64 = 64;
