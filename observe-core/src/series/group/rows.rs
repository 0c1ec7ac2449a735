//! Rows of series, one for each subject, those that have left included.

use std::{
    collections::{HashMap, VecDeque},
    mem,
    ops::Range,
};

use super::{super::ring::Ring, Observer};
use crate::{Attributes, Subject};

/// The series of a group's subjects. A subject that leaves keeps its row for a while, and gets it back when it returns.
#[derive(Debug)]
pub(super) struct Rows<W> {
    /// Series of one subject.
    width: usize,
    owners: Vec<Option<Owner>>,
    /// The series of row 0, then those of row 1, and so on.
    series: Vec<Series<W>>,
    free: Vec<usize>,
    by_attributes: HashMap<Attributes, usize>,
    /// Rows of subjects in the order in which they left, with the first tick without them.
    left: VecDeque<(usize, u64)>,
    heap_bytes: usize,
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

impl<W: Default> Rows<W> {
    pub(super) fn new(width: usize) -> Self {
        Self {
            width,
            owners: Vec::new(),
            series: Vec::new(),
            free: Vec::new(),
            by_attributes: HashMap::new(),
            left: VecDeque::new(),
            heap_bytes: 0,
        }
    }

    pub(super) const fn width(&self) -> usize {
        self.width
    }

    /// Gives a subject a row: the one it had before if it was here already. `None` where a subject with the same
    /// attributes is here now.
    pub(super) fn claim(&mut self, subject: &Subject) -> Option<usize> {
        let owner = Owner { subject: subject.clone(), left_at: None };
        if let Some(row) = self.by_attributes.get(&subject.attributes) {
            let place = self.owners.get_mut(*row)?;
            place.as_ref()?.left_at?;
            *place = Some(owner);
            self.left.retain(|(left, _)| left != row);
            return Some(*row);
        }
        let row = self.free.pop().unwrap_or_else(|| self.add());
        *self.owners.get_mut(row)? = Some(owner);
        self.by_attributes.insert(subject.attributes.clone(), row);
        self.heap_bytes += subject.attributes.size_bytes();
        Some(row)
    }

    /// Says that the subject of a row has left. Of those that have, only the newest [`MAX_LEFT`] keep their rows.
    pub(super) fn leave<O: Observer<Watch = W>>(&mut self, row: usize, tick: u64, observer: &mut O) {
        if let Some(Some(owner)) = self.owners.get_mut(row) {
            owner.left_at = Some(tick);
            self.left.push_back((row, tick));
        }
        while self.left.len() > MAX_LEFT {
            let Some((row, _)) = self.left.pop_front() else { break };
            self.vacate(row, observer, Ring::reset);
        }
    }

    /// Returns the subject with `attributes` and its series.
    pub(super) fn find(&self, attributes: &Attributes) -> Option<Row<'_, W>> {
        self.row(*self.by_attributes.get(attributes)?)
    }

    pub(super) fn row(&self, row: usize) -> Option<Row<'_, W>> {
        let owner = self.owners.get(row)?.as_ref()?;
        let series = self.series.get(self.span(row))?;
        Some(Row { subject: &owner.subject, series, is_live: owner.left_at.is_none() })
    }

    pub(super) fn series_mut(&mut self, row: usize) -> Option<&mut [Series<W>]> {
        let span = self.span(row);
        self.series.get_mut(span)
    }

    /// Walks over the subjects that have left.
    pub(super) fn all_left(&self) -> impl Iterator<Item = Row<'_, W>> {
        self.left.iter().filter_map(|(row, _)| self.row(*row))
    }

    /// Walks over what watches the series.
    pub(super) fn watches_mut(&mut self) -> impl Iterator<Item = &mut W> {
        self.series.iter_mut().map(|series| &mut series.watch)
    }

    /// Shows the series of subjects that are here, and what watches them, from series number `from` on, until `visit`
    /// has had enough. Returns the number of the next one; `None` at the end.
    pub(super) fn visit_watches(
        &mut self,
        from: usize,
        mut visit: impl FnMut(&Subject, usize, &mut W) -> bool,
    ) -> Option<usize> {
        for (index, series) in self.series.iter_mut().enumerate().skip(from) {
            let owner = self.owners.get(index / self.width).and_then(Option::as_ref);
            let Some(owner) = owner.filter(|owner| owner.left_at.is_none()) else { continue };
            if !visit(&owner.subject, index % self.width, &mut series.watch) {
                return Some(index + 1);
            }
        }
        None
    }

    /// Counts heap memory that rings took or gave back.
    pub(super) const fn account(&mut self, grown: isize) {
        self.heap_bytes = self.heap_bytes.saturating_add_signed(grown);
    }

    pub(super) fn size_bytes(&self) -> usize {
        self.heap_bytes
            + self.series.capacity() * size_of::<Series<W>>()
            + self.owners.capacity() * size_of::<Option<Owner>>()
            + self.by_attributes.capacity() * size_of::<(Attributes, usize)>()
            + self.left.capacity() * size_of::<(usize, u64)>()
    }

    /// Forgets ticks before `tick`, and subjects with nothing left.
    pub(super) fn forget_before<O: Observer<Watch = W>>(&mut self, tick: u64, observer: &mut O) {
        let freed: usize = self.series.iter_mut().map(|series| series.ring.forget_before(tick)).sum();
        self.heap_bytes = self.heap_bytes.saturating_sub(freed);
        while self.left.front().is_some_and(|(_, at)| *at <= tick) {
            self.drop_first_left(observer);
        }
        self.give_back();
    }

    /// Forgets the subject that left first; `None` where none has left. Returns how many series are gone.
    pub(super) fn drop_first_left<O: Observer<Watch = W>>(&mut self, observer: &mut O) -> Option<usize> {
        let (row, _) = self.left.pop_front()?;
        self.free(row, observer);
        Some(self.width)
    }

    /// Forgets whoever has the row. Returns the bytes of heap that this gave back.
    pub(super) fn free<O: Observer<Watch = W>>(&mut self, row: usize, observer: &mut O) -> usize {
        self.vacate(row, observer, |ring| *ring = Ring::new())
    }

    /// Gives back the memory that rows keep for whoever gets them next. Returns how many bytes that were.
    pub(super) fn drop_spares(&mut self) -> usize {
        let mut freed = 0;
        for row in &self.free {
            for series in self.series.iter_mut().skip(row * self.width).take(self.width) {
                freed += series.ring.heap_bytes();
                series.ring = Ring::new();
            }
        }
        self.heap_bytes = self.heap_bytes.saturating_sub(freed);
        freed
    }

    /// Forgets whoever has the row and empties its rings. Returns the bytes of heap that this gave back.
    fn vacate<O: Observer<Watch = W>>(&mut self, row: usize, observer: &mut O, empty: impl Fn(&mut Ring)) -> usize {
        let Some(owner) = self.owners.get_mut(row).and_then(Option::take) else { return 0 };
        self.by_attributes.remove(&owner.subject.attributes);
        let mut freed = owner.subject.attributes.size_bytes();
        for series in self.series.iter_mut().skip(row * self.width).take(self.width) {
            let before = series.ring.heap_bytes();
            empty(&mut series.ring);
            freed += before - series.ring.heap_bytes();
            observer.forget(mem::take(&mut series.watch));
        }
        self.free.push(row);
        self.heap_bytes = self.heap_bytes.saturating_sub(freed);
        freed
    }

    /// Gives back the memory of rows at the end that nobody has, once it is worth it.
    pub(super) fn give_back(&mut self) {
        while matches!(self.owners.last(), Some(None)) {
            self.owners.pop();
        }
        let emptied = self.series.drain(self.owners.len() * self.width..);
        let freed: usize = emptied.map(|series| series.ring.heap_bytes()).sum();
        self.heap_bytes = self.heap_bytes.saturating_sub(freed);
        self.free.retain(|row| *row < self.owners.len());
        if self.series.capacity() > 2 * self.series.len() + SPARE_SERIES {
            self.series.shrink_to_fit();
            self.owners.shrink_to_fit();
            self.free.shrink_to_fit();
            self.by_attributes.shrink_to_fit();
        }
    }

    pub(super) fn clear<O: Observer<Watch = W>>(&mut self, observer: &mut O) {
        self.series.drain(..).for_each(|series| observer.forget(series.watch));
        *self = Self::new(self.width);
    }

    fn add(&mut self) -> usize {
        self.owners.push(None);
        self.series.resize_with(self.owners.len() * self.width, Series::new);
        self.owners.len() - 1
    }

    const fn span(&self, row: usize) -> Range<usize> {
        row * self.width..(row + 1) * self.width
    }
}

impl<W: Default> Series<W> {
    fn new() -> Self {
        Self { ring: Ring::new(), watch: W::default() }
    }
}

/// Subjects that have left a group and can still be asked about.
const MAX_LEFT: usize = 1024;
/// Room for so many series may lie idle before it is given back.
const SPARE_SERIES: usize = 1024;
