//! What users may set about block devices.

use serde::{Deserialize, Serialize};

/// The sub-section `[ebpf.block]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct BlockConfig {
    /// Whether requests to block devices are traced.
    pub enabled: bool,
    /// Seconds between two readings, 0.1 to 3600.
    pub interval_seconds: f64,
    /// The most devices that have series of their own, 0 to 64; the others count under `other`.
    pub max_devices: usize,
    /// A request that takes at least so many milliseconds becomes an event, as one that fails does; 0 to 3600000. With 0
    /// every request does, as far as the limit of 100 a second and processor allows.
    pub slow_ms: u64,
}

impl Default for BlockConfig {
    fn default() -> Self {
        Self { enabled: true, interval_seconds: 1.0, max_devices: 64, slow_ms: 100 }
    }
}
