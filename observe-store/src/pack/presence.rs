//! Which ticks of a slot a column has values for.

use std::borrow::Cow;
use std::ops::Range;

use crate::bytes::{Malformed, Reader, Write};

/// Says which ticks of a slot a column has values for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Presence<'a> {
    /// It has one for each.
    All,
    /// It has one for each tick whose bit is set: bit `tick % 64` of word `tick / 64`. Bits behind the last tick say nothing.
    Bitmap(Cow<'a, [u64]>),
    /// It has one for each tick of the range.
    Range(Range<usize>),
}

/// How a presence is written. The numbers are part of the format.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Form {
    All = 0,
    /// Lengths of what is absent and what is present, in turns.
    Runs = 1,
    /// One bit a tick.
    Bitmap = 2,
    /// As the column before.
    Same = 3,
}

impl Presence<'_> {
    /// Returns the ticks that have a value, ascending.
    pub(crate) fn ticks(&self, ticks: usize) -> impl Iterator<Item = usize> {
        let (range, words): (_, &[u64]) = match self {
            Self::All => (0..ticks, &[]),
            Self::Bitmap(words) => (0..0, words),
            Self::Range(range) => (range.start..range.end.min(ticks), &[]),
        };
        let bits = words.iter().zip((0..).step_by(64)).flat_map(|(word, base)| Bits(*word).map(move |bit| base + bit));
        range.chain(bits.take_while(move |tick| *tick < ticks))
    }

    /// Returns how many ticks have a value.
    pub(crate) fn count(&self, ticks: usize) -> usize {
        match self {
            Self::All => ticks,
            Self::Bitmap(words) => {
                (0..).zip(words.iter()).map(|(at, word)| kept(at, *word, ticks).count_ones() as usize).sum()
            }
            Self::Range(range) => range.end.min(ticks).saturating_sub(range.start),
        }
    }

    pub(super) fn runs(&self, ticks: usize) -> Vec<Range<usize>> {
        let mut runs: Vec<Range<usize>> = Vec::new();
        match self {
            _ if self.count(ticks) == ticks => runs.push(0..ticks),
            Self::All => {}
            Self::Range(range) => runs.push(range.start.min(ticks)..range.end.min(ticks)),
            Self::Bitmap(_) => {
                for tick in self.ticks(ticks) {
                    match runs.last_mut() {
                        Some(run) if run.end == tick => run.end += 1,
                        _ => runs.push(tick..tick + 1),
                    }
                }
            }
        }
        runs.retain(|run| !run.is_empty());
        runs
    }

    pub(super) fn read(reader: &mut Reader<'_>, form: Form, ticks: usize) -> Result<Presence<'static>, Malformed> {
        match form {
            Form::All | Form::Same => Ok(Presence::All),
            Form::Runs => read_runs(reader, ticks),
            Form::Bitmap => Ok(Presence::Bitmap(read_bitmap(reader, ticks)?.into())),
        }
    }
}

/// Says whether the runs are all ticks.
pub(super) fn is_all(runs: &[Range<usize>], ticks: usize) -> bool {
    runs.iter().map(Range::len).sum::<usize>() == ticks
}

/// Writes the runs of a presence in the shortest form and says which.
pub(super) fn write(out: &mut Vec<u8>, runs: &[Range<usize>], ticks: usize) -> Form {
    if is_all(runs, ticks) {
        return Form::All;
    }
    let start = out.len();
    out.write_varint(runs.len() as u64);
    let mut at = 0;
    for run in runs {
        out.write_varint((run.start - at) as u64);
        out.write_varint(run.len() as u64);
        at = run.end;
    }
    if out.len() - start <= ticks.div_ceil(8) {
        return Form::Runs;
    }
    out.truncate(start);
    out.extend(bitmap(runs, ticks).iter().flat_map(|word| word.to_le_bytes()).take(ticks.div_ceil(8)));
    Form::Bitmap
}

impl Form {
    /// Says whether nothing is written for it.
    pub(super) const fn is_empty(self) -> bool {
        matches!(self, Self::All | Self::Same)
    }
}

impl TryFrom<u8> for Form {
    type Error = Malformed;

    fn try_from(bits: u8) -> Result<Self, Malformed> {
        match bits {
            0 => Ok(Self::All),
            1 => Ok(Self::Runs),
            2 => Ok(Self::Bitmap),
            3 => Ok(Self::Same),
            _ => Err(Malformed("a presence has a form that is not known")),
        }
    }
}

/// The places of the bits that are set, lowest first.
struct Bits(u64);

impl Iterator for Bits {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let bit = self.0.trailing_zeros();
        self.0 &= self.0.wrapping_sub(1);
        (bit < 64).then_some(bit as usize)
    }
}

fn read_runs(reader: &mut Reader<'_>, ticks: usize) -> Result<Presence<'static>, Malformed> {
    let count = reader.bounded(ticks)?;
    let mut words = Vec::new();
    let mut run = 0..0;
    for _ in 0..count {
        let start = run.end + reader.bounded(ticks - run.end)?;
        run = start..start + reader.bounded(ticks - start)?;
        if count > 1 {
            words.resize(ticks.div_ceil(64), 0);
            set(&mut words, run.clone());
        }
    }
    Ok(if count > 1 { Presence::Bitmap(words.into()) } else { Presence::Range(run) })
}

fn read_bitmap(reader: &mut Reader<'_>, ticks: usize) -> Result<Vec<u64>, Malformed> {
    let words = reader.bytes(ticks.div_ceil(8))?.chunks(8).map(|chunk| {
        let mut word = [0; 8];
        word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
        u64::from_le_bytes(word)
    });
    Ok((0..).zip(words).map(|(at, word)| kept(at, word, ticks)).collect())
}

fn bitmap(runs: &[Range<usize>], ticks: usize) -> Vec<u64> {
    let mut words = vec![0; ticks.div_ceil(64)];
    runs.iter().cloned().for_each(|run| set(&mut words, run));
    words
}

fn set(words: &mut [u64], run: Range<usize>) {
    for tick in run {
        if let Some(word) = words.get_mut(tick / 64) {
            *word |= 1 << (tick % 64);
        }
    }
}

/// Returns the word without the bits of ticks that do not exist.
fn kept(at: usize, word: u64, ticks: usize) -> u64 {
    match ticks.saturating_sub(at * 64) {
        0 => 0,
        left @ 1..64 => word & ((1 << left) - 1),
        _ => word,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_presence_survives(ticks in 0..300_usize, words in proptest::collection::vec(word(), 5)) {
            let presence = Presence::Bitmap(words.into());
            let mut bytes = Vec::new();
            let form = write(&mut bytes, &presence.runs(ticks), ticks);
            let mut reader = Reader::new(&bytes);

            let read = Presence::read(&mut reader, form, ticks).unwrap();

            prop_assert!(reader.is_empty() && bytes.len() <= ticks.div_ceil(8).max(1));
            prop_assert_eq!(read.count(ticks), presence.count(ticks));
            prop_assert!(read.ticks(ticks).eq(presence.ticks(ticks)));
        }
    }

    #[test]
    fn runs_beyond_the_ticks_are_refused() {
        for bytes in [[1, 5, 6].as_slice(), &[2, 0, 3, 7, 1], &[11], &[1]] {
            assert!(Presence::read(&mut Reader::new(bytes), Form::Runs, 10).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn a_presence_with_few_gaps_takes_few_bytes() {
        let mut bytes = Vec::new();

        let form = write(&mut bytes, &[0..500, 501..1_024], 1_024);

        assert_eq!((form, bytes.len()), (Form::Runs, 7));
    }

    fn word() -> impl Strategy<Value = u64> {
        prop_oneof![Just(0), Just(u64::MAX), any::<u64>(), (0..64_u32).prop_map(|shift| u64::MAX << shift)]
    }
}
