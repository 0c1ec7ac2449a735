//! Frames of connections.

use std::time::Duration;

use observe_core::{
    Collect, EventKind, InvalidSchema, KernelBoard, PostedHistogram, Schema, SubjectId, Table, names::tcp as names,
};

use crate::{histogram::Counts, origin::Origin};

/// What was counted of connections.
#[derive(Clone, Debug, Default)]
pub(crate) struct Totals {
    /// Since the start.
    pub(crate) connects: u64,
    pub(crate) accepts: u64,
    pub(crate) failures: u64,
    pub(crate) closes: u64,
    pub(crate) retransmits: u64,
    /// `None` where the kernel does not tell.
    pub(crate) resets_sent: Option<u64>,
    pub(crate) resets_received: Option<u64>,
    pub(crate) unmeasured: u64,
    /// Since the reading before.
    pub(crate) connect_latency: Counts,
    /// The time of these in all, in nanoseconds.
    pub(crate) connect_time: u64,
    pub(crate) accept_latency: Counts,
    /// In units of [`LIFETIME_UNIT`].
    pub(crate) lifetime: Counts,
}

/// Makes frames of what was counted.
#[derive(Debug)]
pub(crate) struct Report {
    host: Table,
    subject: SubjectId,
    connects: PostedHistogram,
}

impl Report {
    pub(crate) fn new(origin: Origin, interval: Duration, board: &KernelBoard) -> Result<Self, InvalidSchema> {
        let columns = names::ROWS.iter();
        let schema = columns
            .fold(Schema::builder("tcp").kind(EventKind::Metric).interval(interval), |schema, row| schema.column(row));
        let mut host = Table::new(origin.mark(schema).build()?);
        let subject = host.insert(origin.attributes([]));
        let connects = board.post(&names::CONNECT_LATENCIES, origin.attributes([]));
        Ok(Self { host, subject, connects })
    }

    /// Emits what is known. Columns are in the order of the rows of names.
    pub(crate) fn emit(&mut self, totals: &Totals, cx: &mut Collect<'_>) {
        let counters = [
            Some(totals.connects),
            Some(totals.accepts),
            Some(totals.failures),
            Some(totals.closes),
            Some(totals.retransmits),
            totals.resets_sent,
            totals.resets_received,
            Some(totals.unmeasured),
        ];
        let times = [(&totals.connect_latency, 1.0), (&totals.accept_latency, 1.0), (&totals.lifetime, LIFETIME_UNIT)];
        let quantiles = times
            .iter()
            .flat_map(|(counts, unit)| [0.5, 0.99].map(|share| counts.quantile(share).map(|quantile| quantile * unit)));
        let values = counters.iter().map(|counter| counter.map(|counter| counter as f64)).chain(quantiles);
        for (column, value) in values.enumerate() {
            if let Some(value) = value {
                self.host.set(self.subject, column, value);
            }
        }
        self.connects.add(totals.connect_latency.iter(), totals.connect_time);
        cx.emit(self.host.frame(cx.timestamp()));
    }
}

/// Nanoseconds in a unit of lifetimes.
const LIFETIME_UNIT: f64 = 1024.0;

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use observe_core::{Item, KernelMode, ProcessCache, Timestamp};

    use super::*;

    #[test]
    fn every_value_is_in_the_column_of_its_name_and_what_is_not_known_in_none() {
        let mut totals =
            Totals { connects: 1, accepts: 2, failures: 3, closes: 4, retransmits: 5, ..Totals::default() };
        totals.resets_received = Some(7);
        totals.connect_latency.observe(100_000);
        totals.lifetime.observe(1_000_000);
        let board = KernelBoard::new(KernelMode::Live);
        let mut report = Report::new(Origin::Kernel, Duration::from_secs(1), &board).unwrap();
        let processes = ProcessCache::new();
        let mut cx = Collect::new(Timestamp::from_millis(1_000), Instant::now(), &processes);

        report.emit(&totals, &mut cx);

        let Some(Item::Frame(frame)) = cx.take_items().pop() else { panic!() };
        let value = |name: &str| {
            let subject = frame.subjects()[0].as_ref().unwrap();
            let is_named = |column: &usize| frame.schema().key(subject, *column).unwrap().to_string() == name;
            frame.value(0, (0..frame.schema().raw_len()).find(is_named).unwrap())
        };
        let counters = ["tcp.connects", "tcp.accepts", "tcp.connect_failures", "tcp.closes", "tcp.retransmits"];
        assert_eq!(counters.map(value), [1.0, 2.0, 3.0, 4.0, 5.0].map(Some));
        assert_eq!(
            ["tcp.resets_sent", "tcp.resets_received", "tcp.unmeasured"].map(value),
            [None, Some(7.0), Some(0.0)]
        );
        assert!(value("tcp.connect_latency_p99").is_some_and(|time| (65_536.0..=131_072.0).contains(&time)));
        assert!(value("tcp.lifetime_p50").is_some_and(|time| (0.7e9..1.2e9).contains(&time)));
        assert_eq!(value("tcp.accept_latency_p50"), None);
        assert_eq!(board.histograms().iter().map(|histogram| histogram.count).collect::<Vec<_>>(), [1]);
    }
}
