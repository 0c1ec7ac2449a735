//! Names for addresses: of the kernel, and of processes.

mod binary;
mod kernel;
mod maps;
mod name;

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, hash_map::Entry},
    sync::Arc,
};

pub(super) use self::name::clean;
use self::{
    binary::{Binary, FileId},
    kernel::KernelSymbols,
    maps::Mapping,
};

/// Names addresses. What it read is kept for the next time, within bounds.
#[derive(Debug, Default)]
pub(super) struct Symbols {
    kernel: Option<KernelSymbols>,
    binaries: HashMap<FileId, Binary>,
    processes: HashMap<u32, Process>,
    /// Whether processes cannot be looked at: their ids are not those seen here.
    is_blind: bool,
}

/// What a process has mapped, by where it begins.
type Process = BTreeMap<u64, Place>;

#[derive(Debug)]
struct Place {
    mapping: Mapping,
    /// The binary behind it; `None` until it was looked for.
    file: Option<Option<FileId>>,
}

impl Symbols {
    /// Names addresses of the kernel alone.
    pub(super) fn without_processes() -> Self {
        Self { is_blind: true, ..Self::default() }
    }

    /// Forgets what may have changed since: processes; and what grew too large: binaries.
    pub(super) fn begin(&mut self) {
        self.processes.clear();
        if self.binaries.len() > MAX_BINARIES / 2 || self.len() > MAX_SYMBOLS {
            self.binaries.clear();
        }
    }

    /// Names an address of the kernel.
    pub(super) fn of_kernel(&mut self, address: u64) -> Cow<'_, str> {
        let name = self.kernel.get_or_insert_with(KernelSymbols::read).name(address);
        name.map_or(Cow::Borrowed("[kernel]"), |name| Cow::Owned(clean(name) + "_[k]"))
    }

    /// Names an address of a process.
    pub(super) fn of_process(&mut self, pid: u32, address: u64) -> Arc<str> {
        self.find(pid, address).unwrap_or_else(|| "[unknown]".into())
    }

    fn find(&mut self, pid: u32, address: u64) -> Option<Arc<str>> {
        if self.is_blind || self.processes.len() >= MAX_PROCESSES && !self.processes.contains_key(&pid) {
            return None;
        }
        let process = self.processes.entry(pid).or_insert_with(|| {
            let place = |mapping: Mapping| (mapping.start, Place { mapping, file: None });
            maps::read(pid).into_iter().map(place).collect()
        });
        let (_, Place { mapping, file }) = process.range_mut(..=address).next_back()?;
        let offset = mapping.offset_of(address)?;
        if mapping.inode == 0 {
            return Some(mapping.label().into());
        }
        let file = *file.get_or_insert_with(|| open(&mut self.binaries, pid, mapping));
        let Some(binary) = file.and_then(|id| self.binaries.get_mut(&id)) else {
            return Some(mapping.name(offset).into());
        };
        Some(binary.name(offset).unwrap_or_else(|| mapping.name(binary.address(offset)).into()))
    }

    /// Returns how many symbols of binaries are kept.
    fn len(&self) -> usize {
        self.binaries.values().map(Binary::len).sum()
    }
}

/// Finds the binary behind a mapping, and reads it unless it is known.
fn open(binaries: &mut HashMap<FileId, Binary>, pid: u32, mapping: &Mapping) -> Option<FileId> {
    let (id, file) = binary::open(pid, mapping)?;
    let is_full = binaries.len() >= MAX_BINARIES;
    match binaries.entry(id) {
        Entry::Occupied(_) => Some(id),
        Entry::Vacant(_) if is_full => None,
        Entry::Vacant(entry) => {
            entry.insert(Binary::read(file));
            Some(id)
        }
    }
}

/// The most processes that are looked at in one profile.
const MAX_PROCESSES: usize = 1024;
/// The most binaries that are kept.
const MAX_BINARIES: usize = 256;
/// With more symbols than that, all are read afresh the next time; each takes 16 bytes.
const MAX_SYMBOLS: usize = 2_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[inline(never)]
    fn a_function_of_this_program() -> usize {
        std::hint::black_box(a_function_of_this_program as *const () as usize)
    }

    #[test]
    fn a_function_of_this_program_is_named_by_its_address() {
        let mut symbols = Symbols::default();
        let address = a_function_of_this_program() as u64;

        let name = symbols.of_process(std::process::id(), address);
        let again = symbols.of_process(std::process::id(), address + 1);

        assert!(name.ends_with("::a_function_of_this_program"), "{name}");
        assert_eq!(name, again);
    }

    #[test]
    fn what_nobody_knows_is_unknown() {
        let mut symbols = Symbols::default();

        assert_eq!(&*symbols.of_process(std::process::id(), 1), "[unknown]");
        assert_eq!(&*symbols.of_process(u32::MAX, 0x40_0000), "[unknown]");
        assert_eq!(symbols.of_kernel(1), "[kernel]");
    }
}
