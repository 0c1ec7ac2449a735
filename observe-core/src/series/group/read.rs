//! What can be asked of a group.

use std::{ops::Range, sync::Arc};

use super::{
    super::SeriesView,
    Group, Line,
    rows::{Row, Series},
};
use crate::{Attributes, EventId, EventQuery, Frame, MetricKey, Reading, Subjects, Timestamp};

impl<W: Default> Group<W> {
    /// Returns the view of a series that ever had a point; `attributes` are those of subject and column together.
    pub(crate) fn find(&self, column: usize, attributes: &Attributes) -> Option<SeriesView<'_>> {
        let of_subject = attributes.without(&self.schema.columns().get(column)?.attributes)?;
        let row = self.subjects.rows().find(&of_subject)?;
        self.view(&row, column, row.series.get(column)?)
    }

    /// Walks over the series that ever had a point: of the subjects that are there, then of those that have left.
    pub(crate) fn views(&self) -> impl Iterator<Item = SeriesView<'_>> {
        self.subjects.all().flat_map(move |row| {
            let series = row.series.iter().enumerate();
            series.filter_map(move |(column, series)| self.view(&row, column, series))
        })
    }

    /// Walks over the series of a column that ever had a point.
    pub(crate) fn views_of(&self, column: usize) -> impl Iterator<Item = SeriesView<'_>> {
        self.subjects.all().filter_map(move |row| self.view(&row, column, row.series.get(column)?))
    }

    /// Rebuilds the readings that a query asks for, newest first, with the ids that they have as events.
    pub(crate) fn readings(&self, query: &EventQuery) -> impl Iterator<Item = (EventId, Reading)> {
        let subjects = self.previous.as_ref().map(|frame| frame.subjects().clone());
        let by_time = self.stamps.ticks(query.start, query.end);
        let by_id = self.stamps.ticks_between(query.after, query.before);
        let ticks = by_time.start.max(by_id.start)..by_time.end.min(by_id.end);
        ticks
            .rev()
            .take(query.limit)
            .filter_map(move |tick| Some((self.stamps.id_at(tick)?, self.reading(tick, subjects.as_ref()?)?)))
    }

    /// Walks over what watches the series.
    pub(crate) fn watches_mut(&mut self) -> impl Iterator<Item = &mut W> {
        self.subjects.rows_mut().watches_mut()
    }

    /// Shows what watches the series of subjects that are here, from series number `from` on, until `visit` has had
    /// enough. Returns the number of the next one; `None` at the end.
    pub(crate) fn visit_watches(
        &mut self,
        from: usize,
        mut visit: impl FnMut(&mut W, &dyn Fn() -> MetricKey) -> bool,
    ) -> Option<usize> {
        let (schema, observed) = (&self.schema, &self.observed);
        self.subjects.rows_mut().visit_watches(from, |subject, column, watch| {
            visit(watch, &|| Line { schema, observed, subject }.key(column))
        })
    }

    /// Returns the instant of the newest frame.
    pub(crate) fn newest(&self) -> Option<Timestamp> {
        self.stamps.last()
    }

    pub(crate) fn series_len(&self) -> usize {
        self.subjects.all().flat_map(|row| row.series).filter(|series| !series.ring.is_empty()).count()
    }

    pub(crate) fn point_count(&self) -> u64 {
        self.subjects.all().flat_map(|row| row.series).map(|series| series.ring.len() as u64).sum()
    }

    /// Returns how many series were not kept because the group was full.
    pub(crate) const fn refused(&self) -> u64 {
        self.subjects.refused()
    }

    pub(crate) fn size_bytes(&self) -> usize {
        self.subjects.size_bytes() + self.stamps.size_bytes()
    }

    fn view<'a>(&'a self, row: &Row<'a, W>, column: usize, series: &'a Series<W>) -> Option<SeriesView<'a>> {
        let column = self.schema.columns().get(column).filter(|_| !series.ring.is_empty())?;
        Some(SeriesView {
            schema: &self.schema,
            stamps: &self.stamps,
            subject: row.subject,
            column,
            ring: &series.ring,
            is_live: row.is_live,
        })
    }

    fn reading(&self, tick: u64, subjects: &Subjects) -> Option<Reading> {
        let derived = self.cells(tick, subjects, self.schema.raw_len()..self.schema.columns().len());
        let derived = derived.map(|value| value.unwrap_or(f64::NAN)).collect();
        Some(Reading::new(self.frame(tick, subjects)?, derived))
    }

    /// Rebuilds a frame.
    pub(super) fn frame(&self, tick: u64, subjects: &Subjects) -> Option<Frame> {
        let cells: Vec<Option<f64>> = self.cells(tick, subjects, 0..self.schema.raw_len()).collect();
        Frame::from_cells(Arc::clone(&self.schema), subjects.clone(), self.stamps.at(tick)?, &cells)
    }

    /// Walks over the values of a tick, row by row.
    fn cells(&self, tick: u64, subjects: &Subjects, columns: Range<usize>) -> impl Iterator<Item = Option<f64>> {
        let cell = move |slot: usize, column: usize| self.subjects.in_slot(slot)?.get(column)?.ring.value(tick);
        (0..subjects.len()).flat_map(move |slot| columns.clone().map(move |column| cell(slot, column)))
    }
}
