//! The formats of `/proc/loadavg` and `/proc/uptime`.

use crate::text::{Words, parse_f64, parse_u64, split_once};

/// Reads `0.08 0.14 0.08 1/89 7124`: the three averages, runnable threads, all threads.
pub(super) fn parse_load(text: &[u8]) -> Option<[f64; 5]> {
    let mut words = Words::new(text);
    let mut average = || parse_f64(words.next()?);
    let averages = [average()?, average()?, average()?];
    let (runnable, threads) = split_once(words.next()?, b'/')?;
    let [one, five, fifteen] = averages;
    Some([one, five, fifteen, parse_u64(runnable)? as f64, parse_u64(threads)? as f64])
}

/// Reads `1711.30 3282.77`: the first is the time since the host started.
pub(super) fn parse_uptime(text: &[u8]) -> Option<f64> {
    Words::new(text).next().and_then(parse_f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn averages_and_threads_are_read() {
        assert_eq!(parse_load(b"0.08 0.14 12.00 1/89 7124\n"), Some([0.08, 0.14, 12.0, 1.0, 89.0]));
        assert_eq!(parse_uptime(b"1711.30 3282.77\n"), Some(1711.3));
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in ["", "0.08 0.14 0.08", "0.08 0.14 0.08 1 7", "0.08 0.14 0.08 x/9 7", "a b c 1/2 3", "-"] {
            assert_eq!(parse_load(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(parse_uptime(b"\n"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = (parse_load(&bytes), parse_uptime(&bytes));
        }
    }
}
