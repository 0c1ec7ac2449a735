//! Processes that nobody started.

use std::time::Duration;

use observe_core::{Collect, Exec, InvalidSchema, ProcessChange, Timestamp};

use super::{FIRST_PID, Random, Simulation, task};
use crate::{
    exec::report::{Counted, Report, Seen},
    guard::Guard,
    origin::Origin,
};

/// Makes up the feature `exec`.
#[derive(Debug)]
pub(crate) struct SimulatedExec {
    report: Report,
    counted: Counted,
    guard: Guard,
    next_pid: u32,
}

impl SimulatedExec {
    pub(crate) fn new(interval: Duration, guard: &Guard) -> Result<Self, InvalidSchema> {
        let report = Report::new(Origin::Simulated, interval)?;
        Ok(Self { report, counted: Counted::default(), guard: guard.clone(), next_pid: FIRST_PID })
    }

    fn start(&mut self, at: Timestamp, random: &mut Random) -> Option<Seen> {
        let (path, arguments) = random.choose(&PROGRAMS)?;
        let name = path.rsplit('/').next().unwrap_or(path);
        let pid = self.next_pid;
        self.next_pid = pid.wrapping_add(1).max(FIRST_PID);
        let exec = Exec {
            change: ProcessChange::Started,
            task: task(name, pid),
            ppid: 1,
            path: (*path).to_owned(),
            arguments: [name].iter().chain(arguments.iter()).map(|text| (*text).to_owned()).collect(),
        };
        Some(Seen { at, exec, is_deleted: false, start_ticks: 0, effective_uid: 1000 })
    }
}

impl Simulation for SimulatedExec {
    fn name(&self) -> &'static str {
        "exec"
    }

    fn step(&mut self, random: &mut Random, cx: &mut Collect<'_>) -> u64 {
        let at = cx.timestamp();
        let started: Vec<Seen> = (0..random.about(1.5)).filter_map(|_| self.start(at, random)).collect();
        let count = started.len() as u64;
        self.counted.started += count;
        self.counted.forked += count + random.about(1.0);
        self.counted.exited += count;
        self.counted.failed += u64::from(random.happens(0.05));
        self.counted.lifetimes = Default::default();
        for _ in 0..count {
            // In microseconds.
            self.counted.lifetimes.observe(random.nanos(8e4));
        }
        self.report.emit(&self.counted, cx);
        self.guard.judge(started.iter().filter_map(Seen::observation), cx);
        started.into_iter().for_each(|seen| self.report.tell(seen, cx));
        count
    }
}

/// Programs with their arguments; the last is one that rules speak of.
const PROGRAMS: [(&str, &[&str]); 6] = [
    ("/usr/bin/grep", &["-r", "TODO", "src"]),
    ("/usr/bin/git", &["status"]),
    ("/usr/bin/curl", &["https://example.com/health"]),
    ("/usr/sbin/cron", &["-f"]),
    ("/bin/sh", &["-c", "exit 0"]),
    ("/tmp/simulated", &["--demo"]),
];
