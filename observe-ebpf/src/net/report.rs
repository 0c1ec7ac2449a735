//! Frames of packets.

use std::time::Duration;

use observe_core::{
    Collect, EventKind, InvalidSchema, KeyedTable, Metric, Schema, SchemaBuilder, SubjectId, Table,
    names::packet as names,
};

use super::traffic::{Answers, Direction, FlowKey, HANDSHAKE, HTTP, View};
use crate::origin::Origin;

/// Makes frames of what was counted.
#[derive(Debug)]
pub(crate) struct Report {
    origin: Origin,
    sides: KeyedTable<(String, Direction)>,
    kinds: KeyedTable<usize>,
    handshakes: KeyedTable<Direction>,
    requests: KeyedTable<Direction>,
    statuses: KeyedTable<usize>,
    flows: KeyedTable<FlowKey>,
    host: Table,
    subject: SubjectId,
}

impl Report {
    pub(crate) fn new(origin: Origin, interval: Duration) -> Result<Self, InvalidSchema> {
        let schema = |name, columns: &[&'static Metric]| {
            let schema = Schema::builder(name).kind(EventKind::Metric).interval(interval);
            origin.mark(columns.iter().fold(schema, |schema: SchemaBuilder, column| schema.column(column))).build()
        };
        let mut host = Table::new(schema("packets", HOST)?);
        let subject = host.insert(origin.attributes([]));
        Ok(Self {
            origin,
            sides: KeyedTable::new(schema("packet", &[&names::COUNT, &names::BYTES, &names::MALFORMED])?),
            kinds: KeyedTable::new(schema("packet_protocol", &[&names::BY_PROTOCOL])?),
            handshakes: KeyedTable::new(schema("handshake", HANDSHAKES)?),
            requests: KeyedTable::new(schema("http_latency", REQUESTS)?),
            statuses: KeyedTable::new(schema("http_requests", &[&names::HTTP_REQUESTS])?),
            flows: KeyedTable::new(schema("packet_flow", &[&names::FLOW_RATE])?),
            host,
            subject,
        })
    }

    /// Emits what is known.
    pub(crate) fn emit(&mut self, view: &View<'_>, cx: &mut Collect<'_>) {
        self.sides(view, cx);
        self.kinds(view, cx);
        self.answers(view.answers, cx);
        self.flows(view, cx);
        self.host(view, cx);
    }

    fn sides(&mut self, view: &View<'_>, cx: &mut Collect<'_>) {
        let origin = self.origin;
        for side in &view.sides {
            let describe =
                || origin.attributes([("interface", side.interface), ("direction", side.direction.as_str())]);
            let [bytes, malformed, ..] = side.traffic.others();
            let values = [side.traffic.packets(), bytes, malformed].map(|value| value as f64);
            self.sides.row(&(side.interface.to_owned(), side.direction), describe).set_all(0, values);
        }
        emit(&mut self.sides, cx);
    }

    fn kinds(&mut self, view: &View<'_>, cx: &mut Collect<'_>) {
        let origin = self.origin;
        for (kind, count) in view.total.kinds().iter().enumerate().filter(|(_, count)| **count > 0) {
            let family = FAMILIES.get(kind / 4).copied().unwrap_or("other");
            let protocol = PROTOCOLS.get(kind % 4).copied().unwrap_or("other");
            let describe = || origin.attributes([("family", family), ("protocol", protocol)]);
            self.kinds.row(&kind, describe).set(0, *count as f64);
        }
        emit(&mut self.kinds, cx);
    }

    fn answers(&mut self, answers: &[Answers], cx: &mut Collect<'_>) {
        let origin = self.origin;
        let mut statuses = [0; 6];
        for (index, answers) in answers.iter().enumerate().filter(|(_, answers)| answers.count > 0) {
            let direction = if index % 2 == 0 { Direction::Receive } else { Direction::Transmit };
            let table = if index < HTTP { &mut self.handshakes } else { &mut self.requests };
            let mut row = table.row(&direction, || origin.attributes([("direction", direction.as_str())]));
            if let (Some(half), Some(most)) = (answers.timed.quantile(0.5), answers.timed.quantile(0.99)) {
                row.set_all(0, [half, most]);
            }
            if index < HTTP {
                row.set(2, answers.count as f64);
            }
            statuses.iter_mut().zip(answers.statuses).for_each(|(sum, more)| *sum += more);
        }
        for (class, count) in statuses.into_iter().enumerate().filter(|(_, count)| *count > 0) {
            let status = STATUSES.get(class).copied().unwrap_or("other");
            self.statuses.row(&class, || origin.attributes([("status", status)])).set(0, count as f64);
        }
        emit(&mut self.handshakes, cx);
        emit(&mut self.requests, cx);
        emit(&mut self.statuses, cx);
    }

    fn flows(&mut self, view: &View<'_>, cx: &mut Collect<'_>) {
        let origin = self.origin;
        for (flow, rate) in &view.flows {
            let ends = [("client", &*flow.client), ("server", &*flow.server), ("protocol", flow.protocol)];
            self.flows.row(flow, || origin.attributes(ends)).set(0, *rate);
        }
        emit(&mut self.flows, cx);
    }

    fn host(&mut self, view: &View<'_>, cx: &mut Collect<'_>) {
        let values = [view.total.packets()].into_iter().chain(view.total.others()).chain([view.unplaced]);
        for (column, value) in values.enumerate() {
            self.host.set(self.subject, column, value as f64);
        }
        cx.emit(self.host.frame(cx.timestamp()));
    }
}

/// Emits a frame unless nothing is in it and nothing left.
fn emit<K: Eq + std::hash::Hash>(table: &mut KeyedTable<K>, cx: &mut Collect<'_>) {
    if !table.is_empty() {
        cx.emit(table.frame(cx.timestamp()));
    }
}

/// In the order of the counters.
static HOST: &[&Metric] = &[
    &names::TOTAL,
    &names::TOTAL_BYTES,
    &names::TOTAL_MALFORMED,
    &names::SYN,
    &names::SYN_ACK,
    &names::RESET,
    &names::FIN,
    &names::SYN_UNPLACED,
    &names::RATE,
    &names::BYTE_RATE,
    &names::SYN_RATE,
];
static HANDSHAKES: &[&Metric] = &[&names::HANDSHAKE_LATENCY_P50, &names::HANDSHAKE_LATENCY_P99, &names::HANDSHAKES];
static REQUESTS: &[&Metric] = &[&names::HTTP_LATENCY_P50, &names::HTTP_LATENCY_P99];

const FAMILIES: [&str; 4] = ["other", "ipv4", "ipv6", "arp"];
const PROTOCOLS: [&str; 4] = ["other", "tcp", "udp", "icmp"];
const STATUSES: [&str; 6] = ["other", "1xx", "2xx", "3xx", "4xx", "5xx"];

const _: () = assert!(HANDSHAKE < HTTP, "handshakes stand first");

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use observe_core::{Item, ProcessCache, Timestamp};

    use super::*;
    use crate::{
        histogram::{BUCKETS, Cumulative},
        net::traffic::{Side, Traffic, WORDS},
    };

    #[test]
    fn every_number_that_is_simulated_says_so() {
        let mut report = Report::new(Origin::Simulated, Duration::from_secs(1)).unwrap();
        let traffic = Traffic::new([1; WORDS]);
        let mut answers: [Answers; 4] = Default::default();
        let once = Cumulative { buckets: [1; BUCKETS], ..Cumulative::default() };
        answers.iter_mut().for_each(|answers| answers.update(once.clone(), [0, 0, 1, 0, 0, 1]));
        let flow = FlowKey { client: "10.0.0.1".into(), server: "10.0.0.2:80".into(), protocol: "tcp" };
        let view = View {
            sides: vec![Side { interface: "eth0", direction: Direction::Receive, traffic }],
            total: &traffic,
            answers: &answers,
            unplaced: 0,
            flows: vec![(flow, 1.0)],
        };
        let processes = ProcessCache::new();
        let mut cx = Collect::new(Timestamp::default(), Instant::now(), &processes);

        report.emit(&view, &mut cx);

        let items = cx.take_items();
        assert_eq!(items.len(), 7);
        for item in items {
            let Item::Frame(frame) = item else { panic!("{item:?}") };
            assert!(frame.subjects().iter().flatten().count() > 0);
            let mut subjects = frame.subjects().iter().flatten();
            assert!(subjects.all(|subject| subject.attributes.value("source") == Some("simulated")), "{frame:?}");
        }
    }
}
