//! Devices that tell something through small files.

use std::{
    fs,
    path::{Path, PathBuf},
};

use observe_core::{Attributes, CollectError, InvalidAttribute};

use crate::{
    read::read_small,
    text::{Words, parse_i64},
};

/// One device: a sensor, a disk, an interface.
#[derive(Debug)]
pub(super) struct Device {
    /// What tells it from the others of its family.
    pub(super) attributes: Attributes,
    /// Its files; where two fill the same column, the later one counts.
    pub(super) probes: Vec<Probe>,
}

/// One file of a device, and the column that it fills.
#[derive(Debug)]
pub(super) struct Probe {
    pub(super) column: usize,
    path: PathBuf,
    content: Content,
}

/// What is in the file of a [`Probe`].
#[derive(Clone, Copy, Debug)]
pub(super) enum Content {
    /// A whole number, and its weight.
    Number(f64),
    /// A whole number above zero, and its weight; others mean that it is not known.
    Positive(f64),
    /// A word: those that mean one, and those that say nothing. All others mean zero.
    Word { one: &'static [&'static str], nothing: &'static [&'static str] },
}

impl Device {
    /// Makes a device without files.
    ///
    /// # Errors
    ///
    /// Refuses values that are too long for an attribute.
    pub(super) fn new<const N: usize>(attributes: [(&'static str, String); N]) -> Result<Self, InvalidAttribute> {
        let attributes = Attributes::new(attributes.into_iter().filter(|(_, value)| !value.is_empty()))?;
        Ok(Self { attributes, probes: Vec::new() })
    }

    /// Adds a file.
    pub(super) fn with(mut self, column: usize, path: PathBuf, content: Content) -> Self {
        self.probes.push(Probe { column, path, content });
        self
    }
}

impl Probe {
    /// Reads the file.
    ///
    /// # Errors
    ///
    /// Fails as reading does, which sensors that sleep and links that are down often do.
    pub(super) fn read(&self, buffer: &mut Vec<u8>) -> Result<Option<f64>, CollectError> {
        read_small(&self.path, buffer)?;
        Ok(self.content.parse(buffer))
    }
}

impl Content {
    fn parse(self, content: &[u8]) -> Option<f64> {
        let word = Words::new(content).next()?;
        match self {
            Self::Number(weight) => parse_i64(word).map(|number| number as f64 * weight),
            // Drivers that print -1 without its sign give the highest number of 32 bits.
            Self::Positive(weight) => parse_i64(word)
                .filter(|number| (1..i64::from(u32::MAX)).contains(number))
                .map(|number| number as f64 * weight),
            Self::Word { one, nothing } => {
                let is_in = |words: &[&str]| words.iter().any(|text| text.as_bytes() == word);
                (!is_in(nothing)).then(|| f64::from(u8::from(is_in(one))))
            }
        }
    }
}

/// Lists the entries of a directory whose names start with `prefix`, in order; none where it cannot be read.
pub(super) fn entries(directory: &Path, prefix: &str) -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let named = entries.filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())));
    let mut entries: Vec<_> = named.filter(|(name, _)| name.starts_with(prefix)).take(MAX_ENTRIES).collect();
    entries.sort_unstable();
    entries
}

/// Returns the text in a file, `""` where there is none.
pub(super) fn text(path: &Path) -> String {
    let mut buffer = Vec::new();
    // A missing label is the usual case; the caller has another name then.
    if read_small(path, &mut buffer).is_err() {
        return String::new();
    }
    String::from_utf8_lossy(&buffer).trim().to_owned()
}

/// Returns the last part of what a symbolic link points to, `""` where it is none.
pub(super) fn link_name(path: &Path) -> String {
    let target = fs::read_link(path).ok();
    let name = target.as_deref().and_then(Path::file_name);
    name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The most entries of one directory that are looked at.
const MAX_ENTRIES: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_weights_and_may_be_negative() {
        assert_eq!(Content::Number(1e-3).parse(b"-5500\n"), Some(-5.5));
        assert_eq!(Content::Number(1.0).parse(b"x\n"), None);
        assert_eq!(Content::Number(1.0).parse(b""), None);
    }

    #[test]
    fn a_speed_that_is_not_known_is_no_number() {
        let speed = Content::Positive(125_000.0);

        assert_eq!(speed.parse(b"1000\n"), Some(125e6));
        for unknown in ["-1", "0", "4294967295", "99999999999999999999"] {
            assert_eq!(speed.parse(unknown.as_bytes()), None, "{unknown}");
        }
    }

    #[test]
    fn words_mean_one_zero_or_nothing() {
        let state = Content::Word { one: &["up"], nothing: &["unknown"] };

        assert_eq!(state.parse(b"up\n"), Some(1.0));
        assert_eq!(state.parse(b"down\n"), Some(0.0));
        assert_eq!(state.parse(b"unknown\n"), None);
        assert_eq!(state.parse(b"\n"), None);
    }
}
