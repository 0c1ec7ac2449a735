//! Where to find types by their numbers and names.

use std::hash::{DefaultHasher, Hasher as _};

use super::types::{ENUM, ENUM64, FLOAT, FORWARD, INTEGER, STRUCT, TYPEDEF, Type, Types, UNION};

/// An index of a description.
#[derive(Debug)]
pub(super) struct Index {
    /// Where each type lies.
    places: Vec<u32>,
    /// Hashes of names and numbers of the types that have them, in order.
    names: Vec<(u64, u32)>,
}

impl Index {
    /// Reads a description; `None` if it cannot be followed.
    pub(super) fn new(types: Types<'_>) -> Option<Self> {
        let (mut places, mut names, mut place) = (Vec::new(), Vec::new(), 0);
        for (id, found) in (1..).zip(types.iter()) {
            let found = found?;
            places.push(place);
            place += found.bytes()?;
            if is_looked_up(found.kind()) {
                names.push((hash(plain(types.text(found.name)?)), id));
            }
        }
        names.sort_unstable();
        Some(Self { places, names })
    }

    /// Returns a type by its number.
    pub(super) fn get<'a>(&self, types: Types<'a>, id: u32) -> Option<Type<'a>> {
        types.at(*self.places.get(id.checked_sub(1)? as usize)?)
    }

    /// Returns the numbers of the types called so, or so and more. A few may be called otherwise.
    pub(super) fn find(&self, name: &[u8]) -> impl Iterator<Item = u32> {
        let hash = hash(name);
        let first = self.names.partition_point(|(other, _)| *other < hash);
        self.names.iter().skip(first).take_while(move |(other, _)| *other == hash).map(|(_, id)| *id)
    }
}

/// Returns whether the loader looks for types of this kind by their names.
pub(super) const fn is_looked_up(kind: u32) -> bool {
    matches!(kind, ENUM | ENUM64 | FLOAT | FORWARD | INTEGER | STRUCT | TYPEDEF | UNION)
}

/// Returns a name without its flavour, which is what follows three underscores.
pub(super) fn plain(name: &[u8]) -> &[u8] {
    let end = name.windows(3).position(|bytes| bytes == b"___").unwrap_or(name.len());
    name.get(..end).unwrap_or_default()
}

fn hash(name: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(name);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::btf::testing::description;

    #[test]
    fn types_are_found_by_their_numbers_and_by_their_names_without_flavours() {
        let structure = |name| [name, STRUCT << 24, 0];
        let bytes =
            description(&[&[1, INTEGER << 24, 4, 32], &structure(5), &structure(10)], &["int", "task", "task___x"]);
        let types = Types::new(&bytes).unwrap();

        let index = Index::new(types).unwrap();

        assert_eq!(index.find(b"task").collect::<Vec<_>>(), [2, 3]);
        assert_eq!(index.find(b"int").collect::<Vec<_>>(), [1]);
        assert_eq!(index.find(b"shape").count(), 0);
        assert_eq!(index.get(types, 3).unwrap().name, 10);
        assert!(index.get(types, 0).is_none() && index.get(types, 4).is_none());
    }
}
