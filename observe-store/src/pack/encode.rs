//! Makes packs.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::Range;

use crate::bytes::Write;
use crate::pack::column::{Codec, ColumnEncoder};
use crate::pack::directory::{self, Key};
use crate::pack::line::Line;
use crate::pack::presence::{self, Form, Presence};
use crate::pack::sealed::{self, Kind};
use crate::pack::{MAX_COLUMNS, MAX_TICKS, PackError, stamps};

/// One column that is to be packed: a field of a series.
#[derive(Clone, Debug)]
pub(crate) struct ColumnData<'a> {
    pub(crate) series: u32,
    pub(crate) field: u8,
    /// Says which of the values count.
    pub(crate) presence: Presence<'a>,
    /// One value for each tick of the slot.
    pub(crate) values: &'a [f64],
}

/// Says when the ticks of a pack are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stamps<'a> {
    /// The stamp row of the group has the stamps of so many ticks.
    External { ticks: usize },
    /// The pack holds the stamps itself, in ns and ascending.
    Inline(&'a [i64]),
}

/// Makes one pack after another. What it keeps is only memory that it uses again.
#[derive(Debug, Default)]
pub(crate) struct PackEncoder {
    bodies: Vec<u8>,
    column: ColumnEncoder,
}

impl PackEncoder {
    /// Packs columns, in whatever order they come.
    ///
    /// # Errors
    ///
    /// [`PackError::Unfit`] above [`MAX_TICKS`] or [`MAX_COLUMNS`], with stamps that do not ascend, with one field of a
    /// series twice and with a column that has not a value for each tick.
    pub(crate) fn encode(&mut self, stamps: Stamps<'_>, columns: &[ColumnData<'_>]) -> Result<Vec<u8>, PackError> {
        let ticks = stamps.ticks();
        let mut columns: Vec<&ColumnData<'_>> = columns.iter().collect();
        columns.sort_unstable_by_key(|column| column.key());
        check(ticks, &columns)?;
        let mut pack = sealed::begin(Kind::Pack);
        pack.write_varint(ticks as u64);
        let mut own = Vec::new();
        if let Stamps::Inline(stamps) = stamps {
            stamps::write(&mut own, stamps)?;
        }
        pack.write_counted(&own);
        pack.write_varint(columns.len() as u64);
        directory::write(&mut pack, &columns.iter().map(|column| column.key()).collect::<Vec<_>>());
        self.write_columns(&mut pack, ticks, &columns)?;
        Ok(sealed::seal(pack))
    }

    fn write_columns(
        &mut self,
        pack: &mut Vec<u8>,
        ticks: usize,
        columns: &[&ColumnData<'_>],
    ) -> Result<(), PackError> {
        self.bodies.clear();
        let mut before: Option<Vec<Range<usize>>> = None;
        let mut bases: VecDeque<Base<'_>> = VecDeque::new();
        for (at, column) in columns.iter().enumerate() {
            let start = self.bodies.len();
            let runs = column.presence.runs(ticks);
            let form = match &before {
                Some(before) if *before == runs && !presence::is_all(&runs, ticks) => Form::Same,
                _ => presence::write(&mut self.bodies, &runs, ticks),
            };
            let base = Base { at, values: column.present(&runs), runs };
            let like = bases.iter().rev().find_map(|other| Some((at - other.at, base.line_from(other)?)));
            let codec = self.column.write(&base.values, like, &mut self.bodies)?;
            pack.push((form as u8) << FORM_SHIFT | codec.0);
            if !form.is_empty() || codec.len().is_none() {
                pack.write_varint((self.bodies.len() - start) as u64);
            }
            before = Some(base.runs.clone());
            // What is constant, or like another one, is no base: no line is found from it, or is found from that one.
            if codec != Codec::LINE && codec.len().is_none() {
                bases.push_back(base);
                if bases.len() > BASES {
                    bases.pop_front();
                }
            }
        }
        pack.extend_from_slice(&self.bodies);
        Ok(())
    }
}

/// A column that later ones may be like.
struct Base<'a> {
    at: usize,
    runs: Vec<Range<usize>>,
    values: Cow<'a, [f64]>,
}

impl Base<'_> {
    /// Finds the line by which this column comes from another one.
    fn line_from(&self, other: &Base<'_>) -> Option<Line> {
        if self.runs != other.runs { None } else { Line::between(&other.values, &self.values) }
    }
}

impl<'a> ColumnData<'a> {
    const fn key(&self) -> Key {
        (self.series, self.field)
    }

    /// Returns the values that count.
    fn present(&self, runs: &[Range<usize>]) -> Cow<'a, [f64]> {
        match runs {
            [run] => Cow::Borrowed(self.values.get(run.clone()).unwrap_or_default()),
            _ => runs.iter().filter_map(|run| self.values.get(run.clone())).flatten().copied().collect(),
        }
    }
}

impl Stamps<'_> {
    const fn ticks(&self) -> usize {
        match self {
            Self::External { ticks } => *ticks,
            Self::Inline(stamps) => stamps.len(),
        }
    }
}

fn check(ticks: usize, columns: &[&ColumnData<'_>]) -> Result<(), PackError> {
    if ticks > MAX_TICKS {
        return Err(PackError::Unfit("more ticks than a slot has"));
    }
    if columns.len() > MAX_COLUMNS {
        return Err(PackError::Unfit("more columns than a pack has"));
    }
    if !columns.is_sorted_by(|left, right| left.key() < right.key()) {
        return Err(PackError::Unfit("a field of a series twice"));
    }
    if columns.iter().any(|column| column.values.len() != ticks) {
        return Err(PackError::Unfit("a column with more or fewer values than ticks"));
    }
    Ok(())
}

/// The kind of a column is the form of its presence above its codec.
pub(super) const FORM_SHIFT: u8 = 6;

/// How many columns a column is compared with: more than a pack has series, and those that have another field besides.
const BASES: usize = 32;
