use observe_collectors::MemoryCollector;
use observe_core::CollectError;

use crate::tree::{Run, Tree};

fn run(tree: &Tree) -> Run<MemoryCollector> {
    Run::new(MemoryCollector::new(&tree.config))
}

#[test]
fn sizes_are_in_bytes_and_use_follows() {
    let reading = run(&Tree::new()).tick();

    let (total, available) = (24_684_092.0 * 1024.0, 23_538_024.0 * 1024.0);
    assert_eq!(reading.value("memory.total"), Some(total));
    assert_eq!(reading.value("memory.huge_pages_total"), Some(0.0));
    assert_eq!(reading.value("vm.pgfault"), Some(35_341_963.0));
    assert_eq!(reading.value("vm.pgpgin"), Some(6_586_769.0 * 1024.0));
    assert_eq!(reading.value("vm.nr_dirty_threshold"), Some(1_175_683.0 * rustix::param::page_size() as f64));
    assert_eq!(reading.derived(&reading, "memory.used"), Some(total - available));
    assert_eq!(reading.derived(&reading, "memory.percent"), Some(100.0 * (total - available) / total));
    assert_eq!((reading.degraded, reading.result.is_ok()), (None, true));
}

#[test]
fn swap_has_a_share_only_where_there_is_swap() {
    let tree = Tree::new();
    let mut run = run(&tree);
    let without = run.tick();

    tree.edit("proc/meminfo", "SwapTotal:             0 kB", "SwapTotal:           400 kB");
    tree.edit("proc/meminfo", "SwapFree:              0 kB", "SwapFree:            300 kB");
    let with = run.tick();

    assert_eq!((without.value("swap.total"), without.derived(&without, "swap.percent")), (Some(0.0), None));
    assert_eq!(with.derived(&with, "swap.percent"), Some(25.0));
}

#[test]
fn rates_follow_from_two_readings_and_are_absent_after_a_reset() {
    let tree = Tree::new();
    let mut run = run(&tree);
    let before = run.tick();

    tree.edit("proc/vmstat", "pgfault 35341963", "pgfault 35341993");
    let after = run.tick();
    tree.edit("proc/vmstat", "pgfault 35341993", "pgfault 5");
    let reset = run.tick();

    assert_eq!(after.derived(&before, "vm.pgfault_per_sec"), Some(30.0));
    assert_eq!(reset.derived(&after, "vm.pgfault_per_sec"), None);
}

#[test]
fn a_missing_vmstat_degrades_and_the_rest_goes_on() {
    let tree = Tree::new();
    tree.remove("proc/vmstat");

    let reading = run(&tree).tick();

    assert!(reading.degraded.as_deref().is_some_and(|reason| reason.contains("vmstat")), "{reading:?}");
    assert!(reading.value("memory.free").is_some());
}

#[test]
fn lines_that_come_and_go_are_normal() {
    let tree = Tree::new();
    let mut run = run(&tree);
    run.tick();

    tree.edit("proc/meminfo", "Buffers", "Unheard:  7 kB\nBuffers");
    tree.edit("proc/meminfo", "Mapped", "Unmapped");
    let reading = run.tick();

    assert_eq!(reading.value("memory.buffers"), Some(8752.0 * 1024.0));
    assert_eq!((reading.value("memory.mapped"), reading.degraded), (None, None));
}

#[test]
fn a_host_without_the_files_is_unsupported() {
    let tree = Tree::new();
    tree.remove("proc");

    assert!(matches!(run(&tree).tick().result, Err(CollectError::Unsupported(_))));
}
