//! What this process uses itself. Everything is absent on systems without `/proc`.

use std::{fs, sync::LazyLock, time::Instant};

use parking_lot::Mutex;

/// What the process uses at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct ProcessUse {
    /// Processor time since the start.
    pub(crate) cpu_seconds: Option<f64>,
    /// Memory that is in RAM.
    pub(crate) rss_bytes: Option<u64>,
    /// Memory that is mapped.
    pub(crate) virtual_bytes: Option<u64>,
    /// Threads.
    pub(crate) threads: Option<u64>,
    /// File descriptors that are open.
    pub(crate) open_fds: Option<u64>,
    /// When the process started, in seconds since the epoch.
    pub(crate) start_time_seconds: Option<f64>,
}

impl ProcessUse {
    /// Reads `/proc/self`.
    pub(crate) fn read() -> Self {
        let open_fds = fs::read_dir("/proc/self/fd").ok().map(|entries| entries.count() as u64);
        // The descriptor that lists the directory is one of them.
        let open_fds = open_fds.map(|count| count.saturating_sub(1));
        let Ok(stat) = fs::read_to_string("/proc/self/stat") else { return Self { open_fds, ..Self::default() } };
        let parsed = parse(&stat, *BOOT_TIME, ticks_per_second(), page_bytes());
        Self { open_fds, ..parsed.unwrap_or_default() }
    }
}

/// Tells how busy the process was between two looks.
#[derive(Debug, Default)]
pub(crate) struct ProcessMeter {
    last: Mutex<Option<Look>>,
}

#[derive(Clone, Copy, Debug)]
struct Look {
    at: Instant,
    cpu_seconds: f64,
    cpu_percent: f64,
}

impl ProcessMeter {
    /// Returns what the process uses, and the share of one processor since the last look at least a second ago.
    pub(crate) fn look(&self) -> (ProcessUse, Option<f64>) {
        let usage = ProcessUse::read();
        let Some(cpu_seconds) = usage.cpu_seconds else { return (usage, None) };
        let mut last = self.last.lock();
        let now = Instant::now();
        let cpu_percent = match *last {
            Some(look) if now.duration_since(look.at).as_secs_f64() < 1.0 => return (usage, Some(look.cpu_percent)),
            Some(look) => share(cpu_seconds - look.cpu_seconds, now.duration_since(look.at).as_secs_f64()),
            None => 0.0,
        };
        *last = Some(Look { at: now, cpu_seconds, cpu_percent });
        (usage, Some(cpu_percent))
    }
}

/// Reads the line of `/proc/<pid>/stat`.
fn parse(stat: &str, boot_time: Option<f64>, ticks_per_second: f64, page_bytes: u64) -> Option<ProcessUse> {
    // The command name is in brackets and may hold anything, brackets included.
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    let ticks = |at: usize| number(at).map(|ticks| ticks as f64 / ticks_per_second);
    Some(ProcessUse {
        cpu_seconds: Some(ticks(USER_TIME)? + ticks(SYSTEM_TIME)?),
        rss_bytes: Some(number(RSS_PAGES)? * page_bytes),
        virtual_bytes: number(VIRTUAL_BYTES),
        threads: number(THREADS),
        open_fds: None,
        start_time_seconds: ticks(START_TIME).and_then(|after_boot| Some(boot_time? + after_boot)),
    })
}

/// When the host started, which does not change. The file has a line for every processor, so it is read once.
static BOOT_TIME: LazyLock<Option<f64>> =
    LazyLock::new(|| boot_time(&fs::read_to_string("/proc/stat").unwrap_or_default()));

fn boot_time(stat: &str) -> Option<f64> {
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { (part / whole * 1e4).round() / 1e2 } else { 0.0 }
}

fn ticks_per_second() -> f64 {
    rustix::param::clock_ticks_per_second() as f64
}

fn page_bytes() -> u64 {
    rustix::param::page_size() as u64
}

// Positions behind the command name; see proc_pid_stat(5), whose numbers are three higher.
const USER_TIME: usize = 11;
const SYSTEM_TIME: usize = 12;
const THREADS: usize = 17;
const START_TIME: usize = 19;
const VIRTUAL_BYTES: usize = 20;
const RSS_PAGES: usize = 21;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STAT: &str =
        "42 (a ) b) S 1 42 42 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 7 0 1000 8192 3 18446744073709551615 1";

    #[test]
    fn the_line_is_read_behind_a_name_with_brackets() {
        let usage = parse(STAT, Some(1_700_000_000.0), 100.0, 4096).unwrap();

        let expected = ProcessUse {
            cpu_seconds: Some(3.0),
            rss_bytes: Some(12_288),
            virtual_bytes: Some(8192),
            threads: Some(7),
            open_fds: None,
            start_time_seconds: Some(1_700_000_010.0),
        };
        assert_eq!(usage, expected);
    }

    #[test]
    fn cut_and_garbled_lines_give_nothing() {
        for line in ["", "42 (a", "42 (a) S 1 2", "42 (a) S x x x x x x x x x x x x x x x x x x x x x x"] {
            assert_eq!(parse(line, None, 100.0, 4096), None, "{line:?}");
        }
    }

    #[test]
    fn two_looks_in_a_row_agree() {
        let meter = ProcessMeter::default();

        let shares = [meter.look().1, meter.look().1];

        assert_eq!(shares[0], shares[1]);
    }

    proptest! {
        #[test]
        fn no_line_panics(line in ".{0,120}") {
            let _ = parse(&line, None, 100.0, 4096);
        }
    }
}
