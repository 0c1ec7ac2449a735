//! Frames of requests to block devices.

use std::{collections::HashMap, time::Duration};

use observe_core::{
    Collect, EventKind, InvalidSchema, KernelBoard, KeyedTable, PostedHistogram, Schema, names::block as names,
};

use super::pair::Pair;
use crate::{histogram::Counts, origin::Origin};

/// What was counted of one kind of request to one device.
#[derive(Clone, Debug, Default)]
pub(crate) struct Requests {
    /// The device's name.
    pub(crate) device: String,
    /// Requests since the start that ended, failed ones included.
    pub(crate) requests: u64,
    /// Bytes since the start.
    pub(crate) bytes: u64,
    /// Requests since the start that failed.
    pub(crate) errors: u64,
    /// Requests since the start of which it is not known when they began.
    pub(crate) untimed: u64,
    /// How long those took that ended since the reading before.
    pub(crate) timed: Counts,
    /// The time of these in all, in nanoseconds.
    pub(crate) time: u64,
}

/// Makes frames of what was counted.
#[derive(Debug)]
pub(crate) struct Report {
    origin: Origin,
    table: KeyedTable<Pair>,
    board: KernelBoard,
    latencies: HashMap<Pair, PostedHistogram>,
}

impl Report {
    pub(crate) fn new(origin: Origin, interval: Duration, board: &KernelBoard) -> Result<Self, InvalidSchema> {
        let schema = Schema::builder("block")
            .kind(EventKind::Metric)
            .interval(interval)
            .column(&names::REQUESTS)
            .column(&names::BYTES)
            .column(&names::ERRORS)
            .column(&names::LATENCY)
            .column(&names::LATENCY_P50)
            .column(&names::LATENCY_P99)
            .column(&names::UNTIMED);
        let table = KeyedTable::new(origin.mark(schema).build()?);
        Ok(Self { origin, table, board: board.clone(), latencies: HashMap::new() })
    }

    /// Emits what is known about all requests.
    pub(crate) fn emit<'a>(&mut self, all: impl Iterator<Item = (Pair, &'a Requests)>, cx: &mut Collect<'_>) {
        for (pair, requests) in all {
            self.write(pair, requests);
        }
        if !self.table.is_empty() {
            cx.emit(self.table.frame(cx.timestamp()));
        }
    }

    fn write(&mut self, pair: Pair, requests: &Requests) {
        let origin = self.origin;
        let describe = || origin.attributes([("device", &requests.device), ("operation", pair.operation())]);
        let timed = requests.timed.len();
        if timed > 0 {
            let posted = self.latencies.entry(pair).or_insert_with(|| self.board.post(&names::LATENCIES, describe()));
            posted.add(requests.timed.iter(), requests.time);
        }
        let mut row = self.table.row(&pair, describe);
        let counts = [requests.requests, requests.bytes, requests.errors];
        row.set_all(0, counts.map(|count| count as f64));
        let mean = (timed > 0).then(|| requests.time as f64 / timed as f64);
        let latency = [mean, requests.timed.quantile(0.5), requests.timed.quantile(0.99)];
        for (column, value) in (3..).zip(latency) {
            if let Some(value) = value {
                row.set(column, value);
            }
        }
        // So rare that it is a series only where it happened.
        if requests.untimed > 0 {
            row.set(6, requests.untimed as f64);
        }
    }
}
