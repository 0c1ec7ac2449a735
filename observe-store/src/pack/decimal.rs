//! Floats that are decimals with a few places, as integers.

use crate::pack::exceptions::ONE_IN;

/// Floats as integers, ten to the power of `places` times as great.
#[derive(Debug, Default)]
pub(super) struct Decimals {
    /// What no integer gives back exactly, and where it is. In `integers` the one before stands for it.
    pub(super) exceptions: Vec<(usize, f64)>,
    pub(super) integers: Vec<i64>,
}

impl Decimals {
    pub(super) fn fill(&mut self, values: &[f64], places: u8) {
        self.exceptions.clear();
        self.integers.clear();
        let mut last = values.iter().find_map(|value| to_integer(*value, places)).unwrap_or_default();
        for (at, value) in values.iter().enumerate() {
            match to_integer(*value, places) {
                Some(integer) => last = integer,
                None => self.exceptions.push((at, *value)),
            }
            self.integers.push(last);
        }
    }
}

/// Returns how many places are worth a try: as few as leave a few exceptions, and as many as leave none that can be helped.
pub(super) fn worthwhile_places(values: &[f64]) -> impl Iterator<Item = u8> {
    let mut counts = [0; MAX_PLACES as usize + 1];
    let (mut left, mut last) = (values.len(), 0);
    for value in values {
        if let Some(places) = places_of(*value, last) {
            last = places;
            left -= 1;
            counts.get_mut(usize::from(places)).into_iter().for_each(|count| *count += 1);
        }
    }
    let bound = values.len() / ONE_IN;
    let most = (0..=MAX_PLACES).zip(counts).filter(|(_, count)| *count > 0).map(|(places, _)| places).next_back();
    let most = most.filter(|_| left <= bound);
    let mut covered = 0;
    let fewest = (0..).zip(counts).find_map(|(places, count)| {
        covered += count;
        (values.len() - covered <= bound).then_some(places)
    });
    fewest.into_iter().chain(most.filter(|most| fewest != Some(*most)))
}

/// Returns the float that an integer stands for.
pub(super) fn power(places: u8) -> Option<f64> {
    POWERS.get(usize::from(places)).copied()
}

fn places_of(value: f64, likely: u8) -> Option<u8> {
    let is_least = likely == 0 || to_integer(value, likely - 1).is_none();
    if is_least && to_integer(value, likely).is_some() {
        return Some(likely);
    }
    (0..=MAX_PLACES).find(|places| to_integer(value, *places).is_some())
}

/// Returns the integer whose quotient by the power is this float, bit by bit.
fn to_integer(value: f64, places: u8) -> Option<i64> {
    if places == 0 {
        let integer = value as i64;
        return ((integer as f64).to_bits() == value.to_bits()).then_some(integer);
    }
    let power = power(places)?;
    let scaled = value * power;
    let rounded = (scaled + ROUNDER) - ROUNDER;
    // Most that does not fit is told here, without the division, which is slow.
    if !(scaled.abs() < MAX_SCALED && (scaled - rounded).abs() <= scaled.abs() * f64::EPSILON) {
        return None;
    }
    ((rounded / power).to_bits() == value.to_bits()).then_some(rounded as i64)
}

const MAX_PLACES: u8 = 9;

/// Up to here adding [`ROUNDER`] rounds to an integer.
const MAX_SCALED: f64 = (1_u64 << 51) as f64;

const POWERS: [f64; MAX_PLACES as usize + 1] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

/// A sum with this has no bits left for a fraction.
const ROUNDER: f64 = (3_u64 << 51) as f64;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn decimals_are_found_with_their_places(integer in -1_000_000_000..1_000_000_000_i64, places in 0..=MAX_PLACES) {
            let value: f64 = format!("{integer}e-{places}").parse().unwrap();

            let least = worthwhile_places(&[value]).next().unwrap();

            prop_assert!(least <= places);
            prop_assert_eq!(to_integer(value, places), Some(integer));
        }

        #[test]
        fn an_integer_gives_its_float_back(bits in any::<u64>(), places in 0..=MAX_PLACES) {
            let value = f64::from_bits(bits);
            if let Some(integer) = to_integer(value, places) {
                prop_assert_eq!((integer as f64 / power(places).unwrap()).to_bits(), bits);
            }
        }
    }

    #[test]
    fn what_is_no_decimal_has_no_integer() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 5e-324, 1.0 / 3.0, 1e300] {
            assert_eq!(places_of(value, 3), None, "{value}");
        }
    }

    #[test]
    fn great_integers_need_no_places() {
        for value in [9_007_199_254_740_993.0, 9_223_372_036_854_775_808.0, -9_223_372_036_854_775_808.0] {
            assert_eq!(places_of(value, 0), Some(0), "{value}");
        }
    }

    #[test]
    fn a_few_exceptions_are_weighed_against_more_places() {
        let mut values = vec![5.0; 100];
        values[7] = 0.25;
        values[50] = f64::NAN;
        assert_eq!(worthwhile_places(&values).collect::<Vec<_>>(), [0, 2]);

        let mut decimals = Decimals::default();
        decimals.fill(&values, 2);
        assert_eq!((decimals.integers[7], decimals.exceptions.len()), (25, 1));

        values[..10].fill(f64::NAN);
        assert_eq!(worthwhile_places(&values).count(), 0);
    }
}
