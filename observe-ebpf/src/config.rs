//! What users may set about tracing the kernel.

use std::time::Duration;

use observe_core::InvalidSchema;
use serde::{Deserialize, Serialize};

use crate::{
    BlockConfig, NetConfig, SchedConfig, SyscallsConfig,
    features::{FEATURES, PAYLOAD},
    rules::{InvalidRules, RulesConfig},
};

/// The section `[ebpf]` of the settings.
///
/// # Examples
///
/// ```
/// use observe_ebpf::{Config, Latency};
///
/// let mut config = Config::default();
/// config.syscalls.latency = Latency::Full;
/// ```
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the numbers come from.
    pub mode: Mode,
    /// What numbers of the mode `simulated` follow from.
    pub seed: u64,
    /// Whether the kernel counts runs and time of each program, which costs some 20 ns a run and needs `CAP_SYS_ADMIN`.
    pub program_stats: bool,
    /// Block devices.
    pub block: BlockConfig,
    /// Packets that the kernel throws away.
    pub drops: DropsConfig,
    /// Processes that start and end.
    pub exec: ExecConfig,
    /// Want of memory.
    pub memory: MemoryConfig,
    /// Packets.
    pub net: NetConfig,
    /// What processors work at.
    pub profile: ProfileConfig,
    /// Rules that find what may be an attack.
    pub rules: RulesConfig,
    /// Run queues.
    pub sched: SchedConfig,
    /// System calls.
    pub syscalls: SyscallsConfig,
    /// Connections over TCP.
    pub tcp: TcpConfig,
}

impl Config {
    /// Switches everything off but the inspection of packets.
    pub fn disable_kernel(&mut self) {
        self.disable(|feature| feature != PAYLOAD);
    }

    /// Switches everything off but one feature, which is switched on.
    pub fn only(&mut self, feature: &str) {
        for entry in FEATURES {
            *(entry.switch)(self) = entry.name == feature;
        }
    }

    /// Switches the inspection of packets off.
    pub fn disable_payload(&mut self) {
        self.disable(|feature| feature == PAYLOAD);
    }

    fn disable(&mut self, is_meant: impl Fn(&str) -> bool) {
        for entry in FEATURES.into_iter().filter(|entry| is_meant(entry.name)) {
            *(entry.switch)(self) = false;
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            seed: 1,
            program_stats: false,
            block: BlockConfig::default(),
            drops: DropsConfig::default(),
            exec: ExecConfig::default(),
            memory: MemoryConfig::default(),
            net: NetConfig::default(),
            profile: ProfileConfig::default(),
            rules: RulesConfig::default(),
            sched: SchedConfig::default(),
            syscalls: SyscallsConfig::default(),
            tcp: TcpConfig::default(),
        }
    }
}

/// Where numbers about the kernel come from. Complete by nature.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// From the kernel, as far as it lets itself be traced; what it refuses is reported, never made up.
    #[default]
    Auto,
    /// From the kernel; the engine does not start where nothing can be traced.
    Kernel,
    /// Nothing is traced.
    Off,
    /// From a generator. Everything that comes of it says so.
    Simulated,
}

/// The sub-section `[ebpf.drops]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct DropsConfig {
    /// Whether packets that the kernel throws away are counted.
    pub enabled: bool,
    /// Seconds between two readings, 0.1 to 3600.
    pub interval_seconds: f64,
}

impl Default for DropsConfig {
    fn default() -> Self {
        Self { enabled: true, interval_seconds: 1.0 }
    }
}

/// The sub-section `[ebpf.exec]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExecConfig {
    /// Whether processes that start and end are traced.
    pub enabled: bool,
    /// Seconds between two readings, 0.1 to 3600.
    pub interval_seconds: f64,
    /// Whether events have command lines: at most their first 256 bytes, secrets masked.
    pub command_lines: bool,
    /// Whether ends of processes become events; they are counted in any case.
    pub exit_events: bool,
    /// The most events a second and processor, 1 to 100000; more are counted, not told.
    pub max_events_per_second: u32,
}

impl Default for ExecConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            interval_seconds: 1.0,
            command_lines: true,
            exit_events: false,
            max_events_per_second: 200,
        }
    }
}

/// The sub-section `[ebpf.memory]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct MemoryConfig {
    /// Whether want of memory is traced.
    pub enabled: bool,
    /// Seconds between two readings, 0.1 to 3600.
    pub interval_seconds: f64,
    /// Whether page faults are counted, which costs each of them some 50 ns.
    pub page_faults: bool,
}

impl Default for MemoryConfig {
    fn default() -> Self {
        Self { enabled: true, interval_seconds: 1.0, page_faults: false }
    }
}

/// The sub-section `[ebpf.profile]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProfileConfig {
    /// Whether processors are sampled all the time, by command and without stacks. Profiles on demand need no such thing.
    pub enabled: bool,
    /// Samples a second and processor, 1 to 999. A prime number does not fall into step with what is sampled.
    pub frequency_hz: u32,
    /// Seconds between two readings, 0.1 to 3600.
    pub interval_seconds: f64,
    /// The one process that is sampled, 0 for all of them.
    pub pid: u32,
    /// The most different stacks that the kernel keeps between two readings, 64 to 65536. Each costs 2 KB of its memory.
    pub stacks: u32,
}

impl Default for ProfileConfig {
    fn default() -> Self {
        Self { enabled: false, frequency_hz: 99, interval_seconds: 10.0, pid: 0, stacks: 4096 }
    }
}

/// The sub-section `[ebpf.tcp]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TcpConfig {
    /// Whether every connection becomes an event, those to this host included, rather than those of this host that
    /// failed or were slow.
    pub connect_events: bool,
    /// Whether connections are traced.
    pub enabled: bool,
    /// Seconds between two readings, 0.1 to 3600.
    pub interval_seconds: f64,
    /// Whether each segment that is sent again becomes an event.
    pub retransmit_events: bool,
    /// A connection that takes at least so many milliseconds to make becomes an event, 1 to 3600000.
    pub slow_ms: u64,
}

impl Default for TcpConfig {
    fn default() -> Self {
        Self { connect_events: false, enabled: true, interval_seconds: 1.0, retransmit_events: false, slow_ms: 1_000 }
    }
}

/// Says which setting cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidConfig {
    /// A setting of a rule cannot be used.
    #[error(transparent)]
    Rules(#[from] InvalidRules),
    /// The columns of a feature do not fit together. No setting causes this.
    #[error("columns of a feature do not fit together")]
    Schema(#[from] InvalidSchema),
    /// A value is out of its range.
    #[error("{key} = {value} cannot be used: {advice}")]
    Value {
        /// The setting: `ebpf.syscalls.slow_ms`.
        key: &'static str,
        /// What it is set to.
        value: String,
        /// What to do.
        advice: &'static str,
    },
}

/// Turns a setting in seconds into an interval.
pub(crate) fn interval(key: &'static str, seconds: f64) -> Result<Duration, InvalidConfig> {
    if (0.1..=3600.0).contains(&seconds) {
        return Ok(Duration::from_secs_f64(seconds));
    }
    Err(InvalidConfig::Value { key, value: seconds.to_string(), advice: "set it to 0.1 to 3600 seconds" })
}

/// Checks how many events a second there may be.
pub(crate) fn rate(key: &'static str, per_second: u32) -> Result<u32, InvalidConfig> {
    if (1..=100_000).contains(&per_second) {
        return Ok(per_second);
    }
    Err(InvalidConfig::Value { key, value: per_second.to_string(), advice: "set it to 1 to 100000" })
}

/// Turns a setting in milliseconds into a duration.
pub(crate) fn millis(key: &'static str, millis: u64) -> Result<Duration, InvalidConfig> {
    if (1..=3_600_000).contains(&millis) {
        return Ok(Duration::from_millis(millis));
    }
    Err(InvalidConfig::Value { key, value: millis.to_string(), advice: "set it to 1 to 3600000 milliseconds" })
}
