//! `/proc/schedstat`, which stands in where run queues cannot be traced.

use std::{fs, path::PathBuf, time::Duration};

use observe_core::{Collect, CollectError, InvalidSchema};

use super::report::{Queues, Report};
use crate::{feature::StandIn, origin::Origin};

/// Reads how long tasks waited, which the kernel adds up for each processor.
#[derive(Debug)]
pub(crate) struct SchedStat {
    path: PathBuf,
    report: Report,
    before: Option<Waits>,
}

/// All waits since the start.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Waits {
    time: u64,
    count: u64,
}

impl SchedStat {
    /// Opens the file; `None` where the kernel has none.
    pub(crate) fn open(path: impl Into<PathBuf>, interval: Duration) -> Result<Option<Self>, InvalidSchema> {
        let path = path.into();
        if !path.exists() {
            return Ok(None);
        }
        Ok(Some(Self { path, report: Report::new(Origin::Procfs, interval)?, before: None }))
    }
}

impl StandIn for SchedStat {
    fn name(&self) -> &'static str {
        NAME
    }

    fn read(&mut self, cx: &mut Collect<'_>) -> Result<(), CollectError> {
        let text =
            fs::read_to_string(&self.path).map_err(|source| CollectError::Read { path: self.path.clone(), source })?;
        let now = parse(&text).ok_or(CollectError::Malformed { what: NAME })?;
        let before = self.before.replace(now).unwrap_or(now);
        // A processor that goes offline takes its numbers along.
        let time = now.time.checked_sub(before.time);
        let count = now.count.checked_sub(before.count).filter(|count| *count > 0);
        let mean_wait = time.zip(count).map(|(time, count)| time as f64 / count as f64);
        if mean_wait.is_some() {
            self.report.emit(&Queues { mean_wait, ..Queues::default() }, cx);
        }
        Ok(())
    }
}

/// Adds up lines such as `cpu0 0 0 0 0 0 0 1234567 89012 345`: of the last three, the first is the time in which tasks
/// ran, the second that in which they waited, the third how often one began to run.
fn parse(text: &str) -> Option<Waits> {
    let cpus = text.lines().filter(|line| line.starts_with("cpu")).map(|line| {
        let mut words = line.split_ascii_whitespace().skip(WORDS_BEFORE);
        Some(Waits { time: words.next()?.parse().ok()?, count: words.next()?.parse().ok()? })
    });
    let add = |sum: Waits, cpu: Waits| Waits {
        time: sum.time.wrapping_add(cpu.time),
        count: sum.count.wrapping_add(cpu.count),
    };
    cpus.reduce(|sum, cpu| Some(add(sum?, cpu?)))?
}

/// Where the file is.
pub(crate) const NAME: &str = "/proc/schedstat";
/// The processor's name and seven numbers.
const WORDS_BEFORE: usize = 8;

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use observe_core::{Clock, Item, ProcessCache, SystemClock};

    use super::*;

    const TEXT: &str = "version 15\ntimestamp 4295\n\
        cpu0 0 0 0 0 0 0 900 1000 10\ndomain0 3 1 2 3 4 5 6 7 8 9\n\
        cpu1 0 0 0 0 0 0 900 500 5\n";

    #[test]
    fn processors_add_up_and_domains_are_passed_over() {
        assert_eq!(parse(TEXT), Some(Waits { time: 1500, count: 15 }));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "version 15\n", "cpu0 0 0 0\n", "cpu0 0 0 0 0 0 0 900 x 10\n", "cpu0 0 0 0 0 0 0 9 -1 10\n"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_mean_wait_since_the_reading_before_is_told_and_where_it_is_from() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("schedstat");
        fs::write(&path, TEXT).unwrap();
        let mut source = SchedStat::open(&path, Duration::from_secs(1)).unwrap().unwrap();
        let processes = ProcessCache::new();
        let mut cx = Collect::new(SystemClock.now(), Instant::now(), &processes);
        source.read(&mut cx).unwrap();
        assert!(cx.take_items().is_empty(), "there is nothing to compare with");

        fs::write(&path, TEXT.replace("1000 10", "1600 13")).unwrap();
        source.read(&mut cx).unwrap();

        let [Item::Frame(frame)] = &cx.take_items()[..] else { panic!("one frame") };
        let host = frame.subjects().iter().flatten().next().unwrap();
        assert_eq!(frame.schema().key(host, 4).unwrap().to_string(), "sched.runqueue_latency_ns{source=procfs}");
        assert_eq!((frame.value(0, 4), frame.value(0, 0)), (Some(200.0), None));
        assert_eq!(frame.schema().source(), "procfs::sched");
    }

    #[test]
    fn a_kernel_without_the_file_has_no_stand_in() {
        assert!(SchedStat::open("/no/such/file", Duration::from_secs(1)).unwrap().is_none());
    }
}
