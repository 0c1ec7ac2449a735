//! The bytes in which detectors save their state: kind, version, length, payload, check; little-endian.

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
const VERSION: u8 = 1;
const LENGTH_BYTES: usize = 4;
const HEADER_BYTES: usize = 2 + LENGTH_BYTES;
const CHECK_BYTES: usize = 8;

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

    proptest! {
        #[test]
        fn short_numbers_survive(number in any::<u64>()) {
            let mut writer = Writer::new(b'x');
            writer.short(number);
            let bytes = writer.finish();

            prop_assert_eq!(Reader::open(b'x', &bytes).and_then(|mut reader| reader.short()), Some(number));
        }
    }
}
