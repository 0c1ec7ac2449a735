//! Numbers as bytes, and back from bytes that nobody vouches for.

/// Appends numbers to bytes.
pub(crate) trait Write {
    /// Appends seven bits a byte, lowest first; small numbers are short.
    fn write_varint(&mut self, value: u64);

    /// Appends a number that may be negative, so that those near zero are short.
    fn write_signed(&mut self, value: i64) {
        self.write_varint(zigzag(value));
    }

    /// Appends the length and then the bytes.
    fn write_counted(&mut self, bytes: &[u8]);
}

impl Write for Vec<u8> {
    fn write_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.push(value as u8);
    }

    fn write_counted(&mut self, bytes: &[u8]) {
        self.write_varint(bytes.len() as u64);
        self.extend_from_slice(bytes);
    }
}

/// Takes numbers off the front of bytes. What is not there is an error, never a panic.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

/// Says that bytes end too early, or hold a number that cannot be.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Malformed(pub(crate) &'static str);

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Malformed> {
        let (first, rest) = self.rest.split_first().ok_or(ENDS_EARLY)?;
        self.rest = rest;
        Ok(*first)
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(ENDS_EARLY)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(ENDS_EARLY)?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(crate) fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Malformed("a number is longer than 64 bits"))
    }

    pub(crate) fn signed(&mut self) -> Result<i64, Malformed> {
        Ok(unzigzag(self.varint()?))
    }

    /// Takes a number that must be at most `max`.
    pub(crate) fn bounded(&mut self, max: usize) -> Result<usize, Malformed> {
        let value = usize::try_from(self.varint()?).ok().filter(|value| *value <= max);
        value.ok_or(Malformed("a number is above its bound"))
    }

    /// Takes a length and as many bytes.
    pub(crate) fn counted(&mut self) -> Result<&'a [u8], Malformed> {
        let len = self.bounded(self.rest.len())?;
        self.bytes(len)
    }
}

const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

const fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

const ENDS_EARLY: Malformed = Malformed("the bytes end too early");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_survive(values in proptest::collection::vec((any::<u64>(), any::<i64>()), 0..50)) {
            let mut bytes = Vec::new();
            for (unsigned, signed) in &values {
                bytes.write_varint(*unsigned);
                bytes.write_signed(*signed);
            }
            let mut reader = Reader::new(&bytes);

            for (unsigned, signed) in values {
                prop_assert_eq!(reader.varint(), Ok(unsigned));
                prop_assert_eq!(reader.signed(), Ok(signed));
            }
            prop_assert!(reader.is_empty());
        }
    }

    #[test]
    fn bytes_that_make_no_number_are_refused() {
        assert_eq!(Reader::new(&[0x80]).varint(), Err(ENDS_EARLY));
        assert!(Reader::new(&[0xff; 10]).varint().is_err());
        assert_eq!(Reader::new(&[5, 1, 2]).counted(), Err(Malformed("a number is above its bound")));
        assert_eq!(Reader::new(&[1, 2]).array::<4>(), Err(ENDS_EARLY));
    }
}
