//! The format of `/proc/diskstats`.

use crate::{
    read::Scan,
    text::{Words, lines, parse_u64},
};

/// Reads lines such as `254 0 vda 10587 5838 …`.
///
/// `wanted` is asked with a line's number and the device's name; then `each` gets the device's values in the order of
/// the columns: 11, or with newer kernels 15 or 17.
pub(super) fn parse(
    text: &[u8],
    mut wanted: impl FnMut(usize, &[u8]) -> bool,
    mut each: impl FnMut(&str, &[f64]),
) -> Scan {
    let mut scan = Scan::default();
    for (number, line) in lines(text).enumerate() {
        let mut words = Words::new(line);
        // Without the numbers of a device this is no line about one, wanted or not.
        let (Some(_), Some(_), Some(name)) = (words.u64(), words.u64(), words.next()) else {
            scan.skipped += 1;
            continue;
        };
        if !wanted(number, name) {
            scan.found += 1;
            continue;
        }
        let mut values = [0.0; COLUMNS];
        let len = read_values(words, &mut values);
        match (str::from_utf8(name), values.get(..len)) {
            (Ok(name), Some(values)) if len >= OLDEST => {
                each(name, values);
                scan.found += 1;
            }
            _ => scan.skipped += 1,
        }
    }
    scan
}

/// Tells from names alone whether `name` is a partition of one of `devices`.
///
/// The kernel calls partition 1 of `sda` `sda1`, and that of `nvme0n1` `nvme0n1p1`.
pub(super) fn is_partition(name: &str, devices: &[&str]) -> bool {
    devices.iter().any(|device| {
        let Some(rest) = name.strip_prefix(device) else {
            return false;
        };
        let ends_with_digit = device.ends_with(|last: char| last.is_ascii_digit());
        let number = if ends_with_digit { rest.strip_prefix('p') } else { Some(rest) };
        number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

/// Reads up to the first word that is no number, in the units of the columns.
fn read_values(words: Words<'_>, values: &mut [f64; COLUMNS]) -> usize {
    let mut len = 0;
    for ((value, unit), word) in values.iter_mut().zip(UNITS).zip(words) {
        let Some(number) = parse_u64(word) else {
            break;
        };
        *value = match unit {
            Unit::Count => number as f64,
            Unit::Milliseconds => number as f64 / 1000.0,
            Unit::Sectors => number as f64 * 512.0,
        };
        len += 1;
    }
    len
}

/// What the kernel counts in.
#[derive(Clone, Copy)]
enum Unit {
    Count,
    Milliseconds,
    Sectors,
}

/// The units of reads, writes, all, discards and flushes.
const UNITS: [Unit; COLUMNS] = {
    use Unit::{Count, Milliseconds as Ms, Sectors};
    [Count, Count, Sectors, Ms, Count, Count, Sectors, Ms, Count, Ms, Ms, Count, Count, Sectors, Ms, Count, Ms]
};
/// The values of the newest kernels.
pub(super) const COLUMNS: usize = 17;
/// The values of the oldest kernels.
const OLDEST: usize = 11;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &[u8]) -> (Vec<(String, Vec<f64>)>, Scan) {
        let mut devices = Vec::new();
        let scan = parse(text, |_, name| name != b"loop0", |name, values| devices.push((name.into(), values.into())));
        (devices, scan)
    }

    #[test]
    fn sectors_become_bytes_and_milliseconds_seconds() {
        let (devices, scan) = read(b"   7 0 loop0 0 0\n 254       0 vda 10587 5838 8 12849 2042 16642 2 4808 3 4640 17960 3646 37 4 300 28 1\n");

        let expected = [
            10587.0, 5838.0, 4096.0, 12.849, 2042.0, 16642.0, 1024.0, 4.808, 3.0, 4.64, 17.96, 3646.0, 37.0, 2048.0,
            0.3, 28.0, 0.001,
        ];
        assert_eq!(devices, [("vda".to_owned(), expected.to_vec())]);
        assert_eq!(scan, Scan { found: 2, skipped: 0 });
    }

    #[test]
    fn old_kernels_have_fewer_columns_and_future_ones_more() {
        let old = read(b"8 0 sda 1 2 3 4 5 6 7 8 9 10 11\n").0;
        let future = read(b"8 0 sda 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19\n").0;

        assert_eq!(old[0].1.len(), 11);
        assert_eq!(future[0].1.len(), 17);
    }

    #[test]
    fn lines_without_sense_are_counted_and_the_others_read() {
        let text = b"\n8 0\na b loop0 1\n8 0 sda 1 2 3\n8 0 sdb 1 2 3 4 x 6 7 8 9 10 11\n8 0 \xff\xff 1 2 3 4 5 6 7 8 9 10 11\n8 0 sdc 1 2 3 4 5 6 7 8 9 10 11\n";

        let (devices, scan) = read(text);

        assert_eq!(devices.len(), 1);
        assert_eq!(scan, Scan { found: 1, skipped: 6 });
    }

    #[test]
    fn partitions_are_told_from_devices_by_name() {
        let devices = ["sda", "nvme0n1", "dm-1", "mmcblk0", "md0"];

        for name in ["sda1", "sda15", "nvme0n1p1", "mmcblk0p2", "md0p1"] {
            assert!(is_partition(name, &devices), "{name}");
        }
        for name in ["sda", "sdaa", "dm-10", "dm-1", "mmcblk0boot0", "nvme0n1", "nvme0n2", "sdap1", "nvme0n1p"] {
            assert!(!is_partition(name, &devices), "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            read(&bytes);
        }

        #[test]
        fn no_numbers_panic(numbers in proptest::collection::vec("[0-9-]{0,25}", 0..25)) {
            read(format!("8 0 sda {}\n", numbers.join(" ")).as_bytes());
        }
    }
}
