//! Kernels that lack something.

use std::env;

use observe_core::{KernelBoard, KernelMode};

use super::{Kernel, Object, Setup, Unavailable, testing::or_skip};

static EXEC: Object = Object {
    name: "exec",
    traced: aya::include_bytes_aligned!("../../bpf/objects/exec.bpf.o"),
    raw: Some(aya::include_bytes_aligned!("../../bpf/objects/exec.raw.bpf.o")),
    needs: "CAP_PERFMON",
};

#[test]
fn without_types_nothing_reads_the_kernels_fields() {
    let kernel = Kernel::without_types(KernelBoard::new(KernelMode::Live));

    let outcome = kernel.trace(&EXEC, &Setup::default(), &["sched_process_fork"]);

    match outcome {
        Err(Unavailable::NoBtf) => {}
        Err(Unavailable::Capability(_)) if env::var_os("OBSERVE_EBPF_REQUIRE").is_none() => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn without_types_what_reads_no_field_works_all_the_same() {
    let kernel = Kernel::without_types(KernelBoard::new(KernelMode::Live));

    or_skip("Floor", crate::Floor::attach(&kernel));
}
