//! All processes of the host, read once a tick.

use std::{mem, os::fd::OwnedFd};

use observe_core::{CollectError, SubjectId, command_line::push_clean};
use rustix::io::Errno;

use super::{stat::Stat, tree::ProcTree};

/// One process: an id and the time of its start.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) stat: Stat,
    pub(super) comm: Comm,
    /// Processor time since the reading before, in clock ticks.
    pub(super) grown_ticks: u64,
    /// The same, smoothed over about ten readings; what ranks processes by their use of processors.
    pub(super) activity: f32,
    /// The readings that found the process.
    pub(super) readings: u32,
    /// The last tick on which it used a processor.
    pub(super) active_at: u64,
    /// Whether it could be read on this tick.
    pub(super) is_read: bool,
    /// Whether it ended; it leaves with [`Population::bury`].
    pub(super) is_gone: bool,
    /// Its row, where it has series of its own.
    pub(super) subject: Option<SubjectId>,
    /// The sum by command that it counts in, where it has not.
    pub(super) group: Option<u16>,
    /// When its description went into the process cache, counted in descriptions.
    pub(super) described: Option<u64>,
    file: Option<OwnedFd>,
}

/// A command name as the kernel cuts it: a few bytes, not always text.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Comm {
    len: u8,
    bytes: [u8; Self::MAX_BYTES],
}

/// The processes known, in the order of their ids, and what it takes to read them.
#[derive(Debug)]
pub(super) struct Population {
    pub(super) processes: Vec<Process>,
    /// Processes listed on this tick.
    pub(super) listed: usize,
    /// Those among them that could not be read, or not be remembered.
    pub(super) unread: usize,
    tree: ProcTree,
    pids: Vec<u32>,
    tick: u64,
    newest_start: u64,
    kept_files: usize,
    max_kept_files: usize,
}

impl Population {
    /// Starts without processes; at most `max_kept_files` descriptors stay open.
    pub(super) const fn new(tree: ProcTree, max_kept_files: usize) -> Self {
        Self {
            processes: Vec::new(),
            listed: 0,
            unread: 0,
            tree,
            pids: Vec::new(),
            tick: 0,
            newest_start: 0,
            kept_files: 0,
            max_kept_files,
        }
    }

    /// Returns the number of refreshes so far.
    pub(super) const fn tick(&self) -> u64 {
        self.tick
    }

    /// Returns the tree and the processes, for users of both.
    pub(super) fn parts(&mut self) -> (&mut ProcTree, &mut [Process]) {
        (&mut self.tree, &mut self.processes)
    }

    /// Reads every process once. Those that ended are marked, and stay until [`Self::bury`].
    ///
    /// # Errors
    ///
    /// Fails where processes cannot be listed.
    pub(super) fn refresh(&mut self) -> Result<(), CollectError> {
        self.tick += 1;
        let mut pids = mem::take(&mut self.pids);
        let listed = self.tree.list(&mut pids, MAX_PROCESSES);
        self.unread = *listed.as_ref().unwrap_or(&0);
        self.listed = pids.len() + self.unread;
        let outcome = listed.map(|_| self.read_all(&pids));
        self.pids = pids;
        outcome
    }

    /// Takes out those that ended, handing each to `farewell`.
    pub(super) fn bury(&mut self, mut farewell: impl FnMut(&Process)) {
        self.processes.retain(|process| {
            if process.is_gone {
                farewell(process);
            }
            !process.is_gone
        });
        // What a storm of short-lived processes took is given back.
        if self.processes.capacity() > 1024.max(4 * self.processes.len()) {
            self.processes.shrink_to(2 * self.processes.len());
        }
    }

    /// Walks over the ids and the known processes side by side; both are in order.
    fn read_all(&mut self, pids: &[u32]) {
        let mut known = mem::take(&mut self.processes);
        self.kept_files = known.iter().filter(|process| process.file.is_some()).count();
        let mut newborn = Vec::new();
        let mut at = 0;
        for &pid in pids {
            while let Some(gone) = known.get_mut(at).filter(|process| process.pid < pid) {
                gone.is_gone = true;
                at += 1;
            }
            let process = known.get_mut(at).filter(|process| process.pid == pid);
            at += usize::from(process.is_some());
            newborn.extend(self.read(pid, process));
        }
        known.iter_mut().skip(at).for_each(|process| process.is_gone = true);
        self.newest_start =
            newborn.iter().map(|process: &Process| process.stat.start_ticks).fold(self.newest_start, u64::max);
        if !newborn.is_empty() {
            known.append(&mut newborn);
            known.sort_by_key(|process| process.pid);
        }
        self.processes = known;
    }

    /// Reads one process, and returns it if it was not known.
    fn read(&mut self, pid: u32, known: Option<&mut Process>) -> Option<Process> {
        let Some(process) = known else {
            let mut file = None;
            let outcome = self.read_stat(pid, &mut file);
            return self.newborn(pid, file, outcome);
        };
        let mut file = process.file.take();
        let outcome = self.read_stat(pid, &mut file);
        match outcome {
            Ok((comm, stat)) if stat.start_ticks == process.stat.start_ticks => {
                process.file = file;
                process.update(comm, stat, self.tick);
                None
            }
            // Another process has the id now, or none.
            Ok(_) | Err(Errno::NOENT | Errno::SRCH) => {
                process.is_gone = true;
                self.newborn(pid, file, outcome)
            }
            Err(_) => {
                process.file = file;
                process.is_read = false;
                self.unread += 1;
                None
            }
        }
    }

    fn newborn(&mut self, pid: u32, file: Option<OwnedFd>, outcome: Result<(Comm, Stat), Errno>) -> Option<Process> {
        match outcome {
            Ok((comm, stat)) => {
                // What an old process used before it was first seen is no growth.
                let is_young = self.tick > 1 && stat.start_ticks >= self.newest_start;
                let grown_ticks = if is_young { stat.cpu_ticks() } else { 0 };
                Some(Process::new(pid, file, comm, stat, grown_ticks, self.tick))
            }
            Err(Errno::NOENT | Errno::SRCH) => None,
            Err(_) => {
                self.unread += 1;
                None
            }
        }
    }

    /// Reads the line of a process through its kept descriptor, else by path, and keeps the descriptor if it may.
    fn read_stat(&mut self, pid: u32, file: &mut Option<OwnedFd>) -> Result<(Comm, Stat), Errno> {
        if let Some(kept) = file {
            match self.tree.read(kept).and_then(parse) {
                Err(Errno::SRCH) => {}
                outcome => return outcome,
            }
            // The process is gone, but another one may have its id already.
            *file = None;
            self.kept_files -= 1;
        }
        let opened = self.tree.open_file(pid, "stat")?;
        let found = self.tree.read(&opened).and_then(parse)?;
        if self.kept_files < self.max_kept_files {
            self.kept_files += 1;
            *file = Some(opened);
        }
        Ok(found)
    }
}

impl Process {
    const fn new(pid: u32, file: Option<OwnedFd>, comm: Comm, stat: Stat, grown_ticks: u64, tick: u64) -> Self {
        Self {
            pid,
            stat,
            comm,
            grown_ticks,
            activity: grown_ticks as f32,
            readings: 1,
            active_at: tick,
            is_read: true,
            is_gone: false,
            subject: None,
            group: None,
            described: None,
            file,
        }
    }

    fn update(&mut self, comm: Comm, stat: Stat, tick: u64) {
        if comm != self.comm {
            // It runs another program, or renamed itself.
            self.comm = comm;
            self.group = None;
            if !stat.is_kernel_thread {
                self.described = None;
            }
        }
        self.grown_ticks = stat.cpu_ticks().saturating_sub(self.stat.cpu_ticks());
        self.activity += (self.grown_ticks as f32 - self.activity) * SMOOTHING;
        self.active_at = if self.grown_ticks > 0 { tick } else { self.active_at };
        self.readings = self.readings.saturating_add(1);
        self.is_read = true;
        self.stat = stat;
    }
}

impl Comm {
    const MAX_BYTES: usize = 31;

    /// Keeps the first bytes of a name.
    pub(super) fn new(name: &[u8]) -> Self {
        let mut bytes = [0; Self::MAX_BYTES];
        let len = name.len().min(Self::MAX_BYTES);
        bytes.iter_mut().zip(name).for_each(|(to, from)| *to = *from);
        Self { len: len as u8, bytes }
    }

    /// Returns the bytes.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Returns the name as text without control characters.
    pub(super) fn to_text(self) -> String {
        let mut text = String::new();
        push_clean(&mut text, &String::from_utf8_lossy(self.as_bytes()));
        text
    }
}

fn parse(line: &[u8]) -> Result<(Comm, Stat), Errno> {
    let (comm, stat) = Stat::parse(line).ok_or(Errno::INVAL)?;
    Ok((Comm::new(comm), stat))
}

/// The most processes that are remembered; about 7 MB. Further ones are counted.
pub(super) const MAX_PROCESSES: usize = 32_768;
/// The weight of the newest reading in [`Process::activity`].
const SMOOTHING: f32 = 0.1;
