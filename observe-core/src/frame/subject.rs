//! What the rows of a frame are about.

use std::{ops::Deref, sync::Arc};

use crate::Attributes;

/// What one row is about: a device, a process, a core, or with no attributes the host itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Subject {
    /// How often the slot had another subject before; with the slot it names this subject for ever.
    pub generation: u32,
    /// What tells this subject from the others of its producer.
    pub attributes: Attributes,
}

impl Subject {
    const fn heap_bytes(&self) -> usize {
        self.attributes.size_bytes()
    }
}

/// A subject's slot, and which of the slot's subjects it was. A stale id finds nothing.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct SubjectId {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

impl SubjectId {
    /// Returns the row of the subject in its producer's frames.
    #[must_use]
    pub const fn slot(self) -> usize {
        self.slot as usize
    }
}

/// The subjects of a frame, by slot; `None` is a slot that nobody has at present.
///
/// A producer hands out the same list until a subject comes or goes, so [`Subjects::same_as`] is all it takes to see
/// that nothing changed.
#[derive(Clone, Debug)]
pub struct Subjects {
    slots: Arc<[Option<Subject>]>,
    size_bytes: usize,
}

impl Subjects {
    /// Returns whether both are the same list in memory.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.slots, &other.slots)
    }

    /// Returns the bytes of the list and the attributes in it, which all frames with this list share.
    #[must_use]
    pub const fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// Returns the subject in `slot`.
    #[must_use]
    pub fn at(&self, slot: usize) -> Option<&Subject> {
        self.slots.get(slot)?.as_ref()
    }

    /// Writes other subjects over those of the list, which must be as many. Returns whether it did: never while anybody
    /// else holds the list.
    pub(super) fn renew(&mut self, slots: &[Option<Subject>]) -> bool {
        let Some(list) = Arc::get_mut(&mut self.slots).filter(|list| list.len() == slots.len()) else { return false };
        for (old, new) in list.iter_mut().zip(slots) {
            if old == new {
                continue;
            }
            self.size_bytes -= old.as_ref().map_or(0, Subject::heap_bytes);
            self.size_bytes += new.as_ref().map_or(0, Subject::heap_bytes);
            old.clone_from(new);
        }
        true
    }
}

impl From<&[Option<Subject>]> for Subjects {
    fn from(slots: &[Option<Subject>]) -> Self {
        let attributes: usize = slots.iter().flatten().map(Subject::heap_bytes).sum();
        Self { slots: slots.into(), size_bytes: attributes + size_of_val(slots) }
    }
}

impl Deref for Subjects {
    type Target = [Option<Subject>];

    fn deref(&self) -> &[Option<Subject>] {
        &self.slots
    }
}
