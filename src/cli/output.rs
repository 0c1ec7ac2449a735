//! Where results go.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
};

use super::error::CommandError;

/// Writes a result.
pub(super) fn write(text: &str) -> Result<(), CommandError> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    Ok(stdout.flush()?)
}

/// Opens a file for a result, or standard output where none is named.
pub(super) fn open(path: Option<&Path>) -> Result<Box<dyn Write>, CommandError> {
    let Some(path) = path else { return Ok(Box::new(BufWriter::with_capacity(BUFFER_BYTES, io::stdout().lock()))) };
    let file =
        File::create(path).map_err(|source| CommandError::File { verb: "write", path: path.to_owned(), source })?;
    Ok(Box::new(BufWriter::with_capacity(BUFFER_BYTES, file)))
}

const BUFFER_BYTES: usize = 256 << 10;
