//! The times of the ticks of a slot: a line if they are regular, else what they are off it.
//!
//! ```text
//! u8 unit | signed first | varint step | integers (what each is off first + step * place), all in the unit
//! ```

use crate::bytes::{Malformed, Reader, Write};
use crate::pack::integers::{self, IntegerEncoder};
use crate::pack::numbers::Scratch;
use crate::pack::sealed::{self, Kind};
use crate::pack::{MAX_TICKS, PackError};

/// Encodes the stamps of a group's slot, in ns and ascending: the stamp row that its packs share.
pub(crate) fn encode_stamps(stamps: &[i64]) -> Result<Vec<u8>, PackError> {
    let mut bytes = sealed::begin(Kind::Stamps);
    bytes.write_varint(stamps.len() as u64);
    write(&mut bytes, stamps)?;
    Ok(sealed::seal(bytes))
}

/// Decodes what [`encode_stamps`] made.
pub(crate) fn decode_stamps(bytes: &[u8]) -> Result<Vec<i64>, PackError> {
    let mut reader = sealed::open(bytes, Kind::Stamps)?;
    let count = reader.bounded(MAX_TICKS)?;
    read(reader, count)
}

/// Appends stamps. The reader has to know how many they are and where the bytes end.
pub(super) fn write(out: &mut Vec<u8>, stamps: &[i64]) -> Result<(), PackError> {
    if stamps.len() > MAX_TICKS {
        return Err(PackError::Unfit("more ticks than a slot has"));
    }
    if !stamps.is_sorted_by(|left, right| left < right) {
        return Err(PackError::Unfit("stamps that do not ascend"));
    }
    let (Some(first), Some(last)) = (stamps.first(), stamps.last()) else { return Ok(()) };
    let (unit_at, unit) = unit_of(stamps);
    let (first, last) = (first / unit, last / unit);
    let step = last.wrapping_sub(first).cast_unsigned() / (stamps.len() as u64 - 1).max(1);
    out.push(unit_at);
    out.write_signed(first);
    out.write_varint(step);
    let off: Vec<i64> =
        stamps.iter().zip(line(first, step)).map(|(stamp, on)| (stamp / unit).wrapping_sub(on)).collect();
    IntegerEncoder::default().write(&off, out)
}

/// Reads `count` stamps, which must take all bytes.
pub(super) fn read(mut reader: Reader<'_>, count: usize) -> Result<Vec<i64>, PackError> {
    if count == 0 {
        return if reader.is_empty() { Ok(Vec::new()) } else { Err(Malformed("bytes follow the last stamp").into()) };
    }
    let unit = UNITS.get(usize::from(reader.byte()?)).copied().ok_or(Malformed("stamps have no such unit"))?;
    let first = reader.signed()?;
    let step = reader.varint()?;
    let mut stamps: Vec<i64> = Vec::with_capacity(count);
    let mut line = line(first, step);
    integers::read(reader, count, &mut Scratch::default(), |batch| {
        let times = batch.iter().zip(&mut line).map(|(off, on)| on.wrapping_add(*off).saturating_mul(unit));
        stamps.extend(times);
    })?;
    if stamps.len() == count && stamps.is_sorted_by(|left, right| left < right) {
        return Ok(stamps);
    }
    Err(Malformed("stamps do not ascend").into())
}

fn line(first: i64, step: u64) -> impl Iterator<Item = i64> {
    std::iter::successors(Some(first), move |on| Some(on.wrapping_add(step.cast_signed())))
}

fn unit_of(stamps: &[i64]) -> (u8, i64) {
    let divides = |unit: &i64| stamps.iter().all(|stamp| stamp % unit == 0);
    (0..).zip(UNITS).find(|(_, unit)| divides(unit)).unwrap_or((0, 1))
}

/// Seconds, milliseconds, microseconds and nanoseconds, in ns. Their places are part of the format.
const UNITS: [i64; 4] = [1_000_000_000, 1_000_000, 1_000, 1];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn all_stamps_survive(stamps in proptest::collection::btree_set(any::<i64>(), 0..600)) {
            let stamps: Vec<i64> = stamps.into_iter().collect();

            prop_assert_eq!(decode_stamps(&encode_stamps(&stamps).unwrap()).unwrap(), stamps);
        }

        #[test]
        fn ticks_with_jitter_survive(gaps in proptest::collection::vec(900..1_100_i64, 0..600), unit in 0..4_usize) {
            let time = |time: &mut i64, gap: i64| {
                *time += gap * UNITS[unit];
                Some(*time)
            };
            let stamps: Vec<i64> = gaps.into_iter().scan(1_700_000_000_000_000_000, time).collect();

            prop_assert_eq!(decode_stamps(&encode_stamps(&stamps).unwrap()).unwrap(), stamps);
        }
    }

    #[test]
    fn regular_stamps_take_a_few_bytes() {
        let stamps: Vec<i64> = (0..1_024).map(|at| 1_700_000_000_000_000_000 + at * 1_000_000_000).collect();

        let bytes = encode_stamps(&stamps).unwrap();

        assert_eq!(bytes.len(), 16);
    }

    #[test]
    fn stamps_that_do_not_ascend_are_refused() {
        for stamps in [[5, 5].as_slice(), &[5, 4], &[i64::MAX, i64::MIN]] {
            assert!(matches!(encode_stamps(stamps), Err(PackError::Unfit(_))), "{stamps:?}");
        }
        assert!(encode_stamps(&(0..=MAX_TICKS as i64).collect::<Vec<_>>()).is_err());
    }

    #[test]
    fn the_furthest_stamps_survive() {
        for stamps in [[i64::MIN, i64::MAX].as_slice(), &[i64::MIN, -1, 0, i64::MAX], &[-1_000, 0], &[0]] {
            assert_eq!(decode_stamps(&encode_stamps(stamps).unwrap()).unwrap(), stamps);
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for body in [[2].as_slice(), &[0, 0], &[1, 4, 0, 0, 0, 0], &[2, 0, 0, 0, 0, 0], &[0xff, 0xff, 0xff, 0x7f]] {
            let mut bytes = sealed::begin(Kind::Stamps);
            bytes.extend_from_slice(body);

            assert!(decode_stamps(&sealed::seal(bytes)).is_err(), "{body:?}");
        }
    }
}
