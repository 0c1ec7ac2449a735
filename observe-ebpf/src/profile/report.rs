//! Frames of samples.

use std::{cmp::Reverse, collections::HashMap, time::Duration};

use observe_core::{Collect, EventKind, InvalidSchema, KeyedTable, Schema, SubjectId, Table, names::profile as names};

use crate::origin::Origin;

/// What was sampled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reading {
    /// Samples since the beginning.
    pub(crate) samples: u64,
    /// Samples since the beginning for which there was no place.
    pub(crate) lost: u64,
    /// Samples since the reading before, by command.
    pub(crate) commands: HashMap<String, u64>,
}

/// Makes frames of what was sampled.
#[derive(Debug)]
pub(crate) struct Report {
    origin: Origin,
    host: Table,
    subject: SubjectId,
    commands: KeyedTable<String>,
    /// The commands that were found most often at the reading before.
    before: Vec<String>,
}

impl Report {
    pub(crate) fn new(origin: Origin, interval: Duration) -> Result<Self, InvalidSchema> {
        let host = Schema::builder("profile").kind(EventKind::Metric).interval(interval);
        let host = host.column(&names::SAMPLES).column(&names::LOST);
        let commands = Schema::builder("profile_command").kind(EventKind::Metric).interval(interval);
        let commands = commands.column(&names::SHARE);
        let mut host = Table::new(origin.mark(host).build()?);
        let subject = host.insert(origin.attributes([]));
        let commands = KeyedTable::new(origin.mark(commands).build()?);
        Ok(Self { origin, host, subject, commands, before: Vec::new() })
    }

    /// Emits what is known.
    pub(crate) fn emit(&mut self, reading: &Reading, cx: &mut Collect<'_>) {
        let timestamp = cx.timestamp();
        self.host.set(self.subject, 0, reading.samples as f64);
        self.host.set(self.subject, 1, reading.lost as f64);
        cx.emit(self.host.frame(timestamp));
        let all: u64 = reading.commands.values().sum();
        let top = top(&reading.commands);
        // What is on top once, by chance, is no series.
        for (command, count) in top.iter().filter(|(command, _)| self.before.contains(command)) {
            let origin = self.origin;
            let mut row = self.commands.row(command, || origin.attributes([("command", command)]));
            row.set(0, *count as f64 / all as f64 * 100.0);
        }
        self.before = top.into_iter().map(|(command, _)| command).collect();
        if !self.commands.is_empty() {
            cx.emit(self.commands.frame(timestamp));
        }
    }
}

/// Returns the commands that were found most often.
fn top(commands: &HashMap<String, u64>) -> Vec<(String, u64)> {
    let mut all: Vec<(&String, &u64)> = commands.iter().collect();
    all.sort_unstable_by_key(|(command, count)| (Reverse(**count), *command));
    all.into_iter().take(MAX_COMMANDS).map(|(command, count)| (command.clone(), *count)).collect()
}

/// The most commands that have series at a time.
const MAX_COMMANDS: usize = 10;

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use observe_core::{Frame, Item, ProcessCache, Timestamp};

    use super::*;

    fn emit(report: &mut Report, commands: &[(&str, u64)]) -> Vec<Frame> {
        let processes = ProcessCache::new();
        let mut cx = Collect::new(Timestamp::from_millis(1_000), Instant::now(), &processes);
        let commands = commands.iter().map(|(command, count)| ((*command).to_owned(), *count)).collect();
        report.emit(&Reading { samples: 100, lost: 3, commands }, &mut cx);
        let frames = cx.take_items().into_iter().map(|item| match item {
            Item::Frame(frame) => frame,
            other => panic!("{other:?}"),
        });
        frames.collect()
    }

    fn spelled(frame: &Frame) -> Vec<String> {
        let subjects = frame.subjects().iter().enumerate();
        let spelled = subjects.filter_map(|(slot, subject)| {
            let command = subject.as_ref()?.attributes.value("command")?;
            Some(format!("{command} {}", frame.value(slot, 0)?))
        });
        spelled.collect()
    }

    #[test]
    fn a_command_has_a_series_from_its_second_reading_on_top() {
        let mut report = Report::new(Origin::Kernel, Duration::from_secs(10)).unwrap();

        let first = emit(&mut report, &[("sh", 30), ("cc", 10)]);
        let second = emit(&mut report, &[("sh", 30), ("ld", 10)]);

        assert_eq!(first.len(), 1);
        assert_eq!((first[0].value(0, 0), first[0].value(0, 1)), (Some(100.0), Some(3.0)));
        assert_eq!(spelled(&second[1]), ["sh 75"]);
    }

    #[test]
    fn no_more_than_ten_commands_have_series() {
        let mut report = Report::new(Origin::Kernel, Duration::from_secs(10)).unwrap();
        let names: Vec<String> = (0..50).map(|number| format!("c{number:02}")).collect();
        let commands: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), 2)).collect();

        emit(&mut report, &commands);
        let frames = emit(&mut report, &commands);

        assert_eq!(spelled(&frames[1]).len(), 10);
        assert!(spelled(&frames[1]).contains(&"c00 2".to_owned()));
    }

    #[test]
    fn nothing_sampled_is_no_share_of_anything() {
        let mut report = Report::new(Origin::Simulated, Duration::from_secs(10)).unwrap();
        emit(&mut report, &[("sh", 1)]);
        emit(&mut report, &[("sh", 1)]);

        let frames = emit(&mut report, &[]);

        assert!(frames.iter().all(|frame| spelled(frame).is_empty()));
    }
}
