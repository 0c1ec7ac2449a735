//! A procfs tree made of ordinary files, and a collector over it.

use std::{fs, path::Path, time::Duration};

use observe_collectors::Config;
use observe_core::{Collector, ProcessCache, Timestamp};
use tempfile::TempDir;

use super::tick::{Tick, collect, collector};

/// A tree, a collector over it, and a clock that moves a second on each tick.
pub(crate) struct Fake {
    pub(crate) root: TempDir,
    pub(crate) cache: ProcessCache,
    pub(crate) now: Timestamp,
    collector: Box<dyn Collector>,
}

/// What a process looks like; everything else of its line is constant.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    pub(crate) comm: &'a str,
    pub(crate) state: char,
    pub(crate) start: u64,
    pub(crate) cpu: u64,
    pub(crate) pages: u64,
    pub(crate) flags: u64,
}

impl Default for Fields<'_> {
    fn default() -> Self {
        Self { comm: "worker", state: 'S', start: 100, cpu: 0, pages: 10, flags: 0 }
    }
}

impl Fake {
    pub(crate) fn new(configure: impl FnOnce(&mut Config)) -> Self {
        let root = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.roots.proc = root.path().to_owned();
        configure(&mut config);
        Self {
            collector: collector(&config, "process"),
            root,
            cache: ProcessCache::new(),
            now: Timestamp::from_millis(1_000),
        }
    }

    pub(crate) fn set(&self, pid: u32, fields: Fields<'_>) {
        let Fields { comm, state, start, cpu, pages, flags } = fields;
        let line = format!(
            "{pid} ({comm}) {state} 1 {pid} {pid} 0 -1 {flags} 5 0 2 0 {cpu} 7 0 0 20 0 3 0 {start} 8192 {pages} 184467\n"
        );
        let is_known = self.root.path().join(pid.to_string()).exists();
        self.write(pid, "stat", line.as_bytes());
        if is_known {
            return;
        }
        self.write(pid, "status", b"Name:\tx\nUid:\t1000\t1001\t0\t0\n");
        self.write(pid, "cmdline", format!("/bin/{comm}\0--password\0hunter2\0").as_bytes());
    }

    pub(crate) fn write(&self, pid: u32, file: &str, content: &[u8]) {
        let directory = self.root.path().join(pid.to_string());
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join(file), content).unwrap();
    }

    pub(crate) fn end(&self, pid: u32) {
        fs::remove_dir_all(self.root.path().join(pid.to_string())).unwrap();
    }

    pub(crate) fn tick(&mut self) -> Tick {
        self.now = self.now + Duration::from_secs(1);
        collect(&mut *self.collector, self.now, &self.cache)
    }

    pub(crate) fn ticks(&mut self, count: usize) -> Tick {
        (1..count).for_each(|_| drop(self.tick()));
        self.tick()
    }
}

/// Writes the mount options of the tree into the tree.
pub(crate) fn mount_with(root: &Path, options: &str) {
    let line = format!("23 1 0:22 / {} rw shared:5 - proc proc {options}\n", root.display());
    fs::create_dir_all(root.join("self")).unwrap();
    fs::write(root.join("self/mountinfo"), line).unwrap();
}
