//! One value after another of the same series, in a few bytes.
//!
//! Most values that a host gives are whole numbers, or have two decimals, and move little from tick to tick. Whatever is
//! neither is kept by the bytes in which it differs from the one before. All of it is exact to the bit.

use crate::bytes::{Malformed, Reader, Write};

/// Appends `value`, which follows `before`.
pub(crate) fn write(bytes: &mut Vec<u8>, before: f64, value: f64) {
    if let Some(whole) = whole(value) {
        return write_tagged(bytes, whole.wrapping_sub(as_whole(before)), WHOLE);
    }
    if let Some(hundredths) = hundredths(value) {
        return write_tagged(bytes, hundredths.wrapping_sub(as_hundredths(before)), HUNDREDTHS);
    }
    let difference = (value.to_bits() ^ before.to_bits()).to_be_bytes();
    let leading = difference.iter().take_while(|byte| **byte == 0).count().min(7);
    let trailing = difference[leading..].iter().rev().take_while(|byte| **byte == 0).count().min(7);
    bytes.write_varint(((leading | trailing << 3) as u64) << 2 | BITS);
    bytes.extend_from_slice(&difference[leading..8 - trailing]);
}

/// Takes a value that follows `before`.
pub(crate) fn read(reader: &mut Reader<'_>, before: f64) -> Result<f64, Malformed> {
    let number = reader.varint()?;
    let moved = |from: i64| from.wrapping_add(unzigzag(number >> 2));
    match number & 3 {
        WHOLE => Ok(moved(as_whole(before)) as f64),
        HUNDREDTHS => Ok(moved(as_hundredths(before)) as f64 / 100.0),
        BITS => {
            let (leading, len) = lengths(number >> 2)?;
            let mut difference = [0; 8];
            let part = difference.get_mut(leading..leading + len).ok_or(BAD_LENGTH)?;
            part.copy_from_slice(reader.bytes(len)?);
            Ok(f64::from_bits(u64::from_be_bytes(difference) ^ before.to_bits()))
        }
        _ => Err(Malformed("a value has an unknown form")),
    }
}

/// Passes over a value.
pub(crate) fn skip(reader: &mut Reader<'_>) -> Result<(), Malformed> {
    let number = reader.varint()?;
    if number & 3 == BITS {
        reader.bytes(lengths(number >> 2)?.1)?;
    }
    Ok(())
}

fn lengths(packed: u64) -> Result<(usize, usize), Malformed> {
    let (leading, trailing) = ((packed & 7) as usize, (packed >> 3) as usize);
    8usize.checked_sub(leading + trailing.min(8)).map(|len| (leading, len)).ok_or(BAD_LENGTH)
}

fn write_tagged(bytes: &mut Vec<u8>, difference: i64, tag: u64) {
    let zigzag = ((difference << 1) ^ (difference >> 63)).cast_unsigned();
    bytes.write_varint(zigzag << 2 | tag);
}

const fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

/// Returns the number that `value` is, if it is a whole one of at most 53 bits.
fn whole(value: f64) -> Option<i64> {
    let whole = value as i64;
    let is_exact = (whole as f64).to_bits() == value.to_bits() && whole.unsigned_abs() <= MAX_WHOLE;
    is_exact.then_some(whole)
}

/// Returns how many hundredths `value` is, if it is the float next to a whole number of them.
fn hundredths(value: f64) -> Option<i64> {
    let hundredths = (value * 100.0).round() as i64;
    let is_exact = (hundredths as f64 / 100.0).to_bits() == value.to_bits() && hundredths.unsigned_abs() <= MAX_WHOLE;
    is_exact.then_some(hundredths)
}

/// Returns what differences of whole numbers count from; both sides must agree on it, whatever the value is.
fn as_whole(value: f64) -> i64 {
    (value as i64).clamp(-(MAX_WHOLE.cast_signed()), MAX_WHOLE.cast_signed())
}

fn as_hundredths(value: f64) -> i64 {
    as_whole((value * 100.0).round())
}

const WHOLE: u64 = 0;
const BITS: u64 = 1;
const HUNDREDTHS: u64 = 2;
const MAX_WHOLE: u64 = 1 << 53;
const BAD_LENGTH: Malformed = Malformed("a value has an impossible length");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_value() -> impl Strategy<Value = f64> {
        prop_oneof![
            any::<u64>().prop_map(f64::from_bits),
            any::<i32>().prop_map(f64::from),
            any::<i64>().prop_map(|value| value as f64),
            any::<i32>().prop_map(|value| f64::from(value) / 100.0),
            Just(-0.0),
            Just(0.0),
        ]
    }

    proptest! {
        #[test]
        fn any_value_after_any_other_is_exact_to_the_bit(values in proptest::collection::vec(any_value(), 1..100)) {
            let mut bytes = Vec::new();
            let mut before = 0.0;
            for value in &values {
                write(&mut bytes, before, *value);
                before = *value;
            }
            let (mut reader, mut skipping) = (Reader::new(&bytes), Reader::new(&bytes));
            before = 0.0;

            for value in values {
                before = read(&mut reader, before).unwrap();
                skip(&mut skipping).unwrap();
                prop_assert_eq!(before.to_bits(), value.to_bits());
                prop_assert_eq!(reader.rest(), skipping.rest());
            }
            prop_assert!(reader.is_empty());
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..20), before in any_value()) {
            let _ = read(&mut Reader::new(&bytes), before);
            let _ = skip(&mut Reader::new(&bytes));
        }
    }

    #[test]
    fn counters_and_hundredths_are_short() {
        let len = |before, value| {
            let mut bytes = Vec::new();
            write(&mut bytes, before, value);
            bytes.len()
        };

        assert_eq!(len(1e12, 1e12 + 10.0), 1);
        assert_eq!(len(12_345.67, 12_346.17), 2);
        assert!(len(0.1234567, 0.1234568) <= 7);
    }
}
