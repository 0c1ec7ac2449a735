//! Floats that are a quotient of two small integers, such as the share of a processor's ticks in percent.
//!
//! What stands below is chosen to change little from one value to the next: 0, 50 % and 1 / 3 are 0 / 200, 10,000 / 200 and
//! 67 / 201 beside others of about 200.

use crate::pack::exceptions::ONE_IN;

/// Floats as quotients.
#[derive(Debug, Default)]
pub(super) struct Ratios {
    /// What no quotient gives back exactly, and where it is. The quotient before stands for it.
    pub(super) exceptions: Vec<(usize, f64)>,
    pub(super) above: Vec<i64>,
    pub(super) below: Vec<i64>,
}

impl Ratios {
    /// Finds the quotients. Returns whether there are few enough exceptions.
    pub(super) fn fill(&mut self, values: &[f64]) -> bool {
        self.exceptions.clear();
        self.above.clear();
        self.below.clear();
        let mut last = (0, 1);
        for (at, value) in values.iter().enumerate() {
            match quotient(*value) {
                Some(found) => last = found,
                None => self.exceptions.push((at, *value)),
            }
            if self.exceptions.len() > values.len() / ONE_IN {
                return false;
            }
            self.above.push(last.0);
            self.below.push(last.1);
        }
        self.level();
        true
    }

    /// Expands the quotients so that all stand over about the same.
    fn level(&mut self) {
        let greatest = self.below.iter().copied().max().unwrap_or(1);
        let mut before = greatest;
        for (above, below) in self.above.iter_mut().zip(&mut self.below) {
            let times = if before % *below == 0 { before / *below } else { (greatest + *below / 2) / *below };
            *above *= times;
            *below *= times;
            before = *below;
        }
    }
}

/// Returns the least quotient that is this float, bit by bit: one of the fractions that its continued fraction begins with.
fn quotient(value: f64) -> Option<(i64, i64)> {
    let magnitude = value.abs();
    if magnitude.is_nan() || magnitude > MAX_VALUE || value.to_bits() == (-0.0_f64).to_bits() {
        return None;
    }
    let mut rest = magnitude;
    let (mut before, mut last) = ((0, 1), (1, 0));
    loop {
        let whole = rest.floor();
        let next = (whole as i64 * last.0 + before.0, whole as i64 * last.1 + before.1);
        if next.1 > MAX_BELOW {
            return None;
        }
        if next.0 as f64 / next.1 as f64 == magnitude {
            return Some((if value < 0.0 { -next.0 } else { next.0 }, next.1));
        }
        (before, last) = (last, next);
        rest = 1.0 / (rest - whole);
        if rest.is_nan() || rest > MAX_BELOW as f64 {
            return None;
        }
    }
}

/// A greater number has too few bits behind its point to tell a quotient.
const MAX_VALUE: f64 = (1_u64 << 32) as f64;
/// Almost every float is a quotient over something great.
const MAX_BELOW: i64 = 2_048;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn quotients_are_found_and_give_their_floats_back(
            pairs in proptest::collection::vec((-100_000..100_000_i64, 1..=MAX_BELOW), 1..100),
        ) {
            let values: Vec<f64> = pairs.iter().map(|(above, below)| *above as f64 / *below as f64).collect();
            let mut ratios = Ratios::default();

            prop_assert!(ratios.fill(&values));
            prop_assert!(ratios.exceptions.is_empty());
            let found = ratios.above.iter().zip(&ratios.below).map(|(above, below)| *above as f64 / *below as f64);
            prop_assert!(found.map(f64::to_bits).eq(values.iter().map(|value| value.to_bits())));
        }

        #[test]
        fn whatever_is_found_is_exact(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            if let Some((above, below)) = quotient(value) {
                prop_assert_eq!((above as f64 / below as f64).to_bits(), bits);
            }
        }
    }

    #[test]
    fn percentages_of_ticks_stand_over_the_ticks() {
        let ticks = [(3, 199), (0, 200), (100, 200), (67, 201), (1, 2), (50, 199)];
        let values = ticks.map(|(busy, all)| 100.0 * f64::from(busy) / f64::from(all));
        let mut ratios = Ratios::default();

        assert!(ratios.fill(&values));

        assert_eq!(ratios.below, [199, 199, 199, 198, 198, 199]);
        assert!(ratios.above.iter().all(|above| above % 50 == 0), "{:?}", ratios.above);
    }

    #[test]
    fn what_is_no_quotient_is_left() {
        for value in [f64::NAN, f64::INFINITY, -0.0, 5e-324, std::f64::consts::PI, 1e300, 2_f64.sqrt()] {
            assert_eq!(quotient(value), None, "{value}");
        }
        assert!(!Ratios::default().fill(&[std::f64::consts::PI; 3]));
    }
}
