use std::{
    fs,
    time::{Duration, Instant},
};

use observe_core::{Collect, Collector, Frame, Item, MetricKind, ProcessCache, Timestamp, names};

use super::*;
use crate::Config;

fn frames(collector: &mut dyn Collector, second: i64, cache: &ProcessCache) -> Vec<Frame> {
    let now = Timestamp::from_millis(second * 1_000);
    let mut cx = Collect::new(now, Instant::now() + Duration::from_secs(1), cache);
    collector.collect(&mut cx).unwrap();
    let frames = cx.take_items().into_iter().map(|item| match item {
        Item::Frame(frame) => frame,
        other => panic!("not a frame: {other:?}"),
    });
    frames.collect()
}

fn value(frames: &[Frame], key: &str) -> Option<f64> {
    frames.iter().find_map(|frame| {
        frame.subjects().iter().enumerate().find_map(|(slot, subject)| {
            let subject = subject.as_ref()?;
            let is_it =
                |&column: &usize| frame.schema().key(subject, column).is_some_and(|found| found.to_string() == key);
            frame.value(slot, (0..frame.schema().raw_len()).find(is_it)?)
        })
    })
}

#[test]
fn every_column_is_a_row_of_the_names_table() {
    let (config, cache) = (Config::default(), ProcessCache::new());
    let all: Vec<Box<dyn Collector>> = vec![
        Box::new(CpuCollector::new(&config).unwrap()),
        Box::new(MemoryCollector::new(&config).unwrap()),
        Box::new(DiskCollector::new(&config).unwrap()),
        Box::new(FilesystemCollector::new(&config).unwrap()),
        Box::new(NetworkCollector::new(&config).unwrap()),
        Box::new(ProcessCollector::new(&config).unwrap()),
    ];

    for mut collector in all {
        for frame in frames(&mut *collector, 0, &cache) {
            for column in frame.schema().columns() {
                let row = names::find(&column.metric.name).unwrap();
                assert_eq!((row.unit, &row.help), (column.metric.unit, &column.metric.help));
                assert!(row.kind == column.metric.kind || column.metric.kind == MetricKind::Gauge, "{}", row.name);
            }
        }
    }
}

#[test]
fn use_of_processors_is_told_from_the_second_reading_on() {
    let mut collector = CpuCollector::new(&Config::default()).unwrap();

    let first = frames(&mut collector, 0, &ProcessCache::new());
    let second = frames(&mut collector, 1, &ProcessCache::new());

    assert_eq!(value(&first, "cpu.total"), None);
    assert!(value(&second, "cpu.total").is_some_and(|total| (0.0..=100.0).contains(&total)));
    assert!(value(&second, "cpu.core{core=0}").is_some());
    assert!(value(&first, "cpu.count").is_some_and(|count| count >= 1.0));
}

#[test]
fn memory_agrees_with_the_kernel() {
    let mut collector = MemoryCollector::new(&Config::default()).unwrap();

    let frames = frames(&mut collector, 0, &ProcessCache::new());

    let total = value(&frames, "memory.total").unwrap();
    let free = value(&frames, "memory.available").unwrap();
    assert!(fs::read_to_string("/proc/meminfo").unwrap().contains(&format!("{} kB", total / 1024.0)));
    assert!(free > 0.0 && free < total);
}

#[test]
fn the_filters_of_devices_and_interfaces_count_here_too() {
    let mut config = Config::default();
    config.network.interfaces.include = vec!["lo".into()];
    config.disk.devices.exclude = vec!["*".into()];
    let cache = ProcessCache::new();

    let interfaces = frames(&mut NetworkCollector::new(&config).unwrap(), 0, &cache);
    let disks = frames(&mut DiskCollector::new(&config).unwrap(), 0, &cache);

    assert_eq!(interfaces.iter().map(|frame| frame.subjects().iter().flatten().count()).sum::<usize>(), 1);
    assert!(value(&interfaces, "network.bytes_recv{interface=lo}").is_some());
    assert!(disks.is_empty());
}

#[test]
fn at_most_the_set_number_of_processes_has_series_and_a_description() {
    let mut config = Config::default();
    (config.process.max_tracked, config.process.top) = (3, 1);
    let cache = ProcessCache::new();
    let mut collector = ProcessCollector::new(&config).unwrap();

    let frames = frames(&mut collector, 0, &cache);

    let tracked: Vec<u32> = frames
        .iter()
        .filter(|frame| frame.schema().name() == "process")
        .flat_map(|frame| frame.subjects().iter().flatten())
        .map(|subject| subject.attributes.value("pid").unwrap().parse().unwrap())
        .collect();
    assert!((1..=3).contains(&tracked.len()), "{tracked:?}");
    assert!(tracked.iter().all(|&pid| cache.process(pid).is_some()));
    assert!(value(&frames, "processes.count").is_some_and(|count| count >= tracked.len() as f64));
}
