//! Whether processes have the same ids in the kernel as here.

use std::{fs, os::unix::fs::MetadataExt};

use crate::InvalidConfig;

/// Returns whether this process is in another namespace of processes than the first one, as in a container. Programs in
/// the kernel speak of ids of the first one, `/proc` speaks of those of its own.
pub(super) fn is_inner() -> bool {
    fs::metadata(OWN).is_ok_and(|file| file.ino() != FIRST)
}

/// Refuses a setting that names a process by its id here, where the kernel knows it by another; 0 names none.
pub(super) fn check(is_inner: bool, key: &'static str, pid: u32) -> Result<(), InvalidConfig> {
    if is_inner && pid != 0 {
        return Err(InvalidConfig::Value { key, value: pid.to_string(), advice: OTHER_IDS });
    }
    Ok(())
}

/// What there is to say where processes have other ids in the kernel than here.
pub(crate) const OTHER_IDS: &str = "ids of processes are those of the host, not those seen here, in another namespace of \
                                    processes; run with that of the host (`--pid=host`)";
const OWN: &str = "/proc/self/ns/pid";
/// By this number every kernel knows the first one.
const FIRST: u64 = 0xEFFF_FFFC;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_cannot_be_chosen_by_an_id_that_the_kernel_does_not_know_it_by() {
        let key = "ebpf.syscalls.pid";

        let refusal = check(true, key, 7).unwrap_err().to_string();

        assert!(refusal.starts_with("ebpf.syscalls.pid = 7 cannot be used: ids of processes are"), "{refusal}");
        assert!(check(true, key, 0).is_ok() && check(false, key, 7).is_ok());
    }
}
