//! One control group, and its files.

use std::{
    fs::File,
    io, mem,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use observe_core::{Attributes, InvalidAttribute, SubjectId, Table};

use super::{
    identity,
    layout::{Layout, Source},
};

/// A control group with its row.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) path: String,
    subject: SubjectId,
    limit: Option<f64>,
    files: Vec<Kept>,
}

/// What is known about a file of a group.
#[derive(Debug)]
enum Kept {
    /// It was not needed yet, or is opened for each reading.
    Closed,
    /// The group does not have it.
    Missing,
    Open(File),
}

impl Group {
    /// Gives the group at `path` a row.
    ///
    /// # Errors
    ///
    /// Refuses a path that is too long for an attribute.
    pub(super) fn new(path: String, table: &mut Table) -> Result<Self, InvalidAttribute> {
        let container = identity::container(&path).map(|id| ("container", id));
        let attributes = Attributes::new([("cgroup", &*path)].into_iter().chain(container))?;
        Ok(Self { path, subject: table.insert(attributes), limit: None, files: Vec::new() })
    }

    /// Gives the row back.
    pub(super) fn leave(&self, table: &mut Table) {
        table.remove(self.subject);
    }

    /// Reads what seldom changes: the limit of memory, and which files there are.
    pub(super) fn refresh(&mut self, layout: &Layout, buffer: &mut [u8]) {
        self.files.iter_mut().filter(|file| matches!(file, Kept::Missing)).for_each(|file| *file = Kept::Closed);
        self.limit = None;
        if let Some(source) = &layout.limit
            && let Ok(content) = self.open(source).and_then(|file| read(&file, buffer))
        {
            source.file.parse(content, |_, limit| self.limit = Some(limit));
        }
    }

    /// Reads the files into the row, and returns whether there was anything to read.
    pub(super) fn read(&mut self, layout: &Layout, keeps_files: bool, table: &mut Table, buffer: &mut [u8]) -> bool {
        let mut has_any = false;
        self.files.resize_with(layout.sources.len(), || Kept::Closed);
        for (index, source) in layout.sources.iter().enumerate() {
            let Some(kept) = self.files.get_mut(index) else { continue };
            let file = match mem::replace(kept, Kept::Closed) {
                Kept::Open(file) => Ok(file),
                Kept::Missing => Err(io::ErrorKind::NotFound.into()),
                Kept::Closed => self.open(source),
            };
            let next = match file.and_then(|file| read(&file, buffer).map(|content| (file, content))) {
                Ok((file, content)) => {
                    has_any = true;
                    source.file.parse(content, |column, value| {
                        table.set(self.subject, source.first_column + column, value);
                    });
                    if keeps_files { Kept::Open(file) } else { Kept::Closed }
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => Kept::Missing,
                Err(_) => Kept::Closed,
            };
            if let Some(kept) = self.files.get_mut(index) {
                *kept = next;
            }
        }
        if let (Some(limit), Some(source), true) = (self.limit, &layout.limit, has_any) {
            table.set(self.subject, source.first_column, limit);
        }
        has_any
    }

    /// Returns whether the group is still there.
    pub(super) fn exists(&self, layout: &Layout) -> bool {
        layout.roots.iter().any(|root| self.directory(root).exists())
    }

    fn open(&self, source: &Source) -> io::Result<File> {
        File::open(self.directory(&source.root).join(source.file.name))
    }

    fn directory(&self, root: &Path) -> PathBuf {
        root.join(self.path.trim_start_matches('/'))
    }
}

/// Reads a file from its start; these are handed out whole by one call.
fn read<'b>(file: &File, buffer: &'b mut [u8]) -> io::Result<&'b [u8]> {
    let count = file.read_at(buffer, 0)?;
    Ok(buffer.get(..count).unwrap_or_default())
}
