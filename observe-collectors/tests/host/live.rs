use std::fs;

use observe_collectors::{Config, CpuCollector, DiskCollector, FilesystemCollector, MemoryCollector, NetworkCollector};

use crate::{robust::all, tree::Run};

/// Reads a number from a file of the running system.
fn number(path: &str) -> Option<f64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[test]
fn memory_agrees_with_the_running_system() {
    let reading = Run::new(MemoryCollector::new(&Config::default())).tick();

    let text = fs::read_to_string("/proc/meminfo").unwrap();
    let total: f64 = text.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert_eq!(reading.value("memory.total"), Some(total * 1024.0));
}

#[test]
fn processors_agree_with_the_running_system() {
    let before = number_after("ctxt");
    let reading = Run::new(CpuCollector::new(&Config::default())).tick();
    let after = number_after("ctxt");

    let text = fs::read_to_string("/proc/stat").unwrap();
    let cores = text.lines().filter(|line| line.starts_with("cpu") && !line.starts_with("cpu ")).count();
    assert_eq!(reading.value("cpu.count"), Some(cores as f64));
    assert!((before..=after).contains(&reading.value("cpu.context_switches").unwrap()));
}

fn number_after(key: &str) -> f64 {
    let text = fs::read_to_string("/proc/stat").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    line.trim().parse().unwrap()
}

#[test]
fn interfaces_agree_with_sysfs() {
    let bytes = || {
        let names = fs::read_dir("/sys/class/net").into_iter().flatten().flatten();
        let mut all: Vec<(String, f64)> = names
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter_map(|name| number(&format!("/sys/class/net/{name}/statistics/rx_bytes")).map(|bytes| (name, bytes)))
            .collect();
        all.sort_by(|one, other| one.0.cmp(&other.0));
        all
    };
    let before = bytes();
    let reading = Run::new(NetworkCollector::new(&Config::default())).tick();
    let after = bytes();

    for ((name, low), (_, high)) in before.iter().zip(&after) {
        if let Some(value) = reading.value(&format!("network.bytes_recv{{interface={name}}}")) {
            assert!((*low..=*high).contains(&value), "{name}: {low} <= {value} <= {high}");
        }
    }
}

#[test]
fn disks_agree_with_sysfs() {
    let reads = |device: &str| {
        let text = fs::read_to_string(format!("/sys/block/{device}/stat")).ok()?;
        text.split_whitespace().next()?.parse::<f64>().ok()
    };
    let mut run = Run::new(DiskCollector::new(&Config::default()));
    for device in run.tick().subjects("device") {
        let before = reads(&device);
        let value = run.tick().value(&format!("disk.reads{{device={device}}}"));
        let after = reads(&device);

        assert!(before <= value && value <= after, "{device}: {before:?} {value:?} {after:?}");
    }
}

#[test]
fn the_root_filesystem_is_found() {
    let reading = Run::new(FilesystemCollector::new(&Config::default())).tick();

    let usage = rustix::fs::statvfs("/").unwrap();
    assert_eq!(reading.value("disk.total{mountpoint=/}"), Some(usage.f_blocks as f64 * usage.f_frsize as f64));
}

#[test]
fn nothing_fails_on_the_running_system() {
    for mut run in all(&Config::default()) {
        let first = run.tick();
        let second = run.tick();

        let acceptable = |reading: &crate::tree::Reading| {
            matches!(reading.result, Ok(()) | Err(observe_core::CollectError::Unsupported(_)))
        };
        assert!(acceptable(&first) && acceptable(&second), "{first:?}");
    }
}
