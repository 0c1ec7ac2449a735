//! All that is traced, ready to run.

use std::{fmt, time::Instant};

use observe_core::{
    Clock, Collect, Collector, FeatureState, KernelBoard, KernelMode, KernelStatus, ProcessCache, SystemClock,
};

use crate::{Config, InvalidConfig, Mode, simulated::Simulator};
#[cfg(target_os = "linux")]
use crate::{features, guard::Guard, kernel::Kernel, origin::Origin};

/// Tracing, ready to run: collectors for an engine, and the board on which they say how they are doing.
pub struct Tracing {
    /// One for each feature that is switched on.
    pub collectors: Vec<Box<dyn Collector>>,
    /// How they are doing.
    pub board: KernelBoard,
}

impl Tracing {
    /// Takes a first reading of each feature until one works.
    ///
    /// Programs that work stay in the kernel, so starting an engine with the collectors does not load them again.
    ///
    /// # Errors
    ///
    /// Says why nothing can be traced.
    pub fn check(&mut self) -> Result<(), NothingTraced> {
        let processes = ProcessCache::new();
        let mut reason = "no feature is switched on".to_owned();
        for collector in &mut self.collectors {
            let deadline = Instant::now() + collector.interval();
            match collector.collect(&mut Collect::new(SystemClock.now(), deadline, &processes)) {
                // What stands in for a feature works as well, and is not the kernel.
                Ok(()) if is_tracing(&self.board) => return Ok(()),
                Ok(()) => {}
                Err(error) => reason = error.to_string(),
            }
        }
        Err(NothingTraced(reason))
    }

    /// Tries every feature, and returns the board with what came out; what was loaded leaves the kernel again.
    #[must_use]
    pub fn try_all(self) -> KernelStatus {
        let processes = ProcessCache::new();
        for mut collector in self.collectors {
            let deadline = Instant::now() + collector.interval();
            // What came out stands on the board.
            let _outcome = collector.collect(&mut Collect::new(SystemClock.now(), deadline, &processes));
        }
        self.board.read()
    }
}

fn is_tracing(board: &KernelBoard) -> bool {
    board.read().features.values().any(|feature| feature.state == FeatureState::Running)
}

/// Says why nothing can be traced.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NothingTraced(String);

impl fmt::Debug for Tracing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.collectors.iter().map(|collector| collector.name()).collect();
        f.debug_struct("Tracing").field("collectors", &names).field("board", &self.board).finish()
    }
}

/// Makes a collector for each feature that the settings ask for. Nothing is loaded before their first reading.
///
/// # Errors
///
/// Refuses settings out of their range.
///
/// # Examples
///
/// ```
/// use observe_ebpf::{Config, tracing};
///
/// let tracing = tracing(&Config::default())?;
///
/// println!("{}", tracing.board.read().mode.as_str());
/// # Ok::<(), observe_ebpf::InvalidConfig>(())
/// ```
pub fn tracing(config: &Config) -> Result<Tracing, InvalidConfig> {
    match config.mode {
        Mode::Auto | Mode::Kernel => traced(config),
        Mode::Off => Ok(Tracing { collectors: Vec::new(), board: KernelBoard::new(KernelMode::Disabled) }),
        Mode::Simulated => {
            let board = KernelBoard::new(KernelMode::Simulated);
            let simulator = Simulator::new(config, &board)?;
            Ok(Tracing { collectors: vec![Box::new(simulator)], board })
        }
    }
}

#[cfg(target_os = "linux")]
fn traced(config: &Config) -> Result<Tracing, InvalidConfig> {
    let kernel = Kernel::with_statistics(KernelBoard::new(KernelMode::Live), config.program_stats);
    let guard = Guard::new(&config.rules, kernel.board(), Origin::Kernel)?;
    let collectors = features::switched_on(config).map(|entry| (entry.trace)(&kernel, config, &guard));
    Ok(Tracing { collectors: collectors.collect::<Result<_, _>>()?, board: kernel.board().clone() })
}

#[cfg(not(target_os = "linux"))]
fn traced(_: &Config) -> Result<Tracing, InvalidConfig> {
    let board = KernelBoard::new(KernelMode::Unavailable);
    board.set(|status| status.reason = Some("not Linux".to_owned()));
    Ok(Tracing { collectors: Vec::new(), board })
}
