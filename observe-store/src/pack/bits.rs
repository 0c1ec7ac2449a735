//! The bits of a number without the zeros at their end: short for what has few digits.

use crate::bytes::Malformed;

/// Appends the bits, highest byte first. Returns how many bytes they take.
pub(super) fn write(bits: u64, out: &mut Vec<u8>) -> usize {
    let bytes = bits.to_be_bytes();
    let len = 8 - bits.trailing_zeros().min(64) as usize / 8;
    out.extend_from_slice(bytes.get(..len).unwrap_or(&bytes));
    len
}

/// Reads bits, which take all bytes.
pub(super) fn read(bytes: &[u8]) -> Result<u64, Malformed> {
    let mut bits = [0; 8];
    let filled = bits.get_mut(..bytes.len()).ok_or(Malformed("a number has more than eight bytes"))?;
    filled.copy_from_slice(bytes);
    Ok(u64::from_be_bytes(bits))
}
