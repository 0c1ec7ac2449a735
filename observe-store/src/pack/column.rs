//! The values of one column by the codec that makes them shortest.
//!
//! ```text
//! constant   as many bytes of the bits as its codec counts, highest first; the rest are zero
//! decimals   u8 places, exceptions? | varint exceptions | each: varint gap, its bits | integers
//! floats     numbers by pco
//! raw        the bits of each, lowest byte first
//! line       how they come from the values of a column before (see `line`)
//! ```

use pco::DeltaSpec;

use crate::bytes::{Malformed, Reader, Write};
use crate::pack::PackError;
use crate::pack::bits;
use crate::pack::decimal::{self, Decimals};
use crate::pack::integers::{self, IntegerEncoder};
use crate::pack::line::Line;
use crate::pack::numbers::{self, Packed, Scratch};

/// Which codec a column has. A codec up to [`LONGEST_CONSTANT`](Self::LONGEST_CONSTANT) is the length of a constant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Codec(pub(super) u8);

impl Codec {
    pub(super) const DECIMALS: Self = Self(9);
    pub(super) const FLOATS: Self = Self(10);
    pub(super) const LINE: Self = Self(12);
    pub(super) const LONGEST_CONSTANT: Self = Self(8);
    pub(super) const RAW: Self = Self(11);

    /// Returns how many bytes the values take if the codec alone says that.
    pub(super) fn len(self) -> Option<usize> {
        (self.0 <= Self::LONGEST_CONSTANT.0).then_some(usize::from(self.0))
    }
}

/// Memory that encoding one column after another uses again.
#[derive(Debug, Default)]
pub(super) struct ColumnEncoder {
    decimals: Decimals,
    integers: IntegerEncoder,
    line: Vec<u8>,
    shortest: Vec<u8>,
    tried: Vec<u8>,
}

impl ColumnEncoder {
    /// Appends values in the shortest way and says which that is. `like` is the line by which they come from the values
    /// of a column before, so many columns ago.
    pub(super) fn write(
        &mut self,
        values: &[f64],
        like: Option<(usize, Line)>,
        out: &mut Vec<u8>,
    ) -> Result<Codec, PackError> {
        let Some((distance, line)) = like else { return self.write_alone(values, out) };
        self.line.clear();
        line.write(distance, &mut self.line);
        let start = out.len();
        if self.line.len() > BYTES_OF_GOOD_LINE {
            let codec = self.write_alone(values, out)?;
            if out.len() - start <= self.line.len() {
                return Ok(codec);
            }
            out.truncate(start);
        }
        out.extend_from_slice(&self.line);
        Ok(Codec::LINE)
    }

    fn write_alone(&mut self, values: &[f64], out: &mut Vec<u8>) -> Result<Codec, PackError> {
        if let Some(bits) = constant(values) {
            return Ok(Codec(bits::write(bits, out) as u8));
        }
        let mut codec = Codec::RAW;
        self.shortest.clear();
        self.shortest.extend(values.iter().flat_map(|value| value.to_bits().to_le_bytes()));
        for places in decimal::worthwhile_places(values) {
            self.try_decimals(values, places)?;
            codec = self.keep_shorter(Codec::DECIMALS, codec);
        }
        if self.shortest.len() > values.len() * BYTES_OF_GOOD_DECIMAL {
            self.tried.clear();
            Packed::new(values, LEVEL_OF_FLOATS, DeltaSpec::Auto)?.write(&mut self.tried)?;
            codec = self.keep_shorter(Codec::FLOATS, codec);
        }
        out.extend_from_slice(&self.shortest);
        Ok(codec)
    }

    fn try_decimals(&mut self, values: &[f64], places: u8) -> Result<(), PackError> {
        let Self { decimals, integers, tried, .. } = self;
        decimals.fill(values, places);
        tried.clear();
        if decimals.exceptions.is_empty() {
            tried.push(places);
        } else {
            tried.push(places | HAS_EXCEPTIONS);
            tried.write_varint(decimals.exceptions.len() as u64);
        }
        let mut next = 0;
        for (at, value) in &decimals.exceptions {
            tried.write_varint((at - next) as u64);
            tried.extend_from_slice(&value.to_bits().to_le_bytes());
            next = at + 1;
        }
        integers.write(&decimals.integers, tried)
    }

    fn keep_shorter(&mut self, tried: Codec, codec: Codec) -> Codec {
        if self.tried.len() >= self.shortest.len() {
            return codec;
        }
        std::mem::swap(&mut self.tried, &mut self.shortest);
        tried
    }
}

/// Reads `count` values, which must take all bytes.
pub(super) fn read(bytes: &[u8], codec: Codec, count: usize, scratch: &mut Scratch) -> Result<Vec<f64>, PackError> {
    if let Some(len) = codec.len() {
        let bits = bits::read(bytes).ok().filter(|_| bytes.len() == len);
        return Ok(vec![f64::from_bits(bits.ok_or(Malformed("a constant has not its length"))?); count]);
    }
    match codec {
        Codec::DECIMALS => read_decimals(bytes, count, scratch),
        Codec::FLOATS => {
            let mut values = Vec::with_capacity(count);
            numbers::read::<f64>(bytes, count, scratch, |batch| values.extend_from_slice(batch))?;
            Ok(values)
        }
        Codec::RAW if Some(bytes.len()) == count.checked_mul(8) => {
            Ok(bytes.as_chunks().0.iter().map(|bits| f64::from_bits(u64::from_le_bytes(*bits))).collect())
        }
        _ => Err(Malformed("a column has a codec that is not known, or not its length").into()),
    }
}

fn read_decimals(bytes: &[u8], count: usize, scratch: &mut Scratch) -> Result<Vec<f64>, PackError> {
    let mut reader = Reader::new(bytes);
    let first = reader.byte()?;
    let power = decimal::power(first & !HAS_EXCEPTIONS).ok_or(Malformed("decimals have too many places"))?;
    let exceptions = if first & HAS_EXCEPTIONS == 0 { 0 } else { reader.bounded(count)? };
    let at_exceptions = reader;
    skip_exceptions(&mut reader, exceptions)?;
    let mut values: Vec<f64> = Vec::with_capacity(count);
    if power == 1.0 {
        integers::read(reader, count, scratch, |batch| values.extend(batch.iter().map(|it| *it as f64)))?;
    } else {
        integers::read(reader, count, scratch, |batch| values.extend(batch.iter().map(|it| *it as f64 / power)))?;
    }
    put_exceptions(at_exceptions, exceptions, &mut values)?;
    Ok(values)
}

fn skip_exceptions(reader: &mut Reader<'_>, exceptions: usize) -> Result<(), Malformed> {
    for _ in 0..exceptions {
        reader.varint()?;
        reader.array::<8>()?;
    }
    Ok(())
}

fn put_exceptions(mut reader: Reader<'_>, exceptions: usize, values: &mut [f64]) -> Result<(), Malformed> {
    let mut left = values.iter_mut();
    for _ in 0..exceptions {
        let gap = reader.bounded(left.len())?;
        let value = left.nth(gap).ok_or(Malformed("an exception is behind the last value"))?;
        *value = f64::from_bits(u64::from_le_bytes(reader.array()?));
    }
    Ok(())
}

/// Returns the bits that all values have. Where there are no values, any will do.
fn constant(values: &[f64]) -> Option<u64> {
    let bits = values.first().copied().unwrap_or_default().to_bits();
    values.iter().all(|value| value.to_bits() == bits).then_some(bits)
}

/// Where a line takes no more, nothing else is tried.
const BYTES_OF_GOOD_LINE: usize = 2;

/// Decimals that take less are not tried as floats.
const BYTES_OF_GOOD_DECIMAL: usize = 4;

/// Beside the places: the bit that says that exceptions follow.
const HAS_EXCEPTIONS: u8 = 0x80;

/// Higher takes 0.3 % less of a host's metrics, and twice the time for floats without a pattern.
const LEVEL_OF_FLOATS: usize = 8;
