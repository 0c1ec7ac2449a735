//! A frame together with what follows from it.

use std::sync::Arc;

use super::{Column, Frame, Subject};
use crate::{MetricKey, Timestamp};

/// A frame and the values of its derived columns, as the processor computed them when the frame came in.
#[derive(Clone, Debug)]
pub struct Reading {
    frame: Frame,
    /// Row by row; NaN where there is no value.
    derived: Arc<[f64]>,
}

impl Reading {
    pub(crate) const fn new(frame: Frame, derived: Arc<[f64]>) -> Self {
        Self { frame, derived }
    }

    /// Returns the frame itself.
    #[must_use]
    pub const fn frame(&self) -> &Frame {
        &self.frame
    }

    /// Returns the instant of the measurement.
    #[must_use]
    pub const fn timestamp(&self) -> Timestamp {
        self.frame.timestamp()
    }

    /// Returns the value of a raw or derived column for the subject in `slot`.
    #[must_use]
    pub fn value(&self, slot: usize, column: usize) -> Option<f64> {
        let schema = self.frame.schema();
        let Some(index) = column.checked_sub(schema.raw_len()) else {
            return self.frame.value(slot, column);
        };
        let width = schema.columns().len() - schema.raw_len();
        if index >= width {
            return None;
        }
        self.derived.get(slot * width + index).copied().filter(|value| !value.is_nan())
    }

    /// Walks over all values that are there, subject by subject.
    pub fn cells(&self) -> impl Iterator<Item = (&Subject, &Column, f64)> {
        let subjects = self.frame.subjects().iter().enumerate();
        subjects.filter_map(|(slot, subject)| Some((slot, subject.as_ref()?))).flat_map(move |(slot, subject)| {
            let columns = self.frame.schema().columns().iter().enumerate();
            columns.filter_map(move |(index, column)| Some((subject, column, self.value(slot, index)?)))
        })
    }

    /// Walks over all values that are there, under the keys of their series.
    pub fn points(&self) -> impl Iterator<Item = (MetricKey, f64)> {
        self.cells().map(|(subject, column, value)| {
            let attributes = subject.attributes.union(&column.attributes);
            (MetricKey::from_checked(column.metric.name.clone(), attributes), value)
        })
    }

    /// Returns the bytes that only this reading holds.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.frame.size_bytes() + size_of_val(&*self.derived)
    }
}
