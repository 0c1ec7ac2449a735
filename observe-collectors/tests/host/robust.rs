use std::{collections::HashSet, fs, path::Path};

use observe_collectors::{
    Config, CpuCollector, DiskCollector, FilesystemCollector, InvalidConfig, MemoryCollector, NetworkCollector,
    PressureCollector,
};
use observe_core::{Collect, CollectError, Collector, MetricKey, names};
use proptest::prelude::*;

use crate::tree::{Run, Tree};

/// A collector in a box, so that all of them run alike.
pub(crate) struct Any(Box<dyn Collector>);

impl Collector for Any {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn collect(&mut self, cx: &mut Collect<'_>) -> Result<(), CollectError> {
        self.0.collect(cx)
    }
}

/// The collectors of this file's neighbours.
pub(crate) fn all(config: &Config) -> Vec<Run<Any>> {
    fn any<C: Collector>(collector: Result<C, InvalidConfig>) -> Run<Any> {
        Run::new(collector.map(|collector| Any(Box::new(collector))))
    }
    vec![
        any(CpuCollector::new(config)),
        any(MemoryCollector::new(config)),
        any(PressureCollector::new(config)),
        any(DiskCollector::new(config)),
        any(FilesystemCollector::new(config)),
        any(NetworkCollector::new(config)),
    ]
}

fn files(directory: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn every_key_stands_once_and_is_in_the_names_table() {
    let mut seen = HashSet::new();
    let tree = Tree::new();
    for mut run in all(&tree.config) {
        let reading = run.tick();
        let raw = reading.values().into_iter().map(|(key, _)| key);
        let derived = reading.all_derived(&reading).into_iter().map(|(key, _)| key);
        for key in raw.chain(derived).collect::<Vec<MetricKey>>() {
            assert!(names::find(key.name()).is_some(), "{key} is not in the names table");
            assert!(seen.insert(key.clone()), "{key} stands twice");
        }
    }
}

#[test]
fn every_row_of_the_names_table_has_a_column() {
    let tree = Tree::new();
    let readings: Vec<_> = all(&tree.config).iter_mut().map(Run::tick).collect();
    let columns: HashSet<&str> = readings
        .iter()
        .flat_map(|reading| &reading.frames)
        .flat_map(|frame| frame.schema().columns())
        .map(|column| &*column.metric.name)
        .collect();

    let modules = [
        names::cpu::ROWS,
        names::memory::ROWS,
        names::pressure::ROWS,
        names::disk::ROWS,
        names::filesystem::ROWS,
        names::network::ROWS,
    ];
    for metric in modules.into_iter().flatten() {
        assert!(columns.contains(&*metric.name), "nothing fills {}", metric.name);
    }
}

#[test]
fn files_that_are_empty_are_no_failure() {
    let tree = Tree::new();
    let mut runs = all(&tree.config);
    runs.iter_mut().for_each(|run| drop(run.tick()));

    files(&tree.path("proc")).iter().for_each(|file| fs::write(file, "").unwrap());

    for run in &mut runs {
        let reading = run.tick();
        assert!(reading.result.is_ok(), "{reading:?}");
    }
}

#[test]
fn files_that_vanish_and_return_are_read_again() {
    let tree = Tree::new();
    let mut runs = all(&tree.config);
    runs.iter_mut().for_each(|run| drop(run.tick()));
    let whole: Vec<_> = files(&tree.path("proc")).into_iter().map(|file| (fs::read(&file).unwrap(), file)).collect();

    whole.iter().for_each(|(_, file)| fs::remove_file(file).unwrap());
    runs.iter_mut().for_each(|run| drop(run.tick()));
    whole.iter().for_each(|(text, file)| fs::write(file, text).unwrap());

    for run in &mut runs {
        let reading = run.tick();
        assert!(reading.result.is_ok() && reading.degraded.is_none(), "{reading:?}");
    }
}

#[test]
fn garbage_in_a_file_makes_its_collector_unhealthy_and_names_the_file() {
    let required = [
        "stat",
        "loadavg",
        "uptime",
        "meminfo",
        "vmstat",
        "diskstats",
        "net/dev",
        "net/snmp",
        "net/netstat",
        "net/snmp6",
        "net/sockstat",
        "net/sockstat6",
        "pressure/cpu",
        "pressure/io",
        "pressure/memory",
    ];
    for file in required {
        for garbage in
            ["garbage\n", "garbage 1 2 3 4\nand more of it\nx: 7\ny: 8\n", "a b c d e f g h i\n\0\0\0\n: :\n"]
        {
            let tree = Tree::new();
            tree.write(&format!("proc/{file}"), garbage);

            let reasons: Vec<String> = all(&tree.config).iter_mut().filter_map(|run| run.tick().degraded).collect();

            assert!(reasons.iter().any(|reason| reason.contains(file)), "{file}: {garbage:?}: {reasons:?}");
        }
    }
}

#[test]
fn a_file_without_its_first_line_makes_its_collector_unhealthy() {
    for (file, first) in [("proc/stat", "cpu "), ("proc/meminfo", "MemTotal:")] {
        let tree = Tree::new();
        tree.edit(file, first, "garbage ");

        let reasons: Vec<String> = all(&tree.config).iter_mut().filter_map(|run| run.tick().degraded).collect();

        assert!(reasons.len() == 1 && reasons[0].contains(file), "{reasons:?}");
    }
}

#[test]
fn intervals_out_of_range_are_refused_by_key() {
    let mut config = Config::default();
    config.cpu.frequency_interval_seconds = 0.0;
    config.memory.interval_seconds = -1.0;
    config.network.interval_seconds = f64::NAN;
    config.filesystem.interval_seconds = 1e9;

    for (error, key) in [
        (CpuCollector::new(&config).err(), "collectors.cpu.frequency_interval_seconds"),
        (MemoryCollector::new(&config).err(), "collectors.memory.interval_seconds"),
        (NetworkCollector::new(&config).err(), "collectors.network.interval_seconds"),
        (FilesystemCollector::new(&config).err(), "collectors.filesystem.interval_seconds"),
    ] {
        assert!(error.unwrap().to_string().contains(key), "{key}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_content_of_any_file_panics(bytes: Vec<u8>, cut in 0.0..1.0_f64, at in 0.0..1.0_f64) {
        let mut tree = Tree::new();
        tree.config.filesystem.mountpoints.include = vec!["/".into()];
        let mut runs = all(&tree.config);
        runs.iter_mut().for_each(|run| drop(run.tick()));
        for file in files(&tree.path("proc")) {
            let mut text = fs::read(&file).unwrap();
            text.truncate((text.len() as f64 * cut) as usize);
            let at = (text.len() as f64 * at) as usize;
            text.splice(at..at, bytes.iter().copied());
            fs::write(file, text).unwrap();
        }

        runs.iter_mut().for_each(|run| drop(run.tick()));
    }
}
