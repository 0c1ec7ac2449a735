use proptest::prelude::*;

use super::*;

fn at(second: usize, value: f64) -> Point {
    Point { timestamp: Timestamp::from_millis(1_795_000_000_000 + second as i64 * 1_000), value }
}

/// Slides a window of `width` over the values and hands every fit and its points to `check`.
fn slide(values: &[f64], width: usize, mut check: impl FnMut(&LinearFit, &[Point])) {
    let points: Vec<Point> = values.iter().enumerate().map(|(second, value)| at(second, *value)).collect();
    let mut fit = LinearFit::new([].into_iter());
    for (newest, point) in points.iter().enumerate() {
        let oldest = (newest + 1).saturating_sub(width);
        fit.add(*point);
        if oldest > 0 {
            fit.remove(points[oldest - 1]);
        }
        let window = &points[oldest..=newest];
        if fit.is_worn() {
            fit = LinearFit::new(window.iter().copied());
        }
        check(&fit, window);
    }
}

/// The textbook's two passes.
fn naive(window: &[Point]) -> (f64, f64) {
    let count = window.len() as f64;
    let mean = window.iter().map(|point| point.value / count).sum::<f64>();
    let variance = window.iter().map(|point| (point.value - mean).powi(2) / count).sum::<f64>();
    (mean, variance.sqrt())
}

fn assert_slides_like_the_naive_one(values: &[f64], width: usize) {
    slide(values, width, |fit, window| {
        let (mean, stddev) = naive(window);
        let resolution = mean.abs() * 1e-13;

        assert_eq!(fit.len(), window.len());
        assert!((fit.mean() - mean).abs() <= stddev * 1e-6 + resolution, "mean {}, not {mean}", fit.mean());
        assert!((fit.stddev() - stddev).abs() <= stddev * 1e-6 + resolution, "{fit:?}, not {stddev}");
    });
}

#[test]
fn a_spike_that_left_leaves_nothing_behind() {
    for spike in [1e6, 1e12, 1e300] {
        let mut values: Vec<f64> = (0..200).map(|i| 25.0 + f64::from(i % 7) * 1e-3).collect();
        values[20] = spike;
        values[21] = -spike;

        assert_slides_like_the_naive_one(&values, 30);
    }
}

#[test]
fn a_change_of_level_costs_no_precision() {
    let values: Vec<f64> =
        (0..400).map(|i| if i < 200 { 1e-3 } else { 1e9 } * (1.0 + f64::from(i % 5) * 1e-3)).collect();

    assert_slides_like_the_naive_one(&values, 50);
}

#[test]
fn a_constant_window_has_a_spread_of_exactly_zero() {
    let values: Vec<f64> = [0.7, 1e7, 3.0].into_iter().chain([0.1; 60]).collect();

    slide(&values, 20, |fit, window| {
        if window.iter().all(|point| point.value == 0.1) {
            assert_eq!((fit.mean(), fit.stddev()), (0.1, 0.0));
        }
    });
}

#[test]
fn a_million_points_do_not_drift() {
    let values: Vec<f64> = (0..1_000_000_u32).map(|i| 1e6 + f64::from(i.wrapping_mul(2_654_435_761) >> 16)).collect();
    let mut turn = 0;

    slide(&values, 300, |fit, window| {
        turn += 1;
        if turn % 9_973 == 0 {
            let (mean, stddev) = naive(window);
            assert!((fit.mean() / mean - 1.0).abs() < 1e-12 && (fit.stddev() / stddev - 1.0).abs() < 1e-12);
        }
    });
}

#[test]
fn sliding_lines_are_those_of_the_points_in_the_window() {
    let values: Vec<f64> = (0..500_u32).map(|i| f64::from(i % 97) * 0.3 + f64::from(i) * 0.01).collect();

    slide(&values, 60, |fit, window| {
        let Some(exact) = crate::linear_trend(window) else { return };
        let sliding = fit.trend(window[0].timestamp, window[window.len() - 1]).unwrap();

        assert!((sliding.slope - exact.slope).abs() <= 1e-12, "{sliding:?} {exact:?}");
        assert!((sliding.p_value - exact.p_value).abs() <= 1e-9);
        assert_eq!((sliding.n, sliding.window_seconds), (exact.n, exact.window_seconds));
    });
}

#[test]
fn a_fit_without_points_has_zeros() {
    let fit = LinearFit::new([].into_iter());

    assert!(fit.is_empty() && !fit.is_worn());
    assert_eq!((fit.mean(), fit.stddev()), (0.0, 0.0));
    assert_eq!(fit.trend(Timestamp::MIN, at(1, 1.0)), None);
}

#[test]
fn refits_are_rare() {
    let values: Vec<f64> = (0..10_000_u32).map(|i| f64::from(i.wrapping_mul(2_654_435_761) >> 20)).collect();
    let mut refits = 0;

    slide(&values, 300, |fit, _| refits += usize::from(fit.removed == 0));

    assert!(refits <= 300 + 10_000 / 300 + 1, "{refits}");
}

#[test]
fn numbers_that_are_not_finite_are_no_state() {
    let fit = LinearFit::new([at(0, 1.0), at(1, 2.0)].into_iter());
    for word in [1, 2, 4, 9] {
        let mut bytes = fit.to_bytes();
        bytes[word * 8..word * 8 + 8].copy_from_slice(&f64::NAN.to_le_bytes());

        assert_eq!(LinearFit::from_bytes(&bytes), None, "word {word}");
    }
    assert_eq!(LinearFit::from_bytes(&[0; LinearFit::BYTES]), None);
}

proptest! {
    #[test]
    fn sliding_means_and_deviations_are_the_naive_ones(
        values in proptest::collection::vec(prop_oneof![-1e3_f64..1e3, 1e9_f64..1.001e9, Just(0.0)], 0..300),
        width in 1_usize..40,
    ) {
        assert_slides_like_the_naive_one(&values, width);
    }

    #[test]
    fn saved_fits_are_the_same(values in proptest::collection::vec(any::<f64>(), 0..50)) {
        let fit = LinearFit::new(values.iter().enumerate().map(|(second, value)| at(second, *value)));

        prop_assert_eq!(LinearFit::from_bytes(&fit.to_bytes()), Some(fit));
    }

    #[test]
    fn no_values_make_a_mean_or_deviation_nan(values in proptest::collection::vec(any::<f64>(), 0..80)) {
        slide(&values, 10, |fit, _| assert!(fit.mean().is_finite() && fit.stddev().is_finite()));
    }
}
