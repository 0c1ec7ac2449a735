use observe_core::linear_trend;
use proptest::prelude::*;

use super::*;
use crate::{
    TrendConfig, detect,
    testing::{
        START, anything, assert_causal, assert_refuses_damage, assert_resumes, at, each_second, factory, fresh, key,
        lifelike, noise,
    },
};

fn found_by(detector: &mut dyn Detector, points: impl IntoIterator<Item = Point>) -> Vec<(i64, Trend)> {
    let trend = |(point, finding): (Point, Finding)| match finding {
        Finding::Trend(trend) => (point.timestamp.as_millis() / 1_000 - START, trend),
        Finding::Anomaly(anomaly) => panic!("{anomaly:?}"),
    };
    detect(detector, points).into_iter().map(trend).collect()
}

fn found(points: impl IntoIterator<Item = Point>) -> Vec<(i64, Trend)> {
    found_by(&mut *fresh(NAME), points)
}

fn quick() -> Box<dyn Detector> {
    let trend = TrendConfig { window_seconds: 60, ..TrendConfig::default() };
    factory(&Config { trend, ..Config::default() }, NAME).detector(&key(), None).unwrap()
}

#[test]
fn a_ramp_is_told_once_when_the_window_is_half_full() {
    let points = each_second((0..3_000).map(|second| 10.0 + 0.5 * f64::from(second)));

    let found = found(points.iter().copied());

    let [(300, trend)] = found[..] else { panic!("{found:?}") };
    assert_eq!(Some(trend), linear_trend(&points[..=300]));
    assert_eq!((trend.slope, trend.r2, trend.p_value, trend.n), (0.5, 1.0, 0.0, 301));
    assert_eq!((trend.window_seconds, trend.current_value), (300.0, 160.0));
}

#[test]
fn a_turn_is_told_with_the_line_through_the_window() {
    let hill =
        (0..4_000_u32).map(|second| f64::from(if second < 2_000 { second } else { 4_000 - second }) + noise(second));
    let points = each_second(hill);

    let found = found(points.iter().copied());

    let [(300, up), (second, down)] = found[..] else { panic!("{found:?}") };
    let second = usize::try_from(second).unwrap();
    let exact = linear_trend(&points[second - 600..=second]).unwrap();
    assert!(up.slope > 0.0 && down.slope < 0.0);
    assert!((2_300..2_400).contains(&second), "{second}");
    assert_eq!((down.n, down.window_seconds), (601, 600.0));
    assert!((down.slope / exact.slope - 1.0).abs() < 1e-9 && (down.p_value / exact.p_value - 1.0).abs() < 1e-6);
}

#[test]
fn level_series_say_nothing() {
    assert_eq!(found(each_second([41.2; 3_000])), []);
    assert_eq!(found(each_second((0..3_000).map(|second| f64::from(second % 2)))), []);
}

#[test]
fn thirty_points_are_needed_whatever_the_time() {
    let sparse = (0..1_000).map(|index| at(f64::from(index) * 21.0, f64::from(index)));
    let enough = (0..1_000).map(|index| at(f64::from(index) * 20.0, f64::from(index)));

    assert_eq!(found(sparse), [], "600 s hold 29 of them");
    assert_eq!(found(enough).len(), 1);
}

#[test]
fn a_series_that_is_too_fast_is_judged_by_the_points_there_is_room_for() {
    let found = found((0..5_000).map(|index| at(f64::from(index) * 0.01, f64::from(index))));

    let [(10, trend)] = found[..] else { panic!("{found:?}") };
    assert_eq!(trend.n, 1_024);
}

#[test]
fn turns_are_told_a_minute_apart_at_most() {
    let zigzag = |tenth: i32| f64::from((tenth % 800 - 400).abs());

    let found = found_by(&mut *quick(), (0..20_000).map(|tenth| at(f64::from(tenth) * 0.1, zigzag(tenth))));

    assert!(found.len() > 10, "{}", found.len());
    assert!(found.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 60));
    assert!(found.windows(2).all(|pair| pair[0].1.slope * pair[1].1.slope < 0.0));
}

#[test]
fn a_direction_is_told_again_after_a_window_without_one() {
    let climb_rest_climb = |rest: u32| {
        let value = move |second: u32| {
            let climbed = second.min(200) + second.saturating_sub(200 + rest);
            f64::from(climbed) + 0.001 * noise(second)
        };
        found_by(&mut *quick(), each_second((0..rest + 400).map(value))).len()
    };

    assert_eq!(climb_rest_climb(30), 1);
    assert_eq!(climb_rest_climb(600), 2);
}

#[test]
fn odd_points_are_passed_over() {
    let mut points = each_second((0..400).map(f64::from));
    let clean = found(points.iter().copied());
    points.insert(100, at(99.5, f64::NAN));
    points.insert(200, at(198.5, f64::INFINITY));
    points.insert(300, at(5.0, -1e9));

    assert_eq!(found(points), clean);
}

#[test]
fn memory_is_bounded_and_told() {
    let mut detector = fresh(NAME);
    let before = detector.size_bytes();
    detect(&mut *detector, (0..10_000).map(|index| at(f64::from(index) * 0.001, 1.0)));

    assert!(before < 512, "{before}");
    assert!((16 * 1_024..17 * 1_024).contains(&detector.size_bytes()), "{}", detector.size_bytes());
}

#[test]
fn damaged_states_are_not_read() {
    let trend = TrendConfig { window_seconds: 60, ..TrendConfig::default() };
    let mut told = factory(&Config { trend, ..Config::default() }, NAME).detector(&key(), None).unwrap();
    detect(&mut *told, each_second((0..40).map(f64::from)));

    assert_refuses_damage(NAME, &each_second((0..40).map(f64::from)));
    assert_ne!(told.snapshot()[6], NEVER, "a state with a direction is another one");
}

#[test]
fn a_restored_direction_is_not_told_again() {
    let points = each_second((0..1_000).map(f64::from));
    let mut first = fresh(NAME);
    assert_eq!(found_by(&mut *first, points[..500].iter().copied()).len(), 1);

    let mut second = factory(&Config::default(), NAME).detector(&key(), Some(&first.snapshot())).unwrap();

    assert_eq!(found_by(&mut *second, points[500..].iter().copied()), []);
}

proptest! {
    #[test]
    fn findings_do_not_depend_on_what_follows(points in lifelike(), length in 0_usize..800) {
        assert_causal(NAME, &points, length);
    }

    #[test]
    fn restored_detectors_go_on_the_same_way(points in lifelike(), length in 0_usize..800) {
        assert_resumes(NAME, &points, length);
    }

    #[test]
    fn whatever_the_points_are_no_number_is_nan(points in anything()) {
        for (_, trend) in found(points) {
            prop_assert!(trend.slope.is_finite() && trend.slope != 0.0 && trend.current_value.is_finite());
            prop_assert!((0.0..=1.0).contains(&trend.r2) && (0.0..=0.01).contains(&trend.p_value));
        }
    }

    #[test]
    fn whatever_the_state_is_there_is_a_detector(state in proptest::collection::vec(any::<u8>(), 0..200)) {
        let detector = factory(&Config::default(), NAME).detector(&key(), Some(&state)).unwrap();

        prop_assert_eq!(detector.snapshot(), fresh(NAME).snapshot());
    }
}
