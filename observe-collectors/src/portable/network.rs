//! Network interfaces.

use std::time::Duration;

use observe_core::{
    Attributes, Collect, CollectError, Collector, EventKind, KeyedTable, Schema, names::network as names,
};
use sysinfo::Networks;

use super::opened;
use crate::{Config, InvalidConfig, NameFilter, config::interval};

/// Reads what each interface sent and received.
#[derive(Debug)]
pub(crate) struct NetworkCollector {
    interval: Duration,
    filter: NameFilter,
    networks: Option<Networks>,
    table: KeyedTable<String>,
}

impl NetworkCollector {
    /// Makes the collector; nothing is read yet.
    ///
    /// # Errors
    ///
    /// Refuses an interval out of its range.
    pub(crate) fn new(config: &Config) -> Result<Self, InvalidConfig> {
        let interval = interval("collectors.network.interval_seconds", config.network.interval_seconds)?;
        let columns = [
            &names::BYTES_RECV,
            &names::PACKETS_RECV,
            &names::ERRORS_RECV,
            &names::BYTES_SENT,
            &names::PACKETS_SENT,
            &names::ERRORS_SENT,
            &names::BYTES_RECV_PER_SEC,
            &names::BYTES_SENT_PER_SEC,
            &names::PACKETS_RECV_PER_SEC,
            &names::PACKETS_SENT_PER_SEC,
            &names::ERRORS,
            &names::ERRORS_PER_SEC,
        ];
        let builder = Schema::builder("network").kind(EventKind::NetworkMetric).interval(interval);
        let schema = columns.into_iter().fold(builder, |schema, column| schema.column(column));
        let table = KeyedTable::new(schema.build()?);
        Ok(Self { interval, filter: config.network.interfaces.clone(), networks: None, table })
    }
}

impl Collector for NetworkCollector {
    fn name(&self) -> &'static str {
        "network"
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    fn collect(&mut self, cx: &mut Collect<'_>) -> Result<(), CollectError> {
        let (networks, _) = opened(&mut self.networks, Networks::new)?;
        networks.refresh(true);
        for (name, data) in networks.iter().take(MAX_INTERFACES) {
            let name = name.to_string_lossy();
            if let Ok(attributes) = Attributes::new([("interface", &*name)])
                && self.filter.accepts(&name)
            {
                let counts = [
                    data.total_received(),
                    data.total_packets_received(),
                    data.total_errors_on_received(),
                    data.total_transmitted(),
                    data.total_packets_transmitted(),
                    data.total_errors_on_transmitted(),
                ];
                self.table.row(&*name, || attributes).set_all(0, counts.map(|count| count as f64));
            }
        }
        if !self.table.is_empty() {
            cx.emit(self.table.frame(cx.timestamp()));
        }
        Ok(())
    }
}

/// The most interfaces that are looked at.
const MAX_INTERFACES: usize = 256;
