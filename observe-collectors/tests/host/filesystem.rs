use std::fs;

use observe_collectors::FilesystemCollector;
use observe_core::CollectError;

use crate::tree::{Run, Tree};

fn run(tree: &Tree) -> Run<FilesystemCollector> {
    Run::new(FilesystemCollector::new(&tree.config))
}

#[test]
fn space_and_inodes_agree_with_each_other() {
    let reading = run(&Tree::new()).tick();

    let value = |name: &str| reading.value(&format!("{name}{{mountpoint=/}}")).unwrap();
    let derived = |name: &str| reading.derived(&reading, &format!("{name}{{mountpoint=/}}")).unwrap();
    assert_eq!(reading.subjects("mountpoint"), ["/"]);
    assert!(value("disk.total") >= value("disk.used") + value("disk.free"));
    let percent = 100.0 * value("disk.used") / (value("disk.used") + value("disk.free"));
    assert!((derived("disk.percent") - percent).abs() < 1e-9);
    assert!(derived("disk.reserved") >= 0.0);
    assert!([0.0, 1.0].contains(&value("disk.read_only")));
}

#[test]
fn mount_points_with_odd_names_come_and_go() {
    let tree = Tree::new();
    let point = tree.path("my disk");
    fs::create_dir(&point).unwrap();
    let escaped = point.to_str().unwrap().replace(' ', "\\040");
    let mut run = run(&tree);
    run.tick();

    tree.edit("proc/self/mountinfo", "22 27", &format!("99 27 8:1 / {escaped} rw - ext4 /dev/sda1 rw\n22 27"));
    let mounted = run.tick();
    fs::remove_dir(&point).unwrap();
    let vanished = run.tick();

    assert_eq!(mounted.subjects("mountpoint"), ["/", point.to_str().unwrap()]);
    assert_eq!(vanished.subjects("mountpoint"), ["/"]);
    assert_eq!(vanished.degraded, None, "a mount that ended between two looks is normal");
}

#[test]
fn a_mount_point_that_cannot_be_asked_degrades_and_the_others_go_on() {
    let tree = Tree::new();
    tree.write("file", "");
    let below_a_file = tree.path("file/x");
    let line = format!("99 27 8:1 / {} rw - ext4 /dev/sda1 rw\n22 27", below_a_file.display());
    tree.edit("proc/self/mountinfo", "22 27", &line);

    let reading = run(&tree).tick();

    assert!(reading.degraded.as_deref().is_some_and(|reason| reason.contains("file/x")), "{reading:?}");
    assert_eq!(reading.subjects("mountpoint"), ["/"]);
}

#[test]
fn lines_without_sense_keep_the_collector_degraded_while_they_stand() {
    let tree = Tree::new();
    tree.edit("proc/self/mountinfo", "22 27", "garbage\n22 27");
    let mut run = run(&tree);

    let (first, second) = (run.tick(), run.tick());
    tree.edit("proc/self/mountinfo", "garbage\n", "");
    let third = run.tick();

    assert!(first.degraded.is_some() && second.degraded.is_some());
    assert_eq!(third.degraded, None);
}

#[test]
fn a_mount_point_too_long_for_an_attribute_is_left_out() {
    let tree = Tree::new();
    let line = format!("99 27 8:1 / /{} rw - ext4 /dev/sda1 rw\n22 27", "x".repeat(2000));
    tree.edit("proc/self/mountinfo", "22 27", &line);

    let reading = run(&tree).tick();

    assert!(reading.degraded.is_some());
    assert_eq!(reading.subjects("mountpoint"), ["/"]);
}

#[test]
fn a_host_without_the_file_is_unsupported() {
    let tree = Tree::new();
    tree.remove("proc/self");

    assert!(matches!(run(&tree).tick().result, Err(CollectError::Unsupported(_))));
}
