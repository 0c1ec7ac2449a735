//! Space and inodes of mounted filesystems.

mod mounts;

use std::{io, sync::Arc, time::Duration};

use observe_core::{
    Attributes, Collect, CollectError, Collector, EventKind, InvalidSchema, KeyedTable, Row, Schema,
    names::filesystem as names,
};
use rustix::{
    fs::{StatVfs, StatVfsMountFlags, statvfs},
    io::Errno,
};

use self::mounts::Mount;
use crate::{
    Config, FilesystemConfig, InvalidConfig,
    config::interval,
    read::{KeptFile, Parts, reason},
};

/// Asks every chosen filesystem of `/proc/self/mountinfo` for its use.
///
/// The question may hang for as long as a device does, which holds up this collector only.
#[derive(Debug)]
pub struct FilesystemCollector {
    interval: Duration,
    config: FilesystemConfig,
    file: KeptFile,
    /// The content from which `mounts` were chosen.
    known: Vec<u8>,
    mounts: Vec<Mount>,
    table: KeyedTable<String>,
}

impl FilesystemCollector {
    /// Makes the collector; nothing is read yet.
    ///
    /// # Errors
    ///
    /// Refuses an interval out of its range.
    pub fn new(config: &Config) -> Result<Self, InvalidConfig> {
        let interval = interval("collectors.filesystem.interval_seconds", config.filesystem.interval_seconds)?;
        Ok(Self {
            interval,
            config: config.filesystem.clone(),
            file: KeptFile::new(config.roots.proc("self/mountinfo")),
            known: Vec::new(),
            mounts: Vec::new(),
            table: KeyedTable::new(schema(interval)?),
        })
    }

    /// Chooses the mounts anew if the file changed.
    fn refresh(&mut self, parts: &mut Parts<'_, '_>) {
        let Some(text) = parts.required(self.file.read()) else {
            self.mounts.clear();
            self.known.clear();
            return;
        };
        if text == self.known {
            return;
        }
        let (mounts, scan) = mounts::parse(text);
        self.known.clear();
        // Lines without sense are looked at again next time, so the collector stays degraded as long as they stand.
        if scan.skipped == 0 {
            self.known.extend_from_slice(text);
        }
        parts.judge(scan, self.file.path());
        self.mounts = mounts::select(mounts, &self.config);
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
        let mut parts = Parts::new(cx);
        self.refresh(&mut parts);
        for mount in self.mounts.iter().take(MAX_MOUNTS) {
            let name = mount.point.to_string_lossy();
            if name.len() > Attributes::MAX_VALUE_BYTES {
                parts.degrade("a mount point is longer than an attribute may be");
                continue;
            }
            match statvfs(&mount.point) {
                Ok(usage) if usage.f_blocks > 0 => {
                    let describe = || Attributes::new([("mountpoint", &*name)]).unwrap_or_default();
                    write(&mut self.table.row(&*name, describe), &usage);
                }
                // Such as overlays of pseudo filesystems, which `df` leaves out as well; or unmounted just now.
                Ok(_) | Err(Errno::NOENT) => {}
                Err(error) => parts.degrade(reason(&CollectError::Read {
                    path: mount.point.clone(),
                    source: io::Error::from_raw_os_error(error.raw_os_error()),
                })),
            }
        }
        if self.mounts.len() > MAX_MOUNTS {
            parts.degrade(format!("{} filesystems above {MAX_MOUNTS} are left out", self.mounts.len() - MAX_MOUNTS));
        }
        if !self.table.is_empty() {
            let cx = parts.cx();
            cx.emit(self.table.frame(cx.timestamp()));
        }
        parts.finish("/proc/self/mountinfo")
    }
}

/// Writes the raw columns of one filesystem.
fn write(row: &mut Row<'_>, usage: &StatVfs) {
    let bytes = |blocks: u64| blocks as f64 * usage.f_frsize as f64;
    row.set(0, bytes(usage.f_blocks));
    row.set(1, bytes(usage.f_blocks.saturating_sub(usage.f_bfree)));
    row.set(2, bytes(usage.f_bavail));
    // Some filesystems, such as btrfs, have no fixed number of inodes.
    if usage.f_files > 0 {
        row.set(3, usage.f_files as f64);
        row.set(4, usage.f_files.saturating_sub(usage.f_ffree) as f64);
        row.set(5, usage.f_ffree as f64);
    }
    row.set(6, f64::from(u8::from(usage.f_flag.contains(StatVfsMountFlags::RDONLY))));
}

fn schema(interval: Duration) -> Result<Arc<Schema>, InvalidSchema> {
    Schema::builder("filesystem")
        .kind(EventKind::DiskMetric)
        .interval(interval)
        .column(&names::TOTAL)
        .column(&names::USED)
        .column(&names::FREE)
        .column(&names::INODES_TOTAL)
        .column(&names::INODES_USED)
        .column(&names::INODES_FREE)
        .column(&names::READ_ONLY)
        .column(&names::RESERVED)
        .column(&names::PERCENT)
        .column(&names::INODES_PERCENT)
        .build()
}

/// The most filesystems that are asked.
const MAX_MOUNTS: usize = 256;
