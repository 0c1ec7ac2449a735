//! Which fields of which series the columns of a pack are, in a byte or so each.
//!
//! ```text
//! first series: varint id, then the distance to the one before less one; its lowest bit says that the fields are new:
//! then varint count and a byte each. The fields before the first series are the field 0 alone.
//! ```

use crate::bytes::{Malformed, Reader, Write};

/// A series and a field of it.
pub(super) type Key = (u32, u8);

/// Appends keys that ascend.
pub(super) fn write(out: &mut Vec<u8>, keys: &[Key]) {
    let mut next = 0;
    let mut before: &[Key] = &[(0, 0)];
    for keys in keys.chunk_by(|left, right| left.0 == right.0) {
        let series = keys.first().map_or(0, |key| u64::from(key.0));
        let is_new = !fields(keys).eq(fields(before));
        out.write_varint((series - next) << 1 | u64::from(is_new));
        if is_new {
            out.write_varint(keys.len() as u64);
            out.extend(fields(keys));
        }
        next = series + 1;
        before = keys;
    }
}

/// Reads `count` keys and sees to it that they ascend.
pub(super) fn read(reader: &mut Reader<'_>, count: usize) -> Result<Vec<Key>, Malformed> {
    let mut keys = Vec::with_capacity(count);
    let mut fields: &[u8] = &[0];
    let mut next = 0_u64;
    while keys.len() < count {
        let number = reader.varint()?;
        let series = next.checked_add(number >> 1).and_then(|series| u32::try_from(series).ok());
        let series = series.ok_or(Malformed("a series has an id that is too great"))?;
        if number & 1 == 1 {
            fields = reader.counted()?;
        }
        if fields.is_empty() || fields.len() > count - keys.len() || !fields.is_sorted_by(|left, right| left < right) {
            return Err(Malformed("a series has fields that cannot be"));
        }
        keys.extend(fields.iter().map(|field| (series, *field)));
        next = u64::from(series) + 1;
    }
    Ok(keys)
}

fn fields(keys: &[Key]) -> impl Iterator<Item = u8> {
    keys.iter().map(|key| key.1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn all_keys_survive(keys in proptest::collection::btree_set((series(), 0..6_u8), 0..200)) {
            let keys: Vec<Key> = keys.into_iter().collect();
            let mut bytes = Vec::new();
            write(&mut bytes, &keys);
            let mut reader = Reader::new(&bytes);

            prop_assert_eq!(read(&mut reader, keys.len()), Ok(keys));
            prop_assert!(reader.is_empty());
        }

        #[test]
        fn keys_that_are_read_ascend(bytes in proptest::collection::vec(any::<u8>(), 0..60), count in 0..40_usize) {
            if let Ok(keys) = read(&mut Reader::new(&bytes), count) {
                let sorted: BTreeSet<Key> = keys.iter().copied().collect();
                prop_assert!(keys.len() == count && sorted.into_iter().eq(keys));
            }
        }
    }

    #[test]
    fn neighbours_with_the_same_fields_take_a_byte_each() {
        let keys: Vec<Key> = (700..716).flat_map(|series| (0..5).map(move |field| (series, field))).collect();
        let mut bytes = Vec::new();

        write(&mut bytes, &keys);

        assert_eq!(bytes.len(), 2 + 6 + 15);
    }

    fn series() -> impl Strategy<Value = u32> {
        prop_oneof![0..50_u32, any::<u32>(), Just(u32::MAX)]
    }
}
