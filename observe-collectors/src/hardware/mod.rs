//! The hardware collector: what sensors, disks and network links say about themselves.

mod device;
mod search;

use std::{
    io, mem,
    path::{Path, PathBuf},
    time::Duration,
};

use observe_core::{
    Collect, CollectError, Collector, InvalidSchema, Metric, Schema, SubjectId, Table, names::hardware as names,
};

use self::device::Device;
use crate::{Config, InvalidConfig, config};

/// Temperatures, fans, batteries, and the state of disks and network links, from sysfs.
///
/// Devices are looked for on every sixth reading.
#[derive(Debug)]
pub struct HardwareCollector {
    sys: PathBuf,
    interval: Duration,
    families: Vec<Family>,
    readings: u64,
    buffer: Vec<u8>,
}

/// Devices of one kind.
#[derive(Debug)]
struct Family {
    find: fn(&Path) -> Vec<Device>,
    table: Table,
    devices: Vec<(SubjectId, Device)>,
}

impl HardwareCollector {
    /// Makes the collector.
    ///
    /// # Errors
    ///
    /// Refuses settings out of their range.
    pub fn new(config: &Config) -> Result<Self, InvalidConfig> {
        let interval = config::interval("collectors.hardware.interval_seconds", config.hardware.interval_seconds)?;
        let family = |name, columns: &[&Metric], find| Family::new(name, columns, find, interval);
        Ok(Self {
            sys: config.roots.sys.clone(),
            interval,
            families: vec![
                family("hardware.temperature", &[&names::TEMPERATURE], search::temperatures)?,
                family("hardware.fan", &[&names::FAN_SPEED], search::fans)?,
                family("hardware.battery", &[&names::BATTERY_CHARGE], search::batteries)?,
                family("hardware.disk", &[&names::DISK_ONLINE], search::disks)?,
                family("hardware.link", &[&names::LINK_UP, &names::LINK_SPEED], search::links)?,
            ],
            readings: 0,
            buffer: Vec::new(),
        })
    }
}

impl Collector for HardwareCollector {
    fn name(&self) -> &'static str {
        "hardware"
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    fn collect(&mut self, cx: &mut Collect<'_>) -> Result<(), CollectError> {
        if self.readings.is_multiple_of(READINGS_PER_SEARCH) {
            self.families.iter_mut().for_each(|family| family.search(&self.sys));
        }
        if self.readings == 0 && self.families.iter().all(|family| family.devices.is_empty()) {
            return Err(CollectError::Unsupported("no sensors, and no disks or links that tell their state".into()));
        }
        self.readings += 1;
        self.families.iter_mut().for_each(|family| family.read(&mut self.buffer, cx));
        Ok(())
    }
}

impl Family {
    fn new(
        name: &'static str,
        columns: &[&Metric],
        find: fn(&Path) -> Vec<Device>,
        interval: Duration,
    ) -> Result<Self, InvalidSchema> {
        let builder = Schema::builder(name).interval(interval);
        let schema = columns.iter().fold(builder, |schema, column| schema.column(column)).build()?;
        Ok(Self { find, table: Table::new(schema), devices: Vec::new() })
    }

    /// Looks for devices anew; those that stay keep their rows.
    fn search(&mut self, sys: &Path) {
        let found = (self.find)(sys);
        let mut before = mem::take(&mut self.devices);
        for device in found.into_iter().take(MAX_DEVICES) {
            let known = before.iter().position(|(_, known)| known.attributes == device.attributes);
            let subject = known.map(|at| before.swap_remove(at).0);
            let subject = subject.unwrap_or_else(|| self.table.insert(device.attributes.clone()));
            self.devices.push((subject, device));
        }
        before.into_iter().for_each(|(subject, _)| self.table.remove(subject));
    }

    /// Reads every device. What a sensor does not tell is absent, without complaint: many are asleep.
    fn read(&mut self, buffer: &mut Vec<u8>, cx: &mut Collect<'_>) {
        for (subject, device) in &self.devices {
            for probe in &device.probes {
                match probe.read(buffer) {
                    Ok(value) => value.into_iter().for_each(|value| self.table.set(*subject, probe.column, value)),
                    Err(error) if is_denied(&error) => cx.degrade(error.to_string()),
                    Err(_) => {}
                }
            }
        }
        if !self.table.is_empty() {
            cx.emit(self.table.frame(cx.timestamp()));
        }
    }
}

fn is_denied(error: &CollectError) -> bool {
    matches!(error, CollectError::Read { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
}

const READINGS_PER_SEARCH: u64 = 6;
/// The most devices of one kind.
const MAX_DEVICES: usize = 256;
