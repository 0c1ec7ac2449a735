//! The directories of processes in procfs.

use std::{
    fmt::Write,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use observe_core::CollectError;
use rustix::{
    fs::{CWD, Mode, OFlags, RawDir, SeekFrom, openat, seek},
    io::{Errno, pread, retry_on_intr},
};

use crate::text::parse_u64;

/// A procfs tree, open for as long as it is used.
#[derive(Debug)]
pub(super) struct ProcTree {
    path: PathBuf,
    directory: OwnedFd,
    entries: Vec<u8>,
    name: String,
    content: Vec<u8>,
}

impl ProcTree {
    /// Opens the tree.
    ///
    /// # Errors
    ///
    /// Fails where there is no directory, or none that may be read.
    pub(super) fn open(path: &Path) -> Result<Self, CollectError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = openat(CWD, path, flags, Mode::empty()).map_err(|errno| read_error(path, errno))?;
        let entries = Vec::with_capacity(ENTRIES_BYTES);
        Ok(Self { path: path.to_owned(), directory, entries, name: String::new(), content: vec![0; CONTENT_BYTES] })
    }

    /// Fills `pids` with at most `limit` ids in growing order, and returns how many more there are.
    ///
    /// # Errors
    ///
    /// Fails where the directory cannot be listed.
    pub(super) fn list(&mut self, pids: &mut Vec<u32>, limit: usize) -> Result<usize, CollectError> {
        pids.clear();
        let mut surplus = 0;
        seek(&self.directory, SeekFrom::Start(0)).map_err(|errno| read_error(&self.path, errno))?;
        let mut entries = RawDir::new(&self.directory, self.entries.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry.map_err(|errno| read_error(&self.path, errno))?;
            let pid = parse_u64(entry.file_name().to_bytes()).and_then(|pid| u32::try_from(pid).ok());
            match pid {
                Some(pid) if pids.len() < limit => pids.push(pid),
                Some(_) => surplus += 1,
                None => {}
            }
        }
        // procfs lists in order already, which makes this one pass.
        pids.sort_unstable();
        Ok(surplus)
    }

    /// Opens a file of a process.
    pub(super) fn open_file(&mut self, pid: u32, name: &str) -> Result<OwnedFd, Errno> {
        self.name.clear();
        write!(self.name, "{pid}/{name}").map_err(|_| Errno::NOMEM)?;
        openat(&self.directory, &*self.name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
    }

    /// Reads a file from its start, at most [`CONTENT_BYTES`] of it.
    ///
    /// One call is enough: procfs hands out these files whole.
    pub(super) fn read(&mut self, file: &OwnedFd) -> Result<&[u8], Errno> {
        let count = retry_on_intr(|| pread(file, &mut *self.content, 0))?;
        Ok(self.content.get(..count).unwrap_or_default())
    }

    /// Opens a file of a process, reads it once and closes it.
    pub(super) fn read_once(&mut self, pid: u32, name: &str) -> Result<&[u8], Errno> {
        let file = self.open_file(pid, name)?;
        self.read(&file)
    }
}

fn read_error(path: &Path, errno: Errno) -> CollectError {
    CollectError::Read { path: path.to_owned(), source: errno.into() }
}

/// The most bytes that are read of a file.
const CONTENT_BYTES: usize = 4096;
/// Room for about a thousand entries of the directory in one system call.
const ENTRIES_BYTES: usize = 32 << 10;

#[cfg(test)]
mod tests {
    use std::{
        fs,
        process::{Command, Stdio},
    };

    use super::*;

    #[test]
    fn only_directories_of_processes_are_listed_in_order_and_up_to_the_limit() {
        let root = tempfile::tempdir().unwrap();
        for name in ["30", "4", "100", "self", "1x", "-1", "4294967296", "sys"] {
            fs::create_dir(root.path().join(name)).unwrap();
        }
        let mut tree = ProcTree::open(root.path()).unwrap();
        let (mut all, mut two) = (vec![9], Vec::new());

        let surplus = (tree.list(&mut all, 10).unwrap(), tree.list(&mut two, 2).unwrap());

        assert_eq!(all, [4, 30, 100]);
        assert_eq!((surplus, two.len()), ((0, 1), 2));
    }

    #[test]
    fn a_process_that_ended_answers_through_a_kept_descriptor_that_it_is_gone() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let mut tree = ProcTree::open(Path::new("/proc")).unwrap();
        let file = tree.open_file(child.id(), "stat").unwrap();
        let before = tree.read(&file).map(<[u8]>::is_empty);

        child.kill().unwrap();
        child.wait().unwrap();

        assert_eq!(before, Ok(false));
        assert_eq!(tree.read(&file), Err(Errno::SRCH));
    }

    #[test]
    fn a_tree_that_is_missing_names_itself() {
        let error = ProcTree::open(Path::new("/nowhere/proc")).unwrap_err();

        assert!(error.to_string().contains("/nowhere/proc"));
    }
}
