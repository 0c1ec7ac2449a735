use observe_collectors::CpuCollector;
use observe_core::CollectError;

use crate::tree::{Run, Tree};

fn run(tree: &Tree) -> Run<CpuCollector> {
    Run::new(CpuCollector::new(&tree.config))
}

#[test]
fn host_cores_and_load_are_read() {
    let reading = run(&Tree::new()).tick();

    assert_eq!(reading.value("cpu.time{state=user}"), Some(693.09));
    assert_eq!(reading.value("cpu.core_time{core=1,state=iowait}"), Some(9.6));
    assert_eq!(reading.value("cpu.context_switches"), Some(1_346_148.0));
    assert_eq!(reading.value("cpu.softirqs{kind=rcu}"), Some(314_000.0));
    assert_eq!(reading.value("cpu.count"), Some(2.0));
    assert_eq!(reading.value("load.5"), Some(1.55));
    assert_eq!(reading.value("load.threads"), Some(97.0));
    assert_eq!(reading.subjects("core"), ["0", "1"]);
    assert_eq!((reading.degraded, reading.result.is_ok()), (None, true));
}

#[test]
fn shares_follow_from_two_readings() {
    let tree = Tree::new();
    tree.write("proc/stat", "cpu 100 0 100 700 50 0 0 50 0 0\ncpu0 100 0 100 700 50 0 0 50 0 0\nctxt 10\n");
    let mut run = run(&tree);
    let before = run.tick();

    tree.write("proc/stat", "cpu 140 0 120 720 60 0 0 60 0 0\ncpu0 150 0 150 700 50 0 0 50 0 0\nctxt 35\n");
    let after = run.tick();

    let derived = |key| after.derived(&before, key).map(f64::round);
    assert_eq!(derived("cpu.total"), Some(70.0));
    assert_eq!(derived("cpu.user"), Some(40.0));
    assert_eq!(derived("cpu.iowait"), Some(10.0));
    assert_eq!(derived("cpu.steal"), Some(10.0));
    assert_eq!(derived("cpu.core{core=0}"), Some(100.0));
    assert_eq!(derived("cpu.context_switches_per_sec"), Some(25.0));
}

#[test]
fn idle_time_that_steps_back_a_little_is_held() {
    let tree = Tree::new();
    tree.write("proc/stat", "cpu 100 0 100 700 50\n");
    let mut run = run(&tree);
    run.tick();

    tree.write("proc/stat", "cpu 110 0 100 699 49\n");
    let held = run.tick();
    tree.write("proc/stat", "cpu 110 0 100 10 0\n");
    let anew = run.tick();

    assert_eq!(held.value("cpu.time{state=idle}"), Some(7.0));
    assert_eq!(anew.value("cpu.time{state=idle}"), Some(0.1));
}

#[test]
fn cores_go_offline_and_come_back() {
    let tree = Tree::new();
    let mut run = run(&tree);
    run.tick();

    tree.edit("proc/stat", "cpu1", "other");
    let without = run.tick();
    tree.edit("proc/stat", "other", "cpu1");
    let again = run.tick();

    assert_eq!((without.subjects("core"), without.value("cpu.count")), (vec!["0".into()], Some(1.0)));
    assert_eq!(again.subjects("core"), ["0", "1"]);
}

#[test]
fn clocks_come_from_cpuinfo_where_sysfs_has_none_and_not_every_second() {
    let tree = Tree::new();
    let mut run = run(&tree);

    let clocks: Vec<Option<f64>> = (0..11).map(|_| run.tick().value("cpu.frequency")).collect();

    assert_eq!(clocks[0], Some(2598.06));
    assert!(clocks[1..10].iter().all(Option::is_none));
    assert_eq!(clocks[10], Some(2598.06));
}

#[test]
fn clocks_come_from_sysfs_where_it_has_them() {
    let tree = Tree::new();
    for (core, kilohertz) in [(0, "1200000\n"), (1, "2400000\n")] {
        tree.write(&format!("sys/devices/system/cpu/cpu{core}/cpufreq/scaling_cur_freq"), kilohertz);
    }

    let reading = run(&tree).tick();

    assert_eq!(reading.value("cpu.frequency"), Some(1800.0));
    assert_eq!(reading.value("cpu.core_frequency{core=1}"), Some(2400.0));
}

#[test]
fn cores_can_be_left_out() {
    let mut tree = Tree::new();
    tree.config.cpu.per_core = false;

    assert!(run(&tree).tick().subjects("core").is_empty());
}

#[test]
fn an_unreadable_part_degrades_and_the_rest_goes_on() {
    let tree = Tree::new();
    tree.block("proc/loadavg");

    let reading = run(&tree).tick();

    assert!(reading.degraded.as_deref().is_some_and(|reason| reason.contains("loadavg")), "{reading:?}");
    assert_eq!((reading.value("cpu.count"), reading.value("load.1")), (Some(2.0), None));
    assert!(reading.result.is_ok());
}

#[test]
fn garbage_degrades_by_the_name_of_the_file() {
    let tree = Tree::new();
    tree.write("proc/stat", b"cpu a b c\n\xff\xff\xff\n".repeat(100));

    let reading = run(&tree).tick();

    assert!(reading.degraded.as_deref().is_some_and(|reason| reason.contains("proc/stat")), "{reading:?}");
    assert_eq!((reading.value("cpu.time{state=user}"), reading.value("load.1")), (None, Some(1.28)));
}

#[test]
fn a_host_without_the_files_is_unsupported() {
    let tree = Tree::new();
    tree.remove("proc");

    let reading = run(&tree).tick();

    assert!(matches!(reading.result, Err(CollectError::Unsupported(_))));
    assert!(reading.frames.is_empty());
}
