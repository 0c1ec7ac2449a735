//! The envelope of every blob: a version byte first, a CRC-32C of all before it last.

use crate::bytes::{Malformed, Reader};
use crate::pack::PackError;

/// What a blob holds, so that one kind is never read as the other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Pack,
    Stamps,
}

/// Starts a blob.
pub(super) fn begin(kind: Kind) -> Vec<u8> {
    vec![VERSION | kind.bit()]
}

/// Ends a blob.
pub(super) fn seal(mut bytes: Vec<u8>) -> Vec<u8> {
    let sum = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes
}

/// Returns what lies between the version and the checksum, after both have been looked at.
///
/// The checksum goes first: only then is a strange version a version and not damage.
pub(super) fn open(bytes: &[u8], kind: Kind) -> Result<Reader<'_>, PackError> {
    let (covered, sum) = bytes.split_last_chunk::<4>().ok_or(PackError::Checksum)?;
    if crc32c::crc32c(covered) != u32::from_le_bytes(*sum) {
        return Err(PackError::Checksum);
    }
    let mut reader = Reader::new(covered);
    let first = reader.byte()?;
    if first & STAMPS != kind.bit() {
        return Err(Malformed("stamps are where a pack should be, or a pack where stamps").into());
    }
    match first & !STAMPS {
        VERSION => Ok(reader),
        version => Err(PackError::Newer(version)),
    }
}

impl Kind {
    const fn bit(self) -> u8 {
        match self {
            Self::Pack => 0,
            Self::Stamps => STAMPS,
        }
    }
}

const STAMPS: u8 = 0x80;
const VERSION: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens() {
        let blob = seal([begin(Kind::Pack), b"body".to_vec()].concat());

        assert_eq!(open(&blob, Kind::Pack).unwrap().rest(), b"body");
    }

    #[test]
    fn damage_is_told_from_a_newer_version() {
        let newer = seal(vec![VERSION + 1, 7]);
        let mut damaged = seal(vec![VERSION, 7]);
        damaged[0] = VERSION + 1;

        assert!(matches!(open(&newer, Kind::Pack), Err(PackError::Newer(2))));
        assert!(matches!(open(&damaged, Kind::Pack), Err(PackError::Checksum)));
        assert!(matches!(open(&[], Kind::Pack), Err(PackError::Checksum)));
        assert!(matches!(open(&seal(vec![]), Kind::Pack), Err(PackError::Malformed(_))));
    }

    #[test]
    fn stamps_are_not_taken_for_a_pack() {
        let blob = seal(begin(Kind::Stamps));

        assert!(matches!(open(&blob, Kind::Pack), Err(PackError::Malformed(_))));
    }
}
