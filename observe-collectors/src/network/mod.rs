//! Interfaces, protocols and sockets.

mod fields;
mod interfaces;
mod protocols;
mod sections;
mod sockets;

use std::{sync::Arc, time::Duration};

use observe_core::{
    Attributes, Collect, CollectError, Collector, EventKind, InvalidSchema, KeyedTable, Metric, Schema,
    names::network as names,
};

use self::protocols::Protocols;
use crate::{
    Config, InvalidConfig, NameFilter,
    config::interval,
    layout::Layout,
    read::{KeptFile, Parts},
};

/// Reads `/proc/net`.
#[derive(Debug)]
pub struct NetworkCollector {
    interval: Duration,
    interfaces: Interfaces,
    protocols: Option<Protocols>,
}

#[derive(Debug)]
struct Interfaces {
    filter: NameFilter,
    file: KeptFile,
    layout: Layout,
    table: KeyedTable<String>,
}

impl NetworkCollector {
    /// Makes the collector; nothing is read yet.
    ///
    /// # Errors
    ///
    /// Refuses an interval out of its range.
    pub fn new(config: &Config) -> Result<Self, InvalidConfig> {
        let interval = interval("collectors.network.interval_seconds", config.network.interval_seconds)?;
        let interfaces = Interfaces {
            filter: config.network.interfaces.clone(),
            file: KeptFile::new(config.roots.proc("net/dev")),
            layout: Layout::default(),
            table: KeyedTable::new(schema(interval)?),
        };
        let protocols = config.network.protocols.then(|| Protocols::new(&config.roots, interval)).transpose()?;
        Ok(Self { interval, interfaces, protocols })
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
        let mut parts = Parts::new(cx);
        self.interfaces.collect(&mut parts);
        if let Some(protocols) = &mut self.protocols {
            protocols.collect(&mut parts);
        }
        parts.finish("/proc/net")
    }
}

impl Interfaces {
    fn collect(&mut self, parts: &mut Parts<'_, '_>) {
        let Self { filter, file, layout, table } = self;
        if let Some(text) = parts.required(file.read()) {
            let (mut count, mut refused) = (0, 0);
            let wanted = |line, name: &[u8]| layout.find(line, name, || is_wanted(name, filter).then_some(0)).is_some();
            let scan = interfaces::parse(text, wanted, |name, values| {
                count += 1;
                if count > MAX_INTERFACES {
                    refused += 1;
                    return;
                }
                let mut row = table.row(name, || Attributes::new([("interface", name)]).unwrap_or_default());
                row.set_all(0, values.iter().copied());
            });
            parts.judge(scan, file.path());
            if refused > 0 {
                parts.degrade(format!("{refused} interfaces above {MAX_INTERFACES} are left out"));
            }
        }
        if !table.is_empty() {
            let cx = parts.cx();
            cx.emit(table.frame(cx.timestamp()));
        }
    }
}

/// Decides about an interface that was not there before.
fn is_wanted(name: &[u8], filter: &NameFilter) -> bool {
    // One that is no text is left to the parser, which counts it as a line without sense.
    str::from_utf8(name).map_or(true, |name| name.len() <= MAX_NAME_BYTES && filter.accepts(name))
}

fn schema(interval: Duration) -> Result<Arc<Schema>, InvalidSchema> {
    let schema = Schema::builder("network").kind(EventKind::NetworkMetric).interval(interval);
    RAW.iter().chain(DERIVED).fold(schema, |schema, metric| schema.column(metric)).build()
}

/// The raw columns, in the order of the file.
static RAW: &[&Metric; interfaces::COLUMNS] = &[
    &names::BYTES_RECV,
    &names::PACKETS_RECV,
    &names::ERRORS_RECV,
    &names::DROPS_RECV,
    &names::FIFO_RECV,
    &names::FRAME_RECV,
    &names::COMPRESSED_RECV,
    &names::MULTICAST_RECV,
    &names::BYTES_SENT,
    &names::PACKETS_SENT,
    &names::ERRORS_SENT,
    &names::DROPS_SENT,
    &names::FIFO_SENT,
    &names::COLLISIONS,
    &names::CARRIER_ERRORS,
    &names::COMPRESSED_SENT,
];
static DERIVED: &[&Metric] = &[
    &names::BYTES_RECV_PER_SEC,
    &names::BYTES_SENT_PER_SEC,
    &names::PACKETS_RECV_PER_SEC,
    &names::PACKETS_SENT_PER_SEC,
    &names::ERRORS,
    &names::DROPS,
    &names::ERRORS_PER_SEC,
    &names::DROPS_PER_SEC,
];

/// The most interfaces that have series.
const MAX_INTERFACES: usize = 1024;
/// The longest name of an interface.
const MAX_NAME_BYTES: usize = 255;
