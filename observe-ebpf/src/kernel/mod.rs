//! The running kernel: what it offers, and objects loaded into it.

mod btf;
mod clock;
mod facts;
#[cfg(test)]
mod lacking;

mod loader;
mod namespace;
mod object;
mod reason;
mod ring;
mod rows;
mod statistics;
#[cfg(test)]
pub(crate) mod testing;

use std::sync::Arc;

use observe_core::{FeatureState, KernelBoard, KernelMode, KernelStatus};
use parking_lot::Mutex;

pub use self::reason::Unavailable;
pub(crate) use self::{
    btf::Variant,
    namespace::OTHER_IDS,
    object::{Loaded, Object, Setup},
    ring::{Record, Ring},
    rows::Rows,
};
use self::{loader::Loader, statistics::Statistics};
use crate::InvalidConfig;

/// The running kernel, as far as tracing is concerned. Clones share it.
///
/// The types of the kernel are read once for all features that load at the start, and forgotten after the last of them; a
/// few kilobytes of them stay.
#[derive(Clone, Debug)]
pub struct Kernel {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    board: KernelBoard,
    loader: Mutex<Option<Loader>>,
    statistics: Statistics,
    cpus: u32,
    has_other_ids: bool,
}

impl Kernel {
    /// Finds out what kernel runs; nothing is loaded yet.
    #[must_use]
    pub fn new(board: KernelBoard) -> Self {
        Self::with_statistics(board, false)
    }

    /// Does the same, and has the kernel count runs and time of each program if that is wanted, from the first that loads
    /// until the last handle is dropped.
    pub(crate) fn with_statistics(board: KernelBoard, is_wanted: bool) -> Self {
        board.set(|status| status.facts = facts::read());
        let cpus = aya::util::nr_cpus().ok().and_then(|cpus| u32::try_from(cpus).ok()).unwrap_or(1);
        let (statistics, has_other_ids) = (Statistics::new(is_wanted), namespace::is_inner());
        Self { inner: Arc::new(Inner { board, loader: Mutex::default(), statistics, cpus, has_other_ids }) }
    }

    /// Stands for a kernel that does not describe its types.
    #[cfg(test)]
    pub(crate) fn without_types(board: KernelBoard) -> Self {
        let kernel = Self::new(board);
        *kernel.inner.loader.lock() = Some(Loader::of(std::path::Path::new("/nowhere")));
        kernel
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

    /// Returns whether processes have other ids in the kernel than here, as in a container.
    pub(crate) fn has_other_ids(&self) -> bool {
        self.inner.has_other_ids
    }

    /// Checks the setting that names the one process to look at, 0 for all of them.
    pub(crate) fn check_pid(&self, key: &'static str, pid: u32) -> Result<(), InvalidConfig> {
        namespace::check(self.has_other_ids(), key, pid)
    }

    /// Lends the loader to one feature; the others wait.
    fn with_loader<T>(&self, work: impl FnOnce(&mut Loader) -> Result<T, Unavailable>) -> Result<T, Unavailable> {
        if let Some(reason) = self.hindrance() {
            return Err(reason);
        }
        self.count_runs();
        let mut place = self.inner.loader.lock();
        let loader = match &mut *place {
            Some(loader) => loader,
            None => place.insert(Loader::new()),
        };
        work(loader)
    }

    /// Returns whether the kernel has a tracepoint, as far as it describes itself.
    pub(crate) fn has_point(&self, point: &str) -> bool {
        self.with_loader(|loader| Ok(loader.has_point(point))).unwrap_or(false)
    }

    /// Forgets the types of the kernel, unless another feature is still to load, and says whether anything is traced.
    pub(crate) fn settle(&self) {
        self.board().set(conclude);
        let is_waited_for = self.board().read().features.values().any(|feature| feature.state == FeatureState::Waiting);
        if is_waited_for {
            return;
        }
        if let Some(loader) = &mut *self.inner.loader.lock() {
            loader.settle();
        }
    }

    /// Returns the variants of enumerations, in the order of their names; none of one that the kernel does not describe.
    pub(crate) fn variants<const N: usize>(&self, enums: [&str; N]) -> [Vec<Variant>; N] {
        let read = self.with_loader(|loader| Ok(enums.map(|name| loader.variants(name))));
        read.unwrap_or_else(|_| enums.map(|_| Vec::new()))
    }

    /// Says what makes it useless to ask the kernel at all.
    fn hindrance(&self) -> Option<Unavailable> {
        let facts = self.board().read().facts;
        if facts::version(&facts.release).is_some_and(|version| version < OLDEST) {
            return Some(Unavailable::Outdated { release: facts.release });
        }
        let may = |capability: &&str| ["CAP_BPF", "CAP_SYS_ADMIN"].contains(capability);
        (!facts.capabilities.iter().any(may)).then_some(Unavailable::Capability("CAP_BPF"))
    }
}

/// Says that nothing is traced, and why, once every feature was refused.
fn conclude(status: &mut KernelStatus) {
    let refusal = |state: &FeatureState| match state {
        FeatureState::Off { reason, .. } => Some(reason.clone()),
        _ => None,
    };
    let refusals: Option<Vec<String>> = status.features.values().map(|feature| refusal(&feature.state)).collect();
    status.reason = refusals.and_then(|refusals| refusals.into_iter().next());
    status.mode = if status.reason.is_some() { KernelMode::Unavailable } else { KernelMode::Live };
}

/// The oldest kernel that is supported.
const OLDEST: (u32, u32) = (5, 15);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_traced_once_every_feature_was_refused_and_not_before() {
        let kernel = Kernel::new(KernelBoard::new(KernelMode::Live));
        let told = |tcp: FeatureState| {
            kernel.board().update("tcp", |feature| feature.state = tcp);
            kernel.settle();
            let status = kernel.board().read();
            (status.mode, status.reason)
        };
        let off = || FeatureState::Off { reason: "no".to_owned(), advice: "wait".to_owned(), instead: None };
        kernel.board().update("drops", |feature| feature.state = off());

        assert_eq!(told(FeatureState::Waiting), (KernelMode::Live, None));
        assert_eq!(told(off()), (KernelMode::Unavailable, Some("no".to_owned())));
        assert_eq!(told(FeatureState::Running), (KernelMode::Live, None));
    }
}
