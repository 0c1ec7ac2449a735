//! Events: those in memory, and older ones from the store.

use std::{cmp::Reverse, sync::Arc};

use super::super::Handle;
use crate::{Enriched, EventId, EventKind, EventQuery, StoreError};

impl Handle {
    /// Returns events, newest first, each once: those in memory as [`Handle::events`] has them, and older ones from the
    /// store, which has all but frames. What memory has in full does not touch the store.
    ///
    /// # Errors
    ///
    /// Says why the store could not answer.
    ///
    /// # Cancel safety
    ///
    /// It only reads.
    pub async fn past_events(&self, query: &EventQuery) -> Result<Vec<Arc<Enriched>>, StoreError> {
        let (mut found, horizon) = {
            let processor = self.shared.processor.read();
            (processor.events(query), processor.oldest_event())
        };
        let (Some(store), Some(older)) = (self.store(), older_than(horizon, query, &found)) else { return Ok(found) };
        found.extend(store.events(&older).await?);
        found.sort_unstable_by_key(|event| Reverse(event.id));
        found.dedup_by_key(|event| event.id);
        found.truncate(query.limit);
        Ok(found)
    }

    /// Returns an event, from memory or from the store.
    ///
    /// # Errors
    ///
    /// Says why the store could not answer.
    ///
    /// # Cancel safety
    ///
    /// It only reads.
    pub async fn past_event(&self, id: EventId) -> Result<Option<Arc<Enriched>>, StoreError> {
        let found = self.event(id);
        let Some(store) = self.store().filter(|_| found.is_none()) else { return Ok(found) };
        let mut query = EventQuery::newest(1);
        query.before = Some(EventId::from_u64(id.as_u64().saturating_add(1)));
        query.after = id.as_u64().checked_sub(1).map(EventId::from_u64);
        Ok(store.events(&query).await?.into_iter().next())
    }
}

/// Returns what to ask the store for; `None` where memory has everything. Below `horizon` it has frames only.
fn older_than(horizon: Option<EventId>, query: &EventQuery, found: &[Arc<Enriched>]) -> Option<EventQuery> {
    let is_in_memory = |id: EventId| horizon.is_some_and(|horizon| id >= horizon);
    let is_full = found.len() >= query.limit && found.last().is_none_or(|oldest| is_in_memory(oldest.id));
    if is_full || query.after.is_some_and(is_in_memory) {
        return None;
    }
    let kinds = query.kinds.iter().filter(|kind| !kind.is_frame()).collect();
    let before = [query.before, horizon].into_iter().flatten().min();
    let has_kinds = query.kinds.iter().any(|kind: EventKind| !kind.is_frame());
    has_kinds.then(|| EventQuery { kinds, before, ..query.clone() })
}
