//! Which files control groups have here, and what is in them.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use observe_core::{InvalidSchema, Metric, Schema, names::cgroup as names};

use crate::text::{Words, lines, parse_u64};

/// The hierarchies of this host, and the files to read in each group.
#[derive(Debug)]
pub(super) struct Layout {
    /// Directories under which groups are found; the same group may be under several.
    pub(super) roots: Vec<PathBuf>,
    /// The files.
    pub(super) sources: Vec<Source>,
    /// The file with the limit of memory.
    pub(super) limit: Option<Source>,
    /// Whether the topmost group is one like the others, because this is the view of a container.
    pub(super) has_root_group: bool,
    files: &'static [File],
}

/// A file to read in each group.
#[derive(Debug)]
pub(super) struct Source {
    /// The hierarchy that has it.
    pub(super) root: PathBuf,
    /// What it is.
    pub(super) file: &'static File,
    /// The first of its columns.
    pub(super) first_column: usize,
}

/// One file of a group, and the columns that it fills.
#[derive(Debug)]
pub(super) struct File {
    pub(super) name: &'static str,
    pub(super) columns: &'static [&'static Metric],
    controllers: &'static [&'static str],
    format: Format,
}

#[derive(Clone, Copy, Debug)]
enum Format {
    /// One number, and its weight.
    Number(f64),
    /// Lines of a key and a number; keys with their weights, one for each column.
    Keyed(&'static [(&'static str, f64)]),
    /// Lines of a device and `key=number`; the sum over devices for each key.
    SumOf(&'static [&'static str]),
}

impl Layout {
    /// Finds the hierarchies mounted under `mount`: version 2, else version 1.
    pub(super) fn detect(mount: &Path) -> Option<Self> {
        let has_controllers = fs::read(mount.join("cgroup.controllers")).is_ok_and(|list| !list.is_empty());
        let (files, limit) = if has_controllers { (V2, &V2_LIMIT) } else { (V1, &V1_LIMIT) };
        let root_of = |file: &File| match file.controllers {
            [] => Some(mount.to_owned()),
            some => some.iter().map(|name| mount.join(name)).find(|root| root.join("cgroup.procs").exists()),
        };
        let mut first_column = 0;
        let mut sources = Vec::new();
        for file in files {
            sources.extend(root_of(file).map(|root| Source { root, file, first_column }));
            first_column += file.columns.len();
        }
        let mut roots: Vec<PathBuf> = sources.iter().map(|source| source.root.clone()).collect();
        roots.sort_unstable();
        roots.dedup();
        let limit = root_of(limit).map(|root| Source { root, file: limit, first_column });
        let has_root_group = has_controllers && mount.join("memory.current").exists();
        (!roots.is_empty()).then_some(Self { roots, sources, limit, has_root_group, files })
    }

    /// Makes the columns of groups: those of the files, then the limit, then what is derived.
    ///
    /// Files of controllers that are not mounted have theirs too, because what is derived needs them.
    pub(super) fn schema(&self, name: &'static str, interval: Duration) -> Result<Arc<Schema>, InvalidSchema> {
        let raw = self.files.iter().flat_map(|file| file.columns).copied().chain([&names::MEMORY_LIMIT]);
        let derived = [&names::CPU_USAGE, &names::THROTTLED_SHARE, &names::MEMORY_PERCENT];
        let builder = Schema::builder(name).interval(interval);
        raw.chain(derived).fold(builder, |schema, column| schema.column(column)).build()
    }
}

impl File {
    /// Reads the file's content; calls `set` with the number of a column of this file and its value.
    pub(super) fn parse(&self, content: &[u8], mut set: impl FnMut(usize, f64)) {
        match self.format {
            Format::Number(weight) => {
                let number = Words::new(content).next().and_then(parse_u64).filter(|number| *number < NO_LIMIT);
                number.into_iter().for_each(|number| set(0, number as f64 * weight));
            }
            Format::Keyed(keys) => {
                for line in lines(content) {
                    let mut words = Words::new(line);
                    let (key, number) = (words.next(), words.u64());
                    let mut columns = keys.iter().enumerate();
                    let found = columns.find(|(_, (name, _))| Some(name.as_bytes()) == key);
                    if let (Some((column, (_, weight))), Some(number)) = (found, number) {
                        set(column, number as f64 * weight);
                    }
                }
            }
            Format::SumOf(keys) => {
                for (column, key) in keys.iter().enumerate() {
                    let number = |word: &[u8]| parse_u64(word.strip_prefix(key.as_bytes())?.strip_prefix(b"=")?);
                    let sum = Words::new(content).filter_map(number).fold(0_u64, u64::saturating_add);
                    set(column, sum as f64);
                }
            }
        }
    }
}

const MICROS: f64 = 1e-6;
const NANOS: f64 = 1e-9;
/// Version 1 says that there is no limit by a huge number, of whole pages.
const NO_LIMIT: u64 = 1 << 62;

static V2: &[File] = &[
    File {
        name: "cpu.stat",
        columns: &[
            &names::CPU_TIME,
            &names::USER_TIME,
            &names::SYSTEM_TIME,
            &names::PERIOD_COUNT,
            &names::THROTTLED_PERIODS,
            &names::THROTTLED_TIME,
        ],
        controllers: &[],
        format: Format::Keyed(&[
            ("usage_usec", MICROS),
            ("user_usec", MICROS),
            ("system_usec", MICROS),
            ("nr_periods", 1.0),
            ("nr_throttled", 1.0),
            ("throttled_usec", MICROS),
        ]),
    },
    File { name: "memory.current", columns: &[&names::MEMORY_USED], controllers: &[], format: Format::Number(1.0) },
    File {
        name: "memory.stat",
        columns: &[&names::MEMORY_ANONYMOUS, &names::MEMORY_FILE],
        controllers: &[],
        format: Format::Keyed(&[("anon", 1.0), ("file", 1.0)]),
    },
    File {
        name: "io.stat",
        columns: &[&names::READ_BYTES, &names::WRITE_BYTES, &names::READS, &names::WRITES],
        controllers: &[],
        format: Format::SumOf(&["rbytes", "wbytes", "rios", "wios"]),
    },
    File { name: "pids.current", columns: &[&names::PIDS], controllers: &[], format: Format::Number(1.0) },
];
static V2_LIMIT: File =
    File { name: "memory.max", columns: &[&names::MEMORY_LIMIT], controllers: &[], format: Format::Number(1.0) };

static V1: &[File] = &[
    File {
        name: "cpuacct.usage",
        columns: &[&names::CPU_TIME],
        controllers: &["cpuacct", "cpu,cpuacct"],
        format: Format::Number(NANOS),
    },
    File {
        name: "cpu.stat",
        columns: &[&names::PERIOD_COUNT, &names::THROTTLED_PERIODS, &names::THROTTLED_TIME],
        controllers: &["cpu", "cpu,cpuacct"],
        format: Format::Keyed(&[("nr_periods", 1.0), ("nr_throttled", 1.0), ("throttled_time", NANOS)]),
    },
    File {
        name: "memory.usage_in_bytes",
        columns: &[&names::MEMORY_USED],
        controllers: &["memory"],
        format: Format::Number(1.0),
    },
    File { name: "pids.current", columns: &[&names::PIDS], controllers: &["pids"], format: Format::Number(1.0) },
];
static V1_LIMIT: File = File {
    name: "memory.limit_in_bytes",
    columns: &[&names::MEMORY_LIMIT],
    controllers: &["memory"],
    format: Format::Number(1.0),
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(name: &str, content: &[u8]) -> Vec<(usize, f64)> {
        let file = V2.iter().chain(V1).chain([&V2_LIMIT, &V1_LIMIT]).find(|file| file.name == name).unwrap();
        let mut values = Vec::new();
        file.parse(content, |column, value| values.push((column, value)));
        values
    }

    #[test]
    fn keys_are_found_in_any_order_among_others() {
        let content = b"nr_throttled 3
usage_usec 2500000
core_sched.force_idle_usec 9
user_usec x
";

        assert_eq!(parsed("cpu.stat", content), [(4, 3.0), (0, 2.5)]);
    }

    #[test]
    fn devices_are_added_up() {
        let content = b"8:0 rbytes=10 wbytes=1 rios=2 wios=3 dbytes=4 dios=5
8:16 rbytes=5 wbytes=0 rios=1

";

        assert_eq!(parsed("io.stat", content), [(0, 15.0), (1, 1.0), (2, 3.0), (3, 3.0)]);
    }

    #[test]
    fn no_limit_is_no_number() {
        assert_eq!(
            parsed(
                "memory.max",
                b"1048576
"
            ),
            [(0, 1_048_576.0)]
        );
        assert_eq!(
            parsed(
                "memory.max",
                b"max
"
            ),
            []
        );
        assert_eq!(
            parsed(
                "memory.limit_in_bytes",
                b"9223372036854771712
"
            ),
            []
        );
        assert_eq!(parsed("memory.current", b""), []);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(content in proptest::collection::vec(any::<u8>(), 0..200)) {
            for file in V2.iter().chain(V1) {
                file.parse(&content, |column, _| assert!(column < file.columns.len()));
            }
        }
    }
}
