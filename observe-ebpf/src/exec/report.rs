//! Frames and events of processes.

use std::time::Duration;

use observe_core::{
    Collect, EventData, EventKind, Exec, InvalidSchema, ProcessChange, ProcessInfo, Schema, SubjectId, SystemEvent,
    Table, Timestamp, names::exec as names,
};

use crate::{
    histogram::Counts,
    origin::Origin,
    rules::{Observation, Started},
};

/// What was counted of processes since the start; lifetimes since the reading before.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted {
    pub(crate) started: u64,
    pub(crate) forked: u64,
    pub(crate) exited: u64,
    pub(crate) failed: u64,
    pub(crate) signalled: u64,
    /// In microseconds: processes may live for days.
    pub(crate) lifetimes: Counts,
}

/// One process that began to run a program, or ended.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// When that was.
    pub(crate) at: Timestamp,
    pub(crate) exec: Exec,
    /// Whether the program's file has no name any more: it was deleted, or never was on a disk.
    pub(crate) is_deleted: bool,
    /// When the process started, in clock ticks since boot.
    pub(crate) start_ticks: u64,
    /// The user whose rights it has.
    pub(crate) effective_uid: u32,
}

impl Seen {
    /// Returns what rules should look at, and when it was: programs that begin.
    pub(crate) fn observation(&self) -> Option<(Timestamp, Observation<'_>)> {
        let is_start = self.exec.change == ProcessChange::Started;
        is_start.then_some((self.at, Observation::Exec(Started { exec: &self.exec, is_deleted: self.is_deleted })))
    }

    /// Describes the process to those who explain events.
    fn info(&self) -> ProcessInfo {
        ProcessInfo {
            pid: self.exec.task.pid,
            start_ticks: self.start_ticks,
            ppid: self.exec.ppid,
            name: self.exec.task.name.clone(),
            cmdline: self.exec.arguments.join(" "),
            uid: self.effective_uid,
        }
    }
}

/// Makes frames and events of what was counted and seen.
#[derive(Debug)]
pub(crate) struct Report {
    origin: Origin,
    host: Table,
    subject: SubjectId,
}

impl Report {
    pub(crate) fn new(origin: Origin, interval: Duration) -> Result<Self, InvalidSchema> {
        let schema = Schema::builder("exec")
            .kind(EventKind::Metric)
            .interval(interval)
            .column(&names::STARTED)
            .column(&names::FORKED)
            .column(&names::EXITED)
            .column(&names::FAILED)
            .column(&names::SIGNALLED)
            .column(&names::LIFETIME_P50)
            .column(&names::LIFETIME_P99)
            .column(&names::RATE)
            .column(&names::FORK_RATE)
            .column(&names::FAILED_RATE);
        let mut host = Table::new(origin.mark(schema).build()?);
        let subject = host.insert(origin.attributes([]));
        Ok(Self { origin, host, subject })
    }

    /// Emits what was counted.
    pub(crate) fn emit(&mut self, counted: &Counted, cx: &mut Collect<'_>) {
        let Counted { started, forked, exited, failed, signalled, lifetimes } = counted;
        for (column, count) in [started, forked, exited, failed, signalled].into_iter().enumerate() {
            self.host.set(self.subject, column, *count as f64);
        }
        if let (Some(half), Some(most)) = (lifetimes.quantile(0.5), lifetimes.quantile(0.99)) {
            self.host.set(self.subject, 5, half / MICROS_PER_SECOND);
            self.host.set(self.subject, 6, most / MICROS_PER_SECOND);
        }
        cx.emit(self.host.frame(cx.timestamp()));
    }

    /// Emits an event, and makes the process known, so that this and later events about it are explained.
    pub(crate) fn tell(&self, seen: Seen, cx: &mut Collect<'_>) {
        let is_known = self.origin == Origin::Kernel && cx.processes().trusts_kernel();
        if is_known && seen.exec.change == ProcessChange::Started {
            cx.processes().insert(seen.info());
        }
        let event = SystemEvent::new(self.origin.source("exec"), seen.at, EventData::Exec(seen.exec));
        cx.emit(event);
    }
}

const MICROS_PER_SECOND: f64 = 1e6;

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use observe_core::{Frame, Item, ProcessCache, Task};

    use super::*;

    fn seen(change: ProcessChange) -> Seen {
        let task = Task { pid: 7, tid: 7, uid: 1, name: "x".into(), cgroup: 1 };
        let exec = Exec { change, task, ppid: 2, path: "/bin/x".into(), arguments: vec!["x".into(), "-v".into()] };
        Seen { at: Timestamp::from_millis(990), exec, is_deleted: false, start_ticks: 100, effective_uid: 0 }
    }

    fn report(origin: Origin, act: impl FnOnce(&mut Report, &mut Collect<'_>)) -> (Vec<Item>, ProcessCache) {
        let processes = ProcessCache::new();
        let mut cx = Collect::new(Timestamp::from_millis(1_000), Instant::now(), &processes);
        act(&mut Report::new(origin, Duration::from_secs(1)).unwrap(), &mut cx);
        (cx.take_items(), processes)
    }

    fn frame(items: Vec<Item>) -> Frame {
        let frame = items.into_iter().find_map(|item| if let Item::Frame(frame) = item { Some(frame) } else { None });
        frame.unwrap()
    }

    #[test]
    fn a_process_that_starts_is_known_at_once_with_the_rights_that_it_has() {
        let (_, processes) = report(Origin::Kernel, |report, cx| report.tell(seen(ProcessChange::Started), cx));

        let known = processes.process(7).unwrap();
        assert_eq!((known.cmdline.as_str(), known.uid, known.start_ticks), ("x -v", 0, 100));
    }

    #[test]
    fn processes_that_are_made_up_are_known_to_nobody() {
        let (items, processes) = report(Origin::Simulated, |report, cx| report.tell(seen(ProcessChange::Started), cx));

        assert!(processes.process(7).is_none());
        assert!(matches!(items.first(), Some(Item::Event(event)) if event.source == "simulated::exec"));
    }

    #[test]
    fn a_process_with_an_id_of_another_namespace_does_not_take_the_place_of_one_of_this() {
        let processes = ProcessCache::new();
        processes.distrust_kernel();
        let mut cx = Collect::new(Timestamp::from_millis(1_000), Instant::now(), &processes);

        let report = Report::new(Origin::Kernel, Duration::from_secs(1)).unwrap();
        report.tell(seen(ProcessChange::Started), &mut cx);

        assert!(processes.process(7).is_none() && cx.take_items().len() == 1);
    }

    #[test]
    fn an_event_and_what_rules_see_have_the_time_at_which_it_happened() {
        let seen = seen(ProcessChange::Started);
        let judged = seen.observation().map(|(at, _)| at);
        let (items, _) = report(Origin::Kernel, |report, cx| report.tell(seen, cx));

        let happened = Timestamp::from_millis(990);
        assert!(matches!(items.first(), Some(Item::Event(event)) if event.timestamp == happened));
        assert_eq!(judged, Some(happened));
    }

    #[test]
    fn lifetimes_are_in_seconds_and_absent_where_nothing_ended() {
        let (items, _) = report(Origin::Kernel, |report, cx| report.emit(&Counted::default(), cx));
        let quiet = frame(items);
        let mut counted = Counted { exited: 1, ..Counted::default() };
        counted.lifetimes.observe(5_000_000);
        let (items, _) = report(Origin::Kernel, |report, cx| report.emit(&counted, cx));

        assert_eq!((quiet.value(0, 2), quiet.value(0, 5)), (Some(0.0), None));
        assert!(frame(items).value(0, 5).is_some_and(|seconds| (4.0..6.3).contains(&seconds)));
    }
}
