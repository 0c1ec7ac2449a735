use observe_collectors::PressureCollector;
use observe_core::CollectError;

use crate::tree::{Run, Tree};

fn run(tree: &Tree) -> Run<PressureCollector> {
    Run::new(PressureCollector::new(&tree.config))
}

#[test]
fn averages_and_time_are_read_for_each_resource() {
    let tree = Tree::new();
    let mut run = run(&tree);
    let before = run.tick();
    tree.edit("proc/pressure/cpu", "total=141684295", "total=141934295");
    let after = run.tick();

    assert_eq!(before.value("pressure.some_avg300{resource=cpu}"), Some(15.03));
    assert_eq!(before.value("pressure.full_time{resource=io}"), Some(8.845_894));
    assert_eq!(before.subjects("resource"), ["cpu", "io", "memory"]);
    assert_eq!(before.degraded, None, "few kernels have the file of interrupts");
    let share = after.derived(&before, "pressure.some{resource=cpu}").unwrap();
    assert!((share - 25.0).abs() < 1e-6, "{share}");
}

#[test]
fn interrupts_are_read_where_the_kernel_has_them() {
    let tree = Tree::new();
    tree.write("proc/pressure/irq", "full avg10=1.25 avg60=0.00 avg300=0.00 total=7\n");

    let reading = run(&tree).tick();

    assert_eq!(reading.value("pressure.full_avg10{resource=irq}"), Some(1.25));
    assert_eq!(reading.value("pressure.some_avg10{resource=irq}"), None);
}

#[test]
fn one_missing_file_degrades_and_all_missing_are_unsupported() {
    let tree = Tree::new();
    tree.remove("proc/pressure/io");
    let without_io = run(&tree).tick();
    tree.remove("proc/pressure");
    let without_any = run(&tree).tick();

    assert!(without_io.degraded.as_deref().is_some_and(|reason| reason.contains("pressure/io")), "{without_io:?}");
    assert_eq!(without_io.subjects("resource"), ["cpu", "memory"]);
    assert!(matches!(without_any.result, Err(CollectError::Unsupported(_))));
}
