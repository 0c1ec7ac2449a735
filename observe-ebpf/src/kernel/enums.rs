//! Names of the kernel's enumerations, out of its description of its types.
//!
//! The loader's own reader knows them, but does not show them.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

/// One variant of an enumeration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Variant {
    pub(crate) name: String,
    pub(crate) value: u32,
}

/// Reads the variants of enumerations, in the order asked for; none of one that is not described.
pub(super) fn read<const N: usize>(path: &Path, enums: [&str; N]) -> [Vec<Variant>; N] {
    match bytes(path) {
        Ok(bytes) => enums.map(|name| Types::new(&bytes).and_then(|types| types.variants(name)).unwrap_or_default()),
        Err(error) => {
            tracing::debug!(%error, "cannot read the types of the kernel");
            enums.map(|_| Vec::new())
        }
    }
}

fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The two sections of a description.
struct Types<'a> {
    types: &'a [u8],
    strings: &'a [u8],
}

impl<'a> Types<'a> {
    fn new(bytes: &'a [u8]) -> Option<Self> {
        let word = |index: usize| word(bytes, index).map(|word| word as usize);
        if word(0)? & 0xffff != MAGIC {
            return None;
        }
        let body = bytes.get(word(1)?..)?;
        let section = |offset: usize, length: usize| body.get(offset..)?.get(..length);
        Some(Self { types: section(word(2)?, word(3)?)?, strings: section(word(4)?, word(5)?)? })
    }

    /// Returns the variants of the enumeration called `name`.
    fn variants(&self, name: &str) -> Option<Vec<Variant>> {
        let mut rest = self.types;
        while !rest.is_empty() {
            let (offset, info) = (word(rest, 0)?, word(rest, 1)?);
            let (kind, length) = (info >> 24 & 0x1f, (info & 0xffff) as usize);
            let (more, tail) = rest.get(TYPE_BYTES..)?.split_at_checked(bytes_after(kind, length)?)?;
            if kind == ENUM && self.text(offset)? == name.as_bytes() {
                return more.chunks_exact(VARIANT_BYTES).map(|variant| self.variant(variant)).collect();
            }
            rest = tail;
        }
        None
    }

    fn variant(&self, bytes: &[u8]) -> Option<Variant> {
        let name = String::from_utf8_lossy(self.text(word(bytes, 0)?)?).into_owned();
        Some(Variant { name, value: word(bytes, 1)? })
    }

    fn text(&self, offset: u32) -> Option<&'a [u8]> {
        let text = self.strings.get(offset as usize..)?;
        text.split(|byte| *byte == 0).next()
    }
}

fn word(bytes: &[u8], index: usize) -> Option<u32> {
    bytes.as_chunks().0.get(index).map(|word| u32::from_ne_bytes(*word))
}

/// Returns how many bytes follow a type that has `length` members; `None` of a kind that is not known.
const fn bytes_after(kind: u32, length: usize) -> Option<usize> {
    match kind {
        // A pointer, a declaration, a name for another type, a qualifier, a function, a float, a tag of a type.
        2 | 7..=12 | 16 | 18 => Some(0),
        // An integer, a variable, a tag of a declaration.
        1 | 14 | 17 => Some(4),
        ENUM | 13 => Some(8 * length),
        3 => Some(12),
        // A structure, a union, a section, an enumeration of 64 bits.
        4 | 5 | 15 | 19 => Some(12 * length),
        _ => None,
    }
}

const MAGIC: usize = 0xeb9f;
const ENUM: u32 = 6;
const TYPE_BYTES: usize = 12;
const VARIANT_BYTES: usize = 8;
/// Several times what kernels need.
const MOST_BYTES: u64 = 64 << 20;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An integer, then an enumeration of two.
    fn description() -> Vec<u8> {
        let strings = b"\0int\0color\0RED\0BLUE\0";
        let types: [u32; 11] = [1, 1 << 24, 4, 32, 5, ENUM << 24 | 2, 4, 11, 0, 15, 7];
        let length = strings.len() as u32;
        let header: [u32; 6] = [0x0001_eb9f, 24, 0, 44, 44, length];
        let words = header.iter().chain(&types).flat_map(|word| word.to_ne_bytes());
        words.chain(strings.iter().copied()).collect()
    }

    #[test]
    fn variants_are_found_by_the_name_of_their_enumeration() {
        let bytes = description();

        let types = Types::new(&bytes).unwrap();

        let found = types.variants("color").unwrap();
        assert_eq!(found[0], Variant { name: "RED".into(), value: 0 });
        assert_eq!(found[1], Variant { name: "BLUE".into(), value: 7 });
        assert!(types.variants("shape").is_none() && types.variants("int").is_none());
    }

    #[test]
    fn a_description_that_is_cut_short_tells_nothing() {
        let bytes = description();

        for end in 0..bytes.len() - 1 {
            assert!(Types::new(&bytes[..end]).is_none());
        }
    }

    #[test]
    fn a_file_that_does_not_exist_has_no_variants() {
        assert_eq!(read(Path::new("/no/such/file"), ["color", "shape"]), [vec![], vec![]]);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(position in 0..80_usize, byte: u8, garbage: Vec<u8>) {
            let mut bytes = description();
            if let Some(place) = bytes.get_mut(position) {
                *place = byte;
            }

            let _ = Types::new(&bytes).and_then(|types| types.variants("color"));
            let _ = Types::new(&garbage).and_then(|types| types.variants("color"));
        }
    }
}
