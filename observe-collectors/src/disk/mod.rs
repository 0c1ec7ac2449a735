//! Block devices.

mod stats;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use observe_core::{
    Attributes, Collect, CollectError, Collector, EventKind, InvalidSchema, KeyedTable, Metric, Schema,
    names::disk as names,
};

use crate::{
    Config, DiskConfig, InvalidConfig,
    config::interval,
    layout::Layout,
    read::{KeptFile, Parts, Scan},
    text::{Words, lines},
};

/// Reads `/proc/diskstats`.
#[derive(Debug)]
pub struct DiskCollector {
    interval: Duration,
    config: DiskConfig,
    devices: PathBuf,
    file: KeptFile,
    layout: Layout,
    table: KeyedTable<String>,
}

impl DiskCollector {
    /// Makes the collector; nothing is read yet.
    ///
    /// # Errors
    ///
    /// Refuses an interval out of its range.
    pub fn new(config: &Config) -> Result<Self, InvalidConfig> {
        let interval = interval("collectors.disk.interval_seconds", config.disk.interval_seconds)?;
        Ok(Self {
            interval,
            config: config.disk.clone(),
            devices: config.roots.sys("block"),
            file: KeptFile::new(config.roots.proc("diskstats")),
            layout: Layout::default(),
            table: KeyedTable::new(schema(interval)?),
        })
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
        let Self { config, devices, file, layout, table, .. } = self;
        let mut parts = Parts::new(cx);
        if let Some(text) = parts.required(file.read()) {
            let mut refused = 0;
            let mut count = 0;
            let wanted = |line, name: &[u8]| {
                layout.find(line, name, || is_wanted(name, text, config, devices).then_some(0)).is_some()
            };
            let scan = stats::parse(text, wanted, |name, values| {
                count += 1;
                if count > MAX_DEVICES {
                    refused += 1;
                    return;
                }
                let mut row = table.row(name, || Attributes::new([("device", name)]).unwrap_or_default());
                row.set_all(0, values.iter().copied());
            });
            // A host without any block device is nothing to complain about.
            if scan != Scan::default() {
                parts.judge(scan, file.path());
            }
            if refused > 0 {
                parts.degrade(format!("{refused} block devices above {MAX_DEVICES} are left out"));
            }
        }
        if !table.is_empty() {
            let cx = parts.cx();
            cx.emit(table.frame(cx.timestamp()));
        }
        parts.finish("/proc/diskstats")
    }
}

/// Decides about a device that was not there before.
fn is_wanted(name: &[u8], text: &[u8], config: &DiskConfig, devices: &Path) -> bool {
    let Ok(name) = str::from_utf8(name) else {
        // Let the parser count it as a line without sense.
        return true;
    };
    name.len() <= MAX_NAME_BYTES && config.devices.accepts(name) && (config.partitions || is_whole(name, text, devices))
}

/// Tells whether a device is whole: the kernel lists it, or where sysfs is hidden, no other device has it as a part.
fn is_whole(name: &str, text: &[u8], devices: &Path) -> bool {
    // The kernel writes a slash in a name as an exclamation mark.
    if devices.is_dir() {
        return devices.join(name.replace('/', "!")).exists();
    }
    let all: Vec<&str> =
        lines(text).filter_map(|line| Words::new(line).nth(2)).filter_map(|name| str::from_utf8(name).ok()).collect();
    !stats::is_partition(name, &all)
}

fn schema(interval: Duration) -> Result<Arc<Schema>, InvalidSchema> {
    let schema = Schema::builder("disk").kind(EventKind::DiskMetric).interval(interval);
    RAW.iter().chain(DERIVED).fold(schema, |schema, metric| schema.column(metric)).build()
}

/// The raw columns, in the order of the file.
static RAW: &[&Metric; stats::COLUMNS] = &[
    &names::READS,
    &names::READS_MERGED,
    &names::READ_BYTES,
    &names::READ_TIME,
    &names::WRITES,
    &names::WRITES_MERGED,
    &names::WRITE_BYTES,
    &names::WRITE_TIME,
    &names::IO_IN_PROGRESS,
    &names::IO_TIME,
    &names::IO_TIME_WEIGHTED,
    &names::DISCARDS,
    &names::DISCARDS_MERGED,
    &names::DISCARD_BYTES,
    &names::DISCARD_TIME,
    &names::FLUSHES,
    &names::FLUSH_TIME,
];
static DERIVED: &[&Metric] = &[
    &names::READ_BYTES_PER_SEC,
    &names::WRITE_BYTES_PER_SEC,
    &names::READS_PER_SEC,
    &names::WRITES_PER_SEC,
    &names::READ_LATENCY,
    &names::WRITE_LATENCY,
    &names::LATENCY,
    &names::FLUSH_LATENCY,
    &names::UTILIZATION,
    &names::QUEUE_LENGTH,
];

/// The most devices that have series.
const MAX_DEVICES: usize = 1024;
/// The longest name of a device.
const MAX_NAME_BYTES: usize = 255;
