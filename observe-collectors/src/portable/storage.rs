//! Block devices and filesystems.

use std::time::Duration;

use observe_core::{
    Attributes, Collect, CollectError, Collector, EventKind, KeyedTable, Schema, names::disk, names::filesystem,
};
use sysinfo::Disks;

use super::opened;
use crate::{Config, InvalidConfig, NameFilter, config::interval};

/// Reads how many bytes went to and from each device.
#[derive(Debug)]
pub(crate) struct DiskCollector {
    interval: Duration,
    filter: NameFilter,
    disks: Option<Disks>,
    table: KeyedTable<String>,
}

/// Reads the space of each filesystem.
#[derive(Debug)]
pub(crate) struct FilesystemCollector {
    interval: Duration,
    types: NameFilter,
    mountpoints: NameFilter,
    disks: Option<Disks>,
    table: KeyedTable<String>,
}

impl DiskCollector {
    /// Makes the collector; nothing is read yet.
    ///
    /// # Errors
    ///
    /// Refuses an interval out of its range.
    pub(crate) fn new(config: &Config) -> Result<Self, InvalidConfig> {
        let interval = interval("collectors.disk.interval_seconds", config.disk.interval_seconds)?;
        let columns = [&disk::READ_BYTES, &disk::WRITE_BYTES, &disk::READ_BYTES_PER_SEC, &disk::WRITE_BYTES_PER_SEC];
        let builder = Schema::builder("disk").kind(EventKind::DiskMetric).interval(interval);
        let schema = columns.into_iter().fold(builder, |schema, column| schema.column(column));
        let table = KeyedTable::new(schema.build()?);
        Ok(Self { interval, filter: config.disk.devices.clone(), disks: None, table })
    }
}

impl FilesystemCollector {
    /// Makes the collector; nothing is read yet.
    ///
    /// # Errors
    ///
    /// Refuses an interval out of its range.
    pub(crate) fn new(config: &Config) -> Result<Self, InvalidConfig> {
        let section = &config.filesystem;
        let interval = interval("collectors.filesystem.interval_seconds", section.interval_seconds)?;
        let builder = Schema::builder("filesystem").kind(EventKind::DiskMetric).interval(interval);
        let columns =
            [&filesystem::TOTAL, &filesystem::USED, &filesystem::FREE, &filesystem::READ_ONLY, &filesystem::PERCENT];
        let schema = columns.into_iter().fold(builder, |schema, column| schema.column(column));
        let table = KeyedTable::new(schema.build()?);
        let (types, mountpoints) = (section.types.clone(), section.mountpoints.clone());
        Ok(Self { interval, types, mountpoints, disks: None, table })
    }
}

impl Collector for DiskCollector {
    fn name(&self) -> &'static str {
        "disk"
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    fn collect(&mut self, cx: &mut Collect<'_>) -> Result<(), CollectError> {
        let (disks, _) = opened(&mut self.disks, Disks::new)?;
        disks.refresh(true);
        // A device with several filesystems stands in the list for each.
        for found in disks.iter().take(MAX_DISKS) {
            let path = found.name().to_string_lossy();
            let name = path.trim_start_matches("/dev/");
            if let Ok(attributes) = Attributes::new([("device", name)])
                && self.filter.accepts(name)
            {
                let usage = found.usage();
                let values = [usage.total_read_bytes as f64, usage.total_written_bytes as f64];
                self.table.row(name, || attributes).set_all(0, values);
            }
        }
        if !self.table.is_empty() {
            cx.emit(self.table.frame(cx.timestamp()));
        }
        Ok(())
    }
}

impl Collector for FilesystemCollector {
    fn name(&self) -> &'static str {
        "filesystem"
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    fn collect(&mut self, cx: &mut Collect<'_>) -> Result<(), CollectError> {
        let (disks, _) = opened(&mut self.disks, Disks::new)?;
        disks.refresh(true);
        for found in disks.iter().take(MAX_DISKS) {
            let mountpoint = found.mount_point().to_string_lossy();
            let is_wanted = found.total_space() > 0
                && self.types.accepts(&found.file_system().to_string_lossy())
                && self.mountpoints.accepts(&mountpoint);
            if let Ok(attributes) = Attributes::new([("mountpoint", &*mountpoint)])
                && is_wanted
            {
                let (total, free) = (found.total_space(), found.available_space());
                let values = [total as f64, total.saturating_sub(free) as f64, free as f64];
                let mut row = self.table.row(&*mountpoint, || attributes);
                row.set_all(0, values).set(3, f64::from(u8::from(found.is_read_only())));
            }
        }
        if !self.table.is_empty() {
            cx.emit(self.table.frame(cx.timestamp()));
        }
        Ok(())
    }
}

/// The most filesystems that are looked at.
const MAX_DISKS: usize = 256;
