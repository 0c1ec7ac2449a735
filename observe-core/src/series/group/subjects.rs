//! Which subject is in which slot of the producer's frames, and who is kept.

use std::mem;

use super::{
    Observer,
    rows::{Row, Rows, Series},
};
use crate::{Attributes, Column, Subject, Subjects};

/// The subjects of a group, by slot, and their series.
#[derive(Debug)]
pub(super) struct SubjectTable<W> {
    max_series: usize,
    /// Attributes of columns, which no subject may have too: two series would share a key.
    reserved: Attributes,
    slots: Vec<Slot>,
    rows: Rows<W>,
    live: usize,
    /// Subjects in slots that have no row.
    waiting: usize,
    refused: u64,
    /// Until this tick memory is short, and who was refused is not asked in again.
    short_until: u64,
}

/// A slot of the producer's frames.
#[derive(Clone, Debug, Default)]
pub(super) struct Slot {
    subject: Option<Subject>,
    /// Where the series of the subject are; nowhere when it was refused.
    row: Option<usize>,
    /// The first tick with the subject: frames from then on have a row of it.
    pub(super) since: u64,
}

impl<W: Default> SubjectTable<W> {
    pub(super) fn new(columns: &[Column], max_series: usize) -> Self {
        let reserved = columns.iter().fold(Attributes::empty(), |all, column| all.union(&column.attributes));
        Self {
            max_series,
            reserved,
            slots: Vec::new(),
            rows: Rows::new(columns.len()),
            live: 0,
            waiting: 0,
            refused: 0,
            short_until: 0,
        }
    }

    /// Compares the slots with those of the frame before, and lets subjects leave and enter.
    pub(super) fn adopt<O: Observer<Watch = W>>(&mut self, subjects: &Subjects, tick: u64, observer: &mut O) {
        let changed: Vec<usize> = (0..self.slots.len().max(subjects.len()))
            .filter(|index| self.slots.get(*index).is_none_or(|slot| !slot.holds(subjects.at(*index))))
            .collect();
        for index in &changed {
            let Some(slot) = self.slots.get_mut(*index).map(mem::take) else { continue };
            self.waiting -= usize::from(slot.is_waiting());
            if let Some(row) = slot.row {
                self.rows.leave(row, tick, observer);
                self.live -= 1;
            }
        }
        self.slots.resize(subjects.len(), Slot::default());
        if self.slots.capacity() > 2 * self.slots.len() + SPARE_SLOTS {
            self.slots.shrink_to_fit();
        }
        for index in changed {
            if let Some(subject) = subjects.at(index) {
                self.enter(index, subject, tick);
            }
        }
        if self.waiting > 0 && tick >= self.short_until {
            self.readmit();
        }
    }

    /// Walks over the subjects that are there: number of the slot, slot, subject and series.
    pub(super) fn for_each_live(&mut self, mut visit: impl FnMut(usize, &Slot, &Subject, &mut [Series<W>])) {
        for (index, slot) in self.slots.iter().enumerate() {
            let (Some(subject), Some(row)) = (&slot.subject, slot.row) else { continue };
            if let Some(series) = self.rows.series_mut(row) {
                visit(index, slot, subject, series);
            }
        }
    }

    /// Walks over the subjects that are there, then over those that have left.
    pub(super) fn all(&self) -> impl Iterator<Item = Row<'_, W>> {
        self.slots.iter().filter_map(|slot| self.rows.row(slot.row?)).chain(self.rows.all_left())
    }

    /// Returns the series of the subject in a slot.
    pub(super) fn in_slot(&self, slot: usize) -> Option<&[Series<W>]> {
        Some(self.rows.row(self.slots.get(slot)?.row?)?.series)
    }

    pub(super) const fn rows(&self) -> &Rows<W> {
        &self.rows
    }

    pub(super) const fn rows_mut(&mut self) -> &mut Rows<W> {
        &mut self.rows
    }

    pub(super) const fn refused(&self) -> u64 {
        self.refused
    }

    /// Counts series that were refused in another group.
    pub(super) const fn count_refused(&mut self, refused: u64) {
        self.refused = refused;
    }

    /// Returns how many subjects are there.
    pub(super) const fn live_len(&self) -> usize {
        self.live
    }

    pub(super) fn size_bytes(&self) -> usize {
        self.rows.size_bytes() + self.slots.capacity() * size_of::<Slot>()
    }

    /// Forgets the subjects in the highest slots, and goes on without them, until `excess` bytes of their rings are
    /// free; `None` where there is none. Returns how many series are gone.
    pub(super) fn refuse_last<O: Observer<Watch = W>>(
        &mut self,
        excess: usize,
        tick: u64,
        observer: &mut O,
    ) -> Option<usize> {
        self.short_until = tick + TICKS_OF_SHORTAGE;
        let (mut freed, mut gone) = (0, 0);
        for slot in self.slots.iter_mut().rev() {
            if freed >= excess {
                break;
            }
            let Some(row) = slot.row.take() else { continue };
            freed += self.rows.free(row, observer);
            self.live -= 1;
            self.waiting += 1;
            gone += self.rows.width();
        }
        self.rows.give_back();
        (gone > 0).then_some(gone)
    }

    pub(super) fn clear<O: Observer<Watch = W>>(&mut self, observer: &mut O) {
        self.rows.clear(observer);
        self.slots.clear();
        (self.live, self.waiting, self.short_until) = (0, 0, 0);
    }

    /// Gives a subject its slot, and a row if it can be kept.
    fn enter(&mut self, index: usize, subject: &Subject, tick: u64) {
        let row = self.admit(subject);
        if row.is_none() {
            self.refused += self.rows.width() as u64;
            self.waiting += 1;
        }
        if let Some(slot) = self.slots.get_mut(index) {
            *slot = Slot { subject: Some(subject.clone()), row, since: tick };
        }
    }

    /// Asks in those who were refused and for whom there is room by now.
    fn readmit(&mut self) {
        for index in 0..self.slots.len() {
            let Some(Slot { subject: Some(subject), row: None, .. }) = self.slots.get(index) else { continue };
            let subject = subject.clone();
            let row = self.admit(&subject);
            self.waiting -= usize::from(row.is_some());
            if let Some(slot) = self.slots.get_mut(index) {
                slot.row = row;
            }
        }
    }

    /// Returns the row for a subject; `None` where the group is full, where another slot has a subject with the same
    /// attributes, or where its series could not be told from others by their keys.
    fn admit(&mut self, subject: &Subject) -> Option<usize> {
        let has_room = (self.live + 1) * self.rows.width() <= self.max_series;
        if !has_room || !self.is_nameable(&subject.attributes) {
            return None;
        }
        let row = self.rows.claim(subject)?;
        self.live += 1;
        Some(row)
    }

    fn is_nameable(&self, attributes: &Attributes) -> bool {
        attributes.len() + self.reserved.len() <= Attributes::MAX_LEN
            && self.reserved.iter().all(|attribute| attributes.value(&attribute.key).is_none())
    }
}

impl Slot {
    const fn is_waiting(&self) -> bool {
        self.subject.is_some() && self.row.is_none()
    }

    fn holds(&self, other: Option<&Subject>) -> bool {
        match (&self.subject, other) {
            (Some(old), Some(new)) => old.generation == new.generation && old.attributes == new.attributes,
            (None, None) => true,
            _ => false,
        }
    }
}

/// How long who was refused for want of memory stays out.
const TICKS_OF_SHORTAGE: u64 = 1_024;
/// Room for so many slots may lie idle before it is given back.
const SPARE_SLOTS: usize = 1_024;
