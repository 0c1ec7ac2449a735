//! The subjects of a group, those that have left included, and the series of each.

use std::{
    collections::{HashMap, VecDeque},
    mem,
    ops::Range,
};

use super::{super::ring::Ring, Observer};
use crate::{Attributes, Subject, Subjects};

/// Which subject has which row of series. A subject that leaves keeps its row for a while, and gets it back when it
/// returns.
#[derive(Debug)]
pub(super) struct SubjectTable<W> {
    /// Series of one subject.
    width: usize,
    max_series: usize,
    /// By the slot that the producer gave.
    slots: Vec<Slot>,
    /// By row.
    owners: Vec<Option<Owner>>,
    /// The series of row 0, then those of row 1, and so on.
    series: Vec<Series<W>>,
    free: Vec<usize>,
    rows: HashMap<Attributes, usize>,
    /// Rows of subjects in the order in which they left, with the first tick without them. Those that came back are
    /// still in it, with the wrong tick.
    left: VecDeque<(usize, u64)>,
    live: usize,
    heap_bytes: usize,
    refused: u64,
}

/// A slot of the producer's frames.
#[derive(Clone, Debug, Default)]
pub(super) struct Slot {
    subject: Option<Subject>,
    /// Where the series of the subject are; nowhere when the group was full.
    row: Option<usize>,
    /// Whether the row in the previous frame is that of this subject.
    pub(super) has_previous: bool,
}

/// One series and what watches it.
#[derive(Debug)]
pub(super) struct Series<W> {
    pub(super) ring: Ring,
    pub(super) watch: W,
}

/// Whose a row is.
#[derive(Debug)]
struct Owner {
    subject: Subject,
    /// The first tick without the subject, if it has left.
    left_at: Option<u64>,
}

/// A subject and its series.
pub(super) struct Row<'a, W> {
    pub(super) subject: &'a Subject,
    pub(super) series: &'a [Series<W>],
    pub(super) is_live: bool,
}

impl<W: Default> SubjectTable<W> {
    pub(super) fn new(width: usize, max_series: usize) -> Self {
        Self {
            width,
            max_series,
            slots: Vec::new(),
            owners: Vec::new(),
            series: Vec::new(),
            free: Vec::new(),
            rows: HashMap::new(),
            left: VecDeque::new(),
            live: 0,
            heap_bytes: 0,
            refused: 0,
        }
    }

    /// Compares the slots with those of the frame before, and lets subjects leave and enter.
    pub(super) fn adopt<O: Observer<Watch = W>>(&mut self, subjects: &Subjects, tick: u64, observer: &mut O) {
        let changed: Vec<usize> = (0..self.slots.len().max(subjects.len()))
            .filter(|index| self.slots.get(*index).is_none_or(|slot| !slot.holds(subjects.at(*index))))
            .collect();
        for index in &changed {
            self.leave(*index, tick);
        }
        self.slots.resize(subjects.len(), Slot::default());
        for index in changed {
            if let Some(subject) = subjects.at(index) {
                self.enter(index, subject);
            }
        }
        while self.left.len() > MAX_LEFT {
            self.drop_first_left(observer);
        }
    }

    /// Walks over the subjects that are there: number of the slot, slot, subject and series.
    pub(super) fn for_each_live(&mut self, mut visit: impl FnMut(usize, &Slot, &Subject, &mut [Series<W>])) {
        for (index, slot) in self.slots.iter().enumerate() {
            let (Some(subject), Some(row)) = (&slot.subject, slot.row) else { continue };
            if let Some(series) = self.series.get_mut(span(row, self.width)) {
                visit(index, slot, subject, series);
            }
        }
    }

    /// Says that every subject has a row in the frame that was just written.
    pub(super) fn remember_row(&mut self) {
        self.slots.iter_mut().for_each(|slot| slot.has_previous = slot.subject.is_some());
    }

    /// Counts heap memory that rings took or gave back.
    pub(super) const fn account(&mut self, grown: isize) {
        self.heap_bytes = self.heap_bytes.saturating_add_signed(grown);
    }

    /// Returns the subject with `attributes` and its series.
    pub(super) fn find(&self, attributes: &Attributes) -> Option<Row<'_, W>> {
        self.row(*self.rows.get(attributes)?)
    }

    /// Walks over the subjects that are there, then over those that have left.
    pub(super) fn all(&self) -> impl Iterator<Item = Row<'_, W>> {
        let live = self.slots.iter().filter_map(|slot| self.row(slot.row?));
        let left = self.left.iter().filter(|(row, at)| self.has_left(*row, *at)).filter_map(|(row, _)| self.row(*row));
        live.chain(left)
    }

    /// Returns the series of the subject in a slot.
    pub(super) fn in_slot(&self, slot: usize) -> Option<&[Series<W>]> {
        self.series.get(span(self.slots.get(slot)?.row?, self.width))
    }

    pub(super) const fn refused(&self) -> u64 {
        self.refused
    }

    pub(super) fn size_bytes(&self) -> usize {
        self.heap_bytes
            + self.series.capacity() * size_of::<Series<W>>()
            + self.slots.capacity() * size_of::<Slot>()
            + self.owners.capacity() * size_of::<Option<Owner>>()
            + self.rows.capacity() * size_of::<(Attributes, usize)>()
            + self.left.capacity() * size_of::<(usize, u64)>()
    }

    /// Forgets ticks before `tick`, and subjects with nothing left.
    pub(super) fn forget_before<O: Observer<Watch = W>>(&mut self, tick: u64, observer: &mut O) {
        let freed: usize = self.series.iter_mut().map(|series| series.ring.forget_before(tick)).sum();
        self.heap_bytes = self.heap_bytes.saturating_sub(freed);
        while self.left.front().is_some_and(|(_, at)| *at <= tick) {
            self.drop_first_left(observer);
        }
    }

    /// Forgets the subject that left first; `None` where none has left. Returns how many series are gone.
    pub(super) fn drop_first_left<O: Observer<Watch = W>>(&mut self, observer: &mut O) -> Option<usize> {
        let (row, at) = self.left.pop_front()?;
        if !self.has_left(row, at) {
            return Some(0);
        }
        self.free_row(row, observer);
        Some(self.width)
    }

    /// Forgets the subjects in the highest slots, and goes on without them, until `excess` bytes of their rings are
    /// free; `None` where there is none. Returns how many series are gone.
    pub(super) fn refuse_last<O: Observer<Watch = W>>(&mut self, excess: usize, observer: &mut O) -> Option<usize> {
        let (mut freed, mut gone) = (0, 0);
        for index in (0..self.slots.len()).rev() {
            if freed >= excess {
                break;
            }
            let Some(row) = self.slots.get_mut(index).and_then(|slot| slot.row.take()) else { continue };
            freed += self.free_row(row, observer);
            self.live -= 1;
            gone += self.width;
        }
        self.refused += gone as u64;
        (gone > 0).then_some(gone)
    }

    pub(super) fn clear<O: Observer<Watch = W>>(&mut self, observer: &mut O) {
        self.series.drain(..).for_each(|series| observer.forget(series.watch));
        self.slots.clear();
        self.owners.clear();
        self.free.clear();
        self.rows.clear();
        self.left.clear();
        self.live = 0;
        self.heap_bytes = 0;
    }

    fn row(&self, row: usize) -> Option<Row<'_, W>> {
        let owner = self.owners.get(row)?.as_ref()?;
        let series = self.series.get(span(row, self.width))?;
        Some(Row { subject: &owner.subject, series, is_live: owner.left_at.is_none() })
    }

    fn has_left(&self, row: usize, at: u64) -> bool {
        matches!(self.owners.get(row), Some(Some(owner)) if owner.left_at == Some(at))
    }

    fn leave(&mut self, index: usize, tick: u64) {
        let Some(row) = self.slots.get_mut(index).and_then(|slot| mem::take(slot).row) else { return };
        if let Some(Some(owner)) = self.owners.get_mut(row) {
            owner.left_at = Some(tick);
            self.left.push_back((row, tick));
            self.live -= 1;
        }
    }

    /// Gives a subject its slot, and a row: the one it had before if it was here already.
    fn enter(&mut self, index: usize, subject: &Subject) {
        let has_room = (self.live + 1) * self.width <= self.max_series;
        let row = if has_room { self.claim(subject) } else { None };
        match row {
            Some(_) => self.live += 1,
            None => self.refused += self.width as u64,
        }
        if let Some(slot) = self.slots.get_mut(index) {
            *slot = Slot { subject: Some(subject.clone()), row, has_previous: false };
        }
    }

    /// Returns the row for a subject; `None` where another slot has a subject with the same attributes.
    fn claim(&mut self, subject: &Subject) -> Option<usize> {
        let owner = Owner { subject: subject.clone(), left_at: None };
        if let Some(row) = self.rows.get(&subject.attributes) {
            let place = self.owners.get_mut(*row)?;
            place.as_ref()?.left_at?;
            *place = Some(owner);
            return Some(*row);
        }
        let row = self.free.pop().unwrap_or_else(|| self.add_row());
        *self.owners.get_mut(row)? = Some(owner);
        self.rows.insert(subject.attributes.clone(), row);
        self.heap_bytes += subject.attributes.size_bytes();
        Some(row)
    }

    fn add_row(&mut self) -> usize {
        self.owners.push(None);
        self.series.resize_with(self.owners.len() * self.width, Series::new);
        self.owners.len() - 1
    }

    /// Forgets whoever has the row. Returns the bytes of heap that this gave back.
    fn free_row<O: Observer<Watch = W>>(&mut self, row: usize, observer: &mut O) -> usize {
        let Some(owner) = self.owners.get_mut(row).and_then(Option::take) else { return 0 };
        self.rows.remove(&owner.subject.attributes);
        let mut freed = owner.subject.attributes.size_bytes();
        for series in self.series.iter_mut().skip(row * self.width).take(self.width) {
            freed += series.ring.heap_bytes();
            observer.forget(mem::replace(series, Series::new()).watch);
        }
        self.free.push(row);
        self.heap_bytes = self.heap_bytes.saturating_sub(freed);
        freed
    }
}

impl Slot {
    fn holds(&self, other: Option<&Subject>) -> bool {
        match (&self.subject, other) {
            (Some(old), Some(new)) => old.generation == new.generation && old.attributes == new.attributes,
            (None, None) => true,
            _ => false,
        }
    }
}

impl<W: Default> Series<W> {
    fn new() -> Self {
        Self { ring: Ring::new(), watch: W::default() }
    }
}

const fn span(row: usize, width: usize) -> Range<usize> {
    row * width..(row + 1) * width
}

/// Subjects that have left a group and can still be asked about.
const MAX_LEFT: usize = 1024;
