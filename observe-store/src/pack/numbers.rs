//! Numbers as pco writes them, without what the pack knows already.
//!
//! Only a part of pco is let in: its classic mode, for bytes of others could ask for tables of any size in the rest.

use pco::data_types::Number;
use pco::metadata::DeltaEncoding;
use pco::wrapped::{ChunkCompressor, FileCompressor, FileDecompressor};
use pco::{ChunkConfig, DecompressorScratch, DeltaSpec, FULL_BATCH_N, ModeSpec, PagingSpec};

use crate::bytes::Malformed;
use crate::pack::{MAX_TICKS, PackError};

/// Memory that decoding one column after another uses again.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(super) numbers: DecompressorScratch,
}

/// Numbers that were looked at and can be written.
#[derive(Debug)]
pub(super) struct Packed(ChunkCompressor);

impl Packed {
    /// Looks at up to [`MAX_TICKS`] numbers, at least one.
    pub(super) fn new<T: Number>(numbers: &[T], level: usize, delta: DeltaSpec) -> Result<Self, PackError> {
        let config = ChunkConfig::default()
            .with_compression_level(level)
            .with_delta_spec(delta)
            .with_enable_8_bit(true)
            .with_mode_spec(ModeSpec::Classic)
            .with_paging_spec(PagingSpec::EqualPagesUpTo(MAX_TICKS));
        Ok(Self(FileCompressor::default().chunk_compressor(numbers, &config)?))
    }

    /// Returns about how many bytes the numbers take, without writing them.
    pub(super) fn estimate(&self) -> usize {
        self.0.meta_size_hint() + self.0.page_size_hint(0)
    }

    pub(super) fn write(mut self, out: &mut Vec<u8>) -> Result<(), PackError> {
        self.0.write_meta(&mut *out)?;
        self.0.write_page(0, out)?;
        Ok(())
    }
}

/// Reads `count` numbers, which must take all bytes, and hands them over a few hundred at a time.
pub(super) fn read<T: Number + Default>(
    bytes: &[u8],
    count: usize,
    scratch: &mut Scratch,
    mut sink: impl FnMut(&[T]),
) -> Result<(), PackError> {
    if bytes.first().is_none_or(|first| first & MODE_BITS != CLASSIC) {
        return Err(Malformed("numbers are in a mode that is not used").into());
    }
    let (format, _) = FileDecompressor::new(PCO_FORMAT)?;
    let (chunk, bytes) = format.chunk_decompressor::<T, _>(bytes)?;
    check_delta(&chunk.meta().delta_encoding, count)?;
    let mut page = chunk.page_decompressor_with_scratch(bytes, count, &mut scratch.numbers)?;
    let mut batch = [T::default(); FULL_BATCH_N];
    let mut left = count;
    while left > 0 {
        let read = page.read(&mut batch)?.n_processed;
        sink(batch.get(..read).unwrap_or_default());
        left = left.saturating_sub(read.max(1));
    }
    if page.into_src().is_empty() { Ok(()) } else { Err(Malformed("bytes follow the last number").into()) }
}

/// Refuses a window far longer than the numbers, for as much memory would be taken as it asks for.
fn check_delta(delta: &DeltaEncoding, count: usize) -> Result<(), Malformed> {
    match delta {
        DeltaEncoding::NoOp | DeltaEncoding::Consecutive { .. } => Ok(()),
        DeltaEncoding::Lookback { config, .. } if config.window_n_log <= count.max(16).ilog2() + 1 => Ok(()),
        _ => Err(Malformed("numbers refer to each other in a way that is not used")),
    }
}

/// The format that pco writes. Should a new version of pco write another, then the format of packs is another, too.
const PCO_FORMAT: &[u8] = &[4, 1];

const CLASSIC: u8 = 0;
const MODE_BITS: u8 = 0x0f;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_the_one_that_is_written() {
        let header = FileCompressor::default().write_header(Vec::new()).unwrap();

        assert_eq!(header, PCO_FORMAT);
    }

    #[test]
    fn numbers_survive_in_every_order() {
        let numbers: Vec<u64> = (0..1_000).map(|at| at * at * 7_919 % 104_729).collect();
        for delta in [DeltaSpec::Auto, DeltaSpec::NoOp, DeltaSpec::TryConsecutive(2), DeltaSpec::TryLookback] {
            for count in [1, 2, 16, 17, 255, 256, 257, 512, 1_000] {
                let numbers = numbers.get(..count).unwrap();
                let mut bytes = Vec::new();
                Packed::new(numbers, 8, delta.clone()).unwrap().write(&mut bytes).unwrap();
                let mut read_back = Vec::new();

                read::<u64>(&bytes, count, &mut Scratch::default(), |batch| read_back.extend_from_slice(batch))
                    .unwrap();

                assert_eq!(read_back, numbers);
            }
        }
    }

    #[test]
    fn a_window_that_is_far_too_long_is_refused() {
        let mut bytes = Vec::new();
        Packed::new(&(0..2_000_u64).collect::<Vec<_>>(), 8, DeltaSpec::TryLookback).unwrap().write(&mut bytes).unwrap();

        let outcome = read::<u64>(&bytes, 100, &mut Scratch::default(), |_| ());

        assert!(matches!(outcome, Err(PackError::Malformed(_))), "{outcome:?}");
    }

    #[test]
    fn bytes_that_follow_the_numbers_are_refused() {
        let mut bytes = Vec::new();
        Packed::new(&[3_u16, 7, 9], 8, DeltaSpec::NoOp).unwrap().write(&mut bytes).unwrap();
        bytes.push(0);

        assert!(read::<u16>(&bytes, 3, &mut Scratch::default(), |_| ()).is_err());
        assert!(read::<u16>(&[], 3, &mut Scratch::default(), |_| ()).is_err());
    }
}
