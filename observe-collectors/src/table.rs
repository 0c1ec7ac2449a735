//! The table of collectors.

use observe_core::Collector;

#[cfg(not(target_os = "linux"))]
use crate::portable;
use crate::{Config, InvalidConfig};
#[cfg(target_os = "linux")]
use crate::{
    cgroup::CgroupCollector, cpu::CpuCollector, disk::DiskCollector, filesystem::FilesystemCollector,
    hardware::HardwareCollector, memory::MemoryCollector, network::NetworkCollector, pressure::PressureCollector,
    process::ProcessCollector,
};

/// Makes every collector that the configuration enables and this system has.
///
/// # Errors
///
/// Refuses a configuration with a value out of its range, by the name of its key.
///
/// # Examples
///
/// ```
/// use observe_collectors::{Config, collectors};
///
/// let all = collectors(&Config::default())?;
///
/// assert!(!all.is_empty());
/// # Ok::<(), observe_collectors::InvalidConfig>(())
/// ```
pub fn collectors(config: &Config) -> Result<Vec<Box<dyn Collector>>, InvalidConfig> {
    let mut table = Table { collectors: Vec::new() };
    // One line for each collector.
    #[cfg(target_os = "linux")]
    {
        table.add(config.cpu.enabled, || CpuCollector::new(config))?;
        table.add(config.memory.enabled, || MemoryCollector::new(config))?;
        table.add(config.pressure.enabled, || PressureCollector::new(config))?;
        table.add(config.disk.enabled, || DiskCollector::new(config))?;
        table.add(config.filesystem.enabled, || FilesystemCollector::new(config))?;
        table.add(config.network.enabled, || NetworkCollector::new(config))?;
        table.add(config.process.enabled, || ProcessCollector::new(config))?;
        table.add(config.cgroup.enabled, || CgroupCollector::new(config))?;
        table.add(config.hardware.enabled, || HardwareCollector::new(config))?;
    }
    #[cfg(not(target_os = "linux"))]
    {
        table.add(config.cpu.enabled, || portable::CpuCollector::new(config))?;
        table.add(config.memory.enabled, || portable::MemoryCollector::new(config))?;
        table.add(config.disk.enabled, || portable::DiskCollector::new(config))?;
        table.add(config.filesystem.enabled, || portable::FilesystemCollector::new(config))?;
        table.add(config.network.enabled, || portable::NetworkCollector::new(config))?;
        table.add(config.process.enabled, || portable::ProcessCollector::new(config))?;
    }
    Ok(table.collectors)
}

struct Table {
    collectors: Vec<Box<dyn Collector>>,
}

impl Table {
    fn add<C: Collector>(
        &mut self,
        enabled: bool,
        make: impl FnOnce() -> Result<C, InvalidConfig>,
    ) -> Result<(), InvalidConfig> {
        if enabled {
            self.collectors.push(Box::new(make()?));
        }
        Ok(())
    }
}
