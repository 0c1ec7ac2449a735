//! Sets of places in a group.

use crate::bytes::{Malformed, Reader};

/// The places of one group: the most series that it holds at a time.
pub(crate) const PLACES: usize = 512;

/// A set of places.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct PlaceSet([u64; PLACES / 64]);

impl PlaceSet {
    pub(crate) fn insert(&mut self, place: usize) {
        if let Some(word) = self.0.get_mut(place / 64) {
            *word |= 1 << (place % 64);
        }
    }

    pub(crate) fn remove(&mut self, place: usize) {
        if let Some(word) = self.0.get_mut(place / 64) {
            *word &= !(1 << (place % 64));
        }
    }

    pub(crate) fn contains(&self, place: usize) -> bool {
        self.0.get(place / 64).is_some_and(|word| word >> (place % 64) & 1 == 1)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Walks over the places in ascending order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.into_iter().enumerate().flat_map(|(index, word)| Ones(word).map(move |bit| index * 64 + bit))
    }

    /// Returns the places that are in one of the sets and not in both.
    pub(crate) fn difference(&self, other: &Self) -> Self {
        let mut difference = *self;
        difference.0.iter_mut().zip(other.0).for_each(|(word, other)| *word ^= other);
        difference
    }

    pub(crate) fn union(&self, other: &Self) -> Self {
        let mut either = *self;
        either.0.iter_mut().zip(other.0).for_each(|(word, other)| *word |= other);
        either
    }

    pub(crate) fn intersection(&self, other: &Self) -> Self {
        let mut both = *self;
        both.0.iter_mut().zip(other.0).for_each(|(word, other)| *word &= other);
        both
    }

    /// Appends a byte that says which words are not empty, and of each of those a byte that says which of its bytes are
    /// not, and those.
    pub(crate) fn write(&self, bytes: &mut Vec<u8>) {
        bytes.push(mask_of(&self.0));
        for word in self.0.iter().filter(|word| **word != 0) {
            let parts = word.to_le_bytes();
            bytes.push(mask_of(&parts.map(u64::from)));
            bytes.extend(parts.into_iter().filter(|part| *part != 0));
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut set = Self::default();
        let words = reader.byte()?;
        for (index, word) in set.0.iter_mut().enumerate().filter(|(index, _)| words >> index & 1 == 1) {
            debug_assert!(index < 8, "a byte has eight bits");
            let mask = reader.byte()?;
            let mut parts = [0; 8];
            for (_, part) in parts.iter_mut().enumerate().filter(|(index, _)| mask >> index & 1 == 1) {
                *part = reader.byte()?;
            }
            *word = u64::from_le_bytes(parts);
        }
        Ok(set)
    }
}

/// The numbers of the bits of a word that are set, ascending.
struct Ones(u64);

impl Iterator for Ones {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let bit = self.0.trailing_zeros() as usize;
        self.0 &= self.0.checked_sub(1)?;
        Some(bit)
    }
}

fn mask_of(parts: &[u64; 8]) -> u8 {
    parts.iter().enumerate().fold(0, |mask, (index, part)| mask | u8::from(*part != 0) << index)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sets_survive_as_bytes(places in proptest::collection::btree_set(0..PLACES, 0..PLACES)) {
            let mut set = PlaceSet::default();
            places.iter().for_each(|place| set.insert(*place));
            let mut bytes = Vec::new();
            set.write(&mut bytes);

            let read = PlaceSet::read(&mut Reader::new(&bytes));

            prop_assert_eq!(read, Ok(set));
            prop_assert_eq!(set.len(), places.len());
            prop_assert!(set.iter().eq(places));
        }
    }
}
