//! What the tests of the whole crate do not reach.

use std::process::Command;

use observe_core::{KernelBoard, KernelMode};

use super::programs::{Memory, OBJECT};
use crate::{
    config::MemoryConfig,
    kernel::{Kernel, testing::or_skip},
};

#[test]
fn raw_tracepoints_count_the_same() {
    let kernel = Kernel::new(KernelBoard::new(KernelMode::Live));
    let mut feature = Memory::new(&MemoryConfig { page_faults: true, ..MemoryConfig::default() }).unwrap();
    let Some(programs) = or_skip("memory", feature.load_object(&kernel, &OBJECT.twin())) else { return };

    Command::new("/bin/true").status().unwrap();
    let counted = feature.count(&programs);

    assert!(counted.faults.is_none_or(|faults| faults.iter().all(|count| *count > 0)), "{counted:?}");
}
