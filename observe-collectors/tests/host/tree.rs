//! A tree of kernel files to read, and what a collector made of it.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use observe_collectors::{Config, InvalidConfig, Roots};
use observe_core::{Collect, CollectError, Collector, Frame, Item, MetricKey, ProcessCache, Timestamp};
use tempfile::TempDir;

/// A copy of the fixtures that a test may change.
pub(crate) struct Tree {
    directory: TempDir,
    pub(crate) config: Config,
}

impl Tree {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        copy(&fixtures, directory.path());
        let roots = Roots { proc: directory.path().join("proc"), sys: directory.path().join("sys") };
        Self { directory, config: Config { roots, ..Config::default() } }
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Changes a part of a file.
    pub(crate) fn edit(&self, path: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(path)).unwrap();
        assert!(text.contains(from), "{path} has no {from}");
        self.write(path, text.replacen(from, to, 1));
    }

    pub(crate) fn remove(&self, path: &str) {
        let path = self.path(path);
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }

    /// Puts something in the place of a file that can be opened but not read.
    pub(crate) fn block(&self, path: &str) {
        self.remove(path);
        fs::create_dir(self.path(path)).unwrap();
    }
}

/// A collector and the time at which it reads next.
pub(crate) struct Run<C> {
    collector: C,
    now: Timestamp,
    processes: ProcessCache,
}

impl<C: Collector> Run<C> {
    pub(crate) fn new(collector: Result<C, InvalidConfig>) -> Self {
        let now = Timestamp::from_millis(1_700_000_000_000);
        Self { collector: collector.unwrap(), now, processes: ProcessCache::new() }
    }

    /// Reads once; a second passes.
    pub(crate) fn tick(&mut self) -> Reading {
        let mut cx = Collect::new(self.now, Instant::now(), &self.processes);
        let result = self.collector.collect(&mut cx);
        self.now = self.now + self.collector.interval();
        let frames = cx
            .take_items()
            .into_iter()
            .filter_map(|item| match item {
                Item::Frame(frame) => Some(frame),
                _ => None,
            })
            .collect();
        Reading { frames, result, degraded: cx.degraded().map(str::to_owned) }
    }
}

/// What one reading gave.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) frames: Vec<Frame>,
    pub(crate) result: Result<(), CollectError>,
    pub(crate) degraded: Option<String>,
}

impl Reading {
    /// Returns the present raw values by key.
    pub(crate) fn values(&self) -> Vec<(MetricKey, f64)> {
        let mut values = Vec::new();
        for frame in &self.frames {
            for (slot, subject) in frame.subjects().iter().enumerate() {
                for column in 0..frame.schema().raw_len() {
                    let key = subject.as_ref().and_then(|subject| frame.schema().key(subject, column));
                    values.extend(key.zip(frame.value(slot, column)));
                }
            }
        }
        values
    }

    /// Returns a raw value.
    pub(crate) fn value(&self, key: &str) -> Option<f64> {
        let key: MetricKey = key.parse().unwrap();
        self.values().into_iter().find(|(other, _)| *other == key).map(|(_, value)| value)
    }

    /// Returns a derived value, a second after `before`.
    pub(crate) fn derived(&self, before: &Self, key: &str) -> Option<f64> {
        self.all_derived(before).into_iter().find(|(other, _)| *other == key.parse().unwrap()).map(|(_, value)| value)
    }

    /// Returns the present derived values by key, a second after `before`.
    pub(crate) fn all_derived(&self, before: &Self) -> Vec<(MetricKey, f64)> {
        let mut values = Vec::new();
        for frame in &self.frames {
            let schema = frame.schema();
            let earlier = before.frames.iter().find(|earlier| earlier.schema().is_same_as(schema));
            for (slot, subject) in frame.subjects().iter().enumerate() {
                let Some(subject) = subject else { continue };
                let is_same = |earlier: &&Frame| earlier.subjects().at(slot) == Some(subject);
                let row = row(frame, slot);
                let old = earlier.filter(is_same).map(|earlier| self::row(earlier, slot)).unwrap_or_default();
                for index in 0..schema.columns().len() - schema.raw_len() {
                    let key = schema.key(subject, schema.raw_len() + index).unwrap();
                    values.extend(schema.derive(index, &row, &old, 1.0).map(|value| (key, value)));
                }
            }
        }
        values
    }

    /// Returns the values that an attribute has among the subjects.
    pub(crate) fn subjects(&self, attribute: &str) -> Vec<String> {
        let mut found: Vec<String> = self
            .frames
            .iter()
            .flat_map(|frame| frame.subjects().iter().flatten())
            .filter_map(|subject| subject.attributes.value(attribute).map(str::to_owned))
            .collect();
        found.sort();
        found.dedup();
        found
    }
}

fn row(frame: &Frame, slot: usize) -> Vec<f64> {
    (0..frame.schema().raw_len()).map(|column| frame.value(slot, column).unwrap_or(f64::NAN)).collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)
        } else {
            {
                fs::copy(entry.path(), target).unwrap();
            }
        }
    }
}
