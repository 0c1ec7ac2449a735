//! Which control groups there are.

use std::{
    collections::{BTreeSet, VecDeque},
    fs,
    path::Path,
};

use super::{identity, layout::Layout};

/// The groups that were found, those to read first.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Found {
    /// Paths of containers, `/` first.
    pub(super) containers: Vec<String>,
    /// Paths of all other groups.
    pub(super) others: Vec<String>,
    /// Groups that were found beyond the limit.
    pub(super) surplus: usize,
}

/// Walks over the hierarchies, at most [`MAX_DEPTH`] deep, and chooses at most `limit` groups: containers before
/// others, and those further up before those further down.
pub(super) fn find(layout: &Layout, limit: usize, accepts: impl Fn(&str) -> bool) -> Found {
    let mut seen = BTreeSet::new();
    let mut found = Found::default();
    for root in &layout.roots {
        walk(root, |path| {
            if seen.contains(path) || !accepts(path) {
                return;
            }
            seen.insert(path.to_owned());
            let list = if identity::container(path).is_some() { &mut found.containers } else { &mut found.others };
            list.push(path.to_owned());
        });
    }
    if layout.has_root_group && accepts("/") {
        found.others.insert(0, "/".to_owned());
    }
    let count = found.containers.len() + found.others.len();
    found.containers.truncate(limit);
    found.others.truncate(limit - found.containers.len());
    found.surplus = count - found.containers.len() - found.others.len();
    found
}

/// Calls `visit` with the path of every group under `root`, level by level.
fn walk(root: &Path, mut visit: impl FnMut(&str)) {
    let mut queue = VecDeque::from([(String::new(), 0)]);
    let mut visited = 0;
    while let Some((parent, depth)) = queue.pop_front() {
        // A directory that vanished or may not be read has no groups.
        let Ok(entries) = fs::read_dir(root.join(parent.trim_start_matches('/'))) else { continue };
        let directories = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let mut names: Vec<String> = directories.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort_unstable();
        for name in names {
            visited += 1;
            if visited > MAX_VISITED {
                return;
            }
            let path = format!("{parent}/{name}");
            visit(&path);
            if depth + 1 < MAX_DEPTH {
                queue.push_back((path, depth + 1));
            }
        }
    }
}

/// How deep groups are looked for; Kubernetes has containers four deep.
const MAX_DEPTH: usize = 6;
/// The most groups that one walk looks at.
const MAX_VISITED: usize = 4096;
