//! What tracing the kernel is doing: written by the collectors that trace, read by interfaces.

mod histogram;
mod tops;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use parking_lot::Mutex;

use self::histogram::Histograms;
pub use self::{
    histogram::{HistogramFamily, KernelHistogram, PostedHistogram},
    tops::{TopSyscall, TopSyscalls},
};
use crate::{Attributes, Timestamp};

/// The place where collectors of the kernel say how they are doing. Clones share it.
///
/// # Examples
///
/// ```
/// use observe_core::{FeatureState, FeatureStatus, KernelBoard, KernelMode};
///
/// let board = KernelBoard::new(KernelMode::Live);
/// board.update("syscalls", |feature| feature.state = FeatureState::Running);
///
/// assert_eq!(board.read().features["syscalls"].state, FeatureState::Running);
/// ```
#[derive(Clone, Debug, Default)]
pub struct KernelBoard(Arc<Board>);

#[derive(Debug, Default)]
struct Board {
    status: Mutex<KernelStatus>,
    histograms: Histograms,
}

impl KernelBoard {
    /// Makes a board on which nothing stands yet.
    #[must_use]
    pub fn new(mode: KernelMode) -> Self {
        let status = Mutex::new(KernelStatus { mode, ..KernelStatus::default() });
        Self(Arc::new(Board { status, histograms: Histograms::default() }))
    }

    /// Returns what stands on the board.
    #[must_use]
    pub fn read(&self) -> KernelStatus {
        self.0.status.lock().clone()
    }

    /// Returns the histograms that stand on the board and have anything in them.
    #[must_use]
    pub fn histograms(&self) -> Vec<KernelHistogram> {
        self.0.histograms.read()
    }

    /// Puts an empty histogram up, which stands on the board until what is returned is dropped. One that finds no room
    /// is counted, and not shown.
    #[must_use]
    pub fn post(&self, family: &'static HistogramFamily, attributes: Attributes) -> PostedHistogram {
        let (posted, has_room) = self.0.histograms.post(family, attributes);
        self.set(|status| status.unposted_histograms += u64::from(!has_room));
        posted
    }

    /// Changes what one feature says about itself.
    pub fn update(&self, feature: &'static str, change: impl FnOnce(&mut FeatureStatus)) {
        change(self.0.status.lock().features.entry(feature).or_default());
    }

    /// Changes what is said about all features together.
    pub fn set(&self, change: impl FnOnce(&mut KernelStatus)) {
        change(&mut self.0.status.lock());
    }
}

/// What tracing the kernel is doing.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct KernelStatus {
    /// Where the numbers come from.
    pub mode: KernelMode,
    /// Why nothing is traced, as a sentence.
    pub reason: Option<String>,
    /// What was found out about the kernel.
    pub facts: KernelFacts,
    /// The features, by name.
    pub features: BTreeMap<&'static str, FeatureStatus>,
    /// What rules found.
    pub security: SecurityCounts,
    /// Who makes most system calls.
    pub top_syscalls: Arc<TopSyscalls>,
    /// Histograms that found no room on the board.
    pub unposted_histograms: u64,
}

impl KernelStatus {
    /// Returns whether real programs run.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.mode == KernelMode::Live && self.features.values().any(|feature| feature.state == FeatureState::Running)
    }

    /// Adds up the events of all features.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.features.values().map(|feature| feature.events).sum()
    }
}

/// Where numbers about the kernel come from. Complete by nature.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum KernelMode {
    /// Tracing is switched off.
    #[default]
    Disabled,
    /// From the kernel.
    Live,
    /// From a generator. They mean nothing.
    Simulated,
    /// From nowhere: the kernel does not let itself be traced.
    Unavailable,
}

impl KernelMode {
    /// Returns the name in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Live => "live",
            Self::Simulated => "simulated",
            Self::Unavailable => "unavailable",
        }
    }
}

/// What was found out about the kernel.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct KernelFacts {
    /// The release: `6.1.0-18-amd64`.
    pub release: String,
    /// Whether the kernel describes its types.
    pub has_btf: bool,
    /// Whether it has ring buffers.
    pub has_ring_buffers: bool,
    /// Those of the process that matter here: `CAP_BPF`.
    pub capabilities: Vec<&'static str>,
    /// The mode of lockdown, where that can be read: `none`, `integrity`.
    pub lockdown: Option<String>,
}

/// How one feature is doing.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct FeatureStatus {
    /// Its state.
    pub state: FeatureState,
    /// Its programs.
    pub programs: Vec<ProgramStatus>,
    /// Events that reached the engine.
    pub events: u64,
    /// Events that the kernel could not hand over because its ring was full.
    pub lost: u64,
    /// Events that the kernel did not make because there were too many.
    pub limited: u64,
    /// Kernel memory of its maps and programs.
    pub memory_bytes: u64,
    /// How long loading took.
    pub load_time: Duration,
}

/// The state of a feature.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum FeatureState {
    /// It cannot work here.
    Off {
        /// Why not, as a sentence.
        reason: String,
        /// What to do about it.
        advice: String,
        /// What real source stands in for it, if any.
        instead: Option<&'static str>,
    },
    /// It works.
    Running,
    /// Its numbers are made up.
    Simulated,
    /// It has not tried yet.
    #[default]
    Waiting,
}

impl FeatureState {
    /// Returns the name in lower case.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Off { .. } => "off",
            Self::Running => "running",
            Self::Simulated => "simulated",
            Self::Waiting => "waiting",
        }
    }
}

/// How one program in the kernel is doing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProgramStatus {
    /// Its name: `sys_exit`.
    pub name: String,
    /// Its type: `tp_btf`.
    pub kind: &'static str,
    /// Whether it is attached.
    pub is_attached: bool,
    /// How often it ran; zero unless the kernel keeps count.
    pub run_count: u64,
    /// How long it ran in all; zero unless the kernel keeps count.
    pub run_time: Duration,
    /// Kernel memory of the program.
    pub memory_bytes: u64,
}

/// What rules over kernel events found.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SecurityCounts {
    /// Findings that are warnings or worse.
    pub threats: u64,
    /// All other findings.
    pub anomalies: u64,
    /// When the last one was made.
    pub last_event_at: Option<Timestamp>,
    /// Findings that were not told because the same was told shortly before.
    pub suppressed: u64,
    /// Sources, destinations, processes and findings that rules forgot because there were too many.
    pub forgotten: u64,
}
