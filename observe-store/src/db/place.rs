//! Where a file is, and whether it still is there.

use std::{
    fs::{self, Metadata},
    io,
    path::{Path, PathBuf},
};

use observe_core::StoreError;

use super::{Access, Label};

/// Which file it is, whatever its name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Identity(u64, u64);

impl Identity {
    /// Returns which file has a path.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        fs::metadata(path).map(|metadata| Self::of(&metadata))
    }

    /// Returns which file it is. Never opens one: closing any descriptor of a database takes away the locks that SQLite
    /// has on it in this process.
    #[cfg(unix)]
    pub(super) fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;

        Self(metadata.dev(), metadata.ino())
    }

    /// Returns the same for all files: here nobody can remove one that is open.
    #[cfg(not(unix))]
    pub(super) const fn of(_: &Metadata) -> Self {
        Self(0, 0)
    }
}

/// Refuses paths at which there is no database and none can be made. Returns whether there is a file.
pub(super) fn check(label: &Label, path: &Path, access: Access) -> Result<bool, StoreError> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Err(label.refused("it is a directory: name a file in it")),
        Ok(metadata) if access == Access::Write && names(&metadata) > 1 => Err(label.refused(format!(
            "the file has {} names (hard links), and its WAL would lie beside one of them: remove the others, or copy it",
            names(&metadata)
        ))),
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => missing(label, path, access),
        Err(error) => Err(label.refused(format!("the file cannot be opened: {error}"))),
    }
}

fn missing(label: &Label, path: &Path, access: Access) -> Result<bool, StoreError> {
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    if let Some(directory) = directory.filter(|directory| !directory.exists()) {
        return Err(label.refused(format!("there is no directory {}: make it, or name another", directory.display())));
    }
    match access {
        Access::Read => Err(label.refused(format!("there is no file {}", path.display()))),
        Access::Write => Ok(false),
    }
}

#[cfg(unix)]
fn names(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::nlink(metadata)
}

#[cfg(not(unix))]
const fn names(_: &Metadata) -> u64 {
    1
}

/// Returns whether a part of a database is in its WAL.
pub(super) fn has_wal(database: &Path) -> bool {
    fs::metadata(beside(database, "-wal")).is_ok_and(|metadata| metadata.len() > 0)
}

/// The same path for every name that a database has.
pub(super) fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut path = fs::canonicalize(database).unwrap_or_else(|_| database.to_owned()).into_os_string();
    path.push(suffix);
    path.into()
}
