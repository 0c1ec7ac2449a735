//! Chance that is always the same.

use observe::Timestamp;

/// Returns a number in `[0, 1)` that depends on nothing but what is asked.
pub(super) fn unit(stream: u64, at: i64) -> f64 {
    let mut bits =
        SEED ^ stream.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ at.cast_unsigned().wrapping_mul(0xd134_2543_de82_ef95);
    // The finalizer of SplitMix64.
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^= bits >> 31;
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// Returns a number in `[-1, 1)` that is mostly small.
pub(super) fn around_zero(stream: u64, at: i64) -> f64 {
    (unit(stream, at) + unit(stream ^ 0x5555, at) + unit(stream ^ 0xaaaa, at)) * 2.0 / 3.0 - 1.0
}

/// Returns where a wave of some seconds stands, -1 to 1.
pub(super) fn wave(at: Timestamp, period_seconds: f64, shift_seconds: f64) -> f64 {
    ((at.as_secs_f64() - shift_seconds) / period_seconds * std::f64::consts::TAU).sin()
}

/// A burst of work: when it began, how long it lasts in seconds, and how high it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Burst {
    pub(super) start: i64,
    pub(super) seconds: i64,
    pub(super) height: f64,
}

/// Returns the burst that is on at a second, if there is one.
pub(super) fn burst(second: i64) -> Option<Burst> {
    let window = second.div_euclid(BURST_WINDOW);
    // One of the four windows of an hour has a burst, and of the others some.
    let is_chosen = window.rem_euclid(4) == (unit(BURSTS + 4, window.div_euclid(4)) * 4.0) as i64;
    if !is_chosen && unit(BURSTS, window) > 0.15 {
        return None;
    }
    let start = window * BURST_WINDOW + (unit(BURSTS + 1, window) * 600.0) as i64;
    let seconds = 60 + (unit(BURSTS + 2, window) * 180.0) as i64;
    let height = 0.3 + unit(BURSTS + 3, window) * 0.3;
    (start..start + seconds).contains(&second).then_some(Burst { start, seconds, height })
}

const SEED: u64 = 0x6f62_7365_7276_6521;
const BURSTS: u64 = 1_000;
/// In each of these stretches of seconds there is a burst, or none.
const BURST_WINDOW: i64 = 900;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_even_and_always_the_same() {
        let numbers: Vec<f64> = (0..10_000).map(|at| unit(7, at)).collect();

        assert!(numbers.iter().all(|number| (0.0..1.0).contains(number)));
        let mean = numbers.iter().sum::<f64>() / 1e4;
        assert!((mean - 0.5).abs() < 0.01, "{mean}");
        assert_eq!(unit(7, 42), unit(7, 42));
        assert!((0..10_000).all(|at| around_zero(7, at).abs() <= 1.0));
    }

    #[test]
    fn bursts_come_and_go() {
        let seconds = (0..86_400).filter(|second| burst(*second).is_some()).count();

        assert!((1_000..20_000).contains(&seconds), "{seconds}");
    }
}
