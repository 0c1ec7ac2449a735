//! Block devices.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

use observe_core::{EventData, Io};
use observe_ebpf::Config;
use rustix::fs::{OFlags, major, minor};

use crate::host::{Host, Reading};

/// A device of our own, made of a file: nobody else writes to it. It is made before programs are loaded, so that they
/// do not see who had it before.
struct Loop {
    device: PathBuf,
    backing: File,
    _folder: tempfile::TempDir,
}

impl Loop {
    /// `None` where such a device cannot be made.
    fn make() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disk");
        let backing = File::create(&path).unwrap();
        backing.set_len(1 << 20).unwrap();
        let made = Command::new("losetup").args(["--find", "--show", "--direct-io=on"]).arg(&path).output();
        match made {
            Ok(output) if output.status.success() => {
                let device = String::from_utf8(output.stdout).unwrap().trim().into();
                Some(Self { device, backing, _folder: folder })
            }
            outcome => {
                eprintln!("SKIPPED: no loop device can be made: {outcome:?}");
                None
            }
        }
    }

    fn name(&self) -> &str {
        self.device.file_name().unwrap().to_str().unwrap()
    }

    /// Opens it without a cache between: each read and write is a request.
    fn open(&self) -> File {
        let direct = OFlags::DIRECT.bits().try_into().unwrap();
        OpenOptions::new().read(true).write(true).custom_flags(direct).open(&self.device).unwrap()
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let status = Command::new("losetup").arg("-d").arg(&self.device).status();
        assert!(status.is_ok_and(|status| status.success()), "{} stays behind", self.device.display());
    }
}

#[repr(align(4096))]
struct Page([u8; 4096]);

fn value(reading: &Reading, metric: &str, device: &str, operation: &str) -> Option<f64> {
    reading.value(&format!("{metric}{{device={device},operation={operation}}}"))
}

fn requests<'a>(reading: &'a Reading, device: &str) -> Vec<&'a Io> {
    let all = reading.events.iter().filter_map(|event| match &event.data {
        EventData::Io(io) => Some(io),
        _ => None,
    });
    all.filter(|io| io.device == device).collect()
}

#[test]
fn ten_writes_and_a_flush_are_counted_as_such_and_timed() {
    let Some(disk) = Loop::make() else { return };
    let Some(mut host) = Host::load(&Config::default(), "ebpf.block") else { return };
    let file = disk.open();
    let value = |reading: &Reading, metric: &str, operation: &str| value(reading, metric, disk.name(), operation);
    assert_eq!(value(&host.read(), "block.requests", "write"), None, "nothing is told of what never happened");

    for page in 0..10 {
        file.write_all_at(&Page([1; 4096]).0, page * 4096).unwrap();
    }
    file.sync_data().unwrap();
    let reading = host.read();

    assert_eq!(value(&reading, "block.requests", "write"), Some(10.0));
    assert_eq!(value(&reading, "block.bytes", "write"), Some(40_960.0));
    assert_eq!(value(&reading, "block.errors", "write"), Some(0.0));
    assert_eq!(value(&reading, "block.requests", "flush"), Some(1.0));
    assert_eq!(value(&reading, "block.bytes", "flush"), Some(0.0));
    for operation in ["write", "flush"] {
        let half = value(&reading, "block.latency_p50", operation).unwrap();
        let most = value(&reading, "block.latency_p99", operation).unwrap();
        assert!(half > 0.0 && half <= most && most < 60e9, "{half} {most}");
        assert!(value(&reading, "block.latency_ns", operation).is_some_and(|mean| mean > 0.0 && mean < 60e9));
        assert_eq!(value(&reading, "block.untimed", operation), None);
    }
}

#[test]
fn a_read_that_fails_is_counted_and_told() {
    let Some(disk) = Loop::make() else { return };
    let Some(mut host) = Host::load(&Config::default(), "ebpf.block") else { return };
    let file = disk.open();
    let mut page = Page([0; 4096]);
    file.read_exact_at(&mut page.0, 0).unwrap();
    disk.backing.set_len(0).unwrap();

    file.read_exact_at(&mut page.0, 8192).unwrap_err();
    let reading = host.read();

    assert_eq!(value(&reading, "block.errors", disk.name(), "read"), Some(1.0));
    assert!(value(&reading, "block.requests", disk.name(), "read").is_some_and(|requests| requests >= 2.0));
    let told = requests(&reading, disk.name());
    let [failed] = told.iter().filter(|io| io.error != 0).collect::<Vec<_>>()[..] else { panic!("{told:?}") };
    assert_eq!((failed.operation, failed.bytes, failed.error, &failed.task), ("read", 4096, 5, &None));
    assert!(reading.events.iter().all(|event| event.source == "ebpf::block"));
}

#[test]
fn every_request_is_told_when_none_is_too_fast() {
    let mut config = Config::default();
    config.block.slow_ms = 0;
    let Some(disk) = Loop::make() else { return };
    let Some(mut host) = Host::load(&config, "ebpf.block") else { return };
    let file = disk.open();

    // Others may have used up what is told in a second.
    for _ in 0..100 {
        file.write_all_at(&Page([1; 4096]).0, 4096).unwrap();
        let reading = host.read();
        if let Some(io) = requests(&reading, disk.name()).iter().find(|io| io.operation == "write") {
            assert_eq!((io.bytes, io.error), (4096, 0));
            assert!(io.duration > Duration::ZERO && io.duration < Duration::from_secs(60));
            return;
        }
        thread::sleep(Duration::from_millis(100));
    }
    panic!("no write was told");
}

#[test]
fn devices_beyond_the_limit_count_together() {
    let mut config = Config::default();
    config.block.max_devices = 0;
    let Some(disk) = Loop::make() else { return };
    let Some(mut host) = Host::load(&config, "ebpf.block") else { return };

    disk.open().write_all_at(&Page([1; 4096]).0, 0).unwrap();
    let reading = host.read();

    assert!(value(&reading, "block.requests", "other", "write").is_some_and(|requests| requests >= 1.0));
    assert_eq!(value(&reading, "block.requests", disk.name(), "write"), None);
}

#[test]
fn a_file_that_is_written_is_seen_at_the_disk_below() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = disk_of(folder.path()) else {
        return eprintln!("SKIPPED: {} lies on no block device", folder.path().display());
    };
    let Some(mut host) = Host::load(&Config::default(), "ebpf.block") else { return };
    let before = host.read();

    let mut file = File::create(folder.path().join("x")).unwrap();
    for _ in 0..10 {
        file.write_all(&[1; 8192]).unwrap();
        file.sync_all().unwrap();
    }
    let after = host.read();

    let growth = |metric: &str| {
        let value = |reading: &Reading| value(reading, metric, &disk, "write");
        value(&after).unwrap() - value(&before).unwrap_or(0.0)
    };
    assert!(growth("block.requests") >= 10.0);
    assert!(growth("block.bytes") >= 10.0 * 8192.0);
}

/// Finds the disk that a folder's file system lies on.
fn disk_of(folder: &Path) -> Option<String> {
    let device = fs::metadata(folder).unwrap().dev();
    let path = fs::canonicalize(format!("/sys/dev/block/{}:{}", major(device), minor(device))).ok()?;
    let path = if path.join("partition").exists() { path.parent()? } else { &path };
    let is_mapped = path.join("dm").exists();
    (!is_mapped).then(|| path.file_name().unwrap().to_string_lossy().into_owned())
}
