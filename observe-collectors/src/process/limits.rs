//! What the process collector may hold.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::InvalidConfig;

/// Lets this program open as many files as it may, and returns how many descriptors the collector may keep.
///
/// The usual limit of 1,024 is there for programs that use `select`, which none of this does.
pub(super) fn kept_files() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let current = if raised.is_ok() { limit.maximum } else { limit.current };
    current.map_or(MAX_KEPT_FILES, |current| usize::try_from(current / 2).unwrap_or(usize::MAX).min(MAX_KEPT_FILES))
}

/// Refuses a setting outside `low..=high`.
pub(super) fn check(
    key: &'static str,
    value: usize,
    low: usize,
    high: usize,
    advice: &'static str,
) -> Result<(), InvalidConfig> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(InvalidConfig::Value { key, value: value.to_string(), advice })
}

/// The most descriptors that stay open; processes beyond are opened for each reading.
const MAX_KEPT_FILES: usize = 4096;
