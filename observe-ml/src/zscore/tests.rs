use observe_core::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::{
    ZscoreConfig, detect,
    testing::{
        anything, assert_causal, assert_refuses_damage, assert_resumes, at, each_second, factory, fresh, key, lifelike,
        noise,
    },
};

/// Mean 25 and standard deviation 15, as in the document.
fn calm(seconds: u32) -> impl Iterator<Item = f64> {
    (0..seconds).map(|second| if second % 2 == 0 { 10.0 } else { 40.0 })
}

fn found(points: impl IntoIterator<Item = Point>) -> Vec<(Point, Anomaly)> {
    let anomaly = |(point, finding)| match finding {
        Finding::Anomaly(anomaly) => (point, anomaly),
        Finding::Trend(trend) => panic!("{trend:?}"),
    };
    detect(&mut *fresh(NAME), points).into_iter().map(anomaly).collect()
}

fn seconds_of(found: &[(Point, Anomaly)]) -> Vec<i64> {
    found.iter().map(|(point, _)| point.timestamp.as_millis() / 1_000 - crate::testing::START).collect()
}

#[test]
fn the_example_of_the_document_is_found_with_its_numbers() {
    let found = found(each_second(calm(300).chain([92.5])));

    let [(point, anomaly)] = &found[..] else { panic!("{found:?}") };
    assert_eq!(*point, at(300.0, 92.5));
    assert_eq!((anomaly.mean, anomaly.stddev, anomaly.z_score), (25.0, 15.0, Some(4.5)));
    assert_eq!(anomaly.expected, Some((-20.0, 70.0)));
    assert_eq!(anomaly.score, 1.0 - 3.0 / 4.5);
    assert_eq!((anomaly.detector.as_ref(), anomaly.level), ("zscore", Level::Notice));
    assert_eq!(
        anomaly.explanation,
        "disk.percent{mountpoint=/} is 92.5, 4.5 standard deviations above its mean of 25 over the last 300 s"
    );
}

#[test]
fn a_point_is_held_against_the_points_before_it() {
    let found = found(each_second(calm(100).chain([70.1, 69.9])));

    assert_eq!(seconds_of(&found), [100], "with itself in the window it would be within three deviations");
}

#[test]
fn values_below_the_mean_are_found_too() {
    let found = found(each_second(calm(300).chain([-42.5])));

    assert!(found[0].1.explanation.contains("is -42.5, 4.5 standard deviations below its mean of 25"));
}

#[test]
fn nothing_is_said_before_a_minute_and_thirty_points() {
    let slow =
        |count: u32| (0..count).map(|index| at(f64::from(index) * 9.0, f64::from(index % 2))).collect::<Vec<_>>();

    assert_eq!(found(each_second(calm(59).chain([1e6]))).len(), 0);
    assert_eq!(seconds_of(&found(each_second(calm(60).chain([1e6])))), [60]);
    assert_eq!(found(slow(29).into_iter().chain([at(261.0, 1e6)])).len(), 0);
    assert_eq!(found(slow(30).into_iter().chain([at(270.0, 1e6)])).len(), 1);
}

#[test]
fn an_episode_is_told_once_and_the_next_one_again() {
    let spikes = calm(300).chain([200.0, 210.0, 205.0]).chain(calm(10)).chain([300.0]).chain(calm(10));

    assert_eq!(seconds_of(&found(each_second(spikes))), [300, 313]);
}

#[test]
fn a_new_level_is_told_once_and_then_learnt() {
    let step = (0..600).map(|second| noise(second) + if second < 300 { 10.0 } else { 50.0 });

    assert_eq!(seconds_of(&found(each_second(step))), [300]);
}

#[test]
fn a_constant_series_says_nothing_about_rounding_and_one_thing_about_a_change() {
    let constant = |value: f64, then: f64| found(each_second([value; 300].into_iter().chain([then; 200])));

    for value in [0.0, 41.2, -7.0, 1e12] {
        assert_eq!(constant(value, value).len(), 0, "{value} stays");
        assert_eq!(constant(value, value * (1.0 + 1e-7)).len(), 0, "{value} and rounding");
        let changed = constant(value, value + 0.01 * value.abs() + 1.0);
        assert_eq!(seconds_of(&changed), [300], "{value} changes");
        assert!(changed[0].1.z_score.unwrap().is_finite());
        assert!(changed[0].1.stddev > 0.0);
    }
}

#[test]
fn deviation_and_z_score_agree_even_where_nothing_deviated() {
    let found = found(each_second([100.0; 300].into_iter().chain([101.0])));

    let anomaly = &found[0].1;
    assert_eq!(anomaly.stddev, 100.0 * 1e-6);
    assert_eq!(anomaly.z_score, Some(1.0 / anomaly.stddev));
}

#[test]
fn after_a_window_without_variation_the_score_is_the_share_of_the_change() {
    let score = |before: f64, then: f64| found(each_second([before; 300].into_iter().chain([then])))[0].1.score;

    assert!((score(100.0, 101.0) - 0.5 / 101.0).abs() < 1e-9, "a trifle");
    assert_eq!((score(100.0, 1e9) * 100.0).round(), 50.0);
    assert_eq!(score(0.0, 200.0), 0.5, "from nothing to something");
    assert_eq!(score(5.0, -5.0), 0.5, "to the other side");
}

#[test]
fn a_burst_scores_above_the_first_change_of_what_stood_still() {
    let burst = found(each_second(calm(300).chain([250.0])));
    let change = found(each_second([0.0; 300].into_iter().chain([200.0])));

    assert!(burst[0].1.score > change[0].1.score, "{} {}", burst[0].1.score, change[0].1.score);
    assert!(change[0].1.z_score > burst[0].1.z_score, "the z-score stays as computed");
}

#[test]
fn scores_end_below_one() {
    let found = found(each_second(calm(300).chain([1e12])));

    assert_eq!(found[0].1.score, 0.97);
}

#[test]
fn odd_points_are_passed_over() {
    let mut points = each_second(calm(300));
    let clean = found(points.iter().copied().chain([at(300.0, 92.5)]));
    for (second, value) in [(100.5, f64::NAN), (200.5, f64::INFINITY), (250.5, f64::NEG_INFINITY)] {
        points.insert(second as usize + 1, at(second, value));
    }
    points.insert(200, at(10.0, 1e9));
    points.insert(200, at(149.0, 1e9));
    points.insert(200, Point { timestamp: Timestamp::MIN, value: 1e9 });

    assert_eq!(found(points.into_iter().chain([at(300.0, 92.5)])), clean);
}

#[test]
fn a_gap_longer_than_the_window_starts_anew() {
    let late = |second: u32| f64::from(second) + 1_000.0;
    let after = |count: u32| {
        let rest = (0..count).map(|second| at(late(second), f64::from(second % 2))).chain([at(late(count), 50.0)]);
        found(each_second(calm(300).chain([92.5])).into_iter().chain(rest))
    };

    assert_eq!(seconds_of(&after(59)), [300]);
    assert_eq!(seconds_of(&after(60)), [300, 1_060], "the episode before the gap is over");
}

#[test]
fn window_and_threshold_are_settings() {
    let zscore = ZscoreConfig { window_seconds: 60, threshold: 5.0, ..ZscoreConfig::default() };
    let factory = factory(&Config { zscore, ..Config::default() }, NAME);
    let found = |last: f64| {
        let values = [1e9; 100].into_iter().chain(calm(62)).chain([last]);
        detect(&mut *factory.detector(&key(), None).unwrap(), each_second(values))
    };

    assert_eq!(found(92.5).len(), 1, "the step at 100 s");
    let [_, (point, Finding::Anomaly(anomaly))] = &found(101.5)[..] else { panic!() };
    assert_eq!((*point, anomaly.z_score), (at(162.0, 101.5), Some(5.1)));
    assert!(anomaly.explanation.ends_with("over the last 60 s"), "{}", anomaly.explanation);
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
fn states_are_small() {
    let mut detector = fresh(NAME);
    detect(&mut *detector, each_second(calm(1_000)));

    assert!(detector.snapshot().len() < 300 * 4 + 128, "{}", detector.snapshot().len());
}

#[test]
fn damaged_states_are_not_read() {
    assert_refuses_damage(NAME, &each_second(calm(35)));
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
        for (_, anomaly) in found(points) {
            let (low, high) = anomaly.expected.unwrap();
            let numbers = [anomaly.mean, anomaly.stddev, anomaly.z_score.unwrap(), low, high];
            prop_assert!(numbers.iter().all(|number| number.is_finite()), "{:?}", anomaly);
            prop_assert!((0.0..=1.0).contains(&anomaly.score));
        }
    }

    #[test]
    fn whatever_the_state_is_there_is_a_detector(state in proptest::collection::vec(any::<u8>(), 0..200)) {
        let detector = factory(&Config::default(), NAME).detector(&key(), Some(&state)).unwrap();

        prop_assert_eq!(detector.snapshot(), fresh(NAME).snapshot());
    }

    #[test]
    fn findings_are_those_of_the_textbook(points in lifelike()) {
        let mut kept: Vec<Point> = Vec::new();
        let mut is_out = false;
        let mut expected = Vec::new();
        for point in points.iter().filter(|point| point.value.is_finite()) {
            if kept.last().is_some_and(|last| last.timestamp >= point.timestamp) {
                continue;
            }
            let age = |other: &Point| point.timestamp.since(other.timestamp).as_secs_f64();
            kept.retain(|other| age(other) <= 300.0);
            let count = kept.len() as f64;
            let mean = kept.iter().map(|other| other.value).sum::<f64>() / count;
            let variance = kept.iter().map(|other| (other.value - mean).powi(2)).sum::<f64>() / count;
            let stddev = variance.sqrt().max(mean.abs() * 1e-6).max(1e-12);
            let z = (point.value - mean).abs() / stddev;
            let is_warm = kept.len() >= 30 && kept.first().is_some_and(|oldest| age(oldest) >= 60.0);
            // A z-score that is three but for rounding may fall on either side.
            prop_assume!(!is_warm || (z - 3.0).abs() > 1e-6);
            if is_warm && z > 3.0 && !is_out {
                expected.push((*point, z));
            }
            is_out = is_warm && z > 3.0;
            kept.push(*point);
        }

        let found = found(points);

        prop_assert_eq!(found.len(), expected.len());
        for ((point, anomaly), (expected_point, z)) in found.iter().zip(&expected) {
            prop_assert_eq!(point, expected_point);
            prop_assert!((anomaly.z_score.unwrap() / z - 1.0).abs() < 1e-6);
        }
    }
}
