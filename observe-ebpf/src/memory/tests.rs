//! What the tests of the whole crate do not reach.

use std::{env, process::Command};

use observe_core::{KernelBoard, KernelMode};

use super::programs::{Memory, OBJECT};
use crate::{config::MemoryConfig, kernel::Kernel};

#[test]
fn raw_tracepoints_count_the_same() {
    let kernel = Kernel::new(KernelBoard::new(KernelMode::Live));
    let mut feature = Memory::new(&MemoryConfig { page_faults: true, ..MemoryConfig::default() }).unwrap();
    let programs = match feature.load_object(&kernel, &OBJECT.twin()) {
        Ok(programs) => programs,
        Err(reason) => {
            assert!(env::var_os("OBSERVE_EBPF_REQUIRE").is_none(), "the kernel must be traced here: {reason}");
            eprintln!("SKIPPED: memory: {reason}");
            return;
        }
    };

    Command::new("/bin/true").status().unwrap();
    let counted = feature.count(&programs);

    assert!(counted.faults.is_none_or(|faults| faults.iter().all(|count| *count > 0)), "{counted:?}");
}
