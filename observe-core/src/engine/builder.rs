//! From a description to a running engine.

use std::{fmt, io, sync::Arc, thread, time::Instant};

use parking_lot::RwLock;

use super::{
    Engine, Limits,
    backlog::Backlog,
    drain::{StopSignal, Workers},
    handle::Shared,
    scheduler::{CollectorRecord, Schedule},
    stepper::Stepper,
    writer::{Writer, WriterRecord},
};
use crate::{
    Bus, Clock, Collector, DetectorFactory, ProcessCache, Store, SystemClock, intake::Intake, processor::Processor,
};

/// Describes an engine; nothing runs until [`EngineBuilder::start`].
pub struct EngineBuilder {
    host_name: Arc<str>,
    clock: Arc<dyn Clock>,
    collectors: Vec<Box<dyn Collector>>,
    detectors: Vec<Arc<dyn DetectorFactory>>,
    store: Option<Arc<dyn Store>>,
    limits: Limits,
}

/// Says why an engine did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Two collectors have the same name.
    #[error("two collectors are called {name:?}")]
    DuplicateCollector {
        /// The name.
        name: &'static str,
    },
    /// The system gave no thread or runtime.
    #[error("cannot start the thread {name}")]
    Thread {
        /// The thread's name.
        name: String,
        /// Why not.
        source: io::Error,
    },
}

impl EngineBuilder {
    pub(super) fn new() -> Self {
        Self {
            host_name: Arc::from("localhost"),
            clock: Arc::new(SystemClock),
            collectors: Vec::new(),
            detectors: Vec::new(),
            store: None,
            limits: Limits::default(),
        }
    }

    /// Sets the name of this host; `localhost` unless set.
    #[must_use]
    pub fn host_name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.host_name = name.into();
        self
    }

    /// Sets the clock; that of the host unless set.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Adds a collector.
    #[must_use]
    pub fn collector(self, collector: impl Collector) -> Self {
        self.boxed_collector(Box::new(collector))
    }

    /// Adds a collector that is boxed already.
    #[must_use]
    pub fn boxed_collector(mut self, collector: Box<dyn Collector>) -> Self {
        self.collectors.push(collector);
        self
    }

    /// Adds a kind of detector.
    #[must_use]
    pub fn detector(mut self, factory: Arc<dyn DetectorFactory>) -> Self {
        self.detectors.push(factory);
        self
    }

    /// Sets the store. Without one nothing outlives the engine, and tickets resolve after the step.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// Sets the bounds.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Starts the threads. Collectors take their first reading at once.
    ///
    /// # Errors
    ///
    /// Refuses two collectors of one name, and fails when the system gives no thread.
    pub fn start(self) -> Result<Engine, StartError> {
        let Self { host_name, clock, collectors, detectors, store, limits } = self;
        check_names(&collectors)?;
        let budget = limits.budget();
        let processes = Arc::new(ProcessCache::new());
        let backlog = store.is_some().then(|| Arc::new(Backlog::new(budget.backlog)));
        let shared = Arc::new(Shared {
            host_name,
            started: Instant::now(),
            bus: Bus::with_max_bytes(budget.bus),
            intake: Arc::new(Intake::new(budget.intake)),
            processor: RwLock::new(Processor::new(&limits, detectors, Arc::clone(&processes))),
            processes,
            collectors: collectors.iter().map(|collector| Arc::new(CollectorRecord::new(&**collector))).collect(),
            writer: Arc::new(WriterRecord::new(store.clone(), backlog.clone())),
            clock,
            tick: 0.into(),
            is_draining: false.into(),
        });
        let mut workers = Workers::new(Arc::clone(&shared));
        // The stepper comes first: when a later thread does not start, its end is what ends the others.
        let stepper = Stepper::new(Arc::clone(&shared), backlog.clone());
        workers.stepper = Some(spawn("observe-step".to_owned(), move || stepper.run())?);
        if let (Some(store), Some(backlog)) = (store, backlog) {
            let writer = Writer::new(store, backlog, &shared, limits.commit_interval);
            workers.writer = Some(spawn("observe-store".to_owned(), move || writer.run())?);
        }
        start_collectors(collectors, &shared, &mut workers)?;
        Ok(Engine::assemble(shared, workers))
    }
}

impl fmt::Debug for EngineBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.collectors.iter().map(|collector| collector.name()).collect();
        f.debug_struct("EngineBuilder").field("host_name", &self.host_name).field("collectors", &names).finish()
    }
}

fn check_names(collectors: &[Box<dyn Collector>]) -> Result<(), StartError> {
    let names: Vec<&'static str> = collectors.iter().map(|collector| collector.name()).collect();
    match names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
        Some((_, name)) => Err(StartError::DuplicateCollector { name }),
        None => Ok(()),
    }
}

/// Starts one thread a collector; all of them tick at the same instants, so that steps find whole ticks.
fn start_collectors(
    collectors: Vec<Box<dyn Collector>>,
    shared: &Arc<Shared>,
    workers: &mut Workers,
) -> Result<(), StartError> {
    let epoch = Instant::now();
    for (collector, record) in collectors.into_iter().zip(&shared.collectors) {
        let name = format!("observe-{}", collector.name());
        let stop: Arc<StopSignal> = Arc::clone(&workers.stop);
        let schedule = Schedule::new(collector, epoch, Arc::clone(record), Arc::clone(shared), stop);
        workers.collectors.push(spawn(name, move || schedule.run())?);
    }
    Ok(())
}

fn spawn(name: String, work: impl FnOnce() + Send + 'static) -> Result<thread::JoinHandle<()>, StartError> {
    let builder = thread::Builder::new().name(name.clone());
    builder.spawn(work).map_err(|source| StartError::Thread { name, source })
}
