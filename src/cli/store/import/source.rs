//! The lines of a file, each with its number, and none longer than a bound.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use crate::cli::error::CommandError;

/// The lines of a file.
pub(super) struct Source {
    path: PathBuf,
    reader: Box<dyn BufRead>,
    line: Vec<u8>,
    number: u64,
}

impl Source {
    /// Opens a file, or standard input where it is called `-`.
    pub(super) fn open(path: &Path) -> Result<Self, CommandError> {
        let reader: Box<dyn BufRead> = if path == Path::new("-") {
            Box::new(BufReader::with_capacity(BUFFER_BYTES, io::stdin()))
        } else {
            let file = File::open(path).map_err(|source| failed(path, source))?;
            Box::new(BufReader::with_capacity(BUFFER_BYTES, file))
        };
        Ok(Self { path: path.to_owned(), reader, line: Vec::new(), number: 0 })
    }

    /// Returns the next line without its end; `None` behind the last one.
    pub(super) fn next_line(&mut self) -> Result<Option<&str>, CommandError> {
        self.line.clear();
        self.number += 1;
        let mut reader = self.reader.by_ref().take(MAX_LINE_BYTES + 1);
        let len = reader.read_until(b'\n', &mut self.line).map_err(|source| failed(&self.path, source))?;
        if len == 0 {
            return Ok(None);
        }
        if len as u64 > MAX_LINE_BYTES {
            let problem = format!("the line has more than {} MiB", MAX_LINE_BYTES >> 20);
            return Err(self.wrong(problem, "look whether it is the right file"));
        }
        let end = if self.line.ends_with(b"\n") { len - 1 } else { len };
        let end = if self.line.get(..end).is_some_and(|line| line.ends_with(b"\r")) { end - 1 } else { end };
        match str::from_utf8(self.line.get(..end).unwrap_or_default()) {
            Ok(line) => Ok(Some(line)),
            Err(_) => Err(self.wrong("the line is not UTF-8".to_owned(), "convert the file to UTF-8")),
        }
    }

    /// Says that the line read last makes no sense.
    pub(super) fn wrong(&self, problem: String, help: &str) -> CommandError {
        let before = if self.number > 1 { "; lines before this one are in the store, so" } else { ":" };
        CommandError::Input {
            place: format!("{}:{}", self.path.display(), self.number),
            problem,
            help: format!("{help}{before} mend it and import the file again"),
        }
    }
}

fn failed(path: &Path, source: io::Error) -> CommandError {
    CommandError::File { verb: "read", path: path.to_owned(), source }
}

const BUFFER_BYTES: usize = 256 << 10;
const MAX_LINE_BYTES: u64 = 16 << 20;
