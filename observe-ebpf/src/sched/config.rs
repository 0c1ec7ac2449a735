//! What users may set about run queues.

use serde::{Deserialize, Serialize};

use crate::InvalidConfig;

/// The sub-section `[ebpf.sched]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct SchedConfig {
    /// Whether run queues are traced.
    pub enabled: bool,
    /// Seconds between two readings, 0.1 to 3600.
    pub interval_seconds: f64,
    /// One wait in so many is timed: a power of two, 1 to 65536. Switches and wake-ups are counted all the same.
    pub sample: u32,
}

impl SchedConfig {
    /// Returns the binary logarithm of `sample`.
    pub(super) fn sample_shift(&self) -> Result<u32, InvalidConfig> {
        if self.sample.is_power_of_two() && self.sample <= 1 << 16 {
            return Ok(self.sample.ilog2());
        }
        let (key, value) = ("ebpf.sched.sample", self.sample.to_string());
        Err(InvalidConfig::Value { key, value, advice: "set it to a power of two, 1 to 65536" })
    }
}

impl Default for SchedConfig {
    fn default() -> Self {
        Self { enabled: true, interval_seconds: 1.0, sample: 1 }
    }
}
