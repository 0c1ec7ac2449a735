//! What drives one feature of the kernel as a collector: loads it at the first reading, and says how it is doing.

use std::time::{Duration, Instant};

use observe_core::{Collect, CollectError, Collector, FeatureState, FeatureStatus};

use crate::kernel::{Kernel, Loaded, Ring, Unavailable};

/// One feature: programs in the kernel, and how what they count becomes frames and events.
///
/// A new one is a file that implements this, a source in `bpf/`, and a line in the table.
pub(crate) trait Feature: Send + 'static {
    /// The name under which settings, health and the board know it.
    const NAME: &'static str;
    /// The name of its collector: `ebpf.syscalls`.
    const COLLECTOR: &'static str;
    /// What real source stands in where the kernel refuses.
    const INSTEAD: Option<&'static str> = None;

    /// What it is in the kernel.
    type Programs: Programs;

    /// Returns the time between two readings.
    fn interval(&self) -> Duration;

    /// Loads and attaches the programs.
    fn load(&self, kernel: &Kernel) -> Result<Self::Programs, Unavailable>;

    /// Reads what the programs counted.
    fn read(&mut self, programs: &mut Self::Programs, cx: &mut Collect<'_>) -> Result<(), CollectError>;
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
    programs: Option<F::Programs>,
    /// Why it will never work while this process runs.
    refused: Option<String>,
    /// When the board was last told what is costly to find out.
    told: Option<Instant>,
}

impl<F: Feature> Tracer<F> {
    pub(crate) fn new(kernel: &Kernel, feature: F) -> Self {
        kernel.board().update(F::NAME, |status| status.state = FeatureState::Waiting);
        Self { kernel: kernel.clone(), feature, programs: None, refused: None, told: None }
    }

    fn load(&mut self) -> Result<F::Programs, CollectError> {
        if let Some(refused) = &self.refused {
            return Err(CollectError::Unsupported(refused.clone().into()));
        }
        let loaded = self.feature.load(&self.kernel);
        let state = match &loaded {
            Ok(_) => FeatureState::Running,
            Err(reason) => FeatureState::Off {
                reason: reason.to_string(),
                advice: reason.advice().to_owned(),
                instead: F::INSTEAD,
            },
        };
        self.kernel.board().update(F::NAME, |status| status.state = state);
        self.kernel.settle();
        loaded.map_err(|reason| {
            let text = format!("{reason}; {}", reason.advice());
            self.refused = reason.is_final().then(|| text.clone());
            CollectError::Unsupported(text.into())
        })
    }

    /// Tells the board how the feature is doing; what is costly to find out, not on every reading.
    fn tell(&mut self) {
        let Some(programs) = &self.programs else { return };
        let counts = programs.ring().map(Ring::counts).unwrap_or_default();
        let now = Instant::now();
        let is_due = self.told.is_none_or(|told| now.duration_since(told) >= BETWEEN_ACCOUNTS);
        let account = is_due.then(|| Account::of(programs));
        if is_due {
            self.told = Some(now);
        }
        self.kernel.board().update(F::NAME, |status| {
            (status.events, status.lost, status.limited) = (counts.sent, counts.lost, counts.limited);
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
        if self.programs.is_none() {
            self.programs = Some(self.load()?);
        }
        let outcome = self.programs.as_mut().map_or(Ok(()), |programs| self.feature.read(programs, cx));
        self.tell();
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

/// How often the kernel is asked what programs and maps cost.
const BETWEEN_ACCOUNTS: Duration = Duration::from_secs(10);
