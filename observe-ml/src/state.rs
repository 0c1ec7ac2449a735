//! The bytes in which detectors save their state: kind, version, length, payload, check; little-endian.

use std::collections::VecDeque;

use observe_core::{Point, Timestamp};

/// Collects the payload.
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    /// Starts the state of a kind of detector.
    pub(crate) fn new(kind: u8) -> Self {
        Self([&[kind, VERSION][..], &[0; LENGTH_BYTES]].concat())
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn number(&mut self, number: i64) {
        self.bytes(&number.to_le_bytes());
    }

    /// Writes a number in seven bits a byte, lowest first; the high bit says that more follow (LEB128).
    pub(crate) fn short(&mut self, mut number: u64) {
        while number > 0x7f {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    /// Writes points: the times as changes of their distances, in the largest unit that keeps them exact, and each value
    /// as the bytes in which it differs from the one before.
    pub(crate) fn points(&mut self, points: impl ExactSizeIterator<Item = Point> + Clone) {
        self.short(points.len() as u64);
        let nanos = points.clone().map(|point| point.timestamp.as_nanos());
        let fits = |unit: &i64| nanos.clone().all(|nanos| nanos % unit == 0);
        let (at, unit) = (0..).zip(UNITS).find(|(_, unit)| fits(unit)).unwrap_or_default();
        self.0.push(at);
        let (mut time, mut distance, mut bits) = (0_i64, 0_i64, 0);
        for (nanos, point) in nanos.zip(points) {
            let next = nanos / unit.max(1);
            let change = next.wrapping_sub(time).wrapping_sub(distance);
            (distance, time) = (next.wrapping_sub(time), next);
            self.short(change.cast_unsigned() << 1 ^ (change >> 63).cast_unsigned());
            self.difference(point.value.to_bits() ^ bits);
            bits = point.value.to_bits();
        }
    }

    /// Writes the bytes between the first and the last that are not zero, after how many of them are on either side.
    fn difference(&mut self, difference: u64) {
        let bytes = difference.to_be_bytes();
        let start = bytes.iter().take_while(|byte| **byte == 0).count();
        let tail = bytes.iter().skip(start).rev().take_while(|byte| **byte == 0).count();
        self.0.push((start << 4 | tail) as u8);
        self.0.extend(bytes.iter().skip(start).take(bytes.len() - start - tail));
    }

    /// Fills in the length and adds the check.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        let length = u32::try_from(self.0.len() - HEADER_BYTES).unwrap_or(u32::MAX);
        self.0.splice(HEADER_BYTES - LENGTH_BYTES..HEADER_BYTES, length.to_le_bytes());
        let check = check(&self.0);
        self.bytes(&check.to_le_bytes());
        self.0
    }
}

/// Takes the payload apart. Everything returns `None` at the end of the bytes.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Opens a state; `None` where it is of another kind or version, or damaged.
    pub(crate) fn open(kind: u8, bytes: &'a [u8]) -> Option<Self> {
        let (checked, expected) = bytes.split_last_chunk::<CHECK_BYTES>()?;
        let (header, payload) = checked.split_first_chunk::<HEADER_BYTES>()?;
        let [header_kind, version, length @ ..] = *header;
        let is_known = header_kind == kind && version == VERSION;
        let is_whole = usize::try_from(u32::from_le_bytes(length)) == Ok(payload.len());
        (is_known && is_whole && check(checked) == u64::from_le_bytes(*expected)).then_some(Self(payload))
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(crate) fn number(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }

    pub(crate) fn short(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    /// Reads at most `limit` points, in growing order of time.
    pub(crate) fn points(&mut self, limit: usize) -> Option<VecDeque<Point>> {
        let count = usize::try_from(self.short()?).ok().filter(|count| *count <= limit)?;
        let [at] = self.array()?;
        let unit = UNITS.get(usize::from(at))?;
        let (mut time, mut distance, mut bits) = (0_i64, 0_i64, 0);
        let mut points = VecDeque::<Point>::with_capacity(count);
        for _ in 0..count {
            let change = self.short()?;
            distance = distance.wrapping_add((change >> 1).cast_signed() ^ -(change & 1).cast_signed());
            time = time.wrapping_add(distance);
            bits ^= self.difference()?;
            let timestamp = Timestamp::from_nanos(time.checked_mul(*unit)?);
            points.back().is_none_or(|before| before.timestamp < timestamp).then_some(())?;
            points.push_back(Point { timestamp, value: f64::from_bits(bits) });
        }
        Some(points)
    }

    fn difference(&mut self) -> Option<u64> {
        let [sides] = self.array()?;
        let (start, tail) = (usize::from(sides >> 4), usize::from(sides & 15));
        let length = size_of::<u64>().checked_sub(start)?.checked_sub(tail)?;
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        let bytes = taken.iter().fold(0_u64, |bytes, byte| bytes << 8 | u64::from(*byte));
        Some(if tail == size_of::<u64>() { 0 } else { bytes << (8 * tail) })
    }

    /// Returns `Some` where nothing is left.
    pub(crate) const fn end(&self) -> Option<()> {
        if self.0.is_empty() { Some(()) } else { None }
    }
}

/// FNV-1a: tells any single changed byte, and almost any other damage. It does not keep forgers out.
fn check(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Changes whenever the meaning of a payload does.
const VERSION: u8 = 2;
const LENGTH_BYTES: usize = 4;
const HEADER_BYTES: usize = 2 + LENGTH_BYTES;
const CHECK_BYTES: usize = 8;
/// Units of times, in nanoseconds.
const UNITS: [i64; 4] = [1_000_000_000, 1_000_000, 1_000, 1];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> Vec<u8> {
        let mut writer = Writer::new(b'x');
        writer.number(-7);
        writer.short(300);
        writer.finish()
    }

    #[test]
    fn what_was_written_is_read() {
        let bytes = sample();
        let mut reader = Reader::open(b'x', &bytes).unwrap();

        assert_eq!((reader.number(), reader.short()), (Some(-7), Some(300)));
        assert_eq!((reader.end(), reader.number(), reader.short()), (Some(()), None, None));
    }

    #[test]
    fn another_kind_or_version_is_refused() {
        let mut newer = sample();
        newer[1] = VERSION + 1;
        let end = newer.len() - CHECK_BYTES;
        let check = check(&newer[..end]).to_le_bytes();
        newer[end..].copy_from_slice(&check);

        assert!(Reader::open(b'y', &sample()).is_none());
        assert!(Reader::open(b'x', &newer).is_none());
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let bytes = sample();
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(Reader::open(b'x', &damaged).is_none(), "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert!(Reader::open(b'x', &bytes[..length]).is_none(), "length {length}");
        }
    }

    fn written(points: &[Point]) -> Vec<u8> {
        let mut writer = Writer::new(b'x');
        writer.points(points.iter().copied());
        writer.finish()
    }

    #[test]
    fn regular_points_take_a_few_bytes() {
        let point = |second: i64, value: f64| Point { timestamp: Timestamp::from_millis(second * 1_000 + 7), value };
        let constant: Vec<Point> = (0..1_000).map(|second| point(second, 0.1)).collect();
        let whole: Vec<Point> = (0..1_000).map(|second| point(second, (second % 90) as f64)).collect();

        assert!(written(&constant).len() < 2_100, "{}", written(&constant).len());
        assert!(written(&whole).len() < 4_100, "{}", written(&whole).len());
    }

    proptest! {
        #[test]
        fn points_survive_to_the_bit(
            points in proptest::collection::btree_map(any::<i64>(), any::<u64>(), 0..50),
            unit in proptest::sample::select(UNITS.to_vec()),
        ) {
            let point = |(nanos, bits): (&i64, &u64)| {
                let timestamp = Timestamp::from_nanos(nanos / unit * unit);
                Point { timestamp, value: f64::from_bits(*bits) }
            };
            let mut points: Vec<Point> = points.iter().map(point).collect();
            points.dedup_by_key(|point| point.timestamp);
            let bytes = written(&points);

            let read = Reader::open(b'x', &bytes).unwrap().points(50).unwrap();

            let exact = |point: &Point| (point.timestamp, point.value.to_bits());
            prop_assert!(read.iter().map(exact).eq(points.iter().map(exact)));
            prop_assert!(points.is_empty() || Reader::open(b'x', &bytes).unwrap().points(points.len() - 1).is_none());
        }

        #[test]
        fn no_bytes_make_points_that_harm(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let points = Reader(&bytes).points(1_024);

            prop_assert!(points.is_none_or(|points| points.len() <= 60));
        }

        #[test]
        fn short_numbers_survive(number in any::<u64>()) {
            let mut writer = Writer::new(b'x');
            writer.short(number);
            let bytes = writer.finish();

            prop_assert_eq!(Reader::open(b'x', &bytes).and_then(|mut reader| reader.short()), Some(number));
        }
    }
}
