//! What tests in the real kernel need.

use std::{env, fmt::Display};

/// Passes on what the kernel took. `None` where it refuses, and the test is left out.
pub(crate) fn or_skip<T>(feature: &str, outcome: Result<T, impl Display>) -> Option<T> {
    outcome.inspect_err(|reason| skip(feature, reason)).ok()
}

/// Says that a test is left out, and why. It fails where the kernel must be traced.
pub(crate) fn skip(feature: &str, reason: impl Display) {
    assert!(env::var_os("OBSERVE_EBPF_REQUIRE").is_none(), "{feature} must be traced here: {reason}");
    eprintln!("SKIPPED: {feature}: {reason}");
}
