//! Devices by name.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use super::pair::{Device, Pair};

/// The devices that have series of their own: the first so many, for good.
#[derive(Debug)]
pub(crate) struct Devices {
    /// `/sys/dev/block`.
    root: PathBuf,
    names: HashMap<Device, String>,
    max: usize,
}

impl Devices {
    pub(crate) fn new(root: impl Into<PathBuf>, max: usize) -> Self {
        Self { root: root.into(), names: HashMap::new(), max }
    }

    /// Returns the pair under which `pair` counts: itself, or that of all devices without series of their own.
    pub(crate) fn track(&mut self, pair: Pair) -> Pair {
        let device = pair.device();
        if device.is_none() {
            return pair.of_others();
        }
        if !self.names.contains_key(&device) {
            if self.names.len() >= self.max {
                return pair.of_others();
            }
            self.names.insert(device, name(&self.root, device));
        }
        pair
    }

    /// Returns the name of a device, whether it has series or not.
    pub(crate) fn name(&self, device: Device) -> String {
        if device.is_none() {
            return OTHER.to_owned();
        }
        self.names.get(&device).cloned().unwrap_or_else(|| name(&self.root, device))
    }
}

/// Reads where `8:0` links to: `../../devices/…/block/sda`.
fn name(root: &Path, Device { major, minor }: Device) -> String {
    let number = format!("{major}:{minor}");
    let target = fs::read_link(root.join(&number)).ok();
    let name = target.as_deref().and_then(Path::file_name);
    // Names with a slash have another sign for it there.
    name.map_or(number, |name| name.to_string_lossy().replace('!', "/"))
}

/// What devices without series of their own are called.
const OTHER: &str = "other";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn pair(major: u32, minor: u32, operation: u8) -> Pair {
        Pair::new(Device { major, minor }, operation)
    }

    fn devices(max: usize) -> (tempfile::TempDir, Devices) {
        let folder = tempfile::tempdir().unwrap();
        symlink("../../devices/pci0000:00/block/sda", folder.path().join("8:0")).unwrap();
        symlink("../../devices/block/cciss!c0d0", folder.path().join("104:0")).unwrap();
        let devices = Devices::new(folder.path(), max);
        (folder, devices)
    }

    #[test]
    fn devices_are_called_by_their_name_or_else_by_their_number() {
        let (_folder, mut devices) = devices(2);
        devices.track(pair(8, 0, 0));

        let name = |major, minor| devices.name(Device { major, minor });

        assert_eq!([name(8, 0), name(104, 0), name(9, 7), name(0, 0)], ["sda", "cciss/c0d0", "9:7", "other"]);
    }

    #[test]
    fn devices_beyond_the_limit_count_together() {
        let (_folder, mut devices) = devices(2);
        let (first, second, third) = (pair(8, 0, 0), pair(8, 16, 1), pair(8, 32, 1));

        assert_eq!([first, second, third].map(|pair| devices.track(pair)), [first, second, third.of_others()]);
        assert_eq!(devices.track(pair(8, 16, 3)), pair(8, 16, 3), "who is in stays in");
        assert_eq!(devices.track(pair(0, 0, 4)), pair(0, 0, 4));
    }
}
