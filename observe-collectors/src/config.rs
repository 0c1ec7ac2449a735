//! What users may set about collectors.

use std::time::Duration;

use observe_core::InvalidSchema;
use serde::{Deserialize, Serialize};

use crate::{NameFilter, Roots};

/// The section `[collectors]` of the settings.
///
/// # Examples
///
/// ```
/// use observe_collectors::Config;
///
/// let mut config = Config::default();
/// config.disk.enabled = false;
/// config.cpu.interval_seconds = 5.0;
/// ```
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the kernel's files are.
    pub roots: Roots,
    /// Processors and load.
    pub cpu: CpuConfig,
    /// Memory, swap and paging.
    pub memory: CollectorConfig,
    /// Pressure stall information.
    pub pressure: CollectorConfig,
    /// Block devices.
    pub disk: DiskConfig,
    /// Mounted filesystems.
    pub filesystem: FilesystemConfig,
    /// Interfaces, protocols and sockets.
    pub network: NetworkConfig,
    /// Processes.
    pub process: ProcessConfig,
    /// Control groups, and so containers.
    pub cgroup: CgroupConfig,
    /// Temperatures, fans and the like.
    pub hardware: HardwareConfig,
}

/// Declares the sub-section of one collector: what all have in common, then its own fields with their defaults.
macro_rules! section {
    (
        $(#[$doc:meta])* $name:ident every $seconds:literal seconds {
            $($(#[$field_doc:meta])* $field:ident: $kind:ty = $default:expr,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            /// Whether the collector runs.
            pub enabled: bool,
            /// Seconds between two readings, 0.1 to 3600.
            pub interval_seconds: f64,
            $($(#[$field_doc])* pub $field: $kind,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { enabled: true, interval_seconds: $seconds, $($field: $default,)* }
            }
        }
    };
}

section! {
    /// A collector without settings of its own.
    CollectorConfig every 1.0 seconds {}
}

section! {
    /// The sub-section `[collectors.cpu]`.
    CpuConfig every 1.0 seconds {
        /// Whether every core has series of its own.
        per_core: bool = true,
        /// Seconds between two readings of the frequencies, which cost more than all else of this collector.
        frequency_interval_seconds: f64 = 10.0,
    }
}

section! {
    /// The sub-section `[collectors.disk]`.
    DiskConfig every 1.0 seconds {
        /// Which block devices are read.
        devices: NameFilter = NameFilter::excluding(&["loop*", "ram*", "zram*", "fd*", "sr*"]),
        /// Whether partitions are read beside whole devices.
        partitions: bool = false,
    }
}

section! {
    /// The sub-section `[collectors.filesystem]`.
    FilesystemConfig every 10.0 seconds {
        /// Which types of filesystems are read. While `include` is empty: the root, and those on block devices.
        types: NameFilter = NameFilter::excluding(&["squashfs", "iso9660"]),
        /// Which mount points are read.
        mountpoints: NameFilter = NameFilter::default(),
    }
}

section! {
    /// The sub-section `[collectors.network]`.
    NetworkConfig every 1.0 seconds {
        /// Which interfaces are read.
        interfaces: NameFilter = NameFilter::excluding(&["veth*"]),
        /// Whether counters of protocols and sockets are read beside those of interfaces.
        protocols: bool = true,
    }
}

section! {
    /// The sub-section `[collectors.process]`.
    ProcessConfig every 1.0 seconds {
        /// The most processes that have series of their own at a time.
        max_tracked: usize = 256,
        /// The most processes that get series of their own in an hour.
        new_per_hour: usize = 1000,
        /// How many of those that use processors most always have series of their own, and as many by memory.
        top: usize = 10,
        /// Whether command lines are read, secrets masked.
        command_lines: bool = true,
    }
}

section! {
    /// The sub-section `[collectors.cgroup]`.
    CgroupConfig every 1.0 seconds {
        /// Which control groups are read, by path.
        groups: NameFilter = NameFilter::default(),
    }
}

section! {
    /// The sub-section `[collectors.hardware]`.
    HardwareConfig every 10.0 seconds {}
}

/// Says which setting cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidConfig {
    /// The columns of a collector do not fit together. No setting causes this.
    #[error("columns of a collector do not fit together")]
    Schema(#[from] InvalidSchema),
    /// A value is out of its range.
    #[error("{key} = {value} cannot be used: {advice}")]
    Value {
        /// The setting: `collectors.cpu.interval_seconds`.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_collector_runs_unless_switched_off() {
        let config = Config::default();

        assert!(config.cpu.enabled && config.hardware.enabled && config.process.enabled);
        assert_eq!(config.filesystem.interval_seconds, 10.0);
        assert!(!config.disk.devices.accepts("loop0"));
    }

    #[test]
    fn sections_may_be_given_in_part() {
        let config: Config = toml::from_str("[disk]\npartitions = true\n[roots]\nproc = '/host/proc'").unwrap();

        assert!(config.disk.partitions && config.disk.enabled);
        assert!(!config.disk.devices.accepts("loop0"), "what is not given keeps its default");
        assert_eq!(config.roots.proc("stat"), std::path::PathBuf::from("/host/proc/stat"));
    }

    #[test]
    fn unknown_keys_are_refused_by_name() {
        for text in ["cpus = 1", "[cpu]\nevery = 1", "[disk.devices]\nonly = []", "[roots]\ndev = '/dev'"] {
            let error = toml::from_str::<Config>(text).unwrap_err();

            assert!(error.to_string().contains("unknown field"), "{text}: {error}");
        }
    }

    #[test]
    fn intervals_out_of_range_are_refused_with_key_and_value() {
        for seconds in [0.0, -1.0, 0.05, 3601.0, f64::NAN, f64::INFINITY] {
            let error = interval("collectors.cpu.interval_seconds", seconds).unwrap_err().to_string();

            assert!(
                error.contains("collectors.cpu.interval_seconds") && error.contains(&seconds.to_string()),
                "{error}"
            );
        }
        assert_eq!(interval("k", 0.1).unwrap(), Duration::from_millis(100));
    }
}
