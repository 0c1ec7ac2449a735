//! What the process cache is told about a process.

use observe_core::{ProcessCache, ProcessInfo, command_line::masked};

use super::{population::Process, tree::ProcTree};
use crate::text::{Words, lines, parse_u64};

/// Describes processes to the cache: once, when their second reading shows that they live, and again when they have run
/// another program or may have left the cache.
#[derive(Debug)]
pub(super) struct Descriptions {
    count: u64,
    has_command_lines: bool,
}

impl Descriptions {
    /// Starts with no process described.
    pub(super) const fn new(has_command_lines: bool) -> Self {
        Self { count: 0, has_command_lines }
    }

    /// Describes those that need it, at most [`MAX_PER_TICK`] of them.
    pub(super) fn update(&mut self, tree: &mut ProcTree, processes: &mut [Process], cache: &ProcessCache) {
        let count = self.count;
        let needy = processes.iter_mut().filter(|process| needs_description(process, count));
        for process in needy.take(MAX_PER_TICK) {
            if let Some(description) = describe(tree, process, self.has_command_lines) {
                cache.insert(description);
                self.count += 1;
            }
            process.described = Some(self.count);
        }
    }
}

/// Others fill the cache too, so this is only a guess at who has left it; it matters for those that have series.
fn needs_description(process: &Process, count: u64) -> bool {
    match process.described {
        None => process.readings > 1 && process.is_read && !process.is_gone,
        Some(at) => process.subject.is_some() && count.saturating_sub(at) >= ProcessCache::CAPACITY as u64,
    }
}

fn describe(tree: &mut ProcTree, process: &Process, has_command_line: bool) -> Option<ProcessInfo> {
    let uid = tree.read_once(process.pid, "status").ok().and_then(effective_uid)?;
    let cmdline = match has_command_line && !process.stat.is_kernel_thread {
        true => tree.read_once(process.pid, "cmdline").map(masked).unwrap_or_default(),
        false => String::new(),
    };
    Some(ProcessInfo {
        pid: process.pid,
        start_ticks: process.stat.start_ticks,
        ppid: process.stat.ppid,
        name: process.comm.to_text(),
        cmdline,
        uid,
    })
}

/// Finds `Uid:` in `/proc/[pid]/status`: the real, effective, saved and filesystem id.
fn effective_uid(status: &[u8]) -> Option<u32> {
    let ids = lines(status).find_map(|line| line.strip_prefix(b"Uid:"))?;
    u32::try_from(Words::new(ids).nth(1).and_then(parse_u64)?).ok()
}

/// The most processes that are described in one tick; each costs two files.
const MAX_PER_TICK: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_effective_user_is_the_second_id() {
        let status = b"Name:\tsudo\nUid:\t1000\t0\t0\t0\nGid:\t1000\t0\t0\t0\n";

        assert_eq!(effective_uid(status), Some(0));
        assert_eq!(effective_uid(b"Name:\tx\nUid:\t7\n"), None);
        assert_eq!(effective_uid(b""), None);
    }
}
