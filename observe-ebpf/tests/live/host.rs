//! Collectors of the kernel, driven by hand.

use std::time::{Duration, Instant};

use observe_core::{
    Clock, Collect, CollectError, Collector, EventData, Exec, Frame, Item, KernelBoard, ProcessCache, SystemClock,
    SystemEvent, Timestamp,
};
use observe_ebpf::{Config, Tracing, tracing};
use parking_lot::{ReentrantMutex, ReentrantMutexGuard};

/// One feature in the kernel.
pub(crate) struct Host {
    collector: Box<dyn Collector>,
    pub(crate) board: KernelBoard,
    pub(crate) processes: ProcessCache,
    _alone: ReentrantMutexGuard<'static, ()>,
}

/// What one reading gave.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    pub(crate) frames: Vec<Frame>,
    pub(crate) events: Vec<SystemEvent>,
    pub(crate) degraded: Option<String>,
}

/// Lets no other test trace until it is dropped, as some count what their process does, and `cargo test` runs all in one.
pub(crate) fn alone() -> ReentrantMutexGuard<'static, ()> {
    static ALONE: ReentrantMutex<()> = ReentrantMutex::new(());
    ALONE.lock()
}

impl Host {
    /// Loads the feature whose collector is called `name`. `None` where the kernel does not let itself be traced.
    pub(crate) fn load(config: &Config, name: &str) -> Option<Self> {
        let alone = alone();
        let Tracing { collectors, board } = tracing(config).unwrap();
        let collector = collectors.into_iter().find(|collector| collector.name() == name).unwrap();
        let mut host = Self { collector, board, processes: ProcessCache::new(), _alone: alone };
        match host.try_read() {
            Ok(_) => Some(host),
            Err(CollectError::Unsupported(reason)) => {
                assert!(std::env::var_os("OBSERVE_EBPF_REQUIRE").is_none(), "the kernel must be traced here: {reason}");
                eprintln!("SKIPPED: {name}: {reason}");
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Reads once.
    pub(crate) fn read(&mut self) -> Reading {
        self.try_read().unwrap()
    }

    /// Reads once, at a moment that need not be the present one.
    pub(crate) fn read_at(&mut self, timestamp: Timestamp) -> Reading {
        self.try_read_at(timestamp).unwrap()
    }

    fn try_read(&mut self) -> Result<Reading, CollectError> {
        self.try_read_at(SystemClock.now())
    }

    fn try_read_at(&mut self, timestamp: Timestamp) -> Result<Reading, CollectError> {
        let deadline = Instant::now() + Duration::from_secs(1);
        let mut cx = Collect::new(timestamp, deadline, &self.processes);
        self.collector.collect(&mut cx)?;
        let mut reading = Reading { degraded: cx.degraded().map(str::to_owned), ..Reading::default() };
        for item in cx.take_items() {
            match item {
                Item::Event(event) => reading.events.push(event),
                Item::Frame(frame) => reading.frames.push(frame),
                other => panic!("{other:?}"),
            }
        }
        Ok(reading)
    }
}

impl Reading {
    /// Returns what became of one process, in that order.
    pub(crate) fn changes_of(&self, pid: u32) -> Vec<&Exec> {
        let changes = self.events.iter().filter_map(|event| match &event.data {
            EventData::Exec(exec) => Some(exec),
            _ => None,
        });
        changes.filter(|exec| exec.task.pid == pid).collect()
    }

    /// Returns the value of the series spelled `key`.
    pub(crate) fn value(&self, key: &str) -> Option<f64> {
        self.frames.iter().find_map(|frame| {
            let schema = frame.schema();
            let mut subjects = frame.subjects().iter().enumerate();
            subjects.find_map(|(slot, subject)| {
                let subject = subject.as_ref()?;
                let column = (0..schema.raw_len())
                    .find(|column| schema.key(subject, *column).is_some_and(|found| found.to_string() == key))?;
                frame.value(slot, column)
            })
        })
    }
}
