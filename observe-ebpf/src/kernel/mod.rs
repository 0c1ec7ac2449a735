//! The running kernel: what it offers, and objects loaded into it.

mod facts;
mod object;
mod reason;
mod ring;
mod rows;

use std::sync::{Arc, OnceLock};

use aya::{Btf, BtfError, Endianness};
use observe_core::KernelBoard;

pub use self::reason::Unavailable;
pub(crate) use self::{
    object::{Loaded, Object, Setup},
    ring::{Record, Ring},
    rows::Rows,
};

/// The running kernel, as far as tracing is concerned. Clones share it.
///
/// Types are read from the kernel once, by whichever feature is the first to load.
#[derive(Clone, Debug)]
pub struct Kernel {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    board: KernelBoard,
    btf: OnceLock<Option<Btf>>,
    cpus: u32,
}

impl Kernel {
    /// Finds out what kernel runs; nothing is loaded yet.
    #[must_use]
    pub fn new(board: KernelBoard) -> Self {
        board.set(|status| status.facts = facts::read());
        let cpus = aya::util::nr_cpus().ok().and_then(|cpus| u32::try_from(cpus).ok()).unwrap_or(1);
        Self { inner: Arc::new(Inner { board, btf: OnceLock::new(), cpus }) }
    }

    /// Returns the board on which features say how they are doing.
    #[must_use]
    pub fn board(&self) -> &KernelBoard {
        &self.inner.board
    }

    /// Returns how many processors there can be.
    pub(crate) fn cpus(&self) -> u32 {
        self.inner.cpus
    }

    /// Returns the types of the kernel, where it describes them.
    pub(crate) fn btf(&self) -> Option<&Btf> {
        self.inner.btf.get_or_init(|| read_btf().ok()).as_ref()
    }

    /// Returns whether the kernel is older than any that is supported.
    fn outdated(&self) -> Option<Unavailable> {
        let release = self.inner.board.read().facts.release;
        facts::version(&release).is_some_and(|version| version < OLDEST).then_some(Unavailable::Outdated { release })
    }
}

fn read_btf() -> Result<Btf, BtfError> {
    Btf::parse_file(facts::BTF, Endianness::default())
}

/// The oldest kernel that is supported.
const OLDEST: (u32, u32) = (5, 15);
