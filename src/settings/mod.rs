//! Settings: defaults, one file, the environment and the command line, merged as one table and deserialised once.

mod env;
mod error;
mod layers;

use std::{
    collections::BTreeSet,
    fs, io,
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

pub(crate) use self::{
    env::Environment,
    error::{SettingsError, SettingsErrors},
    layers::{Origin, leaves},
};
use self::{
    error::nearest,
    layers::{Layers, value},
};
use crate::telemetry;

/// Everything that can be set. Each section is the `Config` of the part that it configures.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) server: observe_http::Config,
    pub(crate) log: telemetry::Config,
    pub(crate) memory: MemoryConfig,
    pub(crate) store: observe_store::Config,
    pub(crate) collectors: observe_collectors::Config,
    pub(crate) deep: DeepConfig,
    pub(crate) ebpf: observe_ebpf::Config,
    pub(crate) ml: observe_ml::Config,
}

impl Settings {
    /// Returns the settings of tracing, without what `deep` switches off.
    pub(crate) fn tracing(&self) -> observe_ebpf::Config {
        let mut config = self.ebpf.clone();
        if !self.deep.enabled {
            config.mode = observe_ebpf::Mode::Off;
        }
        if !self.deep.kernel {
            config.disable_kernel();
        }
        if !self.deep.payload {
            config.disable_payload();
        }
        config
    }
}

/// How much memory the engine may use.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MemoryConfig {
    /// Bound of rings, detectors, queues and histories together, in bytes.
    pub(crate) max_bytes: usize,
}

/// What is looked at below the surface. Whatever is off here is off, whatever `ebpf` says.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DeepConfig {
    /// Whether anything is.
    pub(crate) enabled: bool,
    /// Whether system calls, processes, devices, scheduling and connections are.
    pub(crate) kernel: bool,
    /// Whether packets are.
    pub(crate) payload: bool,
}

impl Default for DeepConfig {
    fn default() -> Self {
        Self { enabled: true, kernel: true, payload: true }
    }
}

/// Where settings are taken from.
#[derive(Debug)]
pub(crate) struct Sources<'a> {
    /// The file that was named, or the places to look for one.
    pub(crate) file: FileSource<'a>,
    pub(crate) environment: &'a Environment,
    /// Dotted key, value, and the flag that said so.
    pub(crate) flags: Vec<(&'static str, Value, &'static str)>,
}

/// Which file is read. At most one is.
#[derive(Debug)]
pub(crate) enum FileSource<'a> {
    /// This one, which must exist.
    Named(&'a Path),
    /// The first of these that exists, if any.
    Search(&'a [&'a str]),
}

/// Settings as they came out, and how they came about.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) settings: Settings,
    /// The file that was read.
    pub(crate) file: Option<PathBuf>,
    /// What the log should say about settings that have no effect.
    pub(crate) remarks: Vec<String>,
    layers: Layers,
}

impl Loaded {
    /// Lists every key with its value and where it came from.
    pub(crate) fn rows(&self) -> Vec<(String, &Value, Origin)> {
        let found = leaves(self.layers.table());
        found.into_iter().map(|(key, value)| (key.clone(), value, self.layers.origin(&key))).collect()
    }

    /// Returns where a key was set.
    pub(crate) fn origin(&self, key: &str) -> Origin {
        self.layers.origin(key)
    }

    /// Reads the settings out of the layers.
    fn read(&mut self, check: impl Fn(&Self) -> Result<(), SettingsError>) -> Result<(), SettingsError> {
        self.settings = deserialize(&self.layers)?;
        check(self)
    }

    /// Takes the key of an error back to its default, and says whether there was anything to take back.
    fn restore(&mut self, error: &SettingsError, defaults: &Table) -> bool {
        error.key().is_some_and(|key| self.layers.restore(key, defaults))
    }

    /// Makes an error about a key out of what a part of the program found wrong with it.
    pub(crate) fn invalid(&self, key: &str, problem: impl Into<String>) -> SettingsError {
        SettingsError::Invalid { key: key.to_owned(), origin: self.layers.origin(key), problem: problem.into() }
    }
}

/// Merges all layers, makes settings of them and lets `check` judge these.
///
/// What is wrong is noted and taken back to its default, and looking goes on, so that all errors are told at once.
pub(crate) fn load(
    sources: &Sources<'_>,
    check: impl Fn(&Loaded) -> Result<(), SettingsError>,
) -> Result<Loaded, SettingsErrors> {
    let defaults = defaults();
    let (mut layers, mut errors) = (Layers::new(defaults.clone()), SettingsErrors::default());
    let file = read_file(&sources.file)?;
    if let Some((path, text)) = &file {
        layers.add_file(path, text, &mut errors)?;
    }
    let profile = active_profile(sources, &layers);
    let remarks = sources.environment.apply(&mut layers, &profile, &mut errors);
    for (key, value, flag) in &sources.flags {
        errors.note(layers.set(key, value.clone(), Origin::Flag(flag)));
    }
    let file = file.map(|(path, _)| path);
    let mut loaded = Loaded { settings: Settings::default(), file, remarks, layers };
    let mut is_readable = true;
    for error in unknown(&loaded.layers, &defaults) {
        is_readable &= loaded.restore(&error, &defaults);
        errors.push(error);
    }
    while is_readable && let Err(error) = loaded.read(&check) {
        is_readable = loaded.restore(&error, &defaults);
        errors.push(error);
    }
    errors.or(loaded)
}

/// Returns every key with its default.
pub(crate) fn defaults() -> Table {
    // Every section is plain data, which always has a table form; a test keeps it so.
    Table::try_from(Settings::default()).unwrap_or_default()
}

fn read_file(source: &FileSource<'_>) -> Result<Option<(PathBuf, String)>, SettingsError> {
    let candidates: Vec<&Path> = match source {
        FileSource::Named(path) => vec![path],
        FileSource::Search(paths) => paths.iter().map(Path::new).collect(),
    };
    for path in candidates {
        match fs::read_to_string(path) {
            Ok(text) => return Ok(Some((path.to_owned(), text))),
            Err(error) if is_absent(&error) && matches!(source, FileSource::Search(_)) => {}
            Err(source) => return Err(SettingsError::Unreadable { path: path.to_owned(), source }),
        }
    }
    Ok(None)
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The profile decides between names of documents, so it is looked up before they are.
fn active_profile(sources: &Sources<'_>, layers: &Layers) -> String {
    let flag = sources.flags.iter().find(|(key, ..)| *key == PROFILE);
    let flag = flag.and_then(|(_, value, _)| value.as_str());
    // What is not text is refused when the environment is applied.
    let text = |name| sources.environment.text(name).ok().flatten();
    let found = match (flag, text("OBSERVE_SERVER__PROFILE"), text("OBSERVE_PROFILE")) {
        (Some(profile), ..) | (None, Some(profile), _) | (None, None, Some(profile)) => Some(profile),
        (None, None, None) => layers.value(PROFILE).and_then(Value::as_str),
    };
    found.unwrap_or_default().to_owned()
}

fn deserialize(layers: &Layers) -> Result<Settings, SettingsError> {
    serde_path_to_error::deserialize(layers.table().clone()).map_err(|error| {
        let key = error.path().to_string();
        let problem = plainly(error.inner().message().trim_end());
        SettingsError::Invalid { origin: layers.origin(&key), problem, key }
    })
}

/// Finds the keys that do not exist, a misspelt section rather than each key in it.
fn unknown(layers: &Layers, defaults: &Table) -> Vec<SettingsError> {
    let known = leaves(defaults);
    let known: Vec<&str> = known.iter().flat_map(|(key, _)| prefixes(key)).collect();
    let mut seen = BTreeSet::new();
    let mut errors = Vec::new();
    for (key, _) in leaves(layers.table()) {
        let Some(outermost) = prefixes(&key).find(|part| value(defaults, part).is_none()) else { continue };
        // A variable names only the innermost key; the sections around it came to be with it.
        let origin = match layers.origin(outermost) {
            Origin::Default => layers.origin(&key),
            found => found,
        };
        if seen.insert(outermost.to_owned()) {
            let nearest = nearest(outermost, known.iter().copied());
            let beside = beside(outermost, defaults);
            errors.push(SettingsError::Unknown { key: outermost.to_owned(), origin, nearest, beside });
        }
    }
    errors
}

/// Lists the names that the section of a key has.
fn beside(key: &str, defaults: &Table) -> Vec<String> {
    let section = key.rsplit_once('.').and_then(|(section, _)| value(defaults, section)?.as_table());
    section.into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

/// Says what kind of value is expected in words, not as a type of Rust.
fn plainly(problem: &str) -> String {
    match problem.rsplit_once("expected ") {
        Some((start, kind)) => match KINDS.iter().find(|(name, _)| *name == kind) {
            Some((_, words)) => format!("{start}expected {words}"),
            None => problem.to_owned(),
        },
        None => problem.to_owned(),
    }
}

/// Lists `a`, `a.b` and `a.b.c` of `a.b.c`.
fn prefixes(key: &str) -> impl Iterator<Item = &str> {
    key.match_indices('.').map(|(at, _)| at).chain([key.len()]).filter_map(|end| key.get(..end))
}

impl MemoryConfig {
    /// Says what is wrong with the bound, if anything is.
    pub(crate) fn problem(&self) -> Option<String> {
        let is_good = u64::try_from(self.max_bytes).is_ok_and(|bytes| MEMORY_RANGE.contains(&bytes));
        let Self { max_bytes } = self;
        (!is_good).then(|| format!("{max_bytes} cannot be used: set it to 8388608 (8 MiB) to 1099511627776 (1 TiB)"))
    }
}

impl Default for MemoryConfig {
    fn default() -> Self {
        Self { max_bytes: observe::Limits::default().memory_max_bytes }
    }
}

/// The places where a file is looked for when none is named.
pub(crate) const SEARCH: &[&str] = &["observe.toml", "/etc/observe/observe.toml"];

const PROFILE: &str = "server.profile";

/// How the types of settings are called in messages, and what to say instead.
const KINDS: [(&str, &str); 6] = [
    ("a sequence", "a list"),
    ("f64", "a number"),
    ("u16", "a whole number between 0 and 65535"),
    ("u32", "a whole number between 0 and 4294967295"),
    ("u64", "a whole number, 0 or more"),
    ("usize", "a whole number, 0 or more"),
];

/// The least and the most memory that an engine can be given, in bytes.
const MEMORY_RANGE: RangeInclusive<u64> = 8 << 20..=1 << 40;

#[cfg(test)]
mod tests;
