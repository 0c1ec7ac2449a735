//! Reads packs, one column at a time.

use crate::bytes::{Malformed, Reader};
use crate::pack::column::{self, Codec};
use crate::pack::directory::{self, Key};
use crate::pack::encode::FORM_SHIFT;
use crate::pack::line::Line;
use crate::pack::numbers::Scratch;
use crate::pack::presence::{Form, Presence};
use crate::pack::sealed::{self, Kind};
use crate::pack::{MAX_COLUMNS, MAX_TICKS, PackError, stamps};

/// One column, unpacked.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    /// Says which ticks have a value.
    pub(crate) presence: Presence<'static>,
    /// The values of those ticks alone, in their order.
    pub(crate) values: Vec<f64>,
}

/// A pack whose checksum and directory are right. Its columns are decoded when they are asked for, each by itself.
#[derive(Debug)]
pub(crate) struct PackView<'a> {
    ticks: usize,
    stamps: &'a [u8],
    entries: Vec<Entry<'a>>,
}

impl<'a> PackView<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, PackError> {
        let mut reader = sealed::open(bytes, Kind::Pack)?;
        let ticks = reader.bounded(MAX_TICKS)?;
        let stamps = reader.counted()?;
        // Each column takes a byte at least, so that this bounds what is allocated, too.
        let count = reader.bounded(MAX_COLUMNS.min(reader.rest().len()))?;
        let keys = directory::read(&mut reader, count)?;
        let mut entries = Vec::with_capacity(count);
        for (at, key) in keys.into_iter().enumerate() {
            entries.push(Entry::read(&mut reader, key, at, entries.last())?);
        }
        for entry in &mut entries {
            entry.bytes = reader.bytes(entry.len)?;
        }
        if !reader.is_empty() {
            return Err(Malformed("bytes follow the last column").into());
        }
        Ok(Self { ticks, stamps, entries })
    }

    /// Returns how many ticks the slot has.
    pub(crate) const fn ticks(&self) -> usize {
        self.ticks
    }

    /// Returns the stamps if the pack holds them itself.
    pub(crate) fn stamps(&self) -> Result<Option<Vec<i64>>, PackError> {
        if self.stamps.is_empty() {
            return Ok(None);
        }
        stamps::read(Reader::new(self.stamps), self.ticks).map(Some)
    }

    /// Returns the series and the field of each column, ascending.
    pub(crate) fn columns(&self) -> impl ExactSizeIterator<Item = (u32, u8)> {
        self.entries.iter().map(|entry| entry.key)
    }

    /// Decodes the column of a field of a series, if there is one.
    pub(crate) fn column(&self, series: u32, field: u8, scratch: &mut Scratch) -> Result<Option<Column>, PackError> {
        let found = self.entries.binary_search_by_key(&(series, field), |entry| entry.key);
        found.ok().and_then(|at| self.entries.get(at)).map(|entry| self.decode(entry, scratch)).transpose()
    }

    /// Decodes each column in turn.
    pub(crate) fn decoded<'s>(
        &'s self,
        scratch: &'s mut Scratch,
    ) -> impl Iterator<Item = Result<((u32, u8), Column), PackError>> {
        self.entries.iter().map(|entry| Ok((entry.key, self.decode(entry, scratch)?)))
    }

    fn decode(&self, entry: &Entry<'_>, scratch: &mut Scratch) -> Result<Column, PackError> {
        let mut reader = Reader::new(entry.bytes);
        let presence = match self.entries.get(entry.presence_at) {
            Some(before) if entry.form == Form::Same => {
                Presence::read(&mut Reader::new(before.bytes), before.form, self.ticks)?
            }
            _ => Presence::read(&mut reader, entry.form, self.ticks)?,
        };
        let count = presence.count(self.ticks);
        let values = match entry.codec {
            Codec::LINE => self.values_like(entry, reader, count, scratch)?,
            codec => column::read(reader.rest(), codec, count, scratch)?,
        };
        Ok(Column { presence, values })
    }

    /// Reads the values of a column that is like one before it.
    fn values_like(
        &self,
        entry: &Entry<'_>,
        reader: Reader<'_>,
        count: usize,
        scratch: &mut Scratch,
    ) -> Result<Vec<f64>, PackError> {
        let (distance, line) = Line::read(reader)?;
        let base = entry.at.checked_sub(distance).filter(|_| distance > 0).and_then(|at| self.entries.get(at));
        let base = base.filter(|base| base.codec != Codec::LINE).ok_or(Malformed("a column is like none before it"))?;
        let Column { mut values, .. } = self.decode(base, scratch)?;
        if values.len() != count {
            return Err(Malformed("a column has more or fewer values than the one that it is like").into());
        }
        line.apply(&mut values);
        Ok(values)
    }
}

/// What the directory says of a column.
#[derive(Debug)]
struct Entry<'a> {
    /// Which column it is, from zero.
    at: usize,
    bytes: &'a [u8],
    codec: Codec,
    form: Form,
    key: Key,
    len: usize,
    /// Where the column stands whose presence this one has, if its form says that it has another's.
    presence_at: usize,
}

impl Entry<'_> {
    fn read(reader: &mut Reader<'_>, key: Key, at: usize, before: Option<&Self>) -> Result<Self, Malformed> {
        let kind = reader.byte()?;
        let form = Form::try_from(kind >> FORM_SHIFT)?;
        let codec = Codec(kind & ((1 << FORM_SHIFT) - 1));
        let len = match codec.len().filter(|_| form.is_empty()) {
            Some(len) => len,
            None => reader.bounded(reader.rest().len())?,
        };
        let presence_at = match before {
            _ if form != Form::Same => at,
            Some(before) => before.presence_at,
            None => return Err(Malformed("the first column has the presence of one before")),
        };
        Ok(Self { at, bytes: &[], codec, form, key, len, presence_at })
    }
}
