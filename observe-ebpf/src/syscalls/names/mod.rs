//! What system calls are called, and which of them wait by their nature.

#[cfg(any(test, not(target_arch = "x86_64")))]
mod aarch64;
mod shared;
#[cfg(any(test, target_arch = "x86_64"))]
mod x86_64;

use std::borrow::Cow;

#[cfg(not(target_arch = "x86_64"))]
use aarch64 as own;
#[cfg(target_arch = "x86_64")]
use x86_64 as own;

/// The most calls that are told apart. The last place is free, the two before it are no numbers.
pub(crate) const PLACES: usize = 512;
/// The place of calls whose number is out of range.
pub(crate) const UNKNOWN: usize = PLACES - 2;
/// The place of calls of 32-bit programs, whose numbers mean something else.
pub(crate) const COMPAT: usize = PLACES - 3;

/// Returns the name of the call with this number on this machine.
pub(crate) fn name(number: usize) -> Cow<'static, str> {
    match find(own::NAMES, number) {
        Some(name) if !name.is_empty() => Cow::Borrowed(name),
        _ if number == COMPAT => Cow::Borrowed("compat"),
        _ if number == UNKNOWN => Cow::Borrowed("unknown"),
        _ => Cow::Owned(format!("syscall_{number}")),
    }
}

/// Returns the number of the call with this name on this machine.
pub(crate) fn number(name: &str) -> Option<usize> {
    (0..PLACES).find(|number| find(own::NAMES, *number) == Some(name))
}

/// Returns the name of a call, by the numbers that one architecture has for itself and those that all share.
fn find(own: &[&'static str], number: usize) -> Option<&'static str> {
    let shared = number.checked_sub(FIRST_SHARED);
    shared.map_or_else(|| own.get(number), |number| shared::NAMES.get(number)).copied()
}

/// Returns one bit for each call that works rather than waits, so that a slow one says something.
pub(crate) fn told() -> [u64; PLACES / 64] {
    let mut bits = [0; PLACES / 64];
    for number in (0..PLACES).filter(|number| WORKING.contains(&&*name(*number))) {
        bits[number / 64] |= 1 << (number % 64);
    }
    bits
}

/// Calls were numbered anew for each architecture up to here.
const FIRST_SHARED: usize = 424;

/// Calls that do something with files, memory or processes. Those that wait for others, such as `futex` or
/// `epoll_wait`, and those that do on some descriptors, such as `read`, are not among them.
const WORKING: &[&str] = &[
    "access",
    "brk",
    "chmod",
    "chown",
    "clone",
    "clone3",
    "close",
    "copy_file_range",
    "creat",
    "execve",
    "execveat",
    "faccessat",
    "faccessat2",
    "fallocate",
    "fchmod",
    "fchmodat",
    "fchown",
    "fchownat",
    "fdatasync",
    "fork",
    "fstat",
    "fsync",
    "ftruncate",
    "getdents",
    "getdents64",
    "link",
    "linkat",
    "lstat",
    "madvise",
    "mkdir",
    "mkdirat",
    "mmap",
    "mount",
    "mprotect",
    "mremap",
    "msync",
    "munmap",
    "newfstatat",
    "open",
    "openat",
    "openat2",
    "pread64",
    "preadv",
    "pwrite64",
    "pwritev",
    "readlink",
    "readlinkat",
    "rename",
    "renameat",
    "renameat2",
    "rmdir",
    "sendfile",
    "stat",
    "statfs",
    "statx",
    "symlink",
    "symlinkat",
    "sync",
    "sync_file_range",
    "syncfs",
    "truncate",
    "umount2",
    "unlink",
    "unlinkat",
    "unshare",
    "vfork",
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Returns the names of one architecture by number, those included that all share.
    fn whole(own: &[&'static str]) -> Vec<&'static str> {
        (0..FIRST_SHARED + shared::NAMES.len()).map(|number| find(own, number).unwrap_or_default()).collect()
    }

    #[test]
    fn both_tables_have_the_numbers_that_everybody_knows() {
        let number = |table: &[&str], name: &str| table.iter().position(|other| *other == name);

        assert_eq!([number(x86_64::NAMES, "read"), number(x86_64::NAMES, "getppid")], [Some(0), Some(110)]);
        assert_eq!([number(aarch64::NAMES, "read"), number(aarch64::NAMES, "getppid")], [Some(63), Some(173)]);
        assert_eq!([number(aarch64::NAMES, "openat"), number(x86_64::NAMES, "openat")], [Some(56), Some(257)]);
        assert_eq!(name(435), "clone3");
    }

    #[test]
    fn no_name_stands_twice_and_all_fit() {
        for own in [x86_64::NAMES, aarch64::NAMES] {
            let table = whole(own);
            let names: Vec<_> = table.iter().filter(|name| !name.is_empty()).collect();

            assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
            assert!(own.len() <= FIRST_SHARED && table.len() < COMPAT);
        }
    }

    #[test]
    fn calls_without_a_name_are_called_by_their_number() {
        assert_eq!(name(500), "syscall_500");
        assert_eq!(name(COMPAT), "compat");
        assert_eq!(name(UNKNOWN), "unknown");
    }

    #[test]
    fn a_call_that_waits_is_never_slow() {
        let told = told();
        let is_told = |name: &str| {
            let number = number(name).unwrap();
            told[number / 64] >> (number % 64) & 1 == 1
        };

        assert!(is_told("fsync") && is_told("openat") && !is_told("futex") && !is_told("read"));
    }

    #[test]
    fn every_working_call_exists_somewhere() {
        let tables = [x86_64::NAMES, aarch64::NAMES].map(whole);
        for name in WORKING {
            assert!(tables.iter().any(|table| table.contains(name)), "{name}");
        }
    }
}
