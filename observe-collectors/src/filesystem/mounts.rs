//! The format of `/proc/self/mountinfo`, and which of the mounts count.

use std::{
    collections::HashMap,
    ffi::OsString,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
};

use crate::{
    FilesystemConfig,
    read::Scan,
    text::{Words, lines},
};

/// One mounted filesystem.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Mount {
    /// Major and minor number, as in the file.
    device: Box<[u8]>,
    /// Whether it is the filesystem's root that is mounted, not a directory within.
    is_whole: bool,
    /// Where it is mounted.
    pub(super) point: PathBuf,
    kind: String,
    /// What is mounted: a device's path, a server's name.
    source: Vec<u8>,
}

/// Reads lines such as `27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw`.
pub(super) fn parse(text: &[u8]) -> (Vec<Mount>, Scan) {
    let mut scan = Scan::default();
    let mut mounts = Vec::new();
    for line in lines(text) {
        match mount(line) {
            Some(mount) => {
                mounts.push(mount);
                scan.found += 1;
            }
            None => scan.skipped += 1,
        }
    }
    (mounts, scan)
}

/// Chooses the mounts that are read: visible, wanted, and each device once.
pub(super) fn select(mounts: Vec<Mount>, config: &FilesystemConfig) -> Vec<Mount> {
    // A later mount hides an earlier one at the same place.
    let visible: HashMap<PathBuf, usize> =
        mounts.iter().enumerate().map(|(index, mount)| (mount.point.clone(), index)).collect();
    let mut chosen: Vec<Mount> = Vec::new();
    let mut by_device: HashMap<Box<[u8]>, usize> = HashMap::new();
    for (index, mount) in mounts.into_iter().enumerate() {
        if visible.get(&mount.point) != Some(&index) || !is_wanted(&mount, config) {
            continue;
        }
        match by_device.get(&mount.device).and_then(|&at| chosen.get_mut(at)) {
            Some(other) if mount.rank() < other.rank() => *other = mount,
            Some(_) => {}
            None => {
                by_device.insert(mount.device.clone(), chosen.len());
                chosen.push(mount);
            }
        }
    }
    chosen
}

impl Mount {
    /// Orders mounts of one device: the whole one with the shortest path comes first.
    fn rank(&self) -> (bool, usize) {
        (!self.is_whole, self.point.as_os_str().len())
    }
}

fn mount(line: &[u8]) -> Option<Mount> {
    let mut words = Words::new(line);
    let device = words.nth(2)?;
    let root = words.next()?;
    let point = unescape(words.next()?);
    // Optional fields, of any number, end with a dash.
    words.find(|word| *word == b"-")?;
    let kind = str::from_utf8(words.next()?).ok()?.to_owned();
    let source = unescape(words.next()?);
    let is_absolute = point.starts_with(b"/");
    is_absolute.then(|| Mount {
        device: device.into(),
        is_whole: root == b"/",
        point: PathBuf::from(OsString::from_vec(point)),
        kind,
        source,
    })
}

fn is_wanted(mount: &Mount, config: &FilesystemConfig) -> bool {
    if config.types.excludes(&mount.kind) || !config.mountpoints.accepts(&mount.point.to_string_lossy()) {
        return false;
    }
    if !config.types.include.is_empty() {
        return config.types.includes(&mount.kind);
    }
    mount.source.starts_with(b"/dev/") || POOLS.contains(&&*mount.kind) || mount.point == Path::new("/")
}

/// Turns `\040` into a space, and so on.
fn unescape(word: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((&first, tail)) = rest.split_first() {
        let octal = match tail {
            [high @ b'0'..=b'3', middle @ b'0'..=b'7', low @ b'0'..=b'7', ..] if first == b'\\' => {
                Some((high - b'0') * 64 + (middle - b'0') * 8 + (low - b'0'))
            }
            _ => None,
        };
        plain.push(octal.unwrap_or(first));
        rest = if octal.is_some() { tail.get(3..).unwrap_or_default() } else { tail };
    }
    plain
}

/// Filesystems over several devices, whose source is the name of a pool.
const POOLS: [&str; 2] = ["bcachefs", "zfs"];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::NameFilter;

    fn chosen(text: &str, config: &FilesystemConfig) -> Vec<String> {
        let (mounts, _) = parse(text.as_bytes());
        select(mounts, config).into_iter().map(|mount| mount.point.to_string_lossy().into_owned()).collect()
    }

    const HOST: &str = "\
22 27 0:21 / /proc rw,relatime - proc proc rw
25 24 0:23 / /dev/shm rw,relatime - tmpfs tmpfs rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
30 27 254:16 / /data rw shared:7 master:1 - xfs /dev/vdb rw
31 27 254:16 /sub /srv/deep/sub rw - xfs /dev/vdb rw
32 27 0:40 / /snap/core/1 ro - squashfs /dev/loop0 ro
33 27 0:41 / /tank rw - zfs tank/data rw
34 27 0:42 / /net rw - nfs4 server:/export rw
";

    #[test]
    fn filesystems_on_devices_are_chosen_once_each() {
        assert_eq!(chosen(HOST, &FilesystemConfig::default()), ["/", "/data", "/tank"]);
    }

    #[test]
    fn included_types_replace_the_choice_by_device() {
        let types = NameFilter { include: vec!["nfs*".into(), "tmpfs".into()], exclude: Vec::new() };
        let config = FilesystemConfig { types, ..FilesystemConfig::default() };

        assert_eq!(chosen(HOST, &config), ["/dev/shm", "/net"]);
    }

    #[test]
    fn mount_points_can_be_left_out() {
        let config = FilesystemConfig { mountpoints: NameFilter::excluding(&["/da*"]), ..FilesystemConfig::default() };

        assert_eq!(chosen(HOST, &config), ["/", "/srv/deep/sub", "/tank"]);
    }

    #[test]
    fn the_root_is_read_whatever_its_type() {
        let container = "1 0 0:50 / / rw - overlay overlay rw,lowerdir=/x\n2 1 0:51 / /tmp rw - tmpfs tmpfs rw\n";

        assert_eq!(chosen(container, &FilesystemConfig::default()), ["/"]);
    }

    #[test]
    fn a_later_mount_hides_an_earlier_one_at_the_same_place() {
        let stacked = "1 0 8:1 / /mnt rw - ext4 /dev/sda1 rw\n2 1 0:9 / /mnt rw - tmpfs tmpfs rw\n";

        assert!(chosen(stacked, &FilesystemConfig::default()).is_empty());
    }

    #[test]
    fn the_whole_filesystem_with_the_shortest_path_stands_for_its_device() {
        let bound = "1 0 8:1 /a /b rw - ext4 /dev/sda1 rw\n2 0 8:1 / /long/path rw - ext4 /dev/sda1 rw\n3 0 8:1 / /mnt rw - ext4 /dev/sda1 rw\n";

        assert_eq!(chosen(bound, &FilesystemConfig::default()), ["/mnt"]);
    }

    #[test]
    fn escaped_characters_are_decoded() {
        assert_eq!(unescape(br"/my\040disk\011\134x"), b"/my disk\t\\x");
        assert_eq!(unescape(br"/a\9\04\400\"), br"/a\9\04\400\");
    }

    #[test]
    fn lines_without_sense_are_counted_and_the_others_read() {
        let (mounts, scan) = parse(b"\n1 2 3\n1 0 8:1 / /x rw ext4 /dev/sda rw\n1 0 8:1 / x rw - ext4 /dev/sda rw\n1 0 8:1 / /x rw - \xff /dev/sda rw\n1 0 8:1 / /\xff rw - ext4 /dev/sda rw\n");

        assert_eq!(mounts.len(), 1);
        assert_eq!(scan, Scan { found: 1, skipped: 5 });
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let (mounts, _) = parse(&bytes);
            select(mounts, &FilesystemConfig::default());
            unescape(&bytes);
        }

        #[test]
        fn no_damaged_line_panics(damage: u8, at in 0..HOST.len()) {
            let mut text = HOST.as_bytes().to_vec();
            text[at] = damage;

            let (mounts, _) = parse(&text);
            select(mounts, &FilesystemConfig::default());
        }
    }
}
