use observe_collectors::{DiskCollector, NameFilter};
use observe_core::CollectError;

use crate::tree::{Run, Tree};

fn run(tree: &Tree) -> Run<DiskCollector> {
    Run::new(DiskCollector::new(&tree.config))
}

const VDA: &str = " 254 0 vda 100 0 8 500 50 0 4 400 0 1000 900\n 254 1 vda1 10 0 8 0 5 0 4 0 0 0 0\n";

#[test]
fn whole_devices_are_read_and_loops_left_out() {
    let reading = run(&Tree::new()).tick();

    assert_eq!(reading.subjects("device"), ["vda"]);
    assert_eq!(reading.value("disk.read_bytes{device=vda}"), Some(13_173_538.0 * 512.0));
    assert_eq!(reading.value("disk.write_time{device=vda}"), Some(26.732));
    assert_eq!(reading.value("disk.flushes{device=vda}"), Some(1012.0));
    assert_eq!((reading.degraded, reading.result.is_ok()), (None, true));
}

#[test]
fn rates_latency_and_queue_follow_from_two_readings() {
    let tree = Tree::new();
    tree.write("proc/diskstats", VDA);
    let mut run = run(&tree);
    let before = run.tick();

    tree.write("proc/diskstats", " 254 0 vda 110 0 28 540 50 0 4 400 0 1250 2900\n");
    let after = run.tick();

    let derived = |key| after.derived(&before, key).map(|value| (value * 1e6).round() / 1e6);
    assert_eq!(derived("disk.read_bytes_per_sec{device=vda}"), Some(10240.0));
    assert_eq!(derived("disk.reads_per_sec{device=vda}"), Some(10.0));
    assert_eq!(derived("disk.read_latency{device=vda}"), Some(4.0));
    assert_eq!(derived("disk.write_latency{device=vda}"), None, "nothing was written");
    assert_eq!(derived("disk.utilization{device=vda}"), Some(25.0));
    assert_eq!(derived("disk.queue_length{device=vda}"), Some(2.0));
    assert_eq!(after.value("disk.flushes{device=vda}"), None, "old kernels do not count them");
}

#[test]
fn partitions_are_read_on_demand() {
    let mut tree = Tree::new();
    tree.write("proc/diskstats", VDA);
    let without = run(&tree).tick();
    tree.config.disk.partitions = true;
    let with = run(&tree).tick();

    assert_eq!(without.subjects("device"), ["vda"]);
    assert_eq!(with.subjects("device"), ["vda", "vda1"]);
}

#[test]
fn names_tell_partitions_where_sysfs_is_hidden() {
    let tree = Tree::new();
    tree.write("proc/diskstats", VDA);
    tree.remove("sys");

    assert_eq!(run(&tree).tick().subjects("device"), ["vda"]);
}

#[test]
fn the_filter_decides() {
    let mut tree = Tree::new();
    tree.config.disk.devices = NameFilter { include: vec!["zram*".into(), "loop7".into()], exclude: Vec::new() };

    assert_eq!(run(&tree).tick().subjects("device"), ["loop7", "zram0"]);
}

#[test]
fn devices_vanish_and_others_take_their_lines() {
    let tree = Tree::new();
    tree.write("proc/diskstats", VDA);
    let mut run = run(&tree);
    run.tick();

    tree.write("proc/diskstats", " 7 0 loop0 1 0 8 500 50 0 4 400 0 1000 900\n");
    let gone = run.tick();
    let later = run.tick();
    tree.write("proc/diskstats", VDA);
    let back = run.tick();

    assert!(gone.frames.len() == 1 && gone.subjects("device").is_empty(), "the last frame says that it left");
    assert!(later.frames.is_empty());
    assert_eq!(back.subjects("device"), ["vda"]);
}

#[test]
fn a_host_without_block_devices_is_fine_but_one_without_the_file_is_unsupported() {
    let tree = Tree::new();
    tree.write("proc/diskstats", "");
    let empty = run(&tree).tick();
    tree.remove("proc/diskstats");
    let missing = run(&tree).tick();

    assert_eq!((empty.degraded, empty.result.is_ok()), (None, true));
    assert!(matches!(missing.result, Err(CollectError::Unsupported(_))));
}
