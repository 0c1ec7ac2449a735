//! Descriptions of types as the kernel writes them (BTF), read without trust in what they say.
//!
//! The loader's own reader copies every type of a description, and shows none of them.

use std::iter;

/// A description: types, numbered from 1 as they lie one after the other, and the names in them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Types<'a> {
    types: &'a [u8],
    strings: &'a [u8],
}

impl<'a> Types<'a> {
    /// Finds the two sections; `None` of what is cut short or no description at all.
    pub(super) fn new(bytes: &'a [u8]) -> Option<Self> {
        if word(bytes, 0)? & 0xffff != MAGIC {
            return None;
        }
        let word = |index: usize| word(bytes, index).map(|word| word as usize);
        let body = bytes.get(word(1)?..)?;
        let section = |offset: usize, length: usize| body.get(offset..)?.get(..length);
        Some(Self { types: section(word(2)?, word(3)?)?, strings: section(word(4)?, word(5)?)? })
    }

    /// Iterates over the types. The last one is `None` if what follows cannot be read.
    pub(super) fn iter(self) -> impl Iterator<Item = Option<Type<'a>>> {
        let mut rest = self.types;
        iter::from_fn(move || {
            let read = (!rest.is_empty()).then(|| Type::read(rest))?;
            rest = read.map_or(&[], |(_, after)| after);
            Some(read.map(|(found, _)| found))
        })
    }

    /// Returns the type that lies at a place.
    pub(super) fn at(self, place: u32) -> Option<Type<'a>> {
        Type::read(self.types.get(place as usize..)?).map(|(found, _)| found)
    }

    /// Returns the name that types refer to by `offset`.
    pub(super) fn text(self, offset: u32) -> Option<&'a [u8]> {
        let text = self.strings.get(offset as usize..)?;
        let end = text.iter().position(|byte| *byte == 0)?;
        text.get(..end)
    }
}

/// One type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Type<'a> {
    /// The offset of its name.
    pub(super) name: u32,
    /// Its kind, how many members it has, and a flag.
    pub(super) info: u32,
    /// Its size or, of what refers to another type, the number of that.
    pub(super) tail: u32,
    /// Its members, or what else there is to say about its kind.
    pub(super) more: &'a [u8],
}

impl<'a> Type<'a> {
    /// Reads the first type of `bytes`, and returns what follows it.
    fn read(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (name, info, tail) = (word(bytes, 0)?, word(bytes, 1)?, word(bytes, 2)?);
        let length = bytes_after(kind(info), (info & 0xffff) as usize)?;
        let (more, after) = bytes.get(TYPE_BYTES..)?.split_at_checked(length)?;
        Some((Self { name, info, tail, more }, after))
    }

    /// Returns how much room it takes.
    pub(super) fn bytes(&self) -> Option<u32> {
        u32::try_from(TYPE_BYTES + self.more.len()).ok()
    }

    pub(super) const fn kind(&self) -> u32 {
        kind(self.info)
    }

    /// Iterates over what follows a type, as records of so many words.
    pub(super) fn records<const N: usize>(&self) -> impl Iterator<Item = [u32; N]> + use<'a, N> {
        let words = self.more.as_chunks().0;
        words.as_chunks::<N>().0.iter().map(|record| record.map(u32::from_ne_bytes))
    }
}

fn word(bytes: &[u8], index: usize) -> Option<u32> {
    bytes.as_chunks().0.get(index).map(|word| u32::from_ne_bytes(*word))
}

const fn kind(info: u32) -> u32 {
    info >> 24 & 0x1f
}

/// Returns how many bytes follow a type that has `length` members; `None` of a kind that is not known.
const fn bytes_after(kind: u32, length: usize) -> Option<usize> {
    match kind {
        POINTER | FORWARD | TYPEDEF | VOLATILE | CONST | RESTRICT | FUNCTION | FLOAT | TYPE_TAG => Some(0),
        INTEGER | VARIABLE | DECLARATION_TAG => Some(4),
        ENUM | PROTOTYPE => Some(8 * length),
        ARRAY => Some(12),
        STRUCT | UNION | SECTION | ENUM64 => Some(12 * length),
        _ => None,
    }
}

/// The number of the type of nothing.
pub(super) const VOID: u32 = 0;

pub(super) const INTEGER: u32 = 1;
pub(super) const POINTER: u32 = 2;
pub(super) const ARRAY: u32 = 3;
pub(super) const STRUCT: u32 = 4;
pub(super) const UNION: u32 = 5;
pub(super) const ENUM: u32 = 6;
pub(super) const FORWARD: u32 = 7;
pub(super) const TYPEDEF: u32 = 8;
pub(super) const VOLATILE: u32 = 9;
pub(super) const CONST: u32 = 10;
pub(super) const RESTRICT: u32 = 11;
const FUNCTION: u32 = 12;
const PROTOTYPE: u32 = 13;
const VARIABLE: u32 = 14;
const SECTION: u32 = 15;
pub(super) const FLOAT: u32 = 16;
const DECLARATION_TAG: u32 = 17;
pub(super) const TYPE_TAG: u32 = 18;
pub(super) const ENUM64: u32 = 19;

pub(super) const MAGIC: u32 = 0xeb9f;
const TYPE_BYTES: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::btf::testing::description;

    #[test]
    fn types_and_their_names_are_read_in_order() {
        let bytes = description(&[&[1, INTEGER << 24, 4, 32], &[5, ENUM << 24 | 1, 4, 0, 7]], &["int", "color"]);
        let types = Types::new(&bytes).unwrap();

        let names = types.iter().map(|found| types.text(found?.name));

        assert_eq!(names.collect::<Option<Vec<_>>>().unwrap(), [&b"int"[..], b"color"]);
        assert_eq!(types.at(16).unwrap().records().next(), Some([0, 7]));
    }

    #[test]
    fn a_description_that_is_cut_short_is_none() {
        let bytes = description(&[&[1, INTEGER << 24, 4, 32]], &["int"]);

        for end in 0..bytes.len() {
            assert!(Types::new(&bytes[..end]).is_none(), "{end}");
        }
    }

    #[test]
    fn what_follows_a_type_that_cannot_be_read_is_not_guessed() {
        let unknown_kind = [0, 31 << 24, 0];
        let bytes = description(&[&[1, INTEGER << 24, 4, 32], &unknown_kind, &[1, INTEGER << 24, 4, 32]], &["int"]);
        let types = Types::new(&bytes).unwrap();

        assert_eq!(types.iter().map(|found| found.is_some()).collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn names_and_members_beyond_the_end_are_none() {
        let mut bytes = description(&[&[99, STRUCT << 24 | 2, 4, 0, 0, 0]], &["name"]);
        *bytes.last_mut().unwrap() = b'!';
        let types = Types::new(&bytes).unwrap();

        assert!(types.text(99).is_none() && types.text(1).is_none());
        assert!(types.at(0).is_none() && types.at(1000).is_none());
    }
}
