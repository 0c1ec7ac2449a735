//! What any tracer of system calls costs at least.

use crate::kernel::{Kernel, Loaded, Object, Setup, Unavailable};

/// An empty program at every entry and every exit of a system call, until it is dropped: what costs of tracing are
/// compared with.
///
/// # Examples
///
/// ```
/// use observe_core::{KernelBoard, KernelMode};
/// use observe_ebpf::{Floor, Kernel};
///
/// match Floor::attach(&Kernel::new(KernelBoard::new(KernelMode::Live))) {
///     Ok(_floor) => println!("every system call runs two programs that do nothing"),
///     Err(reason) => println!("{reason}: {}", reason.advice()),
/// }
/// ```
#[derive(Debug)]
pub struct Floor {
    _loaded: Loaded,
}

impl Floor {
    /// Attaches the programs.
    ///
    /// # Errors
    ///
    /// Says why the kernel does not take them.
    pub fn attach(kernel: &Kernel) -> Result<Self, Unavailable> {
        let loaded = kernel.trace(&OBJECT, &Setup::default().typeless(&POINTS), &POINTS);
        kernel.settle();
        Ok(Self { _loaded: loaded? })
    }
}

const POINTS: [&str; 2] = ["sys_enter", "sys_exit"];

static OBJECT: Object = Object {
    name: "floor",
    traced: aya::include_bytes_aligned!("../bpf/objects/floor.bpf.o"),
    raw: Some(aya::include_bytes_aligned!("../bpf/objects/floor.raw.bpf.o")),
    needs: "CAP_PERFMON",
};
