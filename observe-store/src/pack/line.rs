//! Columns that are a line of another one: bytes beside pages, a maximum beside the last value of what only grows.
//!
//! ```text
//! varint distance (how many columns before it the other one is) | nothing, if the values are the same
//!                                                               | counted scale | offset
//! ```
//!
//! Scale and offset are the bits of floats, highest byte first, without the zeros at their end.

use crate::bytes::{Malformed, Reader, Write};
use crate::pack::bits;

/// How the values of a column come from those of another one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Line {
    /// They are the same.
    Same,
    /// They are so many times as great, and so much more.
    Straight { scale: f64, offset: f64 },
}

impl Line {
    /// Finds the line that gives each value back, bit by bit. What does not vary has none: it is shorter by itself.
    pub(super) fn between(base: &[f64], values: &[f64]) -> Option<Self> {
        if base.len() != values.len() {
            return None;
        }
        if is_same(base.iter().copied(), values) {
            return Some(Self::Same);
        }
        let mut pairs = base.iter().zip(values);
        let (x, y) = pairs.next()?;
        // The line goes through the first two points that differ.
        let (next_x, next_y) = pairs.find(|(next_x, _)| *next_x != x)?;
        let scale = (next_y - y) / (next_x - x);
        // Which NaN a sum is depends on the processor, and the file may be read by another one.
        if scale == 0.0 || values.iter().any(|value| value.is_nan()) {
            return None;
        }
        let line = Self::Straight { scale, offset: y - scale * x };
        is_same(base.iter().map(|value| line.at(*value)), values).then_some(line)
    }

    /// Appends it.
    pub(super) fn write(self, distance: usize, out: &mut Vec<u8>) {
        out.write_varint(distance as u64);
        if let Self::Straight { scale, offset } = self {
            let mut counted = Vec::with_capacity(8);
            bits::write(scale.to_bits(), &mut counted);
            out.write_counted(&counted);
            bits::write(offset.to_bits(), out);
        }
    }

    /// Reads what [`Self::write`] wrote: the distance, and the line.
    pub(super) fn read(mut reader: Reader<'_>) -> Result<(usize, Self), Malformed> {
        let distance = reader.varint()?;
        let distance = usize::try_from(distance).map_err(|_| Malformed("a column is like one that is too far"))?;
        if reader.is_empty() {
            return Ok((distance, Self::Same));
        }
        let number = |bytes| bits::read(bytes).map(f64::from_bits);
        Ok((distance, Self::Straight { scale: number(reader.counted()?)?, offset: number(reader.rest())? }))
    }

    /// Turns the values of the other column into those of this one.
    pub(super) fn apply(self, values: &mut [f64]) {
        if self != Self::Same {
            values.iter_mut().for_each(|value| *value = self.at(*value));
        }
    }

    fn at(self, value: f64) -> f64 {
        match self {
            Self::Same => value,
            Self::Straight { scale, offset } => value * scale + offset,
        }
    }
}

fn is_same(mut found: impl Iterator<Item = f64>, values: &[f64]) -> bool {
    values.iter().all(|value| found.next().is_some_and(|found| found.to_bits() == value.to_bits()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_line_gives_every_bit_back(
            base in proptest::collection::vec(any::<u64>().prop_map(f64::from_bits), 1..50),
            values in proptest::collection::vec(any::<u64>().prop_map(f64::from_bits), 50),
            scale in prop::sample::select(vec![1.0, 4_096.0, -0.5, 0.1]),
            offset in prop::sample::select(vec![0.0, -0.0, 7.0, 1e9]),
            is_other in any::<bool>(),
        ) {
            let on_line: Vec<f64> = base.iter().map(|value| value * scale + offset).collect();
            let values = if is_other { &values[..base.len()] } else { &on_line };

            if let Some(line) = Line::between(&base, values) {
                let mut found = base;
                line.apply(&mut found);
                let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
                prop_assert_eq!(bits(&found), bits(values));
            }
        }
    }

    #[test]
    fn pages_and_their_bytes_are_on_a_line() {
        let pages = [7.0, 7.0, 9.0, 3.0, 1e6];

        assert_eq!(Line::between(&pages, &pages), Some(Line::Same));
        assert_eq!(
            Line::between(&pages, &pages.map(|pages| pages * 4_096.0)),
            Some(Line::Straight { scale: 4_096.0, offset: 0.0 }),
        );
        assert_eq!(
            Line::between(&pages, &pages.map(|pages| 64.0 - pages)),
            Some(Line::Straight { scale: -1.0, offset: 64.0 }),
        );
        assert_eq!(Line::between(&pages, &[7.0, 7.0, 9.0, 3.0, 1e6 + 1.0]), None);
        assert_eq!(Line::between(&[1.0, 1.0], &[1.0, 2.0]), None);
        assert_eq!(Line::between(&pages, &[0.0; 5]), None);
    }

    #[test]
    fn values_that_are_no_numbers_are_the_same_bit_by_bit() {
        let strange = [f64::from_bits(0x7ff8_dead_beef_0001), -0.0, f64::INFINITY];

        assert_eq!(Line::between(&strange, &strange), Some(Line::Same));
        assert_eq!(Line::between(&strange, &[f64::NAN, -0.0, f64::INFINITY]), None);
        assert_eq!(Line::between(&[1.0, f64::NAN, 3.0], &[2.0, f64::NAN, 6.0]), None);
    }
}
