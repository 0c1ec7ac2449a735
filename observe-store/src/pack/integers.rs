//! Integers as differences of the order that is shortest, from their least, by their divisor, in the narrowest type.
//!
//! ```text
//! u8 order, width, divisor? | signed head per order | signed least | varint divisor | numbers by pco (none if all are the least)
//! ```

use pco::DeltaSpec;

use crate::bytes::{Malformed, Reader, Write};
use crate::pack::PackError;
use crate::pack::numbers::{self, Packed, Scratch};

/// Integers, and the differences between them, while they are looked at.
#[derive(Debug, Default)]
pub(super) struct IntegerEncoder {
    orders: [Vec<i64>; 3],
}

impl IntegerEncoder {
    /// Appends at least one integer. The reader has to know how many they are and where the bytes end.
    pub(super) fn write(&mut self, integers: &[i64], out: &mut Vec<u8>) -> Result<(), PackError> {
        let [plain, first, second] = &mut self.orders;
        plain.clear();
        plain.extend_from_slice(integers);
        difference(plain, first);
        difference(first, second);
        let order = self.best_order()?;
        let values = self.orders.get(order).map(Vec::as_slice).unwrap_or_default();
        let shape = Shape::of(values);
        out.push(order as u8 | shape.width() << WIDTH_SHIFT | u8::from(shape.divisor > 1) << DIVISOR_SHIFT);
        self.orders.iter().take(order).filter_map(|values| values.first()).for_each(|head| out.write_signed(*head));
        out.write_signed(shape.least);
        if shape.divisor > 1 {
            out.write_varint(shape.divisor);
        }
        match shape.packed(values, LEVEL)? {
            Some(packed) => packed.write(out),
            None => Ok(()),
        }
    }

    fn best_order(&self) -> Result<usize, PackError> {
        let mut best = (usize::MAX, 0);
        for (order, values) in self.orders.iter().enumerate().filter(|(_, values)| !values.is_empty()) {
            let packed = Shape::of(values).packed(values, LEVEL_OF_CHOICE)?;
            let bytes = packed.as_ref().map_or(0, Packed::estimate) + order * BYTES_OF_HEAD;
            best = best.min((bytes, order));
            if packed.is_none() {
                break;
            }
        }
        Ok(best.1)
    }
}

/// Reads `count` integers, which must take all bytes, and hands them over a few hundred at a time.
pub(super) fn read(
    mut reader: Reader<'_>,
    count: usize,
    scratch: &mut Scratch,
    mut sink: impl FnMut(&[i64]),
) -> Result<(), PackError> {
    let first = reader.byte()?;
    let mut sums = Sums::read(&mut reader, first)?;
    let count = count.checked_sub(sums.order).ok_or(Malformed("integers have no such order"))?;
    sink(sums.heads().get(..sums.order).unwrap_or_default());
    let mut integers = Vec::new();
    match first >> WIDTH_SHIFT & WIDTH_BITS {
        0 if reader.is_empty() => {
            let zeros = [0_u8; BATCH];
            for left in (1..=count).rev().step_by(BATCH) {
                sink(sums.add(zeros.get(..left).unwrap_or(&zeros), &mut integers));
            }
            Ok(())
        }
        1 => numbers::read::<u8>(reader.rest(), count, scratch, |batch| sink(sums.add(batch, &mut integers))),
        2 => numbers::read::<u16>(reader.rest(), count, scratch, |batch| sink(sums.add(batch, &mut integers))),
        3 => numbers::read::<u32>(reader.rest(), count, scratch, |batch| sink(sums.add(batch, &mut integers))),
        4 => numbers::read::<u64>(reader.rest(), count, scratch, |batch| sink(sums.add(batch, &mut integers))),
        _ => Err(Malformed("integers have no such width").into()),
    }
}

/// What is the same for all of some integers.
#[derive(Debug)]
struct Shape {
    least: i64,
    divisor: u64,
    /// The greatest, from the least and divided.
    span: u64,
}

impl Shape {
    fn of(values: &[i64]) -> Self {
        let least = values.iter().copied().min().unwrap_or_default();
        let greatest = values.iter().copied().max().unwrap_or_default();
        let mut divisor = 0;
        for value in values {
            divisor = greatest_divisor(divisor, above(*value, least));
            if divisor == 1 {
                break;
            }
        }
        let divisor = divisor.max(1);
        Self { least, divisor, span: above(greatest, least) / divisor }
    }

    const fn width(&self) -> u8 {
        match self.span {
            0 => 0,
            1..=0xff => 1,
            0x100..=0xffff => 2,
            0x1_0000..=0xffff_ffff => 3,
            _ => 4,
        }
    }

    /// Looks at the numbers that are left. There are none if all integers are the same.
    fn packed(&self, values: &[i64], level: usize) -> Result<Option<Packed>, PackError> {
        let left = values.iter().map(|value| above(*value, self.least));
        let left = left.map(|value| if self.divisor > 1 { value / self.divisor } else { value });
        match self.width() {
            0 => Ok(None),
            1 => Packed::new(&left.map(|it| it as u8).collect::<Vec<_>>(), level, DeltaSpec::NoOp).map(Some),
            2 => Packed::new(&left.map(|it| it as u16).collect::<Vec<_>>(), level, DeltaSpec::NoOp).map(Some),
            3 => Packed::new(&left.map(|it| it as u32).collect::<Vec<_>>(), level, DeltaSpec::NoOp).map(Some),
            _ => Packed::new(&left.collect::<Vec<_>>(), level, DeltaSpec::NoOp).map(Some),
        }
    }
}

/// Adds differences up again.
#[derive(Debug)]
struct Sums {
    order: usize,
    last: i64,
    step: i64,
    least: i64,
    divisor: u64,
}

impl Sums {
    fn read(reader: &mut Reader<'_>, first: u8) -> Result<Self, Malformed> {
        let order = usize::from(first & ORDER_BITS);
        let last = if order > 0 { reader.signed()? } else { 0 };
        let step = if order > 1 { reader.signed()? } else { 0 };
        let least = reader.signed()?;
        let divisor = if first >> DIVISOR_SHIFT == 0 { 1 } else { reader.varint()? };
        if order > 2 {
            return Err(Malformed("integers have no such order"));
        }
        Ok(Self { order, last, step, least, divisor })
    }

    /// Returns the integers before the first difference of the order; as many as the order count.
    fn heads(&mut self) -> [i64; 2] {
        let first = self.last;
        if self.order == 2 {
            self.last = first.wrapping_add(self.step);
        }
        [first, self.last]
    }

    fn add<'a, T: Copy + Into<u64>>(&mut self, batch: &[T], integers: &'a mut Vec<i64>) -> &'a [i64] {
        let Self { least, divisor, .. } = *self;
        let values = batch.iter().map(|value| least.wrapping_add((*value).into().wrapping_mul(divisor).cast_signed()));
        let (mut last, mut step) = (self.last, self.step);
        integers.clear();
        match self.order {
            0 => integers.extend(values),
            1 => integers.extend(values.map(|value| {
                last = last.wrapping_add(value);
                last
            })),
            _ => integers.extend(values.map(|value| {
                step = step.wrapping_add(value);
                last = last.wrapping_add(step);
                last
            })),
        }
        (self.last, self.step) = (last, step);
        integers
    }
}

fn difference(values: &[i64], differences: &mut Vec<i64>) {
    differences.clear();
    differences.extend(values.iter().zip(values.iter().skip(1)).map(|(before, value)| value.wrapping_sub(*before)));
}

/// Returns how far a value is above the least one, which can be more than an `i64` holds.
const fn above(value: i64, least: i64) -> u64 {
    value.wrapping_sub(least).cast_unsigned()
}

const fn greatest_divisor(mut left: u64, mut right: u64) -> u64 {
    while right != 0 {
        (left, right) = (right, left % right);
    }
    left
}

/// Integers per call of a sink where pco does not say.
const BATCH: usize = 256;

/// What an order more costs at most as a head; near enough.
const BYTES_OF_HEAD: usize = 4;

/// Smaller is faster: 8 instead of 11 takes 1 to 3 % more bytes.
const LEVEL: usize = 11;

/// Enough to tell which order is shorter, at a fraction of the time.
const LEVEL_OF_CHOICE: usize = 4;

const DIVISOR_SHIFT: u8 = 5;
const ORDER_BITS: u8 = 0b11;
const WIDTH_BITS: u8 = 0b111;
const WIDTH_SHIFT: u8 = 2;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn all_integers_survive(integers in proptest::collection::vec(any::<i64>(), 1..600)) {
            prop_assert_eq!(there_and_back(&integers).1, integers);
        }

        #[test]
        fn sums_and_multiples_survive(
            steps in proptest::collection::vec(-300..70_000_i64, 1..600),
            divisor in prop_oneof![Just(1), Just(4_096), any::<i64>()],
        ) {
            let sum = |sum: &mut i64, step: &i64| {
                *sum = sum.wrapping_add(step.wrapping_mul(divisor));
                Some(*sum)
            };
            let integers: Vec<i64> = steps.iter().scan(i64::MAX - 70_000, sum).collect();

            prop_assert_eq!(there_and_back(&integers).1, integers);
        }
    }

    #[test]
    fn a_line_takes_a_few_bytes() {
        let line: Vec<i64> = (0..1_000).map(|at| 7_000 + 1_024 * at).collect();

        let (bytes, read_back) = there_and_back(&line);

        assert_eq!((bytes.len(), read_back), (5, line));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for bytes in
            [[].as_slice(), &[3, 0, 0, 0], &[0, 0, 0], &[1, 0, 0], &[5 << WIDTH_SHIFT, 0], &[1 << WIDTH_SHIFT, 0]]
        {
            let outcome = read(Reader::new(bytes), 0, &mut Scratch::default(), |_| ());

            assert!(outcome.is_err(), "{bytes:?}");
        }
    }

    fn there_and_back(integers: &[i64]) -> (Vec<u8>, Vec<i64>) {
        let (mut bytes, mut read_back) = (Vec::new(), Vec::new());
        IntegerEncoder::default().write(integers, &mut bytes).unwrap();
        read(Reader::new(&bytes), integers.len(), &mut Scratch::default(), |batch| read_back.extend_from_slice(batch))
            .unwrap();
        (bytes, read_back)
    }
}
