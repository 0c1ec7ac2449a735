//! Runs and time of each program, which the kernel counts if it is asked to.

use std::{os::fd::OwnedFd, sync::OnceLock};

use aya::sys::{Stats, enable_stats};

use super::{Kernel, Unavailable};

/// What makes the kernel count, for all programs there are, as long as it is held.
#[derive(Debug, Default)]
pub(super) struct Statistics {
    is_wanted: bool,
    held: OnceLock<Option<OwnedFd>>,
}

impl Statistics {
    pub(super) const fn new(is_wanted: bool) -> Self {
        Self { is_wanted, held: OnceLock::new() }
    }

    /// Asks the kernel if that is wanted, once. Tracing works without counts, so a refusal only goes into the log.
    fn hold(&self, ask: impl FnOnce() -> Result<OwnedFd, Unavailable>) {
        let ask = || {
            let held = ask().inspect_err(|reason| {
                tracing::warn!(%reason, advice = reason.advice(), "runs and time of programs are not counted");
            });
            held.ok()
        };
        if self.is_wanted {
            self.held.get_or_init(ask);
        }
    }
}

impl Kernel {
    /// Has the kernel count runs and time of each program, if the settings want it.
    pub(super) fn count_runs(&self) {
        self.inner.statistics.hold(|| {
            let refused =
                |error| self.circumstances("CAP_SYS_ADMIN", |circumstances| circumstances.of_statistics(&error));
            enable_stats(Stats::RunTime).map_err(refused)
        });
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, fs::File};

    use super::*;

    #[test]
    fn the_kernel_is_asked_once_even_if_it_refuses() {
        for outcome in [true, false] {
            let (statistics, asked) = (Statistics::new(true), Cell::new(0));
            let ask = || {
                asked.set(asked.get() + 1);
                let held = outcome.then(|| File::open("/dev/null").unwrap().into());
                held.ok_or(Unavailable::Capability("CAP_SYS_ADMIN"))
            };

            statistics.hold(ask);
            statistics.hold(ask);

            assert_eq!(asked.get(), 1);
            assert_eq!(statistics.held.get().unwrap().is_some(), outcome);
        }
    }

    #[test]
    fn the_kernel_is_not_asked_for_what_nobody_wants() {
        let statistics = Statistics::default();

        statistics.hold(|| unreachable!());

        assert!(statistics.held.get().is_none());
    }
}
