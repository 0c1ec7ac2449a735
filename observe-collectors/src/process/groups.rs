//! Sums by command, of processes that have no series of their own.

use std::{collections::HashMap, sync::Arc};

use observe_core::{Attributes, Frame, Schema, SubjectId, Table, Timestamp};

use super::{Scale, population::Process};

/// Adds up processes without series of their own by the name of their command.
///
/// At most [`MAX_GROUPS`] names are told apart; the rest counts as `other`. A name leaves when it had no process for
/// [`PATIENCE_TICKS`].
#[derive(Debug)]
pub(super) struct Groups {
    table: Table,
    groups: Vec<Option<Group>>,
    by_name: HashMap<Box<str>, u16>,
}

#[derive(Debug)]
struct Group {
    subject: SubjectId,
    name: Box<str>,
    cpu_ticks: u64,
    resident_pages: u64,
    count: u64,
    used_at: u64,
}

impl Groups {
    pub(super) fn new(schema: Arc<Schema>) -> Self {
        Self { table: Table::new(schema), groups: Vec::new(), by_name: HashMap::new() }
    }

    /// Starts the sums of a tick.
    pub(super) fn begin(&mut self, tick: u64) {
        for slot in &mut self.groups {
            if let Some(group) = slot {
                (group.count, group.resident_pages) = (0, 0);
                if tick.saturating_sub(group.used_at) > PATIENCE_TICKS {
                    self.table.remove(group.subject);
                    self.by_name.remove(&group.name);
                    *slot = None;
                }
            }
        }
    }

    /// Adds a process.
    pub(super) fn add(&mut self, process: &mut Process, tick: u64) {
        let index = match process.group {
            Some(index) => index,
            None => self.find(process),
        };
        process.group = Some(index);
        if let Some(Some(group)) = self.groups.get_mut(usize::from(index)) {
            group.cpu_ticks += process.grown_ticks;
            group.resident_pages += process.stat.resident_pages;
            group.count += 1;
            group.used_at = tick;
        }
    }

    /// Returns the sums as a frame; none where there never was anything to add up.
    pub(super) fn frame(&mut self, scale: Scale, timestamp: Timestamp) -> Option<Frame> {
        for group in self.groups.iter().flatten() {
            let values = [scale.seconds(group.cpu_ticks), scale.bytes(group.resident_pages), group.count as f64];
            for (column, value) in values.into_iter().enumerate() {
                self.table.set(group.subject, column, value);
            }
        }
        (!self.table.is_empty()).then(|| self.table.frame(timestamp))
    }

    fn find(&mut self, process: &Process) -> u16 {
        let text = process.comm.to_text();
        let name = command(&text, process.stat.is_kernel_thread);
        if let Some(&index) = self.by_name.get(name) {
            return index;
        }
        if self.by_name.len() + 1 >= MAX_GROUPS && name != OTHER {
            return self.by_name.get(OTHER).copied().unwrap_or_else(|| self.insert(OTHER));
        }
        self.insert(name)
    }

    fn insert(&mut self, name: &str) -> u16 {
        let subject = self.table.insert(Attributes::new([("command", name)]).unwrap_or_default());
        let group = Group { subject, name: name.into(), cpu_ticks: 0, resident_pages: 0, count: 0, used_at: 0 };
        let free = self.groups.iter().position(Option::is_none);
        let index = free.unwrap_or(self.groups.len());
        match self.groups.get_mut(index) {
            Some(slot) => *slot = Some(group),
            None => self.groups.push(Some(group)),
        }
        let index = u16::try_from(index).unwrap_or(u16::MAX);
        self.by_name.insert(name.into(), index);
        index
    }
}

/// Returns the part of a name that processes of one kind share: kernel threads add the number of a core or a queue.
fn command(name: &str, is_kernel_thread: bool) -> &str {
    let end = if is_kernel_thread { name.find(['/', ':']) } else { None };
    end.and_then(|end| name.get(..end)).unwrap_or(name)
}

/// The most names, `other` included.
const MAX_GROUPS: usize = 128;
const OTHER: &str = "other";
/// Ten minutes at one reading a second.
const PATIENCE_TICKS: u64 = 600;
