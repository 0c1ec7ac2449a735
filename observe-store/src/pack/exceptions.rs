//! The few values of a column that its codec cannot give back: a varint gap from the one before, and the bits.

use crate::bytes::{Malformed, Reader, Write};

/// Appends exceptions, each with where it is, ascending. The reader has to know how many they are.
pub(super) fn write(exceptions: &[(usize, f64)], out: &mut Vec<u8>) {
    let mut next = 0;
    for (at, value) in exceptions {
        out.write_varint((at - next) as u64);
        out.extend_from_slice(&value.to_bits().to_le_bytes());
        next = at + 1;
    }
}

/// Exceptions that wait for the other values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exceptions<'a> {
    reader: Reader<'a>,
    count: usize,
}

impl<'a> Exceptions<'a> {
    /// Takes them off the reader.
    pub(super) fn take(reader: &mut Reader<'a>, count: usize) -> Result<Self, Malformed> {
        let exceptions = Self { reader: *reader, count };
        for _ in 0..count {
            reader.varint()?;
            reader.array::<8>()?;
        }
        Ok(exceptions)
    }

    /// Puts them in their places.
    pub(super) fn put(mut self, values: &mut [f64]) -> Result<(), Malformed> {
        let mut left = values.iter_mut();
        for _ in 0..self.count {
            let gap = self.reader.bounded(left.len())?;
            let value = left.nth(gap).ok_or(Malformed("an exception is behind the last value"))?;
            *value = f64::from_bits(u64::from_le_bytes(self.reader.array()?));
        }
        Ok(())
    }
}

/// Where more than one value in so many is an exception, a codec is not worthwhile.
pub(super) const ONE_IN: usize = 20;
