//! The producer's side of frames: subjects that keep their slots.

use std::{collections::VecDeque, mem, sync::Arc};

use super::{Bitmap, Frame, Schema, Subject, SubjectId, Subjects};
use crate::{Attributes, Timestamp};

/// Where a producer keeps its subjects and writes the cells of the next frame.
///
/// # Examples
///
/// ```
/// use observe_core::{Attributes, Metric, Schema, Table, Timestamp, Unit};
///
/// static DEPTH: Metric = Metric::gauge("queue.depth", Unit::Count, "Jobs that wait.");
///
/// let mut table = Table::new(Schema::builder("queue").column(&DEPTH).build()?);
/// let mail = table.insert(Attributes::new([("queue", "mail")])?);
///
/// table.set(mail, 0, 12.0);
/// let frame = table.frame(Timestamp::from_millis(1_000));
///
/// assert_eq!(frame.value(mail.slot(), 0), Some(12.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Table {
    schema: Arc<Schema>,
    slots: Vec<Option<Subject>>,
    generations: Vec<u32>,
    free: Vec<u32>,
    subjects: Subjects,
    /// Earlier lists that frames may still hold; the memory of one that none holds any more is used again.
    retired: VecDeque<Subjects>,
    is_changed: bool,
    occupied: usize,
    values: Vec<f64>,
    written: Vec<u64>,
    written_count: usize,
}

impl Table {
    /// Makes a table without subjects.
    #[must_use]
    pub fn new(schema: Arc<Schema>) -> Self {
        Self {
            schema,
            slots: Vec::new(),
            generations: Vec::new(),
            free: Vec::new(),
            subjects: Subjects::from(&[][..]),
            retired: VecDeque::new(),
            is_changed: false,
            occupied: 0,
            values: Vec::new(),
            written: Vec::new(),
            written_count: 0,
        }
    }

    /// Makes a table with one subject without attributes: the host itself. Its id is returned beside.
    #[must_use]
    pub fn for_host(schema: Arc<Schema>) -> (Self, SubjectId) {
        let mut table = Self::new(schema);
        let host = table.insert(Attributes::empty());
        (table, host)
    }

    /// Returns the columns.
    #[must_use]
    pub const fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// Returns the number of subjects at present.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.occupied
    }

    /// Returns whether there is no subject.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.occupied == 0
    }

    /// Gives a new subject a slot, which it keeps until it is removed.
    pub fn insert(&mut self, attributes: Attributes) -> SubjectId {
        let slot = self.free.pop().unwrap_or_else(|| self.grow());
        let generation = self.generations[slot as usize];
        self.slots[slot as usize] = Some(Subject { generation, attributes });
        self.occupied += 1;
        self.is_changed = true;
        SubjectId { slot, generation }
    }

    /// Takes a subject out; a stale id changes nothing.
    pub fn remove(&mut self, id: SubjectId) {
        if !self.contains(id) {
            return;
        }
        let width = self.schema.raw_len();
        (id.slot() * width..(id.slot() + 1) * width).for_each(|cell| self.clear(cell));
        self.slots[id.slot()] = None;
        self.generations[id.slot()] = id.generation.wrapping_add(1);
        self.free.push(id.slot);
        self.occupied -= 1;
        self.is_changed = true;
    }

    /// Returns whether the subject is still there.
    #[must_use]
    pub fn contains(&self, id: SubjectId) -> bool {
        let subject = self.slots.get(id.slot()).and_then(Option::as_ref);
        subject.is_some_and(|subject| subject.generation == id.generation)
    }

    /// Writes a raw cell of the next frame. A stale id, or a column that is not raw, changes nothing.
    ///
    /// NaN is a value like any other here; leave out what could not be measured.
    pub fn set(&mut self, id: SubjectId, column: usize, value: f64) {
        let width = self.schema.raw_len();
        if column >= width || !self.contains(id) {
            return;
        }
        let cell = id.slot() * width + column;
        self.values[cell] = value;
        let bit = 1 << (cell % 64);
        self.written_count += usize::from(self.written[cell / 64] & bit == 0);
        self.written[cell / 64] |= bit;
    }

    /// Makes a frame of the cells written since the last one; the others are absent from it.
    #[must_use]
    pub fn frame(&mut self, timestamp: Timestamp) -> Frame {
        if self.is_changed {
            self.renew_subjects();
            self.is_changed = false;
        }
        let is_full = self.written_count == self.occupied * self.schema.raw_len();
        let present = (!is_full).then(|| {
            self.blank_absent();
            Bitmap::new(self.values.len(), &self.written)
        });
        self.written.fill(0);
        self.written_count = 0;
        Frame {
            schema: Arc::clone(&self.schema),
            subjects: self.subjects.clone(),
            present,
            timestamp,
            values: Arc::from(&*self.values),
        }
    }

    /// Makes the list of subjects anew, in the memory of an earlier one where no frame holds that any more.
    ///
    /// So whoever lets the last frame of a list go does not have to free each subject in it.
    fn renew_subjects(&mut self) {
        self.retired.retain(|list| list.len() == self.slots.len());
        let unused = self.retired.iter_mut().position(|list| list.renew(&self.slots));
        let renewed = unused.and_then(|index| self.retired.remove(index));
        let list = renewed.unwrap_or_else(|| Subjects::from(&*self.slots));
        self.retired.push_back(mem::replace(&mut self.subjects, list));
        if self.retired.len() > MAX_RETIRED {
            self.retired.pop_front();
        }
    }

    fn grow(&mut self) -> u32 {
        let slot = self.slots.len();
        let cells = (slot + 1) * self.schema.raw_len();
        self.slots.push(None);
        self.generations.push(0);
        self.values.resize(cells, 0.0);
        self.written.resize(cells.div_ceil(64), 0);
        u32::try_from(slot).unwrap_or(u32::MAX)
    }

    /// Frames have NaN where a cell is absent.
    fn blank_absent(&mut self) {
        for (cell, value) in self.values.iter_mut().enumerate() {
            if self.written[cell / 64] >> (cell % 64) & 1 == 0 {
                *value = f64::NAN;
            }
        }
    }

    fn clear(&mut self, cell: usize) {
        let bit = 1 << (cell % 64);
        self.written_count -= usize::from(self.written[cell / 64] & bit != 0);
        self.written[cell / 64] &= !bit;
        self.values[cell] = 0.0;
    }
}

/// Earlier lists of subjects that are kept: one that the processor compares with, one on its way there, and one to be
/// used again.
const MAX_RETIRED: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Metric, Unit};

    static DEPTH: Metric = Metric::gauge("q.depth", Unit::Count, "Depth.");

    fn table() -> Table {
        Table::new(Schema::builder("q").column(&DEPTH).build().unwrap())
    }

    fn named(name: &str) -> Attributes {
        Attributes::new([("name", name)]).unwrap()
    }

    #[test]
    fn unchanged_subjects_are_the_same_list() {
        let mut table = table();
        table.insert(named("a"));

        let first = table.frame(Timestamp::default());
        let second = table.frame(Timestamp::default());
        table.insert(named("b"));
        let third = table.frame(Timestamp::default());

        assert!(first.subjects().same_as(second.subjects()));
        assert!(!first.subjects().same_as(third.subjects()));
    }

    #[test]
    fn a_list_that_a_frame_holds_never_changes() {
        let mut table = table();
        let mut ids = Vec::from([table.insert(named("0")), table.insert(named("1"))]);
        let names = |frame: &Frame| -> Vec<String> {
            frame.subjects().iter().flatten().map(|one| one.attributes.to_string()).collect()
        };
        let held = table.frame(Timestamp::default());

        for tick in 2..20 {
            table.remove(ids.remove(0));
            ids.push(table.insert(named(&tick.to_string())));
            let frame = table.frame(Timestamp::default());

            let mut expected = [format!("{{name={tick}}}"), format!("{{name={}}}", tick - 1)];
            expected.sort();
            let mut found = names(&frame);
            found.sort();
            assert_eq!(found, expected);
        }
        assert_eq!(names(&held), ["{name=0}", "{name=1}"]);
    }

    #[test]
    fn a_stale_id_finds_nothing() {
        let mut table = table();
        let old = table.insert(named("old"));
        table.remove(old);
        let new = table.insert(named("new"));

        table.set(old, 0, 1.0);
        table.remove(old);

        assert_eq!(old.slot(), new.slot());
        assert!(table.contains(new) && !table.contains(old));
        assert_eq!(table.frame(Timestamp::default()).value(new.slot(), 0), None);
    }

    #[test]
    fn a_cell_written_before_removal_does_not_reach_the_next_subject() {
        let mut table = table();
        let old = table.insert(named("old"));
        table.set(old, 0, 1.0);
        table.remove(old);
        let new = table.insert(named("new"));

        let frame = table.frame(Timestamp::default());

        assert_eq!(frame.value(new.slot(), 0), None);
    }

    #[test]
    fn nan_is_a_value() {
        let (mut table, host) = Table::for_host(Schema::builder("q").column(&DEPTH).build().unwrap());
        table.set(host, 0, f64::NAN);

        let frame = table.frame(Timestamp::default());

        assert!(frame.present().is_none());
        assert!(frame.value(0, 0).is_some_and(f64::is_nan));
    }
}
