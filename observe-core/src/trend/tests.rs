use proptest::prelude::*;

use super::*;
use crate::{Direction, Timestamp};

/// Whole seconds of November 2026.
const START: i64 = 1_795_000_000;

fn points(values: impl IntoIterator<Item = f64>) -> Vec<Point> {
    (START..)
        .zip(values)
        .map(|(second, value)| Point { timestamp: Timestamp::from_millis(second * 1_000), value })
        .collect()
}

/// A ramp with a wobble that any language computes alike.
fn ramp(n: i32, slope: f64, noise: f64, offset: f64) -> Vec<Point> {
    points((0..n).map(|i| offset + slope * f64::from(i) + noise * (f64::from(i * 7_919 % 101) / 101.0 - 0.5)))
}

fn close(actual: f64, expected: f64, relative: f64) -> bool {
    (actual - expected).abs() <= relative * expected.abs()
}

#[test]
fn lines_agree_with_scipy() {
    // slope, rvalue**2 and pvalue of scipy.stats.linregress, SciPy 1.17.
    let known = [
        (points([1.0, 2.0, 4.0]), [1.5, 0.964_285_714_285_714_1, 0.121_037_718_323_677_05]),
        (ramp(30, 0.01, 1.0, 42.0), [0.018_610_226_984_878_662, 0.246_143_646_969_110_48, 0.005_297_939_365_149_265]),
        (ramp(601, 0.002, 5.0, 42.0), [0.002_048_352_577_945_784, 0.057_173_397_226_100_98, 2.921_368_475_604_514e-9]),
        (ramp(601, -0.000_1, 1.0, 42.0), [-9.032_948_441_084_273e-5, 0.002_939_499_076_797_43, 0.184_389_949_8]),
    ];
    for (points, [slope, r2, p_value]) in known {
        let trend = linear_trend(&points).unwrap();

        assert!(close(trend.slope, slope, 1e-11), "{trend:?}");
        assert!(close(trend.r2, r2, 1e-11), "{trend:?}");
        assert!(close(trend.p_value, p_value, 1e-8), "{trend:?}");
    }
}

#[test]
fn a_result_says_what_it_was_computed_from() {
    let trend = linear_trend(&ramp(601, 0.002, 5.0, 42.0)).unwrap();

    assert_eq!(trend.n, 601);
    assert_eq!(trend.window_seconds, 600.0);
    assert_eq!(trend.direction(Some(0.01)), Direction::Increasing);
}

#[test]
fn a_small_slope_on_a_huge_offset_is_found() {
    let trend = linear_trend(&ramp(601, 0.01, 1.0, 1e12)).unwrap();

    // Computed with 50 digits from the same doubles.
    assert!(close(trend.slope, 0.010_009_668_387_660_067, 1e-9), "{trend:?}");
    assert!(close(trend.r2, 0.973_119_781_238_196_3, 1e-9), "{trend:?}");
}

#[test]
fn a_perfect_line_has_p_zero() {
    for slope in [0.1, -3.0, 1e9] {
        let trend = linear_trend(&points((0..100).map(|i| 7.0 + slope * f64::from(i)))).unwrap();

        assert!(close(trend.slope, slope, 1e-12));
        assert_eq!((trend.r2, trend.p_value), (1.0, 0.0), "slope {slope}");
    }
}

#[test]
fn constant_values_have_no_slope_and_p_one() {
    for value in [0.0, 0.1, -3.3, 1e12 / 3.0, f64::MAX, f64::MIN_POSITIVE / 3.0] {
        let trend = linear_trend(&points([value; 50])).unwrap();

        assert_eq!((trend.slope, trend.r2, trend.p_value), (0.0, 0.0, 1.0), "value {value}");
        assert_eq!(trend.direction(None), Direction::Stable);
    }
}

#[test]
fn too_few_points_or_no_spread_in_time_make_no_line() {
    let at_once = [1.0, 2.0, 3.0].map(|value| Point { timestamp: Timestamp::from_millis(START), value });

    assert_eq!(linear_trend(&[]), None);
    assert_eq!(linear_trend(&points([1.0, 2.0])), None);
    assert_eq!(linear_trend(&points([1.0, f64::NAN, 2.0, f64::INFINITY])), None);
    assert_eq!(linear_trend(&at_once), None);
}

#[test]
fn values_that_are_not_finite_are_left_out() {
    let mut odd = points([f64::NAN, 1.0, f64::INFINITY, 3.0, 4.0, f64::NEG_INFINITY]);
    let trend = linear_trend(&odd).unwrap();
    odd.retain(|point| point.value.is_finite());

    assert_eq!(Some(trend), linear_trend(&odd));
    assert_eq!((trend.n, trend.window_seconds, trend.current_value), (3, 3.0, 4.0));
}

#[test]
fn the_order_of_points_does_not_matter() {
    let sorted = ramp(30, 0.01, 1.0, 42.0);
    let mut mixed = sorted.clone();
    mixed.reverse();
    mixed.swap(3, 20);

    let (sorted, mixed) = (linear_trend(&sorted).unwrap(), linear_trend(&mixed).unwrap());

    assert!(close(mixed.slope, sorted.slope, 1e-12));
    assert_eq!((mixed.current_value, mixed.window_seconds), (sorted.current_value, sorted.window_seconds));
}

#[test]
fn values_near_both_ends_of_the_range_have_lines() {
    for unit in [1e306, 1e-310] {
        let trend = linear_trend(&points((0..100).map(|i| unit * f64::from(i)))).unwrap();

        assert!(close(trend.slope, unit, 1e-6), "{trend:?}");
        assert!(trend.r2 > 0.999_999);
    }
}

#[test]
fn a_slope_beyond_the_range_stays_at_its_end() {
    let steep = [(0, f64::MIN), (1, 0.0), (2, f64::MAX)]
        .map(|(nanos, value)| Point { timestamp: Timestamp::from_nanos(nanos), value });

    assert_eq!(linear_trend(&steep).unwrap().slope, f64::MAX);
}

proptest! {
    #[test]
    fn whatever_the_points_are_no_number_is_nan(
        raw in proptest::collection::vec((any::<i64>(), any::<f64>()), 0..40),
        near in proptest::collection::vec((0_i64..1_000, -1e3_f64..1e3), 0..40),
    ) {
        for points in [raw, near] {
            let points: Vec<Point> =
                points.into_iter().map(|(nanos, value)| Point { timestamp: Timestamp::from_nanos(nanos), value }).collect();
            if let Some(trend) = linear_trend(&points) {
                prop_assert!(trend.slope.is_finite() && trend.current_value.is_finite());
                prop_assert!((0.0..=1.0).contains(&trend.r2) && (0.0..=1.0).contains(&trend.p_value));
                prop_assert!(trend.window_seconds > 0.0 && trend.n >= 3);
            }
        }
    }
}
