//! Frames of who calls most, and what the board says of it.

use std::{
    collections::{HashMap, HashSet},
    mem,
    sync::Arc,
    time::Duration,
};

use observe_core::{
    Attributes, Collect, EventKind, InvalidSchema, KernelBoard, KeyedTable, Metric, Schema, TopSyscalls,
    names::syscall as names,
};

pub(crate) use observe_core::TopSyscall as Top;

use crate::origin::Origin;

/// Makes frames of who calls most, and writes it on the board.
#[derive(Debug)]
pub(crate) struct Report {
    board: KernelBoard,
    processes: Leaders,
    cgroups: Leaders,
}

impl Report {
    pub(crate) fn new(origin: Origin, interval: Duration, board: &KernelBoard) -> Result<Self, InvalidSchema> {
        Ok(Self {
            board: board.clone(),
            processes: Leaders::new(origin, interval, ("syscall_process", "name", &names::PROCESS_RATE))?,
            cgroups: Leaders::new(origin, interval, ("syscall_cgroup", "cgroup", &names::CGROUP_RATE))?,
        })
    }

    /// Emits who calls most. Both lists begin with the highest rate.
    pub(crate) fn emit(&mut self, mut processes: Vec<Top>, mut cgroups: Vec<Top>, cx: &mut Collect<'_>) {
        self.processes.emit(&processes, cx);
        self.cgroups.emit(&cgroups, cx);
        processes.truncate(TopSyscalls::MAX);
        cgroups.truncate(TopSyscalls::MAX);
        let tops = TopSyscalls { reason: None, by_process: processes, by_cgroup: cgroups };
        self.board.set(|status| status.top_syscalls = Arc::new(tops));
    }
}

/// The names under which most calls are made. One that has series keeps them for as long as it is near the top, so that
/// they do not come and go.
#[derive(Debug)]
struct Leaders {
    origin: Origin,
    attribute: &'static str,
    table: KeyedTable<Arc<str>>,
    shown: HashSet<Arc<str>>,
}

impl Leaders {
    fn new(
        origin: Origin,
        interval: Duration,
        (schema, attribute, metric): (&'static str, &'static str, &'static Metric),
    ) -> Result<Self, InvalidSchema> {
        let schema = Schema::builder(schema).kind(EventKind::Metric).interval(interval).column(metric);
        let table = KeyedTable::new(origin.mark(schema).build()?);
        Ok(Self { origin, attribute, table, shown: HashSet::new() })
    }

    fn emit(&mut self, tops: &[Top], cx: &mut Collect<'_>) {
        let before = mem::take(&mut self.shown);
        let (origin, attribute) = (self.origin, self.attribute);
        for (place, (name, rate)) in by_name(tops).into_iter().take(STAY).enumerate() {
            if place < ENTER || before.contains(name) {
                let name: Arc<str> = name.into();
                self.table.row(&name, || origin.attributes([(attribute, &name)])).set(0, rate);
                self.shown.insert(name);
            }
        }
        if !self.shown.is_empty() || !before.is_empty() {
            cx.emit(self.table.frame(cx.timestamp()));
        }
    }
}

/// Adds up the rates of each name, the highest first.
fn by_name(tops: &[Top]) -> Vec<(&str, f64)> {
    let mut rates: HashMap<&str, f64> = HashMap::new();
    for top in tops {
        let name = top.name.as_deref().filter(|name| (1..=Attributes::MAX_VALUE_BYTES).contains(&name.len()));
        *rates.entry(name.unwrap_or(UNKNOWN)).or_default() += top.calls_per_second;
    }
    let mut rates: Vec<_> = rates.into_iter().collect();
    rates.sort_unstable_by(|(one_name, one), (name, other)| other.total_cmp(one).then(one_name.cmp(name)));
    rates
}

/// A name among so many gets series.
const ENTER: usize = 10;
/// A name with series keeps them among so many.
const STAY: usize = 20;
/// Stands for all that were gone before they were asked for their name.
const UNKNOWN: &str = "unknown";

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use observe_core::{Frame, Item, KernelMode, ProcessCache, Timestamp};

    use super::*;

    fn top(name: &str, calls_per_second: f64) -> Top {
        let name = (!name.is_empty()).then(|| name.into());
        Top { id: 7, name, syscall: "read".into(), calls_per_second }
    }

    fn emit(report: &mut Report, processes: Vec<Top>) -> Vec<Frame> {
        let processes_known = ProcessCache::new();
        let mut cx = Collect::new(Timestamp::from_millis(1000), Instant::now(), &processes_known);
        report.emit(processes, Vec::new(), &mut cx);
        let frame = |item| if let Item::Frame(frame) = item { Some(frame) } else { None };
        cx.take_items().into_iter().filter_map(frame).collect()
    }

    fn rates(frame: &Frame) -> Vec<(String, f64)> {
        let subjects = frame.subjects().iter().enumerate();
        let mut rates: Vec<_> = subjects
            .filter_map(|(slot, subject)| {
                Some((subject.as_ref()?.attributes.value("name")?.to_owned(), frame.value(slot, 0)?))
            })
            .collect();
        rates.sort_by(|(one, _), (other, _)| one.cmp(other));
        rates
    }

    fn report(board: &KernelBoard) -> Report {
        Report::new(Origin::Kernel, Duration::from_secs(10), board).unwrap()
    }

    #[test]
    fn calls_and_processes_of_one_name_are_one_series() {
        let board = KernelBoard::new(KernelMode::Live);

        let frames = emit(&mut report(&board), vec![top("make", 30.0), top("", 20.0), top("make", 12.0)]);

        assert_eq!(rates(&frames[0]), [("make".to_owned(), 42.0), ("unknown".to_owned(), 20.0)]);
        assert_eq!(frames.len(), 1, "nothing is known of control groups");
        let tops = board.read().top_syscalls;
        assert_eq!((tops.by_process.len(), tops.by_cgroup.len()), (3, 0));
        assert_eq!((&tops.by_process[1].name, tops.by_process[1].calls_per_second), (&None, 20.0));
    }

    #[test]
    fn a_name_enters_among_the_first_and_stays_near_them() {
        let mut report = report(&KernelBoard::new(KernelMode::Live));
        let crowd = |first: &str, place: usize| {
            let mut names: Vec<String> = (0..25).map(|index| format!("p{index:02}")).collect();
            names.insert(place, first.to_owned());
            names.iter().enumerate().map(|(index, name)| top(name, 1000.0 - index as f64)).collect::<Vec<_>>()
        };
        let has = |frames: &[Frame]| rates(&frames[0]).iter().any(|(name, _)| name == "x");

        assert!(!has(&emit(&mut report, crowd("x", 10))), "eleventh");
        assert!(has(&emit(&mut report, crowd("x", 9))), "tenth");
        assert!(has(&emit(&mut report, crowd("x", 19))), "twentieth");
        assert!(!has(&emit(&mut report, crowd("x", 20))), "twenty-first");
        assert!(!has(&emit(&mut report, crowd("x", 19))), "it had left");
    }

    #[test]
    fn when_all_fall_silent_their_series_end() {
        let board = KernelBoard::new(KernelMode::Live);
        let mut report = report(&board);
        emit(&mut report, vec![top("make", 30.0)]);

        let last = emit(&mut report, Vec::new());
        let after = emit(&mut report, Vec::new());

        assert_eq!((last.len(), rates(&last[0]).len(), after.len()), (1, 0, 0));
        assert!(board.read().top_syscalls.by_process.is_empty());
    }

    #[test]
    fn the_board_has_room_for_twenty() {
        let board = KernelBoard::new(KernelMode::Live);

        emit(&mut report(&board), (0..30).map(|rank| top("x", f64::from(30 - rank))).collect());

        assert_eq!(board.read().top_syscalls.by_process.len(), 20);
    }

    #[test]
    fn a_name_that_is_too_long_for_an_attribute_is_unknown() {
        assert_eq!(by_name(&[top(&"x".repeat(2000), 1.0)]), [("unknown", 1.0)]);
    }
}
