//! Reads who calls most out of the kernel.

use std::{collections::HashMap, fs, sync::Arc, time::Duration};

use observe_core::{Collect, InvalidSchema, KernelBoard, ProcessCache, Timestamp};

use super::{
    cgroups::Cgroups,
    credits::{Call, Ledger, Place},
    report::{Report, Top},
};
use crate::{kernel::Rows, origin::Origin, syscalls::names};

/// Who calls most.
#[derive(Debug)]
pub(crate) struct Tops {
    interval: Duration,
    /// How many calls a credit stands for.
    weight: u32,
    read_at: Option<Timestamp>,
    processes: Ledger,
    cgroups: Ledger,
    paths: Cgroups,
    report: Report,
}

impl Tops {
    /// Makes what reads the places every `interval`; a credit stands for `weight` calls.
    pub(crate) fn new(interval: Duration, weight: u32, board: &KernelBoard) -> Result<Self, InvalidSchema> {
        Ok(Self {
            interval,
            weight,
            read_at: None,
            processes: Ledger::default(),
            cgroups: Ledger::default(),
            paths: Cgroups::new("/proc/self/mountinfo"),
            report: Report::new(Origin::Kernel, interval, board)?,
        })
    }

    /// Reads all places if it is time to; `tick` is the time between two calls of this.
    pub(crate) fn read(&mut self, places: &Rows, tick: Duration, cx: &mut Collect<'_>) {
        let now = cx.timestamp();
        // A clock that was set back begins anew.
        let elapsed = self.read_at.filter(|before| *before <= now).map(|before| now.since(before));
        if elapsed.is_some_and(|elapsed| elapsed + tick / 2 < self.interval) {
            return;
        }
        self.read_at = Some(now);
        let half = places.len() / 2;
        let read = |from, to| (from..to).flat_map(|index| places.row(index)).map(Place::read);
        let (processes, cgroups) =
            (self.processes.advance(read(0, half)), self.cgroups.advance(read(half, places.len())));
        // What stood there at first was credited nobody knows since when.
        let Some(elapsed) = elapsed else { return };
        let scale = f64::from(self.weight) / elapsed.as_secs_f64().max(1e-3);
        let processes = named(processes, scale, |id| process_name(cx.processes(), id));
        self.paths.learn(cgroups.keys().map(|(id, _)| *id));
        let cgroups = named(cgroups, scale, |id| self.paths.path(id));
        self.report.emit(processes, cgroups, cx);
    }
}

/// Makes rates of credits, the highest first, and names the callers that come first.
fn named(credits: HashMap<Call, u64>, scale: f64, name: impl Fn(u64) -> Option<Arc<str>>) -> Vec<Top> {
    let mut credits: Vec<(Call, u64)> = credits.into_iter().collect();
    credits.sort_unstable_by_key(|(call, credits)| (std::cmp::Reverse(*credits), *call));
    let mut known: HashMap<u64, Option<Arc<str>>> = HashMap::new();
    let tops = credits.into_iter().map(|((id, number), credits)| {
        let name = match known.get(&id) {
            Some(name) => name.clone(),
            None if known.len() >= MAX_NAMED => None,
            None => known.entry(id).insert_entry(name(id)).get().clone(),
        };
        let syscall = names::name(number as usize);
        Top { id, name, syscall, calls_per_second: credits as f64 * scale }
    });
    tops.collect()
}

/// Returns the command name of a process, from the engine's memory or, where that does not know it, from `/proc`.
fn process_name(processes: &ProcessCache, id: u64) -> Option<Arc<str>> {
    let known = u32::try_from(id).ok().and_then(|pid| processes.process(pid));
    if let Some(process) = known {
        return Some(process.name.as_str().into());
    }
    let comm = fs::read(format!("/proc/{id}/comm")).ok()?;
    Some(String::from_utf8_lossy(&comm).trim_end_matches('\n').into())
}

/// The most callers that are named at one reading.
const MAX_NAMED: usize = 256;

#[cfg(test)]
mod tests {
    use observe_core::ProcessInfo;

    use super::*;

    #[test]
    fn those_who_call_most_come_first_and_are_asked_for_their_name_once() {
        let asked = std::cell::Cell::new(0);
        let credits = HashMap::from([((7, 0), 5), ((8, 0), 9), ((7, 1), 1)]);

        let tops = named(credits, 6.4, |id| {
            asked.set(asked.get() + 1);
            (id == 7).then(|| "seven".into())
        });

        let seen: Vec<_> = tops.iter().map(|top| (top.id, top.name.as_deref(), top.calls_per_second)).collect();
        assert_eq!(seen, [(8, None, 9.0 * 6.4), (7, Some("seven"), 32.0), (7, Some("seven"), 6.4)]);
        assert_eq!(asked.get(), 2);
    }

    #[test]
    fn names_are_asked_for_so_many_callers_alone() {
        let credits = (0..MAX_NAMED as u64 + 5).map(|id| ((id, 0), 1)).collect();

        let tops = named(credits, 1.0, |_| Some("x".into()));

        assert_eq!(tops.iter().filter(|top| top.name.is_none()).count(), 5);
    }

    #[test]
    fn a_process_that_the_engine_does_not_know_is_looked_up() {
        let processes = ProcessCache::new();
        let (pid, name) = (7, "known".to_owned());
        processes.insert(ProcessInfo { pid, start_ticks: 1, ppid: 0, name, cmdline: String::new(), uid: 0 });

        assert_eq!(process_name(&processes, 7).as_deref(), Some("known"));
        assert!(process_name(&processes, u64::from(std::process::id())).is_some_and(|name| !name.is_empty()));
        assert_eq!(process_name(&processes, u64::MAX), None);
    }
}
