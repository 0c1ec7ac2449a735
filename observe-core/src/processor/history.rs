//! The newest events, bounded in number and in bytes.

use std::{collections::VecDeque, sync::Arc};

use crate::{Enriched, EventId};

/// A ring of events in the order of their ids. Frames are not in it.
#[derive(Debug)]
pub(super) struct History {
    events: VecDeque<Arc<Enriched>>,
    bytes: usize,
    max_events: usize,
    max_bytes: usize,
}

impl History {
    pub(super) const fn new(max_events: usize, max_bytes: usize) -> Self {
        Self { events: VecDeque::new(), bytes: 0, max_events, max_bytes }
    }

    pub(super) fn push(&mut self, event: Arc<Enriched>) {
        self.bytes += event.size_bytes();
        self.events.push_back(event);
        while self.events.len() > self.max_events || self.bytes > self.max_bytes {
            let Some(oldest) = self.events.pop_front() else { break };
            self.bytes -= oldest.size_bytes();
        }
    }

    pub(super) fn newest_first(&self) -> impl Iterator<Item = &Arc<Enriched>> {
        self.events.iter().rev()
    }

    pub(super) fn find(&self, id: EventId) -> Option<&Arc<Enriched>> {
        self.newest_first().find(|event| event.id == id)
    }

    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    pub(super) const fn size_bytes(&self) -> usize {
        self.bytes
    }
}
