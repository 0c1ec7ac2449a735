//! What turns objects into programs of the running kernel.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use aya::{Btf, Ebpf, EbpfError, EbpfLoader, Endianness};
use aya_obj::btf::BtfKind;

use super::{
    Setup,
    btf::{Description, Variant},
    facts,
};

/// Loads one object after the other.
#[derive(Debug)]
pub(super) struct Loader {
    loader: EbpfLoader<'static>,
    /// Held while features load.
    description: Option<Description>,
    /// All types, which are as good as a description, but for what they cost; held if there is none.
    all: Option<Btf>,
    /// The types that objects look up, by where the bytes of each lie.
    reduced: BTreeMap<usize, &'static Btf>,
    values: Values,
    /// Where the kernel describes its types.
    types: PathBuf,
    /// See [`ceiling`].
    _ceiling: Option<Vec<u8>>,
}

impl Loader {
    /// Makes a loader, which lives as long as the kernel is traced, for making another one is costly.
    pub(super) fn new() -> Self {
        Self::of(Path::new(facts::BTF))
    }

    /// Does the same for a kernel that describes its types elsewhere, or nowhere.
    pub(super) fn of(types: &Path) -> Self {
        let description = describe(types);
        // It reads all types for itself, whether they are wanted or not.
        let mut loader = EbpfLoader::new();
        let ceiling = ceiling();
        loader.btf(None);
        let (reduced, values) = (BTreeMap::new(), Values::default());
        Self { loader, description, all: None, reduced, values, types: types.to_owned(), _ceiling: ceiling }
    }

    /// Loads an object. What an earlier setup said about a name stays, so each says all that its object has.
    pub(super) fn load(&mut self, bytes: &'static [u8], setup: &Setup) -> Result<Ebpf, EbpfError> {
        let Some(reduced) = self.reduced(bytes) else { return load_slowly(bytes, setup) };
        for (name, value) in setup.globals() {
            self.loader.override_global(name, self.values.keep(value), false);
        }
        for (map, entries) in setup.sizes() {
            self.loader.map_max_entries(map, entries);
        }
        self.loader.btf(Some(reduced)).load(bytes)
    }

    /// Returns types to attach programs by, where the kernel describes them.
    pub(super) fn points(&mut self) -> Option<&Btf> {
        if self.description().is_none() && self.all.is_none() {
            self.all = Btf::parse_file(&self.types, Endianness::default()).ok();
        }
        self.description.as_ref().map(Description::points).or(self.all.as_ref())
    }

    /// Returns whether the kernel has a tracepoint.
    pub(super) fn has_point(&mut self, point: &str) -> bool {
        let name = format!("btf_trace_{point}");
        self.points().is_some_and(|btf| btf.id_by_type_name_kind(&name, BtfKind::Typedef).is_ok())
    }

    /// Returns the variants of an enumeration of the kernel.
    pub(super) fn variants(&mut self, name: &str) -> Vec<Variant> {
        self.description().map_or_else(Vec::new, |description| description.variants(name))
    }

    /// Forgets what is held while features load, and gives memory back.
    pub(super) fn settle(&mut self) {
        let (description, all) = (self.description.take(), self.all.take());
        if description.is_some() || all.is_some() {
            drop((description, all));
            return_memory();
        }
    }

    fn description(&mut self) -> Option<&Description> {
        if self.description.is_none() {
            self.description = describe(&self.types);
        }
        self.description.as_ref()
    }

    /// Returns the types that an object looks up. The loader borrows them for as long as it lives, which no owner beside it
    /// can promise, so they are kept for good: some kilobytes, once for each object.
    fn reduced(&mut self, object: &'static [u8]) -> Option<&'static Btf> {
        let place = object.as_ptr().addr();
        if let Some(known) = self.reduced.get(&place) {
            return Some(known);
        }
        let reduced: &'static Btf = Box::leak(Box::new(self.description()?.reduced(object)?));
        self.reduced.insert(place, reduced);
        Some(reduced)
    }
}

fn describe(types: &Path) -> Option<Description> {
    let described = Description::read(types);
    described.inspect_err(|error| tracing::debug!(%error, "cannot read the types of the kernel")).ok()
}

/// Loads an object by all types of the kernel, as a loader does that is left to itself.
fn load_slowly(bytes: &[u8], setup: &Setup) -> Result<Ebpf, EbpfError> {
    let mut loader = EbpfLoader::new();
    for (name, value) in setup.globals() {
        loader.override_global(name, value, false);
    }
    for (map, entries) in setup.sizes() {
        loader.map_max_entries(map, entries);
    }
    loader.load(bytes)
}

/// Values of constants, kept for good as types are: each different one once, and settings make few.
#[derive(Debug, Default)]
struct Values(BTreeSet<&'static [u8]>);

impl Values {
    fn keep(&mut self, value: &[u8]) -> &'static [u8] {
        if let Some(kept) = self.0.get(value) {
            return kept;
        }
        let kept: &'static [u8] = Box::leak(value.into());
        self.0.insert(kept);
        kept
    }
}

/// Returns a block that lies above all types, and is never touched.
///
/// Of what is free, the allocator of the C library gives back what lies below something, but not the very end of a
/// thread's memory, so something has to lie there. To get there, all gaps before it are filled for a moment.
fn ceiling() -> Option<Vec<u8>> {
    let blocks: Vec<Vec<u8>> = (0..BLOCKS).map(|_| Vec::with_capacity(BLOCK_BYTES)).collect();
    blocks.into_iter().max_by_key(|block| block.as_ptr().addr())
}

/// Gives memory back that the types of the kernel took; the allocator would keep it for what never comes.
fn return_memory() {
    #[cfg(target_env = "gnu")]
    #[expect(unsafe_code, reason = "the C library is asked")]
    // SAFETY: this may be called at any time, from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Together more than what a loader leaves free when it has read the types.
const BLOCKS: usize = 512;
/// So little that the allocator places it among other blocks.
const BLOCK_BYTES: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use std::env;

    use aya::programs::BtfTracePoint;

    use super::*;

    #[test]
    fn types_that_were_forgotten_are_read_again() {
        if !Path::new(facts::BTF).exists() {
            return eprintln!("SKIPPED: the kernel does not describe its types");
        }
        let mut loader = Loader::new();

        loader.settle();

        assert!(loader.description.is_none());
        assert!(loader.has_point("sys_enter") && !loader.has_point("no_such_point"));
    }

    #[test]
    fn an_object_loads_by_all_types_as_it_does_by_those_that_it_looks_up() {
        let object: &[u8] = aya::include_bytes_aligned!("../../bpf/objects/exec.bpf.o");
        let mut loader = Loader::new();
        let quick = loader.load(object, &Setup::default());
        let slow = load_slowly(object, &Setup::default());

        let (mut quick, mut slow) = match (quick, slow) {
            (Ok(quick), Ok(slow)) => (quick, slow),
            (quick, slow) => {
                let required = env::var_os("OBSERVE_EBPF_REQUIRE").is_some();
                assert!(!required && quick.is_err() && slow.is_err(), "{quick:?} {slow:?}");
                return eprintln!("SKIPPED: the kernel does not take an object");
            }
        };

        let points = loader.points().unwrap();
        let all = Btf::from_sys_fs().unwrap();
        for (ebpf, btf) in [(&mut quick, points), (&mut slow, &all)] {
            let program: &mut BtfTracePoint = ebpf.program_mut("sched_process_exec").unwrap().try_into().unwrap();
            program.load("sched_process_exec", btf).unwrap();
        }
    }
}
