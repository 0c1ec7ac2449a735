//! What the tests of all detectors share.

use std::sync::Arc;

use observe_core::{Detector, DetectorFactory, Finding, MetricKey, Point, Timestamp};
use proptest::prelude::*;

use crate::{Config, detect, detectors};

/// Whole seconds of November 2026.
pub(crate) const START: i64 = 1_795_000_000;

pub(crate) fn key() -> MetricKey {
    "disk.percent{mountpoint=/}".parse().unwrap()
}

pub(crate) fn factory(config: &Config, name: &str) -> Arc<dyn DetectorFactory> {
    detectors(config).unwrap().into_iter().find(|factory| factory.name() == name).unwrap()
}

pub(crate) fn fresh(name: &str) -> Box<dyn Detector> {
    factory(&Config::default(), name).detector(&key(), None).unwrap()
}

/// The point `second` seconds after the start.
pub(crate) fn at(second: f64, value: f64) -> Point {
    let timestamp = Timestamp::from_nanos(START * 1_000_000_000 + (second * 1e9) as i64);
    Point { timestamp, value }
}

/// One value a second.
pub(crate) fn each_second(values: impl IntoIterator<Item = f64>) -> Vec<Point> {
    (0_u32..).zip(values).map(|(second, value)| at(f64::from(second), value)).collect()
}

/// The same values on every run, evenly spread between -0.5 and 0.5.
pub(crate) fn noise(index: u32) -> f64 {
    f64::from(index.wrapping_add(1).wrapping_mul(2_654_435_761).rotate_left(13).wrapping_mul(2_246_822_519) >> 8)
        / f64::from(1 << 24)
        - 0.5
}

/// Points that could come from a host: noise, steps, ramps, spikes, gaps, duplicates and steps back.
pub(crate) fn lifelike() -> impl Strategy<Value = Vec<Point>> {
    let piece =
        (1_u32..150, -100.0_f64..100.0, prop_oneof![Just(0.0), -1.0_f64..1.0], prop_oneof![Just(0.0), 0.0_f64..5.0]);
    let jump = prop_oneof![8 => Just(0.0), 1 => 0.0_f64..1_000.0, 1 => -50.0_f64..0.0];
    proptest::collection::vec((piece, jump), 1..8).prop_map(|pieces| {
        let mut second = 0.0;
        let mut points = Vec::new();
        for ((length, level, slope, spread), jump) in pieces {
            second += jump;
            for index in 0..length {
                points.push(at(second, level + slope * f64::from(index) + spread * noise(index)));
                second += 1.0;
            }
        }
        points
    })
}

/// Points that could come from anywhere.
pub(crate) fn anything() -> impl Strategy<Value = Vec<Point>> {
    let ordered = (0_i64..20_000_000_000, any::<f64>());
    let chaos = (any::<i64>(), any::<f64>());
    let ordered = proptest::collection::vec(ordered, 0..120).prop_map(|steps| {
        let mut nanos = 0;
        let advance = move |(step, value)| {
            nanos += step;
            Point { timestamp: Timestamp::from_nanos(nanos), value }
        };
        steps.into_iter().map(advance).collect()
    });
    let chaos = proptest::collection::vec(chaos, 0..40).prop_map(|points| {
        points.into_iter().map(|(nanos, value)| Point { timestamp: Timestamp::from_nanos(nanos), value }).collect()
    });
    prop_oneof![3 => ordered, 1 => chaos]
}

/// Asserts that what is found in the first points does not depend on those that follow.
pub(crate) fn assert_causal(name: &str, points: &[Point], length: usize) {
    let mut detector = fresh(name);
    let (first, rest) = points.split_at(length.min(points.len()));
    let mut in_turn: Vec<(Point, Finding)> = detect(&mut *detector, first.iter().copied());

    let alone = detect(&mut *fresh(name), first.iter().copied());
    assert_eq!(alone, in_turn);

    in_turn.extend(detect(&mut *detector, rest.iter().copied()));
    assert_eq!(detect(&mut *fresh(name), points.iter().copied()), in_turn);
}

/// Asserts that a detector that was saved and restored finds what the first one finds.
pub(crate) fn assert_resumes(name: &str, points: &[Point], length: usize) {
    let (before, after) = points.split_at(length.min(points.len()));
    let mut first = fresh(name);
    detect(&mut *first, before.iter().copied());

    let mut second = factory(&Config::default(), name).detector(&key(), Some(&first.snapshot())).unwrap();

    assert_eq!(first.snapshot(), second.snapshot());
    assert_eq!(detect(&mut *first, after.iter().copied()), detect(&mut *second, after.iter().copied()));
    assert_eq!(first.snapshot(), second.snapshot());
}

/// Asserts that no state but a whole one of the same detector is read, and that none does harm.
pub(crate) fn assert_refuses_damage(name: &str, points: &[Point]) {
    let factory = factory(&Config::default(), name);
    let mut detector = fresh(name);
    let empty = detector.snapshot();
    detect(&mut *detector, points.iter().copied());
    let state = detector.snapshot();
    let restored = |state: &[u8]| factory.detector(&key(), Some(state)).unwrap().snapshot();
    assert_ne!(restored(&state), empty, "the state itself is read");

    for length in 0..state.len() {
        assert_eq!(restored(&state[..length]), empty, "cut to {length} bytes");
    }
    for bit in 0..state.len() * 8 {
        let mut damaged = state.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(restored(&damaged), empty, "bit {bit} flipped");
    }
    let other = if name == "trend" { "zscore" } else { "trend" };
    assert_eq!(restored(&fresh(other).snapshot()), empty, "another detector's state");
}
