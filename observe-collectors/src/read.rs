//! Files of the kernel, read again and again.

use std::{
    fs::File,
    io::{self, ErrorKind},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use observe_core::{Collect, CollectError};

/// A file whose descriptor stays open between readings, which halves what a reading costs.
///
/// It is opened with the first reading. When it vanished or fails, it is opened once more.
#[derive(Debug)]
pub(crate) struct KeptFile {
    path: PathBuf,
    file: Option<File>,
    buffer: Vec<u8>,
}

impl KeptFile {
    /// Remembers the path; nothing is opened yet.
    pub(crate) const fn new(path: PathBuf) -> Self {
        Self { path, file: None, buffer: Vec::new() }
    }

    /// Returns the path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the whole file as it is now.
    ///
    /// # Errors
    ///
    /// Fails as opening or reading does, and above [`MAX_BYTES`].
    pub(crate) fn read(&mut self) -> Result<&[u8], CollectError> {
        match self.fill() {
            Ok(len) => Ok(self.buffer.get(..len).unwrap_or_default()),
            Err(source) => Err(CollectError::Read { path: self.path.clone(), source }),
        }
    }

    fn fill(&mut self) -> io::Result<usize> {
        if let Some(file) = &self.file
            && let Ok(len) = read_whole(file, &mut self.buffer)
        {
            return Ok(len);
        }
        self.file = None;
        let file = File::open(&self.path)?;
        let len = read_whole(&file, &mut self.buffer)?;
        self.file = Some(file);
        Ok(len)
    }
}

/// Reads a file once; the buffer then holds its content and nothing else.
///
/// # Errors
///
/// Fails as opening or reading does, and above [`MAX_BYTES`].
pub(crate) fn read_small(path: &Path, buffer: &mut Vec<u8>) -> Result<(), CollectError> {
    let filled = File::open(path).and_then(|file| read_whole(&file, buffer));
    buffer.truncate(*filled.as_ref().unwrap_or(&0));
    filled.map(drop).map_err(|source| CollectError::Read { path: path.to_owned(), source })
}

/// What a parser found in a file.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Scan {
    /// Lines that were understood and wanted.
    pub(crate) found: usize,
    /// Lines that make no sense.
    pub(crate) skipped: usize,
}

/// How the parts of one reading went. A part that fails degrades the collector; the others go on.
#[derive(Debug)]
pub(crate) struct Parts<'c, 'a> {
    cx: &'c mut Collect<'a>,
    has_any: bool,
    failure: Option<CollectError>,
}

impl<'c, 'a> Parts<'c, 'a> {
    /// Starts with no part.
    pub(crate) const fn new(cx: &'c mut Collect<'a>) -> Self {
        Self { cx, has_any: false, failure: None }
    }

    /// Takes a part that every host should have: failing in any way degrades the collector.
    pub(crate) fn required<T>(&mut self, part: Result<T, CollectError>) -> Option<T> {
        self.take(part, false)
    }

    /// Takes a part that many hosts do without: a missing file is no failure.
    pub(crate) fn optional<T>(&mut self, part: Result<T, CollectError>) -> Option<T> {
        self.take(part, true)
    }

    /// Notes what a file had: lines that make no sense, or nothing of use, degrade the collector.
    pub(crate) fn judge(&mut self, scan: Scan, path: &Path) {
        match scan {
            Scan { found: 0, .. } => self.cx.degrade(format!("nothing of use in {}", path.display())),
            Scan { skipped: 0, .. } => {}
            Scan { skipped, .. } => self.cx.degrade(format!("{skipped} lines of {} make no sense", path.display())),
        }
    }

    /// Degrades the collector for a reason that no file gives.
    pub(crate) fn degrade(&mut self, reason: impl Into<String>) {
        self.cx.degrade(reason);
    }

    /// Returns whether a part could be read so far.
    pub(crate) const fn has_any(&self) -> bool {
        self.has_any
    }

    /// Returns the reading, to emit what was found.
    pub(crate) const fn cx(&mut self) -> &mut Collect<'a> {
        self.cx
    }

    /// Ends the reading: it failed only if no part could be read.
    ///
    /// # Errors
    ///
    /// Returns the first failure, or that this host lacks `what` where all files are missing.
    pub(crate) fn finish(self, what: &'static str) -> Result<(), CollectError> {
        match self.failure {
            _ if self.has_any => Ok(()),
            Some(failure) if !is_missing(&failure) => Err(failure),
            _ => Err(CollectError::Unsupported(what.into())),
        }
    }

    fn take<T>(&mut self, part: Result<T, CollectError>, may_be_missing: bool) -> Option<T> {
        let failure = match part {
            Ok(value) => {
                self.has_any = true;
                return Some(value);
            }
            Err(failure) => failure,
        };
        let is_missing = is_missing(&failure);
        if !(is_missing && may_be_missing) {
            self.cx.degrade(reason(&failure));
        }
        if self.failure.is_none() || !is_missing {
            self.failure = Some(failure);
        }
        None
    }
}

/// Tells whether the failure is that there is no such file, or none that can be read on this kernel.
pub(crate) fn is_missing(failure: &CollectError) -> bool {
    match failure {
        CollectError::Read { source, .. } => matches!(source.kind(), ErrorKind::NotFound | ErrorKind::Unsupported),
        CollectError::Unsupported(_) => true,
        _ => false,
    }
}

/// Spells a failure with its cause.
pub(crate) fn reason(failure: &CollectError) -> String {
    match failure {
        CollectError::Read { source, .. } => format!("{failure}: {source}"),
        _ => failure.to_string(),
    }
}

/// Reads from the start to the end into a buffer that keeps its size, and returns how much of it is filled.
fn read_whole(file: &File, buffer: &mut Vec<u8>) -> io::Result<usize> {
    let mut filled = 0;
    loop {
        if buffer.len() - filled < MIN_ROOM {
            buffer.resize((buffer.len() * 2).max(2 * MIN_ROOM), 0);
        }
        let room = buffer.get_mut(filled..).unwrap_or_default();
        match file.read_at(room, filled as u64) {
            Ok(0) => return Ok(filled),
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if filled > MAX_BYTES {
            return Err(ErrorKind::FileTooLarge.into());
        }
    }
}

/// The most bytes that are read from one file.
pub(crate) const MAX_BYTES: usize = 16 << 20;
/// The least room in the buffer for one system call.
const MIN_ROOM: usize = 2048;

#[cfg(test)]
mod tests {
    use std::{fs, time::Instant};

    use observe_core::{ProcessCache, Timestamp};

    use super::*;

    fn missing() -> Result<(), CollectError> {
        Err(CollectError::Read { path: "/nowhere".into(), source: ErrorKind::NotFound.into() })
    }

    fn denied() -> Result<(), CollectError> {
        Err(CollectError::Read { path: "/secret".into(), source: ErrorKind::PermissionDenied.into() })
    }

    #[test]
    fn a_kept_file_gives_what_the_file_has_now() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("stat");
        fs::write(&path, "a long first text").unwrap();
        let mut file = KeptFile::new(path.clone());

        let first = file.read().unwrap().to_vec();
        fs::write(&path, "short").unwrap();

        assert_eq!(first, b"a long first text");
        assert_eq!(file.read().unwrap(), b"short");
    }

    #[test]
    fn an_empty_file_is_no_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("empty");
        fs::write(&path, "").unwrap();

        assert_eq!(KeptFile::new(path).read().unwrap(), b"");
    }

    #[test]
    fn large_files_are_read_whole_up_to_the_limit() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("large");
        fs::write(&path, vec![b'x'; 100_000]).unwrap();
        let mut file = KeptFile::new(path.clone());

        assert_eq!(file.read().unwrap().len(), 100_000);
        fs::write(&path, vec![b'x'; MAX_BYTES + 1]).unwrap();
        assert!(
            matches!(file.read(), Err(CollectError::Read { source, .. }) if source.kind() == ErrorKind::FileTooLarge)
        );
    }

    #[test]
    fn a_missing_file_names_itself_and_is_found_once_it_exists() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("later");
        let mut file = KeptFile::new(path.clone());

        let failure = file.read().unwrap_err();
        fs::write(&path, "here").unwrap();

        assert!(is_missing(&failure) && reason(&failure).contains("later"), "{failure}");
        assert_eq!(file.read().unwrap(), b"here");
    }

    #[test]
    fn a_file_that_fails_is_opened_once_more() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("stat");
        fs::create_dir(&path).unwrap();
        let unreadable = File::open(&path).unwrap();
        fs::remove_dir(&path).unwrap();
        fs::write(&path, "back").unwrap();
        let mut file = KeptFile { path, file: Some(unreadable), buffer: Vec::new() };

        assert_eq!(file.read().unwrap(), b"back");
    }

    #[test]
    fn a_file_that_fails_twice_gives_the_reason() {
        let directory = tempfile::tempdir().unwrap();
        let mut file = KeptFile::new(directory.path().to_owned());

        let failure = file.read().unwrap_err();

        assert!(!is_missing(&failure) && reason(&failure).contains("directory"), "{}", reason(&failure));
    }

    #[test]
    fn a_small_read_replaces_what_was_in_the_buffer() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("small");
        fs::write(&path, "7\n").unwrap();
        let mut buffer = vec![b'y'; 10_000];

        read_small(&path, &mut buffer).unwrap();
        assert_eq!(buffer, b"7\n");
        assert!(read_small(&directory.path().join("none"), &mut buffer).is_err());
        assert!(buffer.is_empty());
    }

    #[test]
    fn one_readable_part_is_enough_and_the_reason_is_kept() {
        let processes = ProcessCache::new();
        let mut cx = Collect::new(Timestamp::default(), Instant::now(), &processes);
        let mut parts = Parts::new(&mut cx);

        assert!(parts.required(denied()).is_none());
        assert!(parts.required(Ok(1)).is_some());

        assert!(parts.finish("x").is_ok());
        assert!(cx.degraded().is_some_and(|reason| reason.contains("/secret")));
    }

    #[test]
    fn missing_optional_parts_do_not_degrade_but_nothing_at_all_is_unsupported() {
        let processes = ProcessCache::new();
        let mut cx = Collect::new(Timestamp::default(), Instant::now(), &processes);
        let mut parts = Parts::new(&mut cx);

        parts.optional(missing());

        assert!(matches!(parts.finish("x"), Err(CollectError::Unsupported(what)) if what == "x"));
        assert_eq!(cx.degraded(), None);
    }

    #[test]
    fn files_without_sense_degrade_by_name() {
        let processes = ProcessCache::new();
        let degraded = |scan| {
            let mut cx = Collect::new(Timestamp::default(), Instant::now(), &processes);
            Parts::new(&mut cx).judge(scan, Path::new("/proc/x"));
            cx.degraded().map(str::to_owned)
        };

        assert_eq!(degraded(Scan { found: 2, skipped: 0 }), None);
        assert_eq!(degraded(Scan { found: 2, skipped: 1 }), Some("1 lines of /proc/x make no sense".into()));
        assert_eq!(degraded(Scan { found: 0, skipped: 9 }), Some("nothing of use in /proc/x".into()));
    }

    #[test]
    fn a_denied_part_outweighs_a_missing_one() {
        let processes = ProcessCache::new();
        let mut cx = Collect::new(Timestamp::default(), Instant::now(), &processes);
        let mut parts = Parts::new(&mut cx);

        parts.optional(missing());
        parts.optional(denied());
        parts.optional(missing());

        assert!(matches!(parts.finish("x"), Err(CollectError::Read { path, .. }) if path == Path::new("/secret")));
    }
}
