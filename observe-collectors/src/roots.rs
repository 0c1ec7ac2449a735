//! Where the kernel's file trees are mounted.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The roots under which collectors look for the kernel's files.
///
/// In a container that watches its host, these are where the host's trees are mounted; in tests, fixture trees.
/// Interfaces and mounts stay those of the namespaces in which the reader runs.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Roots {
    /// Where procfs is mounted.
    pub proc: PathBuf,
    /// Where sysfs is mounted.
    pub sys: PathBuf,
}

impl Roots {
    /// Returns the path of a file in procfs.
    #[must_use]
    pub fn proc(&self, path: impl AsRef<Path>) -> PathBuf {
        self.proc.join(path)
    }

    /// Returns the path of a file in sysfs.
    #[must_use]
    pub fn sys(&self, path: impl AsRef<Path>) -> PathBuf {
        self.sys.join(path)
    }
}

impl Default for Roots {
    fn default() -> Self {
        Self { proc: PathBuf::from("/proc"), sys: PathBuf::from("/sys") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_those_of_the_running_system_unless_set() {
        let roots = Roots::default();

        assert_eq!(roots.proc("stat"), PathBuf::from("/proc/stat"));
        assert_eq!(roots.sys("block"), PathBuf::from("/sys/block"));
    }
}
