//! What this process takes of the machine.

use std::fs;

/// Returns how many bytes this process had the system write to disks.
pub(crate) fn written_bytes() -> u64 {
    field("/proc/self/io", "write_bytes:")
}

/// Returns the resident memory in KiB.
pub(crate) fn resident_kib() -> u64 {
    field("/proc/self/status", "VmRSS:")
}

/// Returns the most resident memory in KiB since [`forget_peak`].
pub(crate) fn peak_kib() -> u64 {
    field("/proc/self/status", "VmHWM:")
}

/// Makes the present resident memory the most that there was.
pub(crate) fn forget_peak() {
    fs::write("/proc/self/clear_refs", "5").unwrap();
}

fn field(path: &str, name: &str) -> u64 {
    let text = fs::read_to_string(path).unwrap();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
