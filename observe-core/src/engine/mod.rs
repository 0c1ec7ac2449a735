//! The engine: threads that collect, step, store and announce, and the handle that asks them.

mod backlog;
mod builder;
mod drain;
mod guard;
mod handle;
mod history;
mod limits;
mod refill;
mod scheduler;
mod status;
mod stepper;
mod upkeep;
mod writer;

pub use self::{
    builder::{EngineBuilder, StartError},
    drain::DrainReport,
    handle::Handle,
    limits::Limits,
    status::{CollectorState, CollectorStatus, EngineStatus, RefillStatus, StoreStatus},
};

use std::{sync::Arc, time::Duration};

use self::{drain::Workers, handle::Shared};

/// A running engine. It owns its threads, its clock, its registry and its store; two of them share nothing.
///
/// # Examples
///
/// ```
/// use observe_core::{Engine, Limits};
/// use std::time::Duration;
///
/// let engine = Engine::builder().limits(Limits::default()).start()?;
/// let handle = engine.handle().clone();
///
/// assert_eq!(handle.series_len(), 0);
/// let report = engine.shutdown(Duration::from_secs(1));
/// assert!(report.is_clean());
/// # Ok::<(), observe_core::StartError>(())
/// ```
#[derive(Debug)]
pub struct Engine {
    handle: Handle,
    workers: Option<Workers>,
}

impl Engine {
    /// Starts to describe an engine.
    #[must_use]
    pub fn builder() -> EngineBuilder {
        EngineBuilder::new()
    }

    /// Returns the handle that publishes to the engine and asks it.
    #[must_use]
    pub const fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Stops collecting, processes and stores what was taken in, and ends the threads, within `grace`.
    ///
    /// It blocks. A thread that does not end in time, such as a collector stuck in a read, is left behind and named in
    /// the report.
    #[must_use = "the report says whether everything was stored"]
    pub fn shutdown(mut self, grace: Duration) -> DrainReport {
        self.workers.take().map(|workers| workers.drain(grace)).unwrap_or_default()
    }

    pub(crate) const fn assemble(shared: Arc<Shared>, workers: Workers) -> Self {
        Self { handle: Handle::new(shared), workers: Some(workers) }
    }
}

impl Drop for Engine {
    /// Shuts down with a grace period of a second.
    fn drop(&mut self) {
        if let Some(workers) = self.workers.take() {
            workers.drain(Duration::from_secs(1));
        }
    }
}

#[cfg(test)]
mod tests;
