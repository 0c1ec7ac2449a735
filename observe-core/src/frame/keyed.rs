//! A table whose subjects come and go with what the producer names on each tick.

use std::{borrow::Borrow, collections::HashMap, hash::Hash, sync::Arc};

use super::{Frame, Schema, SubjectId, Table};
use crate::{Attributes, Timestamp};

/// A [`Table`] for producers that name every subject on every tick, such as the lines of a file in `/proc`.
///
/// A subject that was not named since the last frame has left.
///
/// # Examples
///
/// ```
/// use observe_core::{Attributes, KeyedTable, Metric, Schema, Timestamp, Unit};
///
/// static SENT: Metric = Metric::counter("link.sent", Unit::Bytes, "Bytes sent.");
///
/// let mut table = KeyedTable::<String>::new(Schema::builder("link").column(&SENT).build()?);
/// for (name, bytes) in [("eth0", 10.0), ("lo", 3.0)] {
///     table.row(name, || Attributes::new([("interface", name)]).unwrap_or_default()).set(0, bytes);
/// }
/// let frame = table.frame(Timestamp::from_millis(1_000));
///
/// assert_eq!(frame.subjects().iter().flatten().count(), 2);
/// # Ok::<(), observe_core::InvalidSchema>(())
/// ```
#[derive(Debug)]
pub struct KeyedTable<K> {
    table: Table,
    index: HashMap<K, Entry>,
    turn: u64,
}

#[derive(Debug)]
struct Entry {
    id: SubjectId,
    turn: u64,
}

impl<K: Eq + Hash> KeyedTable<K> {
    /// Makes a table without subjects.
    #[must_use]
    pub fn new(schema: Arc<Schema>) -> Self {
        Self { table: Table::new(schema), index: HashMap::new(), turn: 0 }
    }

    /// Returns the row of `key`; `describe` gives the attributes of a subject that is new.
    pub fn row<Q>(&mut self, key: &Q, describe: impl FnOnce() -> Attributes) -> Row<'_>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        if let Some(entry) = self.index.get_mut(key) {
            entry.turn = self.turn;
            return Row { id: entry.id, table: &mut self.table };
        }
        let id = self.table.insert(describe());
        self.index.insert(key.to_owned(), Entry { id, turn: self.turn });
        Row { id, table: &mut self.table }
    }

    /// Returns the number of subjects, those included that will leave with the next frame.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Returns whether there is no subject.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Makes a frame of the rows named since the last one; all other subjects leave.
    #[must_use]
    pub fn frame(&mut self, timestamp: Timestamp) -> Frame {
        if self.index.values().any(|entry| entry.turn != self.turn) {
            let (table, turn) = (&mut self.table, self.turn);
            self.index.retain(|_, entry| {
                let stays = entry.turn == turn;
                if !stays {
                    table.remove(entry.id);
                }
                stays
            });
        }
        self.turn += 1;
        self.table.frame(timestamp)
    }
}

/// One row of the next frame.
#[derive(Debug)]
pub struct Row<'a> {
    table: &'a mut Table,
    id: SubjectId,
}

impl Row<'_> {
    /// Writes a raw cell. A column that is not raw changes nothing.
    pub fn set(&mut self, column: usize, value: f64) -> &mut Self {
        self.table.set(self.id, column, value);
        self
    }

    /// Writes raw cells from column `first` on.
    pub fn set_all(&mut self, first: usize, values: impl IntoIterator<Item = f64>) -> &mut Self {
        for (column, value) in (first..).zip(values) {
            self.table.set(self.id, column, value);
        }
        self
    }

    /// Returns the subject's id.
    #[must_use]
    pub const fn id(&self) -> SubjectId {
        self.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Metric, Unit};

    static SENT: Metric = Metric::counter("link.sent", Unit::Bytes, "Sent.");

    fn named(name: &str) -> Attributes {
        Attributes::new([("interface", name)]).unwrap()
    }

    #[test]
    fn subjects_leave_when_they_are_not_named() {
        let mut table = KeyedTable::<String>::new(Schema::builder("link").column(&SENT).build().unwrap());
        table.row("eth0", || named("eth0")).set(0, 1.0);
        table.row("lo", || named("lo")).set(0, 2.0);
        let first = table.frame(Timestamp::default());

        table.row("lo", || named("lo")).set(0, 3.0);
        let second = table.frame(Timestamp::default());

        assert_eq!(first.subjects().iter().flatten().count(), 2);
        assert_eq!(second.subjects().iter().flatten().count(), 1);
        assert_eq!(second.value(1, 0), Some(3.0), "lo keeps its slot");
    }

    #[test]
    fn a_subject_that_returns_is_a_new_one() {
        let mut table = KeyedTable::<String>::new(Schema::builder("link").column(&SENT).build().unwrap());
        let before = table.row("eth0", || named("eth0")).id();
        let _ = table.frame(Timestamp::default());
        let _ = table.frame(Timestamp::default());

        let after = table.row("eth0", || named("eth0")).id();

        assert_ne!(before, after);
    }
}
