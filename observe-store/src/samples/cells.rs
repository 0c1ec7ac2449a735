//! The values of series over the ticks of one slot, decoded: of a few series at a time.

use std::borrow::Cow;

use observe_core::{Point, Timestamp};

use crate::{
    bytes::Malformed,
    head::{PLACES, PlaceSet, Ticks},
    pack::{Column, ColumnData, Presence},
};

/// The values of one series over the ticks of a slot.
#[derive(Clone, Debug)]
pub(crate) struct Cells {
    /// One for each tick, zero where there is none.
    values: Vec<f64>,
    /// One bit for each tick.
    present: Vec<u64>,
    count: usize,
}

impl Cells {
    pub(crate) fn new(ticks: usize) -> Self {
        Self { values: vec![0.0; ticks], present: vec![0; ticks.div_ceil(64)], count: 0 }
    }

    pub(crate) fn set(&mut self, tick: usize, value: f64) {
        let (Some(cell), Some(word)) = (self.values.get_mut(tick), self.present.get_mut(tick / 64)) else { return };
        *cell = value;
        self.count += usize::from(*word >> (tick % 64) & 1 == 0);
        *word |= 1 << (tick % 64);
    }

    /// Sets what a column of an older pack has. `moved` says which tick each of its ticks is now.
    pub(crate) fn set_column(&mut self, column: &Column, moved: &[u32]) {
        for (tick, value) in column.presence.ticks(moved.len()).zip(&column.values) {
            if let Some(tick) = moved.get(tick) {
                self.set(*tick as usize, *value);
            }
        }
    }

    pub(crate) const fn count(&self) -> usize {
        self.count
    }

    /// Walks over the values with their times.
    pub(crate) fn points<'a>(&'a self, stamps: &'a [i64]) -> impl Iterator<Item = Point> + 'a {
        let present = |tick: usize| self.present.get(tick / 64).is_some_and(|word| word >> (tick % 64) & 1 == 1);
        let cells = self.values.iter().zip(stamps).enumerate().filter(move |(tick, _)| present(*tick));
        cells.map(|(_, (value, at))| Point { timestamp: Timestamp::from_nanos(*at), value: *value })
    }

    pub(crate) fn data(&self, series: u32, field: u8) -> ColumnData<'_> {
        let is_full = self.count == self.values.len();
        let presence = if is_full { Presence::All } else { Presence::Bitmap(Cow::Borrowed(&self.present)) };
        ColumnData { series, field, presence, values: &self.values }
    }
}

/// The values of some series over the ticks of a slot.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    list: Vec<(u32, Cells)>,
}

impl Columns {
    /// Walks over the series that have any value, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Cells)> {
        self.list.iter().map(|(series, cells)| (*series, cells)).filter(|(_, cells)| cells.count > 0)
    }

    /// Returns the cells of a series, empty ones where it has none yet.
    pub(crate) fn cells_mut(&mut self, series: u32, ticks: usize) -> Option<&mut Cells> {
        let index = self.index_of(series, ticks);
        self.list.get_mut(index).map(|(_, cells)| cells)
    }

    /// Adds the values that ticks of the head have in `wanted` places. `index` says which tick of the slot each of them
    /// is, or [`ELSEWHERE`].
    pub(crate) fn add_head(
        &mut self,
        head: &Ticks,
        wanted: &PlaceSet,
        index: &[u32],
        ticks: usize,
    ) -> Result<(), Malformed> {
        // Of each place, the series that it had at the last tick, and where its cells are.
        let mut seated = vec![(0, 0); PLACES];
        let mut at = index.iter();
        head.walk(wanted, |state| {
            let Some(tick) = at.next().filter(|tick| **tick != ELSEWHERE) else { return };
            for place in state.present.intersection(wanted).iter() {
                let (Some(series), Some(value)) = (state.series.get(place), state.values.get(place)) else { continue };
                let Some(seat) = seated.get_mut(place) else { continue };
                if seat.0 != *series {
                    *seat = (*series, self.index_of(*series, ticks));
                }
                if let Some((_, cells)) = self.list.get_mut(seat.1) {
                    cells.set(*tick as usize, *value);
                }
            }
        })
    }

    fn index_of(&mut self, series: u32, ticks: usize) -> usize {
        let found = self.list.iter().position(|(other, _)| *other == series);
        found.unwrap_or_else(|| {
            self.list.push((series, Cells::new(ticks)));
            self.list.len() - 1
        })
    }
}

/// Stands for a tick that does not belong to the slot.
pub(crate) const ELSEWHERE: u32 = u32::MAX;
