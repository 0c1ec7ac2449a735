//! What drives one feature of the kernel as a collector: loads it at the first reading, and says how it is doing.

use std::{
    fmt,
    time::{Duration, Instant},
};

use observe_core::{Collect, CollectError, Collector, FeatureState, FeatureStatus, Item};

use crate::kernel::{Kernel, Loaded, OTHER_IDS, Ring, Unavailable};

/// One feature: programs in the kernel, and how what they count becomes frames and events.
///
/// A new one is a file that implements this, a source in `bpf/`, and an entry in the table of features.
pub(crate) trait Feature: Send + 'static {
    /// The name under which settings, health and the board know it.
    const NAME: &'static str;
    /// The name of its collector: `ebpf.syscalls`.
    const COLLECTOR: &'static str;
    /// What real source another collector reads anyway, where the kernel refuses.
    const INSTEAD: Option<&'static str> = None;

    /// Whether what it tells names processes by their ids.
    const NAMES_PROCESSES: bool = false;

    /// What it is in the kernel.
    type Programs: Programs;

    /// Returns the time between two readings.
    fn interval(&self) -> Duration;

    /// Loads and attaches the programs.
    fn load(&self, kernel: &Kernel) -> Result<Self::Programs, Unavailable>;

    /// Reads what the programs counted.
    fn read(&mut self, programs: &mut Self::Programs, cx: &mut Collect<'_>) -> Result<(), CollectError>;

    /// Opens a real source to read where the kernel refuses, if this host has one.
    fn stand_in(&self) -> Option<Box<dyn StandIn>> {
        None
    }
}

/// A real source that is read in place of programs in the kernel. What it emits is of `Origin::Procfs`.
pub(crate) trait StandIn: fmt::Debug + Send {
    /// Returns what it reads: `/proc/schedstat`.
    fn name(&self) -> &'static str;

    /// Reads it once.
    fn read(&mut self, cx: &mut Collect<'_>) -> Result<(), CollectError>;
}

/// A feature in the kernel.
pub(crate) trait Programs: Send + 'static {
    /// Returns the programs and maps.
    fn loaded(&self) -> &Loaded;

    /// Returns the ring, where there is one.
    fn ring(&self) -> Option<&Ring> {
        None
    }
}

/// Drives a feature.
#[derive(Debug)]
pub(crate) struct Tracer<F: Feature> {
    kernel: Kernel,
    feature: F,
    source: Source<F::Programs>,
    /// How often the kernel was asked in vain.
    refusals: u32,
    /// When the board was last told what is costly to find out.
    told: Option<Instant>,
}

/// Where the numbers of a feature come from.
#[derive(Debug)]
enum Source<P> {
    Programs(P),
    Refused {
        reason: String,
        /// Whether it will never work while this process runs.
        is_final: bool,
    },
    /// For good, even where the kernel might change its mind.
    StandIn {
        reader: Box<dyn StandIn>,
        /// Why there are no programs.
        reason: String,
    },
    Untried,
}

impl<F: Feature> Tracer<F> {
    pub(crate) fn new(kernel: &Kernel, feature: F) -> Self {
        kernel.board().update(F::NAME, |status| status.state = FeatureState::Waiting);
        Self { kernel: kernel.clone(), feature, source: Source::Untried, refusals: 0, told: None }
    }

    /// Tries the kernel, then what stands in.
    fn open(&mut self) -> Source<F::Programs> {
        let (state, source) = match self.feature.load(&self.kernel) {
            Ok(programs) => (FeatureState::Running, Source::Programs(programs)),
            Err(refusal) => {
                self.refusals += 1;
                self.instead(&refusal)
            }
        };
        self.kernel.board().update(F::NAME, |status| status.state = state);
        self.kernel.settle();
        source
    }

    fn instead(&self, refusal: &Unavailable) -> (FeatureState, Source<F::Programs>) {
        let stand_in = self.feature.stand_in();
        let state = FeatureState::Off {
            reason: refusal.to_string(),
            advice: refusal.advice().to_owned(),
            instead: stand_in.as_ref().map(|reader| reader.name()).or(F::INSTEAD),
        };
        let reason = format!("{refusal}; {}", refusal.advice());
        let source = match stand_in {
            Some(reader) => Source::StandIn { reason: format!("{} stands in: {reason}", reader.name()), reader },
            None => Source::Refused { reason, is_final: refusal.is_final() || self.refusals >= MAX_TRIES },
        };
        (state, source)
    }

    /// Tells the board how the feature is doing, after a reading that gave so many events; what is costly to find out, not
    /// on every reading.
    fn tell(&mut self, events: u64) {
        let Source::Programs(programs) = &self.source else { return };
        let counts = programs.ring().map(Ring::counts).unwrap_or_default();
        let now = Instant::now();
        let is_due = self.told.is_none_or(|told| now.duration_since(told) >= BETWEEN_ACCOUNTS);
        let account = is_due.then(|| Account::of(programs));
        if is_due {
            self.told = Some(now);
        }
        self.kernel.board().update(F::NAME, |status| {
            status.events += events;
            (status.lost, status.limited) = (counts.lost, counts.limited);
            if let Some(account) = account {
                account.write(status);
            }
        });
    }
}

impl<F: Feature> Collector for Tracer<F> {
    fn name(&self) -> &'static str {
        F::COLLECTOR
    }

    fn interval(&self) -> Duration {
        self.feature.interval()
    }

    fn collect(&mut self, cx: &mut Collect<'_>) -> Result<(), CollectError> {
        if matches!(self.source, Source::Untried | Source::Refused { is_final: false, .. }) {
            self.source = self.open();
        }
        let outcome = match &mut self.source {
            Source::Programs(programs) if F::NAMES_PROCESSES && self.kernel.has_other_ids() => {
                cx.processes().distrust_kernel();
                let outcome = self.feature.read(programs, cx);
                cx.degrade(OTHER_IDS);
                outcome
            }
            Source::Programs(programs) => self.feature.read(programs, cx),
            Source::Refused { reason, .. } => Err(CollectError::Unsupported(reason.clone().into())),
            Source::StandIn { reader, reason } => {
                cx.degrade(reason.as_str());
                reader.read(cx)
            }
            Source::Untried => Ok(()),
        };
        self.tell(cx.items().iter().filter(|item| matches!(item, Item::Event(_))).count() as u64);
        outcome
    }
}

/// What a feature costs.
struct Account {
    programs: Vec<observe_core::ProgramStatus>,
    memory_bytes: u64,
    load_time: Duration,
}

impl Account {
    fn of(feature: &impl Programs) -> Self {
        let loaded = feature.loaded();
        let programs = loaded.programs();
        let of_programs: u64 = programs.iter().map(|program| program.memory_bytes).sum();
        let memory_bytes = of_programs + loaded.map_bytes() + feature.ring().map_or(0, Ring::bytes);
        Self { programs, memory_bytes, load_time: loaded.load_time() }
    }

    fn write(self, status: &mut FeatureStatus) {
        (status.programs, status.memory_bytes, status.load_time) = (self.programs, self.memory_bytes, self.load_time);
    }
}

/// Times that a feature is tried where the reason for a refusal may go away.
const MAX_TRIES: u32 = 3;
/// How often the kernel is asked what programs and maps cost.
const BETWEEN_ACCOUNTS: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use observe_core::{Clock, KernelBoard, KernelMode, ProcessCache, SystemClock};

    use super::*;

    /// Can never be loaded.
    enum Nothing {}

    impl Programs for Nothing {
        fn loaded(&self) -> &Loaded {
            match *self {}
        }
    }

    /// The kernel refuses it.
    struct Refused {
        has_stand_in: bool,
    }

    impl Feature for Refused {
        const NAME: &'static str = "refused";
        const COLLECTOR: &'static str = "ebpf.refused";

        type Programs = Nothing;

        fn interval(&self) -> Duration {
            Duration::from_secs(1)
        }

        fn load(&self, _: &Kernel) -> Result<Nothing, Unavailable> {
            Err(Unavailable::Capability("CAP_BPF"))
        }

        fn read(&mut self, programs: &mut Nothing, _: &mut Collect<'_>) -> Result<(), CollectError> {
            match *programs {}
        }

        fn stand_in(&self) -> Option<Box<dyn StandIn>> {
            self.has_stand_in.then(|| Box::new(File) as Box<dyn StandIn>)
        }
    }

    #[derive(Debug)]
    struct File;

    impl StandIn for File {
        fn name(&self) -> &'static str {
            "/proc/file"
        }

        fn read(&mut self, _: &mut Collect<'_>) -> Result<(), CollectError> {
            Err(CollectError::Malformed { what: "/proc/file" })
        }
    }

    fn collect(has_stand_in: bool) -> (String, Option<String>, FeatureState) {
        let kernel = Kernel::new(KernelBoard::new(KernelMode::Live));
        let mut tracer = Tracer::new(&kernel, Refused { has_stand_in });
        let processes = ProcessCache::new();
        let mut cx = Collect::new(SystemClock.now(), Instant::now(), &processes);
        let error = tracer.collect(&mut cx).unwrap_err().to_string();
        (error, cx.degraded().map(str::to_owned), kernel.board().read().features["refused"].state.clone())
    }

    fn off(instead: Option<&'static str>) -> FeatureState {
        let advice = Unavailable::Capability("CAP_BPF").advice().to_owned();
        FeatureState::Off { reason: "missing CAP_BPF".to_owned(), advice, instead }
    }

    #[test]
    fn what_the_kernel_refuses_is_unsupported_and_why_is_said() {
        let (error, degraded, state) = collect(false);

        assert!(error.contains("missing CAP_BPF; run as root"), "{error}");
        assert_eq!((degraded, state), (None, off(None)));
    }

    #[test]
    fn a_real_source_stands_in_for_what_the_kernel_refuses_and_says_so() {
        let (error, degraded, state) = collect(true);

        assert_eq!(error, "unexpected content in /proc/file", "it is what was read");
        assert!(
            degraded.is_some_and(|reason| reason.starts_with("/proc/file stands in: missing CAP_BPF; run as root"))
        );
        assert_eq!(state, off(Some("/proc/file")));
    }
}
