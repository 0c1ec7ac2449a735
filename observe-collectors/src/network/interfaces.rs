//! The format of `/proc/net/dev`.

use crate::{
    read::Scan,
    text::{Words, lines, parse_u64, split_once},
};

/// Reads lines such as `  eth0: 67065590 2785 …`.
///
/// `wanted` is asked with a line's number and the interface's name; then `each` gets the interface's values in the
/// order of the columns.
pub(super) fn parse(
    text: &[u8],
    mut wanted: impl FnMut(usize, &[u8]) -> bool,
    mut each: impl FnMut(&str, &[f64; COLUMNS]),
) -> Scan {
    let mut scan = Scan::default();
    // The first two lines are headings.
    for (number, line) in lines(text).enumerate().skip(2) {
        let Some((name, rest)) = split_once(line, b':') else {
            scan.skipped += 1;
            continue;
        };
        let name = name.trim_ascii();
        if !wanted(number, name) {
            let is_good = Words::new(rest).u64().is_some();
            scan.found += usize::from(is_good);
            scan.skipped += usize::from(!is_good);
            continue;
        }
        match (str::from_utf8(name), values(rest)) {
            (Ok(name), Some(values)) if !name.is_empty() => {
                each(name, &values);
                scan.found += 1;
            }
            _ => scan.skipped += 1,
        }
    }
    scan
}

fn values(rest: &[u8]) -> Option<[f64; COLUMNS]> {
    let mut words = Words::new(rest);
    let mut values = [0.0; COLUMNS];
    for value in &mut values {
        *value = parse_u64(words.next()?)? as f64;
    }
    Some(values)
}

/// Eight values for each direction.
pub(super) const COLUMNS: usize = 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADING: &str = "Inter-|   Receive |  Transmit\n face |bytes packets|bytes packets\n";

    fn read(body: &[u8]) -> (Vec<(String, Vec<f64>)>, Scan) {
        let text = [HEADING.as_bytes(), body].concat();
        let mut interfaces = Vec::new();
        let scan =
            parse(&text, |_, name| name != b"lo", |name, values| interfaces.push((name.into(), values.to_vec())));
        (interfaces, scan)
    }

    #[test]
    fn interfaces_are_read_with_or_without_a_space_after_the_name() {
        let body = b"    lo:  3193 29 0\n  eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\nwl@x:1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 18446744073709551615\n";

        let (interfaces, scan) = read(body);

        assert_eq!(interfaces[0], ("eth0".into(), (1..=16).map(f64::from).collect()));
        assert_eq!(interfaces[1].1[15], u64::MAX as f64);
        assert_eq!(scan, Scan { found: 3, skipped: 0 });
    }

    #[test]
    fn lines_without_sense_are_counted_and_the_others_read() {
        let body = b"\nlo: garbage\neth0 1 2\neth0: 1 2 3\neth1: 1 2 3 4 5 6 7 x 9 10 11 12 13 14 15 16\n: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n\xff: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\neth2: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16";

        let (interfaces, scan) = read(body);

        assert_eq!(interfaces.len(), 1);
        assert_eq!(scan, Scan { found: 1, skipped: 7 });
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            parse(&bytes, |_, _| true, |_, _| {});
            read(&bytes);
        }
    }
}
