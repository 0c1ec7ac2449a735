//! The subjects of a group, those that have left included, and the series of each.

use std::{
    collections::{HashMap, VecDeque},
    mem,
};

use super::{super::ring::Ring, Observer};
use crate::{Attributes, Subject, Subjects};

/// Which subject is in which slot, and where the series are of those that have left.
#[derive(Debug)]
pub(super) struct SubjectTable<W> {
    /// Series of one subject.
    width: usize,
    max_series: usize,
    slots: Vec<Slot>,
    /// The series of slot 0, then those of slot 1, and so on.
    series: Vec<Series<W>>,
    places: HashMap<Attributes, Place<W>>,
    /// Subjects in the order in which they left, with the tick before which they did. Those that came back are still
    /// in it, with the wrong tick.
    left: VecDeque<(Attributes, u64)>,
    live: usize,
    heap_bytes: usize,
    refused: u64,
}

/// A slot of the producer's frames.
#[derive(Clone, Debug, Default)]
pub(super) struct Slot {
    subject: Option<Subject>,
    /// Whether the subject's series are kept; they are not when the group is full.
    is_kept: bool,
    /// Whether the row in the previous frame is that of this subject.
    pub(super) has_previous: bool,
}

/// One series and what watches it.
#[derive(Debug)]
pub(super) struct Series<W> {
    pub(super) ring: Ring,
    pub(super) watch: W,
}

/// Where a subject's series are.
#[derive(Debug)]
enum Place<W> {
    Left(Left<W>),
    Live(usize),
}

/// A subject that has left, and can still be asked about.
#[derive(Debug)]
struct Left<W> {
    subject: Subject,
    /// The first tick without it.
    at: u64,
    series: Vec<Series<W>>,
}

impl<W: Default> SubjectTable<W> {
    pub(super) fn new(width: usize, max_series: usize) -> Self {
        Self {
            width,
            max_series,
            slots: Vec::new(),
            series: Vec::new(),
            places: HashMap::new(),
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
        self.series.resize_with(subjects.len() * self.width, Series::new);
        for index in changed {
            if let Some(subject) = subjects.at(index) {
                self.enter(index, subject);
            }
        }
        while self.left.len() > MAX_LEFT {
            self.drop_first_left(observer);
        }
    }

    /// Walks over slots and their series.
    pub(super) fn rows_mut(&mut self) -> impl Iterator<Item = (&Slot, &mut [Series<W>])> {
        self.slots.iter().zip(self.series.chunks_exact_mut(self.width))
    }

    /// Says that every subject has a row in the frame that was just written.
    pub(super) fn remember_row(&mut self) {
        self.slots.iter_mut().for_each(|slot| slot.has_previous = slot.subject.is_some());
    }

    /// Counts heap memory that rings took or gave back.
    pub(super) const fn account(&mut self, grown: isize) {
        self.heap_bytes = self.heap_bytes.saturating_add_signed(grown);
    }

    /// Returns the subject with `attributes`, its series, and whether it is still there.
    pub(super) fn find(&self, attributes: &Attributes) -> Option<Row<'_, W>> {
        match self.places.get(attributes)? {
            Place::Live(slot) => {
                let subject = self.slots.get(*slot)?.subject.as_ref()?;
                Some(Row { subject, series: self.row(*slot)?, is_live: true })
            }
            Place::Left(left) => Some(Row { subject: &left.subject, series: &left.series, is_live: false }),
        }
    }

    /// Walks over the subjects that are there, then over those that have left.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_, W>> {
        let live =
            self.slots.iter().enumerate().filter_map(|(index, slot)| {
                Some(Row { subject: slot.kept()?, series: self.row(index)?, is_live: true })
            });
        let left = self.left.iter().filter_map(|(attributes, left_at)| match self.places.get(attributes)? {
            Place::Left(left) if left.at == *left_at => {
                Some(Row { subject: &left.subject, series: &left.series, is_live: false })
            }
            _ => None,
        });
        live.chain(left)
    }

    pub(super) fn row(&self, slot: usize) -> Option<&[Series<W>]> {
        self.series.get(slot * self.width..(slot + 1) * self.width)
    }

    pub(super) const fn refused(&self) -> u64 {
        self.refused
    }

    pub(super) fn size_bytes(&self) -> usize {
        self.heap_bytes
            + self.series.capacity() * size_of::<Series<W>>()
            + self.slots.capacity() * size_of::<Slot>()
            + self.places.capacity() * size_of::<(Attributes, Place<W>)>()
            + self.left.capacity() * size_of::<(Attributes, u64)>()
    }

    /// Forgets ticks before `tick`, and subjects with nothing left.
    pub(super) fn forget_before<O: Observer<Watch = W>>(&mut self, tick: u64, observer: &mut O) {
        let mut freed: usize = self.series.iter_mut().map(|series| series.ring.forget_before(tick)).sum();
        for place in self.places.values_mut() {
            if let Place::Left(left) = place {
                freed += left.series.iter_mut().map(|series| series.ring.forget_before(tick)).sum::<usize>();
            }
        }
        self.heap_bytes = self.heap_bytes.saturating_sub(freed);
        while self.left.front().is_some_and(|(_, at)| *at <= tick) {
            self.drop_first_left(observer);
        }
    }

    /// Forgets the subject that left first; `None` where none has left. Returns how many series are gone.
    pub(super) fn drop_first_left<O: Observer<Watch = W>>(&mut self, observer: &mut O) -> Option<usize> {
        let (attributes, left_at) = self.left.pop_front()?;
        if !matches!(self.places.get(&attributes), Some(Place::Left(left)) if left.at == left_at) {
            return Some(0);
        }
        let Some(Place::Left(left)) = self.places.remove(&attributes) else { return Some(0) };
        let rings: usize = left.series.iter().map(|series| series.ring.heap_bytes()).sum();
        self.heap_bytes = self.heap_bytes.saturating_sub(rings + self.left_bytes() + attributes.size_bytes());
        let gone = left.series.len();
        left.series.into_iter().for_each(|series| observer.forget(series.watch));
        Some(gone)
    }

    /// Forgets the subjects in the highest slots, and goes on without them, until `excess` bytes of their rings are
    /// free; `None` where there is none. Returns how many series are gone.
    pub(super) fn refuse_last<O: Observer<Watch = W>>(&mut self, excess: usize, observer: &mut O) -> Option<usize> {
        let (mut freed, mut gone) = (0, 0);
        for (slot, series) in self.slots.iter_mut().zip(self.series.chunks_exact_mut(self.width)).rev() {
            if freed >= excess {
                break;
            }
            let (Some(subject), true) = (&slot.subject, slot.is_kept) else { continue };
            self.places.remove(&subject.attributes);
            freed += subject.attributes.size_bytes();
            for series in &mut *series {
                freed += series.ring.heap_bytes();
                observer.forget(mem::replace(series, Series::new()).watch);
            }
            slot.is_kept = false;
            self.live -= 1;
            gone += series.len();
        }
        self.heap_bytes = self.heap_bytes.saturating_sub(freed);
        self.refused += gone as u64;
        (gone > 0).then_some(gone)
    }

    pub(super) fn clear<O: Observer<Watch = W>>(&mut self, observer: &mut O) {
        let left = self.places.drain().filter_map(|(_, place)| match place {
            Place::Left(left) => Some(left.series),
            Place::Live(_) => None,
        });
        left.flatten().chain(self.series.drain(..)).for_each(|series| observer.forget(series.watch));
        self.slots.clear();
        self.left.clear();
        self.live = 0;
        self.heap_bytes = 0;
    }

    fn leave(&mut self, index: usize, tick: u64) {
        let Some(slot) = self.slots.get_mut(index) else { return };
        let slot = mem::take(slot);
        let (Some(subject), true) = (slot.subject, slot.is_kept) else { return };
        let row = self.series.iter_mut().skip(index * self.width).take(self.width);
        let series = row.map(|series| mem::replace(series, Series::new())).collect();
        self.live -= 1;
        self.heap_bytes += self.left_bytes();
        let attributes = subject.attributes.clone();
        self.left.push_back((attributes.clone(), tick));
        self.places.insert(attributes, Place::Left(Left { subject, at: tick, series }));
    }

    /// Gives a subject its slot, with the series it had before if it was here already.
    fn enter(&mut self, index: usize, subject: &Subject) {
        let is_double = matches!(self.places.get(&subject.attributes), Some(Place::Live(_)));
        let is_kept = !is_double && (self.live + 1) * self.width <= self.max_series;
        if let Some(slot) = self.slots.get_mut(index) {
            *slot = Slot { subject: Some(subject.clone()), is_kept, has_previous: false };
        }
        if !is_kept {
            self.refused += self.width as u64;
            return;
        }
        self.live += 1;
        let before = self.places.insert(subject.attributes.clone(), Place::Live(index));
        if let Some(Place::Left(left)) = before {
            let row = self.series.iter_mut().skip(index * self.width);
            row.zip(left.series).for_each(|(new, old)| *new = old);
            self.heap_bytes = self.heap_bytes.saturating_sub(self.left_bytes());
        } else {
            self.heap_bytes += subject.attributes.size_bytes();
        }
    }

    /// Bytes that the series of a subject take while it has no slot.
    const fn left_bytes(&self) -> usize {
        self.width * size_of::<Series<W>>()
    }
}

/// A subject and its series.
pub(super) struct Row<'a, W> {
    pub(super) subject: &'a Subject,
    pub(super) series: &'a [Series<W>],
    pub(super) is_live: bool,
}

impl Slot {
    /// Returns the subject if its series are kept.
    pub(super) const fn kept(&self) -> Option<&Subject> {
        if self.is_kept { self.subject.as_ref() } else { None }
    }

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

/// Subjects that have left a group and can still be asked about.
const MAX_LEFT: usize = 1024;
