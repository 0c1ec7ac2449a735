//! Frames of packets that were thrown away.

use std::time::Duration;

use observe_core::{Collect, EventKind, InvalidSchema, KeyedTable, Schema, SubjectId, Table, names::drops as names};

use crate::origin::Origin;

/// Makes frames of what was counted.
#[derive(Debug)]
pub(crate) struct Report {
    origin: Origin,
    reasons: KeyedTable<String>,
    host: Table,
    subject: SubjectId,
    tracked: Vec<String>,
}

impl Report {
    pub(crate) fn new(origin: Origin, interval: Duration) -> Result<Self, InvalidSchema> {
        let schema = |name| origin.mark(Schema::builder(name).kind(EventKind::Metric).interval(interval));
        let mut host = Table::new(schema("drops").column(&names::TOTAL).column(&names::RATE).build()?);
        let subject = host.insert(origin.attributes([]));
        let reasons = KeyedTable::new(schema("drop").column(&names::PACKETS).build()?);
        Ok(Self { origin, reasons, host, subject, tracked: Vec::new() })
    }

    /// Emits how many packets were thrown away since the start, by reason.
    pub(crate) fn emit<'a>(&mut self, drops: impl Iterator<Item = (&'a str, u64)>, cx: &mut Collect<'_>) {
        let (mut total, mut other) = (0, 0);
        for (reason, packets) in drops.filter(|(_, packets)| *packets > 0) {
            if !INNOCENT.contains(&reason) {
                total += packets;
            }
            if self.is_tracked(reason) {
                self.write(reason, packets);
            } else {
                other += packets;
            }
        }
        if other > 0 {
            self.write(OTHER, other);
        }
        self.host.set(self.subject, 0, total as f64);
        if !self.reasons.is_empty() {
            cx.emit(self.reasons.frame(cx.timestamp()));
        }
        cx.emit(self.host.frame(cx.timestamp()));
    }

    /// Returns whether a reason has a series of its own: those that come first do, for good.
    fn is_tracked(&mut self, reason: &str) -> bool {
        if self.tracked.iter().any(|tracked| tracked == reason) {
            return true;
        }
        let enters = reason != OTHER && self.tracked.len() < MAX_TRACKED;
        if enters {
            self.tracked.push(reason.to_owned());
        }
        enters
    }

    fn write(&mut self, reason: &str, packets: u64) {
        let origin = self.origin;
        self.reasons.row(reason, || origin.attributes([("reason", reason)])).set(0, packets as f64);
    }
}

/// What has no series of its own.
const OTHER: &str = "other";
/// The kernel gives the first wherever nobody thought of a better one, be it a loss or not; the other is for what nobody
/// had read when a socket was closed.
const INNOCENT: [&str; 2] = ["not_specified", "queue_purge"];
/// The most reasons that have series of their own.
const MAX_TRACKED: usize = 32;

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use observe_core::{Frame, Item, ProcessCache, Timestamp};

    use super::*;

    /// Emits once; returns what is known about reasons, and the total.
    fn emit(report: &mut Report, drops: &[(&str, u64)]) -> (Vec<(String, f64)>, f64) {
        let processes = ProcessCache::new();
        let mut cx = Collect::new(Timestamp::from_millis(1_000), Instant::now(), &processes);
        report.emit(drops.iter().copied(), &mut cx);
        let frames: Vec<Frame> = cx
            .take_items()
            .into_iter()
            .map(|item| match item {
                Item::Frame(frame) => frame,
                other => panic!("{other:?}"),
            })
            .collect();
        let total = frames.last().unwrap().value(0, 0).unwrap();
        let reasons = frames[..frames.len() - 1].iter().flat_map(|frame| {
            let subjects = frame.subjects().iter().enumerate();
            subjects.filter_map(|(slot, subject)| {
                let key = frame.schema().key(subject.as_ref()?, 0)?.to_string();
                Some((key, frame.value(slot, 0)?))
            })
        });
        (reasons.collect(), total)
    }

    #[test]
    fn only_reasons_that_were_seen_have_series() {
        let mut report = Report::new(Origin::Kernel, Duration::from_secs(1)).unwrap();

        let nothing = emit(&mut report, &[("no_socket", 0)]);
        let (reasons, total) =
            emit(&mut report, &[("no_socket", 2), ("tcp_flags", 0), ("not_specified", 40), ("queue_purge", 9)]);

        assert_eq!(nothing, (vec![], 0.0));
        assert_eq!(total, 2.0);
        let keys: Vec<&str> = reasons.iter().map(|(key, _)| key.as_str()).collect();
        let expected =
            ["no_socket", "not_specified", "queue_purge"].map(|reason| format!("drops.packets{{reason={reason}}}"));
        assert_eq!(keys, expected);
    }

    #[test]
    fn reasons_beyond_the_bound_count_as_other_and_never_less_than_before() {
        let mut report = Report::new(Origin::Kernel, Duration::from_secs(1)).unwrap();
        let names: Vec<String> = (0..40).map(|number| format!("reason_{number}")).collect();
        let mut drops: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), 1)).collect();
        drops.push((OTHER, 5));

        let (reasons, total) = emit(&mut report, &drops);
        drops.reverse();
        let (again, _) = emit(&mut report, &drops);

        assert_eq!((reasons.len(), total), (33, 45.0));
        let other = |reasons: &[(String, f64)]| reasons.iter().find(|(key, _)| key.contains("other")).unwrap().1;
        assert_eq!((other(&reasons), other(&again)), (13.0, 13.0));
    }
}
