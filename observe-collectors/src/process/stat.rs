//! The line of `/proc/[pid]/stat`.

/// What is used of `/proc/[pid]/stat`, the command name aside.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Stat {
    pub(super) state: u8,
    pub(super) ppid: u32,
    pub(super) is_kernel_thread: bool,
    pub(super) minor_faults: u64,
    pub(super) major_faults: u64,
    pub(super) user_ticks: u64,
    pub(super) system_ticks: u64,
    pub(super) threads: u64,
    pub(super) start_ticks: u64,
    pub(super) virtual_bytes: u64,
    pub(super) resident_pages: u64,
}

impl Stat {
    /// Reads the line, and the command name in it; `None` where it is not one.
    ///
    /// The name may be any bytes, parentheses and line ends among them. It ends at the last parenthesis, because nothing
    /// after it can have one.
    pub(super) fn parse(line: &[u8]) -> Option<(&[u8], Self)> {
        let head = line.get(..HEAD_BYTES).unwrap_or(line);
        let open = head.iter().position(|&byte| byte == b'(')?;
        let close = head.iter().rposition(|&byte| byte == b')')?;
        let comm = line.get(open + 1..close)?;
        let mut fields = Fields { rest: line.get(close + 1..)? };
        let state = *fields.next()?.first()?;
        let ppid = u32::try_from(fields.number()?).ok()?;
        fields.skip(4)?;
        let flags = fields.number()?;
        let minor_faults = fields.number()?;
        fields.skip(1)?;
        let major_faults = fields.number()?;
        fields.skip(1)?;
        let (user_ticks, system_ticks) = (fields.number()?, fields.number()?);
        fields.skip(4)?;
        let threads = fields.number()?;
        fields.skip(1)?;
        let stat = Self {
            state,
            ppid,
            is_kernel_thread: flags & PF_KTHREAD != 0,
            minor_faults,
            major_faults,
            user_ticks,
            system_ticks,
            threads,
            start_ticks: fields.number()?,
            virtual_bytes: fields.number()?,
            resident_pages: fields.number()?,
        };
        Some((comm, stat))
    }

    /// Returns the time that processors spent on the process, in clock ticks.
    pub(super) const fn cpu_ticks(&self) -> u64 {
        self.user_ticks.saturating_add(self.system_ticks)
    }
}

/// What stands between single spaces.
struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    fn next(&mut self) -> Option<&'a [u8]> {
        let (&space, rest) = self.rest.split_first()?;
        let end = rest.iter().position(|&byte| byte == b' ' || byte == b'\n').unwrap_or(rest.len());
        let (field, rest) = rest.split_at_checked(end)?;
        self.rest = rest;
        (space == b' ' && !field.is_empty()).then_some(field)
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        (0..count).try_for_each(|_| self.next().map(drop))
    }

    fn number(&mut self) -> Option<u64> {
        let mut rest = self.rest.strip_prefix(b" ")?;
        let mut number = 0_u64;
        // This runs fifteen times for each process, so it reads digits as it looks for their end.
        while let Some((&byte, tail)) = rest.split_first().filter(|(byte, _)| byte.is_ascii_digit()) {
            number = number.checked_mul(10)?.checked_add(u64::from(byte - b'0'))?;
            rest = tail;
        }
        let has_digits = rest.len() + 1 < self.rest.len();
        let is_whole = matches!(rest.first(), None | Some(b' ' | b'\n'));
        self.rest = rest;
        (has_digits && is_whole).then_some(number)
    }
}

/// How far into the line the name can reach: an id of ten digits, and 64 bytes, to which the kernel cuts every name.
const HEAD_BYTES: usize = 96;
/// The flag of `include/linux/sched.h`.
const PF_KTHREAD: u64 = 0x0020_0000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LINE: &[u8] =
        b"7917 (cat) R 7906 7916 4859 34816 -1 4194304 101 5 7 2 11 13 0 0 20 0 3 0 172797 3133440 415 \
        18446744073709551615 93981712080896 93981712100777 140720925058816 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0\n";

    #[test]
    fn a_line_gives_its_fields() {
        let stat = Stat::parse(LINE);

        let expected = Stat {
            state: b'R',
            ppid: 7906,
            is_kernel_thread: false,
            minor_faults: 101,
            major_faults: 7,
            user_ticks: 11,
            system_ticks: 13,
            threads: 3,
            start_ticks: 172_797,
            virtual_bytes: 3_133_440,
            resident_pages: 415,
        };
        assert_eq!(stat, Some((&b"cat"[..], expected)));
    }

    #[test]
    fn a_command_name_may_hold_anything() {
        for comm in ["a) b (c", ") R 1 (", "", "two\nlines", "tmux: server", ")))", "((("] {
            let line = String::from_utf8_lossy(LINE).replace("(cat)", &format!("({comm})"));

            let (name, stat) = Stat::parse(line.as_bytes()).unwrap();

            assert_eq!((name, stat.start_ticks), (comm.as_bytes(), 172_797));
        }
    }

    #[test]
    fn kernel_threads_are_known_by_their_flag() {
        let line = String::from_utf8_lossy(LINE).replace("4194304", "69238880");

        assert!(Stat::parse(line.as_bytes()).is_some_and(|(_, stat)| stat.is_kernel_thread));
    }

    #[test]
    fn what_is_not_such_a_line_is_refused() {
        let text = String::from_utf8_lossy(LINE);
        let bad = [
            String::new(),
            "1".into(),
            "1 (".into(),
            "1 ()".into(),
            ")(".into(),
            "1 (x) S".into(),
            text.replace("172797", "x"),
            text.replace("172797", "-1"),
            text.replace("172797", "99999999999999999999"),
            text.replace("7906", "4294967296"),
            text.replace("R 7906", "R  7906"),
            text.chars().take(70).collect(),
        ];

        for line in bad {
            assert_eq!(Stat::parse(line.as_bytes()), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(line in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Stat::parse(&line);
        }

        #[test]
        fn any_command_name_is_given_back(comm in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut line = b"1 (".to_vec();
            line.extend(&comm);
            line.extend(b") S 0 1 1 0 -1 0 1 2 3 4 5 6 7 8 20 0 9 0 10 11 12 13\n");

            prop_assert_eq!(Stat::parse(&line).map(|(name, _)| name), Some(&*comm));
        }

        #[test]
        fn a_cut_line_is_refused_or_whole(at in 0..LINE.len()) {
            // Cut inside or behind the last used number, the line still reads.
            let used = LINE.windows(5).position(|window| window == b" 415 ").unwrap();
            prop_assert_eq!(Stat::parse(&LINE[..at]).is_some(), at > used + 1);
        }
    }
}
