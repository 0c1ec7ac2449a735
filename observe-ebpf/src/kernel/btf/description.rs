//! The description of the running kernel, held while objects are loaded.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use aya::{Btf, Endianness};
use object::{Object, ObjectSection, read::elf::ElfFile64};

use super::{
    draft::Draft,
    enums::{self, Variant},
    index::Index,
    reduce::reduce,
    types::{POINTER, TYPEDEF, Types, VOID},
};

/// What the kernel says about its types. It takes some 8 MB.
#[derive(Debug)]
pub(in crate::kernel) struct Description {
    bytes: Vec<u8>,
    index: Index,
    /// The types of its tracepoints, which have the numbers that the kernel gave them, and others that tell nothing.
    points: Btf,
}

impl Description {
    /// Reads a file such as the kernel offers.
    pub(in crate::kernel) fn read(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let length = file.metadata()?.len().min(MOST_BYTES);
        // One byte more, so that its end is found without more room.
        let mut bytes = Vec::with_capacity(length as usize + 1);
        file.take(MOST_BYTES).read_to_end(&mut bytes)?;
        Self::new(bytes).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it cannot be followed"))
    }

    fn new(bytes: Vec<u8>) -> Option<Self> {
        let types = Types::new(&bytes)?;
        let (index, points) = (Index::new(types)?, points(types)?);
        Some(Self { bytes, index, points })
    }

    /// Returns types to attach programs by.
    pub(in crate::kernel) const fn points(&self) -> &Btf {
        &self.points
    }

    /// Returns the variants of the enumeration called `name`, none of one that is not there.
    pub(in crate::kernel) fn variants(&self, name: &str) -> Vec<Variant> {
        Types::new(&self.bytes).and_then(|types| enums::variants(types, name)).unwrap_or_default()
    }

    /// Returns those types that an object, a file in the format ELF, looks up.
    pub(in crate::kernel) fn reduced(&self, object: &[u8]) -> Option<Btf> {
        let object = ElfFile64::<Endianness>::parse(object).ok()?;
        let object = object.section_by_name(".BTF")?.data().ok()?;
        let reduced = reduce(Types::new(&self.bytes)?, &self.index, Types::new(object)?)?;
        Btf::parse(&reduced, Endianness::default()).ok()
    }
}

/// Describes the types of tracepoints alone. All that counts is their names and numbers, so what they are made of is left
/// out, and between them lie types that say nothing.
fn points(types: Types<'_>) -> Option<Btf> {
    let mut draft = Draft::new();
    let mut next = 1;
    for (id, found) in (1_u32..).zip(types.iter()) {
        let found = found?;
        if found.kind() != TYPEDEF {
            continue;
        }
        let name = types.text(found.name)?;
        if name.starts_with(POINT.as_bytes()) {
            for _ in next..id {
                draft.types.extend([0, POINTER << 24, VOID]);
            }
            let name = draft.name(name)?;
            draft.types.extend([name, TYPEDEF << 24, VOID]);
            next = id + 1;
        }
    }
    Btf::parse(&draft.finish()?, Endianness::default()).ok()
}

/// What the names of types of tracepoints begin with.
const POINT: &str = "btf_trace_";
/// Several times what kernels need.
const MOST_BYTES: u64 = 64 << 20;

#[cfg(test)]
mod tests {
    use std::fs;

    use aya_obj::{btf::BtfKind, generated::bpf_insn};
    use proptest::prelude::*;

    use super::*;
    use crate::kernel::btf::testing::{fixture, objects};

    /// Returns the descriptions that there are, that of the running kernel among them if it has one.
    fn kernels() -> Vec<Vec<u8>> {
        let running = fs::read(crate::kernel::facts::BTF).ok();
        running.into_iter().chain([fixture()]).collect()
    }

    fn parse(bytes: &[u8]) -> Btf {
        Btf::parse(bytes, Endianness::default()).unwrap()
    }

    /// Returns the instructions of an object's programs, moved to where a kernel has the fields.
    fn instructions(object: &[u8], types: &Btf) -> Vec<String> {
        let mut object = aya_obj::Object::parse(object).unwrap();
        object.relocate_btf(types).unwrap();
        let functions = object.functions.values().flat_map(|function| &function.instructions);
        functions.map(|instruction: &bpf_insn| format!("{instruction:?}")).collect()
    }

    #[test]
    fn reduced_types_make_the_same_programs_as_all_types() {
        for bytes in kernels() {
            let (all, kernel) = (parse(&bytes), Description::new(bytes).unwrap());
            for (name, object) in objects() {
                let reduced = kernel.reduced(&object).unwrap();

                assert!(instructions(&object, &reduced) == instructions(&object, &all), "{name}");
            }
        }
    }

    #[test]
    fn a_file_that_does_not_exist_or_cannot_be_followed_is_an_error() {
        assert_eq!(Description::read(Path::new("/no/such/file")).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(Description::read(Path::new("/dev/null")).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn an_object_that_tells_no_types_is_not_looked_up() {
        assert!(Description::new(fixture()).unwrap().reduced(b"no object").is_none());
    }

    #[test]
    fn tracepoints_have_the_numbers_that_the_kernel_gave_them() {
        for bytes in kernels() {
            let (all, kernel) = (parse(&bytes), Description::new(bytes).unwrap());
            let id = |types: &Btf, point: &str| {
                types.id_by_type_name_kind(&format!("btf_trace_{point}"), BtfKind::Typedef).ok()
            };
            for (_, object) in objects() {
                for point in aya_obj::Object::parse(&object).unwrap().programs.keys() {
                    assert_eq!(id(kernel.points(), point), id(&all, point), "{point}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(place in 0..8192_usize, byte: u8, end in 0..8192_usize, garbage: Vec<u8>) {
            let mut changed = fixture();
            let cut = changed[..end % changed.len()].to_vec();
            let place = place % changed.len();
            changed[place] = byte;

            for bytes in [changed, cut, garbage] {
                let Some(description) = Description::new(bytes) else { continue };
                description.variants("color");
                for (_, object) in objects() {
                    let _ = description.reduced(&object);
                }
            }
        }
    }
}
