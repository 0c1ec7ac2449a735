//! Clocks of the cores.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use observe_core::{EventKind, InvalidSchema, KeyedTable, Schema, SubjectId, Table, Timestamp, names::cpu as names};

use crate::{
    Roots,
    read::{KeptFile, Parts, Scan, is_missing},
    text::{Words, lines, parse_f64, parse_u64, split_once},
};

/// Reads the clock of each core from sysfs, and where that has none, of all from `/proc/cpuinfo`.
///
/// The kernel has to ask every core, so this happens at an interval of its own.
#[derive(Debug)]
pub(super) struct Frequencies {
    interval: Duration,
    last: Option<Timestamp>,
    roots: Roots,
    files: BTreeMap<u32, KeptFile>,
    cpuinfo: KeptFile,
    /// The clocks in MHz of one reading.
    clocks: Vec<(u32, f64)>,
    table: Table,
    host: SubjectId,
    cores: Option<KeyedTable<u32>>,
}

impl Frequencies {
    pub(super) fn new(roots: &Roots, interval: Duration, per_core: bool) -> Result<Self, InvalidSchema> {
        let (table, host) = Table::for_host(host_schema(interval)?);
        Ok(Self {
            interval,
            last: None,
            roots: roots.clone(),
            files: BTreeMap::new(),
            cpuinfo: KeptFile::new(roots.proc("cpuinfo")),
            clocks: Vec::new(),
            table,
            host,
            cores: if per_core { Some(KeyedTable::new(core_schema(interval)?)) } else { None },
        })
    }

    /// Reads and emits, if it is time to; `tick` is the time between two calls.
    pub(super) fn collect(&mut self, cores: impl Iterator<Item = u32>, tick: Duration, parts: &mut Parts<'_, '_>) {
        let now = parts.cx().timestamp();
        // Half a tick early is early enough: ticks jitter, and would else miss the mark by a whole one.
        let is_due = |last: Timestamp| now < last || now.since(last) + tick / 2 >= self.interval;
        if !self.last.is_none_or(is_due) {
            return;
        }
        self.last = Some(now);
        self.read(cores, parts);
        if self.clocks.is_empty() {
            return;
        }
        let mean = self.clocks.iter().map(|(_, clock)| clock).sum::<f64>() / self.clocks.len() as f64;
        self.table.set(self.host, 0, mean);
        parts.cx().emit(self.table.frame(now));
        if let Some(table) = &mut self.cores {
            for (core, clock) in &self.clocks {
                table.row(core, || super::core_attributes(*core)).set(0, *clock);
            }
            parts.cx().emit(table.frame(now));
        }
    }

    /// Fills in the clocks of the cores that are online.
    fn read(&mut self, cores: impl Iterator<Item = u32>, parts: &mut Parts<'_, '_>) {
        let Self { roots, files, cpuinfo, clocks, .. } = self;
        clocks.clear();
        for core in cores {
            let path = || roots.sys(format!("devices/system/cpu/cpu{core}/cpufreq/scaling_cur_freq"));
            match files.entry(core).or_insert_with(|| KeptFile::new(path())).read() {
                Ok(text) => clocks.extend(Words::new(text).u64().map(|kilohertz| (core, kilohertz as f64 / 1000.0))),
                // Where one core has no such file, none has.
                Err(failure) if is_missing(&failure) => break,
                Err(failure) => drop(parts.required::<()>(Err(failure))),
            }
        }
        if clocks.is_empty()
            && let Some(text) = parts.optional(cpuinfo.read())
        {
            // Many architectures have no clock in the file, so finding none is no complaint.
            parse(text, clocks);
        }
    }
}

/// Reads pairs of lines such as `processor : 0` and `cpu MHz : 2596.120`.
fn parse(text: &[u8], clocks: &mut Vec<(u32, f64)>) -> Scan {
    let mut scan = Scan::default();
    let mut core = None;
    for (key, value) in lines(text).filter_map(|line| split_once(line, b':')) {
        match key.trim_ascii() {
            b"processor" => core = parse_u64(value.trim_ascii()).and_then(|core| u32::try_from(core).ok()),
            b"cpu MHz" => match (core.take(), parse_f64(value.trim_ascii())) {
                (Some(core), Some(clock)) if core < super::stat::MAX_CORES => {
                    clocks.push((core, clock));
                    scan.found += 1;
                }
                _ => scan.skipped += 1,
            },
            _ => {}
        }
    }
    scan
}

fn host_schema(interval: Duration) -> Result<Arc<Schema>, InvalidSchema> {
    let schema = Schema::builder("cpu_frequency").kind(EventKind::CpuMetric).interval(interval);
    schema.column(&names::FREQUENCY).build()
}

fn core_schema(interval: Duration) -> Result<Arc<Schema>, InvalidSchema> {
    let schema = Schema::builder("cpu_core_frequency").kind(EventKind::CpuMetric).interval(interval);
    schema.column(&names::CORE_FREQUENCY).build()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn clocks_are_read_by_core() {
        let mut clocks = Vec::new();
        let text = b"processor\t: 0\ncpu MHz\t\t: 2596.120\nflags: a b\n\nprocessor\t: 3\ncpu MHz\t\t: 800.5\n";

        parse(text, &mut clocks);

        assert_eq!(clocks, [(0, 2596.12), (3, 800.5)]);
    }

    #[test]
    fn lines_without_sense_are_counted() {
        let mut clocks = Vec::new();

        let scan =
            parse(b"cpu MHz : 5\nprocessor : x\ncpu MHz : 5\nprocessor: 1\ncpu MHz : fast\nBogoMIPS: 7\n", &mut clocks);

        assert_eq!(clocks, []);
        assert_eq!(scan, Scan { found: 0, skipped: 3 });
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            parse(&bytes, &mut Vec::new());
        }
    }
}
