//! The format of `/proc/stat`.

use crate::{
    read::Scan,
    text::{Words, lines, parse_u64},
};

/// Time in each state of [`STATES`], then as guest and guest of low priority, in clock ticks.
pub(super) type Ticks = [u64; STATES.len() + 2];

/// What the file has. The same value takes one reading after the other, so its lists keep their room.
#[derive(Debug, Default)]
pub(super) struct Stat {
    /// Of all cores together.
    pub(super) host: Option<Ticks>,
    /// Of each core that is online, by number.
    pub(super) cores: Vec<(u32, Ticks)>,
    pub(super) context_switches: Option<u64>,
    pub(super) interrupts: Option<u64>,
    pub(super) forks: Option<u64>,
    pub(super) running: Option<u64>,
    pub(super) blocked: Option<u64>,
    /// Of all kinds together, then of each of [`SOFTIRQS`].
    pub(super) softirqs: Option<[u64; SOFTIRQS.len() + 1]>,
}

impl Stat {
    /// Forgets the reading before, and takes this one.
    pub(super) fn parse(&mut self, text: &[u8]) -> Scan {
        let mut cores = std::mem::take(&mut self.cores);
        cores.clear();
        *self = Self { cores, ..Self::default() };
        let mut scan = Scan::default();
        for line in lines(text) {
            let understood = self.line(line);
            scan.found += usize::from(understood == Some(true));
            scan.skipped += usize::from(understood.is_none());
        }
        scan
    }

    /// Takes one line, and says whether it is a wanted one; `None` if it makes no sense.
    fn line(&mut self, line: &[u8]) -> Option<bool> {
        let mut words = Words::new(line);
        match words.next()? {
            b"cpu" => self.host = Some(ticks(words)?),
            b"ctxt" => self.context_switches = Some(words.u64()?),
            b"intr" => self.interrupts = Some(words.u64()?),
            b"procs_blocked" => self.blocked = Some(words.u64()?),
            b"procs_running" => self.running = Some(words.u64()?),
            b"processes" => self.forks = Some(words.u64()?),
            b"softirq" => self.softirqs = Some(softirqs(words)?),
            key => {
                let Some(core) = key.strip_prefix(b"cpu") else { return Some(false) };
                let core = u32::try_from(parse_u64(core)?).ok().filter(|core| *core < MAX_CORES)?;
                self.cores.push((core, ticks(words)?));
            }
        }
        Some(true)
    }
}

/// Reads times. Old kernels have fewer of them; the first four every kernel has.
fn ticks(words: Words<'_>) -> Option<Ticks> {
    let mut ticks = Ticks::default();
    let mut len = 0;
    for (tick, word) in ticks.iter_mut().zip(words) {
        *tick = parse_u64(word)?;
        len += 1;
    }
    (len >= 4).then_some(ticks)
}

fn softirqs(mut words: Words<'_>) -> Option<[u64; SOFTIRQS.len() + 1]> {
    let mut counts = [0; SOFTIRQS.len() + 1];
    for count in &mut counts {
        *count = words.u64()?;
    }
    Some(counts)
}

/// The states in which a core can be, in the order of the file.
pub(super) const STATES: [&str; 8] = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"];
/// The kinds of soft interrupts, in the order of the file.
pub(super) const SOFTIRQS: [&str; 10] =
    ["hi", "timer", "net_tx", "net_rx", "block", "irq_poll", "tasklet", "sched", "hrtimer", "rcu"];
/// The most cores that are read; Linux can be built for 8192.
pub(super) const MAX_CORES: u32 = 8192;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "\
cpu  9390 1 3827 328277 353 2 29 22 3 4
cpu0 4387 0 1833 164554 51 0 8 8 0 0
cpu7 5003 0 1994 163723 302 0 21 13 0 0
intr 156895 0 0 12
ctxt 268944
btime 1795241906
processes 7125
procs_running 1
procs_blocked 0
softirq 109457 0 23480 4 2712 11313 0 122 38916 0 32910
";

    #[test]
    fn every_line_is_read() {
        let mut stat = Stat::default();

        let scan = stat.parse(TEXT.as_bytes());

        assert_eq!(stat.host, Some([9390, 1, 3827, 328_277, 353, 2, 29, 22, 3, 4]));
        assert_eq!(stat.cores.iter().map(|(core, _)| *core).collect::<Vec<_>>(), [0, 7]);
        assert_eq!((stat.context_switches, stat.interrupts, stat.forks), (Some(268_944), Some(156_895), Some(7125)));
        assert_eq!((stat.running, stat.blocked), (Some(1), Some(0)));
        assert_eq!(stat.softirqs.map(|counts| (counts[0], counts[10])), Some((109_457, 32_910)));
        assert_eq!(scan, Scan { found: 9, skipped: 0 });
    }

    #[test]
    fn nothing_of_the_reading_before_stays() {
        let mut stat = Stat::default();
        stat.parse(TEXT.as_bytes());

        stat.parse(b"cpu1 1 2 3 4\n");

        assert_eq!((stat.host, stat.context_switches, stat.softirqs), (None, None, None));
        assert_eq!(stat.cores, [(1, [1, 2, 3, 4, 0, 0, 0, 0, 0, 0])]);
    }

    #[test]
    fn lines_without_sense_are_counted_and_the_others_read() {
        let mut stat = Stat::default();

        let scan = stat.parse(
            b"\ncpu 1 2 3\ncpu 1 2 3 x\ncpux 1 2 3 4\ncpu99999 1 2 3 4\nctxt -5\nsoftirq 1 2\nintr\nprocesses 7\n",
        );

        assert_eq!(stat.forks, Some(7));
        assert_eq!(scan, Scan { found: 1, skipped: 8 });
    }

    #[test]
    fn text_of_another_file_is_nothing_of_use() {
        let scan = Stat::default().parse(b"garbage 1 2 3\nmore of it\n");

        assert_eq!(scan, Scan { found: 0, skipped: 0 });
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            Stat::default().parse(&bytes);
        }

        #[test]
        fn no_damaged_text_panics(damage: u8, at in 0..TEXT.len(), end in 0..TEXT.len()) {
            let mut text = TEXT.as_bytes().to_vec();
            text[at] = damage;
            text.truncate(end);

            Stat::default().parse(&text);
        }
    }
}
