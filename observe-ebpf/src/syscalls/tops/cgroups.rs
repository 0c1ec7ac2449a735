//! What control groups are called whose ids the kernel tells.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    fs,
    os::unix::fs::{DirEntryExt, MetadataExt},
    path::{Path, PathBuf},
    sync::Arc,
};

/// The paths of control groups by id, which is the inode of their directory in the hierarchy of version 2.
#[derive(Debug)]
pub(super) struct Cgroups {
    mounts: PathBuf,
    paths: HashMap<u64, Arc<str>>,
    /// Those that the last walk did not find: nobody walks for them again.
    absent: HashSet<u64>,
}

impl Cgroups {
    /// Makes an empty memory; `mounts` is `/proc/self/mountinfo`.
    pub(super) fn new(mounts: impl Into<PathBuf>) -> Self {
        Self { mounts: mounts.into(), paths: HashMap::new(), absent: HashSet::new() }
    }

    /// Makes sure that the paths of `ids` are known, where they can be; walks over all groups if one is new.
    pub(super) fn learn(&mut self, ids: impl Iterator<Item = u64> + Clone) {
        if ids.clone().all(|id| self.paths.contains_key(&id) || self.absent.contains(&id)) {
            return;
        }
        let mounts = fs::read_to_string(&self.mounts).unwrap_or_default();
        self.paths = mount_point(&mounts).map(walk).unwrap_or_default();
        self.absent = ids.filter(|id| !self.paths.contains_key(id)).collect();
    }

    /// Returns the path of a group below the mount: `/system.slice/cron.service`.
    pub(super) fn path(&self, id: u64) -> Option<Arc<str>> {
        self.paths.get(&id).cloned()
    }
}

/// Finds where control groups of version 2 are mounted, the whole of them if that can be had.
fn mount_point(mounts: &str) -> Option<&Path> {
    let mounts = mounts.lines().filter_map(|line| {
        let (place, kind) = line.split_once(" - ")?;
        let mut fields = place.split(' ').skip(3);
        let (root, point) = (fields.next()?, fields.next()?);
        kind.starts_with("cgroup2 ").then_some((root, Path::new(point)))
    });
    mounts.min_by_key(|(root, _)| *root != "/").map(|(_, point)| point)
}

/// Visits every group, level by level, and returns their paths by id.
fn walk(mount: &Path) -> HashMap<u64, Arc<str>> {
    let mut paths = HashMap::new();
    if let Ok(top) = fs::metadata(mount) {
        paths.insert(top.ino(), "/".into());
    }
    let mut queue = VecDeque::from([String::new()]);
    while let Some(parent) = queue.pop_front() {
        // A directory that vanished or may not be read has no groups.
        let Ok(entries) = fs::read_dir(mount.join(parent.trim_start_matches('/'))) else { continue };
        for entry in entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
            if paths.len() >= MAX_GROUPS {
                return paths;
            }
            let path = format!("{parent}/{}", entry.file_name().to_string_lossy());
            paths.insert(entry.ino(), path.as_str().into());
            queue.push_back(path);
        }
    }
    paths
}

/// The most groups that are known by name; those further down have none.
const MAX_GROUPS: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes a hierarchy of two groups, and a file that says where it is mounted.
    fn hierarchy() -> (tempfile::TempDir, Cgroups) {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("groups/system.slice/cron.service")).unwrap();
        fs::write(folder.path().join("groups/cgroup.procs"), "1").unwrap();
        let line = format!("30 20 0:26 / {}/groups rw,nosuid - cgroup2 cgroup2 rw\n", folder.path().display());
        fs::write(folder.path().join("mountinfo"), line).unwrap();
        let cgroups = Cgroups::new(folder.path().join("mountinfo"));
        (folder, cgroups)
    }

    fn id(folder: &tempfile::TempDir, path: &str) -> u64 {
        fs::metadata(folder.path().join("groups").join(path)).unwrap().ino()
    }

    #[test]
    fn groups_are_called_by_their_paths_below_the_mount() {
        let (folder, mut cgroups) = hierarchy();
        let ids = ["", "system.slice", "system.slice/cron.service"].map(|path| id(&folder, path));

        cgroups.learn(ids.into_iter());

        let paths = ids.map(|id| cgroups.path(id).unwrap().to_string());
        assert_eq!(paths, ["/", "/system.slice", "/system.slice/cron.service"]);
    }

    #[test]
    fn a_new_group_is_looked_for_and_one_that_is_not_there_only_once() {
        let (folder, mut cgroups) = hierarchy();
        let known = id(&folder, "system.slice");
        cgroups.learn([known, u64::MAX].into_iter());
        assert_eq!((cgroups.path(u64::MAX), cgroups.absent.len()), (None, 1));

        fs::create_dir(folder.path().join("groups/new")).unwrap();
        let new = id(&folder, "new");
        cgroups.learn([known, u64::MAX].into_iter());
        assert_eq!(cgroups.path(new), None, "nobody asked for it");
        cgroups.learn([new].into_iter());

        assert_eq!(cgroups.path(new).as_deref(), Some("/new"));
        assert!(cgroups.absent.is_empty());
    }

    #[test]
    fn the_whole_hierarchy_is_preferred_to_a_part_and_other_filesystems_do_not_count() {
        let mounts = "25 20 0:22 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n\
            26 25 0:23 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
            27 25 0:24 /pod /mnt/pod rw - cgroup2 cgroup2 rw\n\
            28 25 0:24 / /sys/fs/cgroup/unified rw shared:9 - cgroup2 cgroup2 rw\n\
            broken\n";

        assert_eq!(mount_point(mounts), Some(Path::new("/sys/fs/cgroup/unified")));
        assert_eq!(mount_point(""), None);
    }

    #[test]
    fn without_a_hierarchy_no_group_has_a_name() {
        let mut cgroups = Cgroups::new("/no/such/file");

        cgroups.learn([1].into_iter());

        assert_eq!(cgroups.path(1), None);
    }
}
