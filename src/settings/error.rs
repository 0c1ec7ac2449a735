//! What can be wrong with settings, where, and what to do about it.

use std::{io, path::PathBuf};

use super::Origin;

/// Says which setting cannot be used, where it came from, and why.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// Names of two documents set one key to different values.
    #[error("{first} and {second} set `{key}` to different values")]
    Conflict { key: String, first: String, second: String },
    /// The value has the wrong type or is out of range.
    #[error("{origin}: `{key}`: {problem}")]
    Invalid { key: String, origin: Origin, problem: String },
    /// A check of `--production` failed.
    #[error("{origin}: `{key}`: {problem}")]
    Refused { key: String, origin: Origin, problem: String },
    /// The file is not TOML.
    #[error("{origin}: {problem}")]
    Syntax { origin: Origin, problem: String },
    /// No such setting.
    #[error("{origin}: unknown key `{key}`")]
    Unknown {
        key: String,
        origin: Origin,
        nearest: Option<String>,
        /// The keys that its section has.
        beside: Vec<String>,
    },
    /// The file cannot be read.
    #[error("cannot read settings from {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
}

/// Everything that is wrong with settings, as far as it can be found out at once.
#[derive(Debug, Default)]
pub(crate) struct SettingsErrors {
    errors: Vec<SettingsError>,
    left_out: usize,
}

impl SettingsErrors {
    /// Notes an error; above [`MAX_ERRORS`] they are only counted.
    pub(crate) fn push(&mut self, error: SettingsError) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(error);
        } else {
            self.left_out += 1;
        }
    }

    /// Returns what came out, or notes why nothing did.
    pub(crate) fn note<T>(&mut self, outcome: Result<T, SettingsError>) -> Option<T> {
        outcome.map_err(|error| self.push(error)).ok()
    }

    /// Returns the value unless an error was noted.
    pub(crate) fn or<T>(self, value: T) -> Result<T, Self> {
        if self.errors.is_empty() { Ok(value) } else { Err(self) }
    }

    /// Lists the errors in the order in which they were found.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &SettingsError> {
        self.errors.iter()
    }

    /// Returns how many errors are not listed.
    pub(crate) const fn left_out(&self) -> usize {
        self.left_out
    }
}

impl From<SettingsError> for SettingsErrors {
    fn from(error: SettingsError) -> Self {
        Self { errors: vec![error], left_out: 0 }
    }
}

impl SettingsError {
    /// Returns the key that has to be changed, where there is one.
    pub(crate) fn key(&self) -> Option<&str> {
        match self {
            Self::Conflict { key, .. }
            | Self::Invalid { key, .. }
            | Self::Refused { key, .. }
            | Self::Unknown { key, .. } => Some(key),
            Self::Syntax { .. } | Self::Unreadable { .. } => None,
        }
    }

    /// Returns what the reader of the message should do.
    pub(crate) fn help(&self) -> String {
        match self {
            Self::Conflict { first, second, .. } => format!("unset {first} or {second}, or give both the same value"),
            Self::Invalid { key, origin: Origin::Default, .. } => {
                format!("change `{key}`, or a setting that depends on it")
            }
            Self::Invalid { origin: Origin::Environment(name), .. } => format!("change or unset {name}"),
            Self::Invalid { origin: Origin::Flag(flag), .. } => format!("give {flag} another value, or leave it out"),
            Self::Invalid { key, origin, .. } => format!("change or remove `{key}` in {}", origin.place()),
            Self::Refused { .. } => "change the setting, or start without --production".to_owned(),
            Self::Syntax { .. } => "mend the file; `observe check-config FILE` tries it without starting".to_owned(),
            Self::Unknown { nearest: Some(nearest), .. } => format!("did you mean `{nearest}`?"),
            Self::Unknown { key, beside, .. } => unknown_help(key, beside),
            Self::Unreadable { .. } => "check the path and its permissions, or leave --config out".to_owned(),
        }
    }
}

fn unknown_help(key: &str, beside: &[String]) -> String {
    if let (Some((section, _)), false) = (key.rsplit_once('.'), beside.is_empty()) {
        return format!("section `{section}` has the keys {}", beside.join(", "));
    }
    let section = key.split('.').next().unwrap_or_default();
    if PLANNED_SECTIONS.contains(&section) {
        return format!("section `{section}` is not built yet in this version; remove it");
    }
    "remove it; `observe check-config` lists every key there is".to_owned()
}

/// Finds the known key that is spelled most like `key`, if one is near enough to be what was meant.
pub(crate) fn nearest<'a>(key: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let last = key.rsplit('.').next().unwrap_or(key);
    let (distance, candidate) = known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(key, candidate), candidate))
        .min_by_key(|&(distance, candidate)| (distance, candidate.rsplit('.').next() != Some(last)))?;
    let enough = 1 + key.chars().count() / 4;
    (distance <= enough).then(|| candidate.to_owned())
}

/// The most errors that are listed.
pub(crate) const MAX_ERRORS: usize = 20;

/// Sections of the contract that have nothing behind them yet.
const PLANNED_SECTIONS: [&str; 8] = ["auth", "cors", "forward", "github", "notify", "rate_limit", "receivers", "tls"];

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 4] = ["log.format", "log.level", "server.host", "server.port"];

    #[test]
    fn a_misspelt_key_finds_its_neighbour() {
        assert_eq!(nearest("server.prot", KNOWN).as_deref(), Some("server.port"));
        assert_eq!(nearest("servr.port", KNOWN).as_deref(), Some("server.port"));
        assert_eq!(nearest("log.levl", KNOWN).as_deref(), Some("log.level"));
    }

    #[test]
    fn a_key_unlike_all_others_finds_nothing() {
        assert_eq!(nearest("kubernetes.namespace", KNOWN), None);
        assert_eq!(nearest("x", KNOWN), None);
        assert_eq!(nearest("", KNOWN), None);
        assert_eq!(nearest("server.port", []), None);
    }

    #[test]
    fn a_section_that_is_planned_says_so() {
        let (key, origin) = ("tls.cert".to_owned(), Origin::Default);
        let error = SettingsError::Unknown { key, origin, nearest: None, beside: Vec::new() };

        assert_eq!(error.help(), "section `tls` is not built yet in this version; remove it");
    }
}
