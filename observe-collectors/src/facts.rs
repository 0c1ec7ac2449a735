//! What does not change about a host while it runs.

use std::time::Duration;

use observe_core::Timestamp;
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

/// What does not change about a host while it runs. What cannot be found is empty, zero or `None`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct HostFacts {
    /// The host's name.
    pub name: String,
    /// The operating system or distribution: `Debian GNU/Linux`.
    pub os_name: String,
    /// Its version: `13`.
    pub os_version: String,
    /// The kernel's release: `6.1.0`.
    pub kernel_release: String,
    /// What the processors understand: `x86_64`.
    pub architecture: String,
    /// What the processors call themselves.
    pub cpu_brand: String,
    /// Logical processors.
    pub cpu_count: usize,
    /// Physical memory.
    pub memory_bytes: u64,
    /// When the host was started.
    pub boot_time: Option<Timestamp>,
}

/// Asks the system about itself, which takes about a millisecond.
///
/// # Examples
///
/// ```
/// let facts = observe_collectors::host_facts();
///
/// assert!(facts.cpu_count > 0);
/// ```
#[must_use]
pub fn host_facts() -> HostFacts {
    let kinds =
        RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing()).with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(kinds).ok();
    let cpus = system.as_ref().map(System::cpus).unwrap_or_default();
    let boot_time = System::boot_time().ok().filter(|seconds| *seconds > 0);
    HostFacts {
        name: System::host_name().unwrap_or_default(),
        os_name: System::name().unwrap_or_default(),
        os_version: System::os_version().unwrap_or_default(),
        kernel_release: System::kernel_version().unwrap_or_default(),
        architecture: System::cpu_arch(),
        cpu_brand: cpus.first().map(|cpu| cpu.brand().trim().to_owned()).unwrap_or_default(),
        cpu_count: cpus.len(),
        memory_bytes: system.as_ref().map_or(0, System::total_memory),
        boot_time: boot_time.map(|seconds| Timestamp::default() + Duration::from_secs(seconds)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn facts_agree_with_the_kernels_files() {
        let facts = host_facts();

        let read = |path: &str| std::fs::read_to_string(path).unwrap();
        assert_eq!(facts.name, read("/proc/sys/kernel/hostname").trim());
        assert_eq!(facts.kernel_release, read("/proc/sys/kernel/osrelease").trim());
        let kibibytes = facts.memory_bytes / 1024;
        assert!(read("/proc/meminfo").starts_with(&format!("MemTotal: {kibibytes:>14} kB")), "{kibibytes}");
        let boot = facts.boot_time.map(|time| time.as_millis() / 1000);
        let expected = read("/proc/stat").lines().find_map(|line| line.strip_prefix("btime ")?.parse::<i64>().ok());
        assert!(
            boot.zip(expected).is_some_and(|(boot, expected)| (boot - expected).abs() <= 2),
            "{boot:?} {expected:?}"
        );
        assert!(!facts.architecture.is_empty() && !facts.os_name.is_empty() && facts.cpu_count > 0);
    }
}
