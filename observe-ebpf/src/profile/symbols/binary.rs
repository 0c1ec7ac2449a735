//! Functions of one binary, from its symbol table.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt},
    sync::Arc,
};

use object::{
    Endianness,
    elf::{self, FileHeader64},
    read::{
        ReadCache,
        elf::{FileHeader, ProgramHeader, SectionHeader, Sym},
    },
};
use rustix::fs::OFlags;

use super::{maps::Mapping, name::readable};

/// What tells one file, as it is now, from another.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
    bytes: u64,
    changed: (i64, i64),
}

/// A binary: where its functions lie. Their names are read from the file when they are asked for.
#[derive(Debug)]
pub(super) struct Binary {
    file: File,
    table: Table,
    names: HashMap<u32, Arc<str>>,
}

#[derive(Debug, Default)]
struct Table {
    segments: Vec<Segment>,
    /// In the order of their addresses.
    functions: Vec<Function>,
    /// Where in the file names lie, and how many bytes they take.
    names: (u64, u64),
}

/// A part of the file that is loaded.
#[derive(Debug)]
struct Segment {
    offset: u64,
    bytes: u64,
    address: u64,
}

#[derive(Debug)]
struct Function {
    address: u64,
    bytes: u32,
    name: u32,
}

/// Opens the file behind a mapping: itself, or else what stands at its path if that is the same file still.
pub(super) fn open(pid: u32, mapping: &Mapping) -> Option<(FileId, File)> {
    let Mapping { start, end, path, .. } = mapping;
    let itself = format!("/proc/{pid}/map_files/{start:x}-{end:x}");
    let paths = [itself, format!("/proc/{pid}/root{path}"), path.clone()];
    paths.into_iter().enumerate().find_map(|(index, path)| {
        // What stands there now need not be a file, and opening what is none may wait forever.
        let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path).ok()?;
        let metadata = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
        let id = FileId {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.len(),
            changed: (metadata.mtime(), metadata.mtime_nsec()),
        };
        (index == 0 || id.inode == mapping.inode).then_some((id, file))
    })
}

impl Binary {
    /// Reads the symbol table; one that cannot be understood, or is larger than any that makes sense, names nothing.
    pub(super) fn read(file: File) -> Self {
        let table = Table::read(&file).unwrap_or_default();
        Self { file, table, names: HashMap::new() }
    }

    /// Names the function at an offset in the file.
    pub(super) fn name(&mut self, offset: u64) -> Option<Arc<str>> {
        let name = self.table.function(self.address(offset))?.name;
        if let Some(known) = self.names.get(&name) {
            return Some(Arc::clone(known));
        }
        let text: Arc<str> = readable(&self.read_name(name)?).into();
        if self.names.len() >= MAX_NAMES {
            self.names.clear();
        }
        self.names.insert(name, Arc::clone(&text));
        Some(text)
    }

    /// Returns the address that the linker gave to an offset in the file, or the offset where it gave none.
    pub(super) fn address(&self, offset: u64) -> u64 {
        let loaded = |segment: &&Segment| offset.checked_sub(segment.offset).is_some_and(|into| into < segment.bytes);
        let segment = self.table.segments.iter().find(loaded);
        segment.map_or(offset, |segment| (offset - segment.offset).wrapping_add(segment.address))
    }

    /// Returns how many functions are known.
    pub(super) const fn len(&self) -> usize {
        self.table.functions.len()
    }

    fn read_name(&self, at: u32) -> Option<String> {
        let (start, bytes) = self.table.names;
        let length = bytes.checked_sub(at.into())?.min(MAX_NAME);
        let mut buffer = vec![0; usize::try_from(length).ok()?];
        let read = self.file.read_at(&mut buffer, start.checked_add(at.into())?).ok()?;
        let name = buffer.get(..read)?.split(|byte| *byte == 0).next()?;
        (!name.is_empty()).then(|| String::from_utf8_lossy(name).into_owned())
    }
}

impl Table {
    fn read(file: &File) -> Option<Self> {
        let cache = ReadCache::new(file);
        let data = &cache;
        let header: &FileHeader64<Endianness> = FileHeader64::parse(data).ok()?;
        let endian = header.endian().ok()?;
        // Sizes are whatever the file says, and what is read is held in memory.
        if header.phnum(endian, data).ok()? > MAX_HEADERS || header.shnum(endian, data).ok()? > MAX_HEADERS {
            return None;
        }
        let segments = header.program_headers(endian, data).ok()?.iter();
        let segments = segments.filter(|segment| segment.p_type(endian) == elf::PT_LOAD).map(|segment| Segment {
            offset: segment.p_offset(endian),
            bytes: segment.p_filesz(endian),
            address: segment.p_vaddr(endian),
        });
        let mut table = Self { segments: segments.collect(), ..Self::default() };
        let sections = header.section_headers(endian, data).ok()?;
        // All symbols, or else those that other binaries may use: the others were stripped.
        let find = |kind| sections.iter().find(|section| section.sh_type(endian) == kind);
        let Some(symbols) = find(elf::SHT_SYMTAB).or_else(|| find(elf::SHT_DYNSYM)) else { return Some(table) };
        if symbols.sh_size(endian) > MAX_TABLE {
            return Some(table);
        }
        let names = sections.get(symbols.sh_link(endian) as usize)?;
        table.names = (names.sh_offset(endian), names.sh_size(endian));
        let symbols: &[elf::Sym64<Endianness>] = symbols.data_as_array(endian, data).ok()?;
        let functions = symbols.iter().filter(|symbol| {
            matches!(symbol.st_type(), elf::STT_FUNC | elf::STT_GNU_IFUNC) && symbol.st_shndx(endian) != elf::SHN_UNDEF
        });
        table.functions = functions.map(|symbol| function(symbol, endian)).collect();
        table.functions.sort_by_key(|function| function.address);
        Some(table)
    }

    /// Returns the function that an address lies in.
    fn function(&self, address: u64) -> Option<&Function> {
        let after = self.functions.partition_point(|function| function.address <= address);
        let function = self.functions.get(after.checked_sub(1)?)?;
        // Functions written in assembly may have no size; they reach to the next one.
        let into = address - function.address;
        let reaches = if function.bytes == 0 { into < MAX_UNSIZED } else { into < function.bytes.into() };
        reaches.then_some(function)
    }
}

fn function(symbol: &elf::Sym64<Endianness>, endian: Endianness) -> Function {
    Function {
        address: symbol.st_value(endian),
        bytes: u32::try_from(symbol.st_size(endian)).unwrap_or(u32::MAX),
        name: symbol.st_name(endian),
    }
}

const MAX_HEADERS: usize = 65_535;
/// Bytes of a symbol table: a million symbols.
const MAX_TABLE: u64 = 24 << 20;
/// Names of one binary that are kept.
const MAX_NAMES: usize = 16_384;
/// Bytes of a name before it is made readable.
const MAX_NAME: u64 = 1024;
/// How far a function without a size may reach.
const MAX_UNSIZED: u64 = 4096;

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    fn binary(bytes: &[u8]) -> Binary {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        Binary::read(file)
    }

    #[test]
    fn a_program_in_the_kernel_is_a_binary_like_any_other() {
        let mut binary = binary(include_bytes!("../../../bpf/objects/profile.bpf.o"));

        assert_eq!(binary.len(), 1);
        assert_eq!(binary.name(0).as_deref(), Some("sample"));
        assert_eq!(binary.name(1 << 40), None);
    }

    #[test]
    fn what_is_no_binary_names_nothing() {
        for bytes in [&b""[..], b"#!/bin/sh\n", b"\x7fELF", &[0xff; 4096]] {
            let mut binary = binary(bytes);
            assert_eq!((binary.name(0), binary.address(7), binary.len()), (None, 7, 0));
        }
    }

    #[test]
    fn a_file_that_was_replaced_is_not_mistaken_for_the_one_that_is_mapped() {
        let path = "/proc/self/exe";
        let path = std::fs::read_link(path).unwrap().to_string_lossy().into_owned();
        let mapping = Mapping { start: 1, end: 2, offset: 0, inode: 1, path };

        assert!(open(std::process::id(), &mapping).is_none());
    }

    proptest! {
        #[test]
        fn no_change_to_a_binary_panics(at in 0..8192_usize, byte: u8) {
            let mut bytes = include_bytes!("../../../bpf/objects/profile.bpf.o").to_vec();
            let at = at % bytes.len();
            bytes[at] = byte;

            let mut binary = binary(&bytes);
            binary.name(0);
            binary.name(u64::MAX);
        }
    }
}
