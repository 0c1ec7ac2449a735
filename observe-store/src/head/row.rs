//! One commit's ticks of all groups: the row that makes them durable.

use super::buffer::Staged;
use crate::bytes::{Malformed, Reader, Write};

/// Writes the ticks of groups as one row.
pub(crate) fn write<'a>(groups: impl Iterator<Item = (i64, &'a Staged)>) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    for (group, staged) in groups {
        bytes.write_signed(group);
        bytes.push(u8::from(staged.closes));
        bytes.write_varint(staged.ticks as u64);
        bytes.write_signed(staged.earliest);
        bytes.write_signed(staged.latest.wrapping_sub(staged.earliest));
        bytes.write_counted(&staged.bytes);
    }
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
    bytes
}

/// Reads a row: the ticks of each group in it.
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<(i64, Staged)>, Malformed> {
    let (payload, checksum) = bytes.split_last_chunk::<4>().ok_or(Malformed("the row ends early"))?;
    if crc32c::crc32c(payload) != u32::from_le_bytes(*checksum) {
        return Err(Malformed("the checksum does not match"));
    }
    let mut reader = Reader::new(payload);
    if reader.byte()? != VERSION {
        return Err(Malformed("the row has a form that a newer version writes"));
    }
    let mut groups = Vec::new();
    while !reader.is_empty() {
        let group = reader.signed()?;
        let closes = reader.byte()? != 0;
        let ticks = reader.bounded(payload.len())?;
        let earliest = reader.signed()?;
        let latest = earliest.wrapping_add(reader.signed()?);
        let bytes = reader.counted()?.to_vec();
        groups.push((group, Staged { closes, bytes, earliest, latest, ticks }));
    }
    Ok(groups)
}

const VERSION: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_survives_and_a_flipped_bit_is_found() {
        let staged = Staged { closes: true, bytes: vec![1, 2, 3], earliest: -5, latest: 9, ticks: 2 };
        let row = write([(7, &staged), (9, &staged)].into_iter());

        let read_back = read(&row).unwrap();
        assert_eq!(read_back.iter().map(|(group, _)| *group).collect::<Vec<_>>(), [7, 9]);
        assert_eq!((read_back[1].1.closes, &*read_back[1].1.bytes), (true, &[1, 2, 3][..]));
        assert_eq!((read_back[0].1.earliest, read_back[0].1.latest, read_back[0].1.ticks), (-5, 9, 2));
        for bit in 0..row.len() * 8 {
            let mut bad = row.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(read(&bad).is_err(), "bit {bit}");
        }
    }
}
