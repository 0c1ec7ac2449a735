//! One tick of a group as bytes: what changed since the tick before.
//!
//! A tick starts with its length, so that whoever looks for early places need not read the late ones. A whole tick says
//! everything anew and can be understood without those before it.

use super::{
    places::{PLACES, PlaceSet},
    value,
};
use crate::bytes::{Malformed, Reader, Write};

/// What a group looks like at a tick: who has which place, who has a value, and which.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// Of each place, its series; 0 where nobody has it.
    pub(crate) series: Vec<u32>,
    /// Of each place, the last value.
    pub(crate) values: Vec<f64>,
    /// The places with a value at this tick.
    pub(crate) present: PlaceSet,
    /// When the tick was, in nanoseconds.
    pub(crate) timestamp: i64,
}

impl Default for State {
    fn default() -> Self {
        Self { series: vec![0; PLACES], values: vec![0.0; PLACES], present: PlaceSet::default(), timestamp: 0 }
    }
}

/// What a tick brings.
#[derive(Debug)]
pub(crate) struct Tick<'a> {
    pub(crate) timestamp: i64,
    pub(crate) present: PlaceSet,
    /// Of each place, the value; only those of present places count.
    pub(crate) values: &'a [f64],
    /// Places whose series are not those of the tick before.
    pub(crate) moved: &'a [(usize, u32)],
    /// Whether everything is said anew.
    pub(crate) is_whole: bool,
}

impl State {
    /// Appends a tick, and becomes what it says.
    pub(crate) fn write(&mut self, tick: &Tick<'_>, bytes: &mut Vec<u8>) {
        tick.moved.iter().for_each(|(place, series)| self.assign(*place, *series));
        let mut body = Vec::with_capacity(64);
        let mut flags = 0;
        let elapsed = if tick.is_whole { tick.timestamp } else { tick.timestamp.wrapping_sub(self.timestamp) };
        let is_millis = elapsed % NANOS_PER_MILLI == 0;
        flags |= if is_millis { MILLIS } else { 0 };
        let was_present = if tick.is_whole { PlaceSet::default() } else { self.present };
        let turned = tick.present.difference(&was_present);
        flags |= if turned.is_empty() { 0 } else { PRESENCE };
        flags |= if tick.is_whole { WHOLE } else { 0 };
        flags |= if tick.is_whole || !tick.moved.is_empty() { SERIES } else { 0 };
        body.push(flags);
        body.write_signed(if is_millis { elapsed / NANOS_PER_MILLI } else { elapsed });
        if flags & SERIES != 0 {
            self.write_series(tick, &mut body);
        }
        if flags & PRESENCE != 0 {
            turned.write(&mut body);
        }
        self.write_values(tick, &was_present, &mut body);
        self.present = tick.present;
        self.timestamp = tick.timestamp;
        bytes.write_counted(&body);
    }

    fn write_series(&self, tick: &Tick<'_>, body: &mut Vec<u8>) {
        let all: Vec<(usize, u32)>;
        let moved = if tick.is_whole {
            let taken = self.series.iter().copied().enumerate().filter(|(_, series)| *series != 0);
            all = taken.collect();
            &all
        } else {
            tick.moved
        };
        body.write_varint(moved.len() as u64);
        let mut before = 0;
        for (place, series) in moved {
            body.write_varint(*place as u64);
            body.write_signed(i64::from(*series) - before);
            before = i64::from(*series);
        }
    }

    fn write_values(&mut self, tick: &Tick<'_>, was_present: &PlaceSet, body: &mut Vec<u8>) {
        let mut changed = PlaceSet::default();
        for place in tick.present.iter() {
            let (Some(before), Some(value)) = (self.values.get(place), tick.values.get(place)) else { continue };
            if before.to_bits() != value.to_bits() || !was_present.contains(place) {
                changed.insert(place);
            }
        }
        changed.write(body);
        for place in changed.iter() {
            let (Some(before), Some(after)) = (self.values.get_mut(place), tick.values.get(place)) else { continue };
            let from = if was_present.contains(place) { *before } else { 0.0 };
            value::write(body, from, *after);
            *before = *after;
        }
    }

    /// Takes a tick off the reader and becomes what it says; of the values, only those of `wanted` are looked at.
    pub(crate) fn read(&mut self, reader: &mut Reader<'_>, wanted: &PlaceSet) -> Result<(), Malformed> {
        let mut body = Reader::new(reader.counted()?);
        let flags = body.byte()?;
        let elapsed = body.signed()?.wrapping_mul(if flags & MILLIS != 0 { NANOS_PER_MILLI } else { 1 });
        if flags & WHOLE != 0 {
            self.present = PlaceSet::default();
            self.timestamp = 0;
            self.series.fill(0);
        }
        self.timestamp = self.timestamp.wrapping_add(elapsed);
        if flags & SERIES != 0 {
            self.read_series(&mut body)?;
        }
        let was_present = self.present;
        if flags & PRESENCE != 0 {
            self.present = self.present.difference(&PlaceSet::read(&mut body)?);
        }
        let changed = PlaceSet::read(&mut body)?;
        let mut left = changed.intersection(wanted).len();
        for place in changed.iter() {
            if left == 0 {
                break;
            }
            if !wanted.contains(place) {
                value::skip(&mut body)?;
                continue;
            }
            left -= 1;
            let Some(value) = self.values.get_mut(place) else { continue };
            let from = if was_present.contains(place) { *value } else { 0.0 };
            *value = value::read(&mut body, from)?;
        }
        Ok(())
    }

    fn read_series(&mut self, body: &mut Reader<'_>) -> Result<(), Malformed> {
        let count = body.bounded(PLACES)?;
        let mut before = 0i64;
        for _ in 0..count {
            let place = body.bounded(PLACES - 1)?;
            let number = before.wrapping_add(body.signed()?);
            let series = u32::try_from(number).map_err(|_| Malformed("a series has an impossible number"))?;
            self.assign(place, series);
            before = number;
        }
        Ok(())
    }

    /// Gives a place to a series. What the series before it had there is not its own.
    fn assign(&mut self, place: usize, series: u32) {
        if let Some(holder) = self.series.get_mut(place) {
            *holder = series;
        }
        self.present.remove(place);
    }
}

/// Returns whether the first of some ticks can be understood without those before it.
pub(crate) fn begins_whole(ticks: &[u8]) -> bool {
    let first = Reader::new(ticks).counted();
    first.is_ok_and(|body| body.first().is_some_and(|flags| flags & WHOLE != 0))
}

const NANOS_PER_MILLI: i64 = 1_000_000;

const WHOLE: u8 = 1;
const SERIES: u8 = 2;
const PRESENCE: u8 = 4;
/// Times are in milliseconds, else in nanoseconds.
const MILLIS: u8 = 8;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A tick as a test says it: time, values, places that get another series, whether it is whole.
    type Said = (i64, Vec<Option<f64>>, Vec<(usize, u32)>, bool);

    fn said() -> impl Strategy<Value = Said> {
        let value = prop_oneof![
            3 => (0u8..4).prop_map(|value| Some(f64::from(value))),
            1 => any::<u64>().prop_map(|bits| Some(f64::from_bits(bits))),
            1 => Just(None),
        ];
        let moved = proptest::collection::btree_map(0usize..12, 1u32..5_000, 0..2);
        (any::<i64>(), proptest::collection::vec(value, 12), moved, proptest::bool::weighted(0.1))
            .prop_map(|(time, values, moved, is_whole)| (time, values, moved.into_iter().collect(), is_whole))
    }

    fn written(ticks: &[Said]) -> Vec<u8> {
        let (mut state, mut bytes) = (State::default(), Vec::new());
        for (index, (timestamp, values, moved, is_whole)) in ticks.iter().enumerate() {
            let mut present = PlaceSet::default();
            let mut row = vec![0.0; PLACES];
            for (place, value) in values.iter().enumerate() {
                if let Some(value) = value {
                    present.insert(place);
                    row[place] = *value;
                }
            }
            let is_whole = *is_whole || index == 0;
            state.write(&Tick { timestamp: *timestamp, present, values: &row, moved, is_whole }, &mut bytes);
        }
        bytes
    }

    proptest! {
        #[test]
        fn ticks_survive_for_whoever_wants_some_of_the_places(
            ticks in proptest::collection::vec(said(), 1..20),
            wanted in proptest::collection::btree_set(0usize..12, 0..12),
        ) {
            let bytes = written(&ticks);
            let mut wanted_set = PlaceSet::default();
            wanted.iter().for_each(|place| wanted_set.insert(*place));
            let (mut state, mut reader) = (State::default(), Reader::new(&bytes));
            let mut series = [0; 12];

            for (timestamp, values, moved, _) in &ticks {
                state.read(&mut reader, &wanted_set).unwrap();
                moved.iter().for_each(|(place, number)| series[*place] = *number);
                prop_assert_eq!(state.timestamp, *timestamp);
                prop_assert_eq!(&state.series[..12], &series);
                for place in &wanted {
                    let read = state.present.contains(*place).then(|| state.values[*place].to_bits());
                    prop_assert_eq!(read, values[*place].map(f64::to_bits));
                }
            }
            prop_assert!(reader.is_empty());
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut all = PlaceSet::default();
            (0..PLACES).for_each(|place| all.insert(place));
            let mut reader = Reader::new(&bytes);
            let mut state = State::default();
            while !reader.is_empty() && state.read(&mut reader, &all).is_ok() {}
        }

        #[test]
        fn no_cut_of_a_good_tick_panics(ticks in proptest::collection::vec(said(), 1..4), cut in 0usize..100, flip in 0usize..800) {
            let mut bytes = written(&ticks);
            bytes.truncate(bytes.len().saturating_sub(cut));
            if let Some(byte) = bytes.get_mut(flip / 8) {
                *byte ^= 1 << (flip % 8);
            }
            let mut reader = Reader::new(&bytes);
            let mut state = State::default();
            while !reader.is_empty() && state.read(&mut reader, &PlaceSet::default()).is_ok() {}
        }
    }

    #[test]
    fn a_tick_in_which_nothing_changed_takes_a_few_bytes() {
        let (mut state, mut bytes) = (State::default(), Vec::new());
        let mut present = PlaceSet::default();
        (0..100).for_each(|place| present.insert(place));
        let values = vec![7.0; PLACES];
        let tick = |second: i64, is_whole| Tick {
            timestamp: second * 1_000_000_000,
            present,
            values: &values,
            moved: &[],
            is_whole,
        };
        state.write(&tick(1, true), &mut bytes);
        let before = bytes.len();

        state.write(&tick(2, false), &mut bytes);

        assert_eq!(bytes.len() - before, 5);
    }
}
