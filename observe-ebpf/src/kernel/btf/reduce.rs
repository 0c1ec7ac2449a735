//! Descriptions reduced to what one object looks up.
//!
//! The loader searches all types of the kernel for each type that a program reads. Of the 126 000 types of a kernel, an
//! object wants some dozens; found in a description that has no others, they are found at once. What the loader makes of
//! the programs is the same, as tests compare.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::{
    draft::Draft,
    index::{Index, is_looked_up, plain},
    types::{
        ARRAY, CONST, ENUM, ENUM64, FLOAT, FORWARD, INTEGER, POINTER, RESTRICT, STRUCT, TYPE_TAG, TYPEDEF, Type, Types,
        UNION, VOID, VOLATILE,
    },
};

/// Describes those types of the kernel that the loader may look up for an object, which are those of the same names and
/// what they consist of.
///
/// `None` if one of the descriptions cannot be followed.
pub(super) fn reduce(kernel: Types<'_>, index: &Index, object: Types<'_>) -> Option<Vec<u8>> {
    let source = Source { types: kernel, index, wanted: Wanted::of(object)? };
    let kept = source.kept()?;
    let numbers = kept.iter().copied().zip(1..).collect();
    let mut target = Target { source: &source, numbers, draft: Draft::new() };
    for id in &kept {
        target.add(&source.get(*id)?)?;
    }
    target.draft.finish()
}

/// What is looked up.
struct Wanted<'a> {
    types: HashSet<&'a [u8]>,
    members: HashSet<&'a [u8]>,
}

impl<'a> Wanted<'a> {
    fn of(object: Types<'a>) -> Option<Self> {
        let mut wanted = Self { types: HashSet::new(), members: HashSet::new() };
        for found in object.iter() {
            let found = found?;
            let name = object.text(found.name)?;
            if is_looked_up(found.kind()) && !name.is_empty() {
                wanted.types.insert(plain(name));
            }
            if matches!(found.kind(), STRUCT | UNION) {
                for [name, ..] in found.records::<3>() {
                    wanted.members.insert(object.text(name)?);
                }
            }
        }
        Some(wanted)
    }
}

/// The types of the kernel, and what is wanted of them.
struct Source<'a> {
    types: Types<'a>,
    index: &'a Index,
    wanted: Wanted<'a>,
}

impl<'a> Source<'a> {
    fn get(&self, id: u32) -> Option<Type<'a>> {
        self.index.get(self.types, id)
    }

    /// Returns the numbers of the types that are wanted, and of those that they consist of.
    fn kept(&self) -> Option<BTreeSet<u32>> {
        let mut kept = BTreeSet::new();
        let mut open: Vec<u32> = self.wanted.types.iter().flat_map(|name| self.index.find(name)).collect();
        while let Some(id) = open.pop() {
            if id != VOID && kept.insert(id) {
                self.follow(&self.get(id)?, &mut open)?;
            }
        }
        Some(kept)
    }

    /// Adds the types that one consists of. What pointers point to is looked up by name, if at all.
    fn follow(&self, found: &Type<'a>, open: &mut Vec<u32>) -> Option<()> {
        match found.kind() {
            ARRAY => open.extend(found.records().map(|[element, ..]: [u32; 3]| element)),
            CONST | RESTRICT | TYPE_TAG | TYPEDEF | VOLATILE => open.push(found.tail),
            STRUCT | UNION => open.extend(self.members(found)?.iter().map(|[_, member, _]| member)),
            _ => {}
        }
        Some(())
    }

    /// Returns the members that may be looked up: those of the right name, and those without one, whose own members are
    /// searched. The last stays in any case, for the loader lets only the last member be an array without an end.
    fn members(&self, found: &Type<'a>) -> Option<Vec<[u32; 3]>> {
        let mut members = Vec::new();
        let mut left = found.records::<3>().peekable();
        while let Some(member) = left.next() {
            let name = self.types.text(member[0])?;
            if name.is_empty() || left.peek().is_none() || self.wanted.members.contains(name) {
                members.push(member);
            }
        }
        Some(members)
    }
}

/// The description that is written.
struct Target<'a> {
    source: &'a Source<'a>,
    /// New numbers of types by their old ones.
    numbers: BTreeMap<u32, u32>,
    draft: Draft<'a>,
}

impl<'a> Target<'a> {
    /// Adds the next type. `None` of a kind that neither is looked up nor can be part of one that is.
    fn add(&mut self, found: &Type<'a>) -> Option<()> {
        let (tail, more) = match found.kind() {
            ARRAY => (found.tail, self.array(found)),
            CONST | RESTRICT | TYPE_TAG | TYPEDEF | VOLATILE => (self.number(found.tail), Vec::new()),
            ENUM => (found.tail, self.renamed::<2>(found.records())?),
            ENUM64 => (found.tail, self.renamed::<3>(found.records())?),
            FLOAT | FORWARD => (found.tail, Vec::new()),
            INTEGER => (found.tail, found.records::<1>().flatten().collect()),
            POINTER => (VOID, Vec::new()),
            STRUCT | UNION => return self.add_composite(found),
            _ => return None,
        };
        let name = self.name(found.name)?;
        self.draft.types.extend([name, found.info, tail]);
        self.draft.types.extend(more);
        Some(())
    }

    fn add_composite(&mut self, found: &Type<'a>) -> Option<()> {
        let members = self.source.members(found)?;
        let info = found.info & !0xffff | u32::try_from(members.len()).ok()?;
        let name = self.name(found.name)?;
        self.draft.types.extend([name, info, found.tail]);
        for [name, member, offset] in members {
            let record = [self.name(name)?, self.number(member), offset];
            self.draft.types.extend(record);
        }
        Some(())
    }

    fn array(&self, found: &Type<'a>) -> Vec<u32> {
        found.records().flat_map(|[element, _, length]| [self.number(element), VOID, length]).collect()
    }

    /// Copies records that begin with a name.
    fn renamed<const N: usize>(&mut self, records: impl Iterator<Item = [u32; N]>) -> Option<Vec<u32>> {
        let mut copy = Vec::new();
        for mut record in records {
            let name = record.first_mut()?;
            *name = self.name(*name)?;
            copy.extend(record);
        }
        Some(copy)
    }

    /// Returns the new number of a type, or that of nothing.
    fn number(&self, id: u32) -> u32 {
        self.numbers.get(&id).copied().unwrap_or(VOID)
    }

    /// Returns the new offset of a name.
    fn name(&mut self, offset: u32) -> Option<u32> {
        self.draft.name(self.source.types.text(offset)?)
    }
}

#[cfg(test)]
mod tests;
