//! What turns objects into programs of the running kernel.

use std::collections::BTreeSet;

use aya::{Btf, Ebpf, EbpfError, EbpfLoader, Endianness};
use aya_obj::btf::BtfKind;

use super::{Setup, facts};

/// Loads one object after the other. It holds the types of the kernel, some 20 MB of them, so it should not live long.
#[derive(Debug)]
pub(super) struct Loader {
    loader: EbpfLoader<'static>,
    btf: Option<Btf>,
    values: Values,
}

impl Loader {
    /// Reads the types of the kernel.
    pub(super) fn new() -> Self {
        // The loader reads them for itself; attaching needs them once more.
        let btf = Btf::parse_file(facts::BTF, Endianness::default()).ok();
        Self { loader: EbpfLoader::new(), btf, values: Values::default() }
    }

    /// Returns the types of the kernel, where it describes them.
    pub(super) const fn btf(&self) -> Option<&Btf> {
        self.btf.as_ref()
    }

    /// Returns whether the kernel has a tracepoint.
    pub(super) fn has_point(&self, point: &str) -> bool {
        let name = format!("btf_trace_{point}");
        self.btf().is_some_and(|btf| btf.id_by_type_name_kind(&name, BtfKind::Typedef).is_ok())
    }

    /// Loads an object. What an earlier setup said about a name stays, so each says all that its object has.
    pub(super) fn load(&mut self, bytes: &[u8], setup: &Setup) -> Result<Ebpf, EbpfError> {
        for (name, value) in setup.globals() {
            self.loader.override_global(name, self.values.keep(value), false);
        }
        for (map, entries) in setup.sizes() {
            self.loader.map_max_entries(map, entries);
        }
        self.loader.load(bytes)
    }
}

/// Values of constants. The loader borrows them for as long as it lives, which no owner beside it can promise, so they
/// are kept for good: each different one once, and settings make few.
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

/// Gives memory back that the types of the kernel took; the allocator would keep it for what never comes.
#[expect(unsafe_code, reason = "the C library is asked")]
pub(super) fn return_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: this may be called at any time, from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}
