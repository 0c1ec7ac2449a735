//! Memory, swap and paging.

mod meminfo;
mod vmstat;

use std::{sync::Arc, time::Duration};

use observe_core::{
    Collect, CollectError, Collector, EventKind, InvalidSchema, Metric, Schema, SubjectId, Table,
    names::memory as names,
};

use crate::{
    Config, InvalidConfig,
    config::interval,
    layout::{Field, Layout},
    read::{KeptFile, Parts},
};

/// Reads `/proc/meminfo` and `/proc/vmstat`.
#[derive(Debug)]
pub struct MemoryCollector {
    interval: Duration,
    table: Table,
    host: SubjectId,
    meminfo: Source,
    vmstat: Source,
}

#[derive(Debug)]
struct Source {
    file: KeptFile,
    layout: Layout,
    fields: &'static [Field],
    /// The column of the first field.
    first: usize,
}

impl MemoryCollector {
    /// Makes the collector; nothing is read yet.
    ///
    /// # Errors
    ///
    /// Refuses an interval out of its range.
    pub fn new(config: &Config) -> Result<Self, InvalidConfig> {
        let interval = interval("collectors.memory.interval_seconds", config.memory.interval_seconds)?;
        let (table, host) = Table::for_host(schema(interval)?);
        let source = |name, fields, first| Source {
            file: KeptFile::new(config.roots.proc(name)),
            layout: Layout::default(),
            fields,
            first,
        };
        Ok(Self {
            interval,
            table,
            host,
            meminfo: source("meminfo", meminfo::FIELDS, 0),
            vmstat: source("vmstat", vmstat::FIELDS, meminfo::FIELDS.len()),
        })
    }
}

impl Collector for MemoryCollector {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    fn collect(&mut self, cx: &mut Collect<'_>) -> Result<(), CollectError> {
        let Self { table, host, meminfo, vmstat, .. } = self;
        let mut parts = Parts::new(cx);
        let mut has_total = false;
        for source in [meminfo, vmstat] {
            let Source { file, layout, fields, first } = source;
            if let Some(text) = parts.required(file.read()) {
                let scan = layout.read(text, fields, |index, value| {
                    has_total |= *first + index == TOTAL;
                    table.set(*host, *first + index, value);
                });
                parts.judge(scan, file.path());
                // Every kernel writes this line; without it the rest is not to be trusted.
                if *first == 0 && scan.found > 0 && !has_total {
                    parts.degrade(format!("no MemTotal in {}", file.path().display()));
                }
            }
        }
        if parts.has_any() {
            let cx = parts.cx();
            cx.emit(table.frame(cx.timestamp()));
        }
        parts.finish("/proc/meminfo")
    }
}

fn schema(interval: Duration) -> Result<Arc<Schema>, InvalidSchema> {
    let schema = Schema::builder("memory").kind(EventKind::MemoryMetric).interval(interval);
    let schema = Field::columns(meminfo::FIELDS, schema);
    let schema = Field::columns(vmstat::FIELDS, schema);
    DERIVED.iter().fold(schema, |schema, metric| schema.column(metric)).build()
}

/// The column of `MemTotal`, the first of all.
const TOTAL: usize = 0;

static DERIVED: &[&Metric] = &[
    &names::USED,
    &names::PERCENT,
    &names::COMMIT_PERCENT,
    &names::SWAP_USED,
    &names::SWAP_PERCENT,
    &names::PAGE_FAULTS_PER_SEC,
    &names::MAJOR_FAULTS_PER_SEC,
    &names::READ_PER_SEC,
    &names::WRITTEN_PER_SEC,
    &names::SWAP_IN_PER_SEC,
    &names::SWAP_OUT_PER_SEC,
    &names::OOM_KILLS_PER_SEC,
    &names::SCANNED_PER_SEC,
    &names::RECLAIMED_PER_SEC,
    &names::REFAULTS_PER_SEC,
];
