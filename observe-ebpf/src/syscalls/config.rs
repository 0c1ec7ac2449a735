//! What users may set about system calls.

use serde::{Deserialize, Serialize};

/// The sub-section `[ebpf.syscalls]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct SyscallsConfig {
    /// Whether system calls are traced.
    pub enabled: bool,
    /// Seconds between two readings, 0.1 to 3600.
    pub interval_seconds: f64,
    /// Which calls are timed.
    pub latency: Latency,
    /// The most calls that have series of their own; the others count under `other`.
    pub max_tracked: usize,
    /// A call gets series of its own once there were calls at so many readings.
    pub min_readings: u32,
    /// The one process whose calls count, 0 for all of them.
    pub pid: u32,
    /// A timed call that works rather than waits and takes at least so many milliseconds becomes an event, 1 to 3600000.
    pub slow_ms: u64,
    /// Seconds between two looks at who makes most calls, 0.1 to 3600.
    pub top_interval_seconds: f64,
}

impl Default for SyscallsConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            interval_seconds: 1.0,
            latency: Latency::default(),
            max_tracked: 64,
            min_readings: 5,
            pid: 0,
            slow_ms: 100,
            top_interval_seconds: 10.0,
        }
    }
}

/// Which system calls are timed. Complete by nature.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Latency {
    /// Every one.
    Full,
    /// None; calls and errors are counted all the same.
    Off,
    /// One in 64.
    #[default]
    Sampled,
}
