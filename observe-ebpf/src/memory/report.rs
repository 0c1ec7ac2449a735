//! Frames and events of want of memory.

use std::time::Duration;

use observe_core::{
    Collect, EventData, EventKind, Exec, InvalidSchema, KeyedTable, ProcessChange, Schema, SubjectId, SystemEvent,
    Table, Task, Timestamp, names::reclaim as names,
};

use crate::{histogram::Counts, origin::Origin};

/// What was counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted {
    /// Processes that were chosen to be killed, since the start.
    pub(crate) oom_kills: u64,
    /// For the host, then for control groups.
    pub(crate) reclaims: [Reclaims; 2],
    /// Page faults since the start, to read, to write and to execute; `None` where they are not counted.
    pub(crate) faults: Option<[u64; 3]>,
}

/// How often and how long threads had to reclaim memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reclaims {
    /// Since the start.
    pub(crate) count: u64,
    /// Since the start.
    pub(crate) pages: u64,
    /// Since the reading before.
    pub(crate) latencies: Counts,
    /// The time of these in all, in nanoseconds.
    pub(crate) time: u64,
}

/// A process that is killed because memory ran out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Victim {
    /// Without a name where the kernel told only the id.
    pub(crate) task: Task,
    pub(crate) ppid: u32,
    pub(crate) anonymous_bytes: u64,
}

/// Makes frames and events of what was counted and seen.
#[derive(Debug)]
pub(crate) struct Report {
    origin: Origin,
    kills: Table,
    subject: SubjectId,
    reclaims: KeyedTable<&'static str>,
    faults: KeyedTable<&'static str>,
}

impl Report {
    pub(crate) fn new(origin: Origin, interval: Duration) -> Result<Self, InvalidSchema> {
        let schema = |name| origin.mark(Schema::builder(name).kind(EventKind::Metric).interval(interval));
        let reclaims = schema("reclaim")
            .column(&names::COUNT)
            .column(&names::PAGES)
            .column(&names::LATENCY)
            .column(&names::LATENCY_P50)
            .column(&names::LATENCY_P99)
            .column(&names::RATE);
        let faults = schema("faults").column(&names::FAULTS).column(&names::FAULT_RATE);
        let mut kills = Table::new(schema("oom").column(&names::OOM_KILLS).build()?);
        let subject = kills.insert(origin.attributes([]));
        Ok(Self {
            origin,
            kills,
            subject,
            reclaims: KeyedTable::new(reclaims.build()?),
            faults: KeyedTable::new(faults.build()?),
        })
    }

    /// Emits what was counted.
    pub(crate) fn emit(&mut self, counted: &Counted, cx: &mut Collect<'_>) {
        let origin = self.origin;
        self.kills.set(self.subject, 0, counted.oom_kills as f64);
        cx.emit(self.kills.frame(cx.timestamp()));
        for (scope, reclaims) in SCOPES.into_iter().zip(&counted.reclaims) {
            let mut row = self.reclaims.row(&scope, || origin.attributes([("scope", scope)]));
            row.set(0, reclaims.count as f64).set(1, reclaims.pages as f64);
            let latencies = &reclaims.latencies;
            if let (Some(half), Some(most)) = (latencies.quantile(0.5), latencies.quantile(0.99)) {
                row.set(2, reclaims.time as f64 / latencies.len() as f64).set(3, half).set(4, most);
            }
        }
        cx.emit(self.reclaims.frame(cx.timestamp()));
        let Some(faults) = counted.faults else { return };
        for (access, count) in ACCESSES.into_iter().zip(faults) {
            self.faults.row(&access, || origin.attributes([("access", access)])).set(0, count as f64);
        }
        cx.emit(self.faults.frame(cx.timestamp()));
    }

    /// Emits an event of what happened `at` a time; what the kernel did not tell about the process is taken from what is
    /// known about it.
    pub(crate) fn tell(&self, at: Timestamp, victim: Victim, cx: &mut Collect<'_>) {
        let Victim { mut task, mut ppid, anonymous_bytes } = victim;
        if task.name.is_empty()
            && cx.processes().trusts_kernel()
            && let Some(known) = cx.processes().process(task.pid)
        {
            task.name.clone_from(&known.name);
            (task.uid, ppid) = (known.uid, known.ppid);
        }
        let change = ProcessChange::OomKilled { anonymous_bytes };
        let exec = Exec { change, task, ppid, path: String::new(), arguments: Vec::new() };
        cx.emit(SystemEvent::new(self.origin.source("memory"), at, EventData::Exec(exec)));
    }
}

/// For whom memory is reclaimed.
const SCOPES: [&str; 2] = ["host", "cgroup"];
/// What programs wanted to do with a page that was not there.
const ACCESSES: [&str; 3] = ["read", "write", "execute"];

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use observe_core::{Item, ProcessCache, ProcessInfo};

    use super::*;

    fn report(processes: &ProcessCache, act: impl FnOnce(&mut Report, &mut Collect<'_>)) -> Vec<Item> {
        let mut cx = Collect::new(Timestamp::from_millis(1_000), Instant::now(), processes);
        act(&mut Report::new(Origin::Kernel, Duration::from_secs(1)).unwrap(), &mut cx);
        cx.take_items()
    }

    fn told(processes: &ProcessCache, task: Task) -> Exec {
        let victim = Victim { task, ppid: 0, anonymous_bytes: 4096 };
        let items = report(processes, |report, cx| report.tell(cx.timestamp(), victim, cx));
        let Some(Item::Event(SystemEvent { data: EventData::Exec(exec), .. })) = items.into_iter().next() else {
            panic!("no event")
        };
        exec
    }

    #[test]
    fn a_victim_of_which_only_the_id_is_known_is_looked_up() {
        let processes = ProcessCache::new();
        let (name, cmdline) = ("db".to_owned(), String::new());
        processes.insert(ProcessInfo { pid: 7, start_ticks: 1, ppid: 2, name, cmdline, uid: 3 });

        let known = told(&processes, Task { pid: 7, tid: 7, ..Task::default() });
        let stranger = told(&processes, Task { pid: 8, tid: 8, ..Task::default() });
        let described = told(&processes, Task { pid: 7, name: "x".into(), ..Task::default() });

        assert_eq!((known.task.name.as_str(), known.task.uid, known.ppid), ("db", 3, 2));
        assert_eq!((stranger.task.name.as_str(), described.task.name.as_str()), ("", "x"));
        processes.distrust_kernel();
        assert_eq!(told(&processes, Task { pid: 7, ..Task::default() }).task.name, "");
    }

    #[test]
    fn faults_have_no_frame_unless_they_are_counted() {
        let processes = ProcessCache::new();
        let counted = Counted { faults: Some([1, 2, 3]), ..Counted::default() };

        let without = report(&processes, |report, cx| report.emit(&Counted::default(), cx));
        let with = report(&processes, |report, cx| report.emit(&counted, cx));

        assert_eq!((without.len(), with.len()), (2, 3));
    }
}
