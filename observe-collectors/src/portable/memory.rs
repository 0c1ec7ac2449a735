//! Memory and swap.

use std::time::Duration;

use observe_core::{Collect, CollectError, Collector, EventKind, Schema, SubjectId, Table, names::memory as names};
use sysinfo::System;

use super::opened;
use crate::{Config, InvalidConfig, config::interval};

/// Reads how much memory and swap there is and how much is free.
#[derive(Debug)]
pub(crate) struct MemoryCollector {
    interval: Duration,
    system: Option<System>,
    table: Table,
    row: SubjectId,
}

impl MemoryCollector {
    /// Makes the collector; nothing is read yet.
    ///
    /// # Errors
    ///
    /// Refuses an interval out of its range.
    pub(crate) fn new(config: &Config) -> Result<Self, InvalidConfig> {
        let interval = interval("collectors.memory.interval_seconds", config.memory.interval_seconds)?;
        let columns = [
            &names::TOTAL,
            &names::FREE,
            &names::AVAILABLE,
            &names::SWAP_TOTAL,
            &names::SWAP_FREE,
            &names::USED,
            &names::PERCENT,
            &names::SWAP_USED,
            &names::SWAP_PERCENT,
        ];
        let builder = Schema::builder("memory").kind(EventKind::MemoryMetric).interval(interval);
        let schema = columns.into_iter().fold(builder, |schema, column| schema.column(column));
        let (table, row) = Table::for_host(schema.build()?);
        Ok(Self { interval, system: None, table, row })
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
        let (system, _) = opened(&mut self.system, System::new)?;
        system.refresh_memory();
        let values = [
            system.total_memory(),
            system.free_memory(),
            system.available_memory(),
            system.total_swap(),
            system.free_swap(),
        ];
        for (column, bytes) in values.into_iter().enumerate() {
            self.table.set(self.row, column, bytes as f64);
        }
        cx.emit(self.table.frame(cx.timestamp()));
        Ok(())
    }
}
