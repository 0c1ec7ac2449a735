//! Frames: what one producer measured at one instant, as a table.

mod bitmap;
mod derivation;
mod keyed;
mod reading;
mod schema;
mod spacing;
mod subject;
mod table;

use std::sync::Arc;

pub(crate) use self::spacing::{GAP_INTERVALS, Spacing};
pub use self::{
    bitmap::Bitmap,
    keyed::{KeyedTable, Row},
    reading::Reading,
    schema::{Column, InvalidSchema, MAX_COLUMNS, Schema, SchemaBuilder},
    subject::{Subject, SubjectId, Subjects},
    table::Table,
};
use crate::Timestamp;

/// What one producer measured at one instant: a row for each subject, a cell for each raw column.
///
/// A frame carries everything that is needed to read it. Clones share their data. Derived columns are not in it: they
/// follow from the raw ones.
#[derive(Clone, Debug)]
pub struct Frame {
    schema: Arc<Schema>,
    subjects: Subjects,
    present: Option<Bitmap>,
    timestamp: Timestamp,
    values: Arc<[f64]>,
}

/// Says why parts do not make a frame.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidFrame {
    /// The bitmap does not have one bit for each cell.
    #[error("bitmap has {actual} bits for {expected} cells")]
    Bitmap {
        /// Bits that were given.
        actual: usize,
        /// Cells that the schema and the subjects make.
        expected: usize,
    },
    /// There is not one value for each cell.
    #[error("{actual} values given for {expected} cells")]
    Values {
        /// Values that were given.
        actual: usize,
        /// Cells that the schema and the subjects make.
        expected: usize,
    },
}

impl Frame {
    /// Makes a frame from its parts; `values` go row by row, and cells without a bit in `present` are absent.
    ///
    /// Collectors use [`Table`] or [`KeyedTable`], which keep subjects in their slots.
    ///
    /// # Errors
    ///
    /// Refuses values or bits that are not one for each cell.
    pub fn new(
        schema: Arc<Schema>,
        subjects: Subjects,
        timestamp: Timestamp,
        values: impl Into<Arc<[f64]>>,
        present: Option<Bitmap>,
    ) -> Result<Self, InvalidFrame> {
        let values = values.into();
        let expected = subjects.len() * schema.raw_len();
        if values.len() != expected {
            return Err(InvalidFrame::Values { actual: values.len(), expected });
        }
        let values = match &present {
            Some(bitmap) if bitmap.len() != expected => {
                return Err(InvalidFrame::Bitmap { actual: bitmap.len(), expected });
            }
            Some(bitmap) => {
                let cells = values.iter().enumerate();
                cells.map(|(cell, value)| if bitmap.contains(cell) { *value } else { f64::NAN }).collect()
            }
            None => values,
        };
        Ok(Self { schema, subjects, present, timestamp, values })
    }

    /// Makes a frame of cells, row by row, of which some may be absent; `None` where they are not as many as needed.
    pub(crate) fn from_cells(
        schema: Arc<Schema>,
        subjects: Subjects,
        timestamp: Timestamp,
        cells: &[Option<f64>],
    ) -> Option<Self> {
        let word =
            |cells: &[Option<f64>]| cells.iter().rev().fold(0, |word, cell| word << 1 | u64::from(cell.is_some()));
        let words: Vec<u64> = cells.chunks(64).map(word).collect();
        let values: Arc<[f64]> = cells.iter().map(|cell| cell.unwrap_or(f64::NAN)).collect();
        let present = Some(Bitmap::new(cells.len(), &words));
        (cells.len() == subjects.len() * schema.raw_len()).then_some(Self {
            schema,
            subjects,
            present,
            timestamp,
            values,
        })
    }

    /// Returns the columns.
    #[must_use]
    pub const fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// Returns what the rows are about.
    #[must_use]
    pub const fn subjects(&self) -> &Subjects {
        &self.subjects
    }

    /// Returns the instant of the measurement.
    #[must_use]
    pub const fn timestamp(&self) -> Timestamp {
        self.timestamp
    }

    /// Returns the value of a raw column for the subject in `slot`; `None` for an absent cell or an empty slot.
    #[must_use]
    pub fn value(&self, slot: usize, column: usize) -> Option<f64> {
        self.subjects.at(slot)?;
        let cell = slot * self.schema.raw_len() + column;
        let present =
            column < self.schema.raw_len() && self.present.as_ref().is_none_or(|bitmap| bitmap.contains(cell));
        if present { self.values.get(cell).copied() } else { None }
    }

    /// Returns the raw cells of the subject in `slot`, NaN where one is absent; empty where there is no such slot.
    #[must_use]
    pub fn row(&self, slot: usize) -> &[f64] {
        let width = self.schema.raw_len();
        self.values.get(slot * width..(slot + 1) * width).unwrap_or(&[])
    }

    /// Returns the bitmap of present cells; `None` where all are.
    #[must_use]
    pub const fn present(&self) -> Option<&Bitmap> {
        self.present.as_ref()
    }

    /// Returns the bytes that the frame holds or shares, but for the schema: a list of subjects counts in every frame
    /// that has it, for any of them may be the last to hold it.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        let cells = size_of_val(&*self.values) + self.present.as_ref().map_or(0, Bitmap::size_bytes);
        size_of::<Self>() + cells + self.subjects.size_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Attributes, Metric, Unit};

    fn schema() -> Arc<Schema> {
        static DEPTH: Metric = Metric::gauge("queue.depth", Unit::Count, "Jobs that wait.");
        Schema::builder("queue").column(&DEPTH).build().unwrap()
    }

    #[test]
    fn a_frame_with_too_few_values_is_refused() {
        let mut subjects = Table::new(schema());
        subjects.insert(Attributes::empty());
        let subjects = subjects.frame(Timestamp::default()).subjects().clone();

        let frame = Frame::new(schema(), subjects, Timestamp::default(), [], None);

        assert_eq!(frame.unwrap_err(), InvalidFrame::Values { actual: 0, expected: 1 });
    }

    #[test]
    fn absent_cells_and_unknown_slots_have_no_value() {
        let mut table = Table::new(schema());
        let first = table.insert(Attributes::new([("name", "a")]).unwrap());
        table.insert(Attributes::new([("name", "b")]).unwrap());
        table.set(first, 0, 7.0);

        let frame = table.frame(Timestamp::default());

        assert_eq!(frame.value(0, 0), Some(7.0));
        assert_eq!(frame.value(1, 0), None);
        assert_eq!(frame.value(0, 1), None);
        assert_eq!(frame.value(9, 0), None);
    }
}
