//! Which processes have series of their own.

use observe_core::{Attributes, Table, Timestamp};

use super::population::Process;
use crate::bucket::Bucket;

/// Decides which processes get series of their own, and which lose them.
///
/// A process must have been found by [`MATURITY`] readings. While there is room, it enters. When there is none, those
/// that lead by processor time or memory take the places of those that were idle for longest.
#[derive(Debug)]
pub(super) struct Admission {
    max_tracked: usize,
    bucket: Bucket,
    /// Admissions that only leaders may use.
    reserve: usize,
    candidates: Vec<usize>,
    by_cpu: Top,
    by_memory: Top,
}

impl Admission {
    /// Starts with room for all; `top` processes lead.
    pub(super) fn new(max_tracked: usize, new_per_hour: usize, top: usize) -> Self {
        let bucket = Bucket::new(max_tracked + top, new_per_hour);
        Self {
            max_tracked,
            reserve: top.min(bucket.available() / 4),
            bucket,
            candidates: Vec::new(),
            by_cpu: Top::new(top),
            by_memory: Top::new(top),
        }
    }

    /// Gives and takes rows of `table`; returns how many processes have none although they are old enough.
    pub(super) fn review(&mut self, processes: &mut [Process], table: &mut Table, now: Timestamp) -> usize {
        self.candidates.clear();
        let waits = |(_, process): &(usize, &Process)| process.subject.is_none() && is_mature(process);
        self.candidates.extend(processes.iter().enumerate().filter(waits).map(|(at, _)| at));
        if self.candidates.is_empty() {
            return 0;
        }
        self.bucket.refill(now);
        let room = self.max_tracked.saturating_sub(table.len());
        if room == 0 {
            self.exchange(processes, table);
            return self.candidates.len();
        }
        self.fill(processes, table, room)
    }

    /// Admits the best candidates while there is room, and returns how many others there are.
    fn fill(&mut self, processes: &mut [Process], table: &mut Table, room: usize) -> usize {
        let allowance = room.min(self.bucket.available().saturating_sub(self.reserve));
        if (1..self.candidates.len()).contains(&allowance) {
            let rank = |at: &usize| processes.get(*at).map_or((0.0, 0), |p| (p.activity, p.stat.resident_pages));
            self.candidates.sort_unstable_by(|one, other| {
                let (one, other) = (rank(one), rank(other));
                other.0.total_cmp(&one.0).then(other.1.cmp(&one.1))
            });
        }
        for &at in self.candidates.iter().take(allowance) {
            if let Some(process) = processes.get_mut(at) {
                self.bucket.take();
                admit(process, table);
            }
        }
        self.candidates.len().saturating_sub(allowance)
    }

    /// Lets those that lead take the places of idle ones.
    fn exchange(&mut self, processes: &mut [Process], table: &mut Table) {
        self.by_cpu.clear();
        self.by_memory.clear();
        for (at, process) in processes.iter().enumerate().filter(|(_, process)| is_mature(process)) {
            self.by_cpu.offer(process.activity, at);
            self.by_memory.offer(process.stat.resident_pages as f32, at);
        }
        // Memory comes second: its leaders push out nobody who leads by processor time.
        let by_cpu = self.by_cpu.entries.iter().map(|entry| (entry.1, false));
        let by_memory = self.by_memory.entries.iter().map(|entry| (entry.1, true));
        for (at, is_by_memory) in by_cpu.chain(by_memory) {
            let Some(leader) = processes.get(at).filter(|process| process.subject.is_none()) else { continue };
            if self.bucket.available() == 0 {
                return;
            }
            let Some(victim) = self.victim(processes, leader, is_by_memory) else { continue };
            self.bucket.take();
            exchange(processes, at, victim, table);
        }
    }

    /// Finds the tracked process that was idle for longest, among those that `leader` outranks and that do not lead.
    fn victim(&self, processes: &[Process], leader: &Process, is_by_memory: bool) -> Option<usize> {
        let is_outranked = |process: &Process| match is_by_memory {
            true => process.stat.resident_pages < leader.stat.resident_pages,
            false => process.activity < leader.activity,
        };
        let is_spared = |at| self.by_cpu.contains(at) || (is_by_memory && self.by_memory.contains(at));
        let tracked = processes.iter().enumerate().filter(|(_, process)| process.subject.is_some());
        let idlest = tracked
            .filter(|&(at, process)| is_outranked(process) && !is_spared(at))
            .min_by_key(|(_, process)| (process.active_at, process.stat.resident_pages));
        idlest.map(|(at, _)| at)
    }
}

fn admit(process: &mut Process, table: &mut Table) {
    let attributes = Attributes::new([("name", process.comm.to_text()), ("pid", process.pid.to_string())]);
    process.subject = Some(table.insert(attributes.unwrap_or_default()));
    process.group = None;
}

fn dismiss(process: &mut Process, table: &mut Table) {
    if let Some(subject) = process.subject.take() {
        table.remove(subject);
    }
}

fn exchange(processes: &mut [Process], newcomer: usize, victim: usize, table: &mut Table) {
    if let Some(process) = processes.get_mut(victim) {
        dismiss(process, table);
    }
    if let Some(process) = processes.get_mut(newcomer) {
        admit(process, table);
    }
}

const fn is_mature(process: &Process) -> bool {
    process.readings >= MATURITY
}

/// The highest few of many values.
#[derive(Debug)]
struct Top {
    len: usize,
    entries: Vec<(f32, usize)>,
}

impl Top {
    const fn new(len: usize) -> Self {
        Self { len, entries: Vec::new() }
    }

    fn clear(&mut self) {
        self.entries.clear();
    }

    fn offer(&mut self, value: f32, at: usize) {
        let is_low = self.entries.len() >= self.len && self.entries.last().is_none_or(|last| value <= last.0);
        if is_low || value <= 0.0 {
            return;
        }
        let rank = self.entries.partition_point(|entry| entry.0 >= value);
        self.entries.insert(rank, (value, at));
        self.entries.truncate(self.len);
    }

    fn contains(&self, at: usize) -> bool {
        self.entries.iter().any(|entry| entry.1 == at)
    }
}

/// How many readings must have found a process before it may have series.
pub(super) const MATURITY: u32 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_values_stay_in_order() {
        let mut top = Top::new(2);

        for (at, value) in [1.0, 3.0, 0.0, 2.0, 3.0].into_iter().enumerate() {
            top.offer(value, at);
        }

        assert_eq!(top.entries, [(3.0, 1), (3.0, 4)]);
    }
}
