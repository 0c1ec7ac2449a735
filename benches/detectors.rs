//! Guards: at most 1 us a point for the default detectors together, beside the plain way in the same run, which computes
//! mean, deviation and line of the whole window anew for each point.
//!
//! Run: `cargo bench --bench detectors`. All numbers are processor time of one thread, the best of several rounds; the
//! ratio holds on other machines, the nanoseconds do not.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a bench prints, and fails loudly")]

mod support;

use std::{collections::VecDeque, hint::black_box};

use observe::{Detector, MetricKey, Point, Timestamp, linear_trend, ml};

use self::support::{Effort, each};

const POINTS: usize = 100_000;
/// The plain way is slow, and costs the same from the first full window on.
const PLAIN_POINTS: usize = 10_000;
const HOURS: usize = 240;

fn main() {
    let effort = Effort::from_args();
    let mut worst = 0.0;

    println!("detectors: one point a second, ns of processor time a point");
    println!("  detector  series  streaming    plain    ratio  findings  bytes");
    for (series, points) in [("noise", noise()), ("ramp", ramp()), ("spikes", spikes())] {
        let zscore = compare(effort, "zscore", series, &points, plain_zscore);
        let trend = compare(effort, "trend", series, &points, plain_trend);
        worst = f64::max(worst, zscore + trend);
    }
    println!("  both detectors on the worst series: {worst:.0} ns a point (at most 1000)");
    false_findings(effort.of(HOURS));
}

/// Prints how often the detectors speak of normal noise in which there is nothing to find.
fn false_findings(hours: usize) {
    println!("\ndetectors: findings an hour in {hours} h of noise, one point a second");
    println!("  correlation  zscore  trend at 0.01    1e-4    1e-6   1e-10");
    for correlation in [0.0, 0.5, 0.9] {
        let points = correlated_noise(hours * 3_600, correlation);
        let an_hour = |name, significance| {
            let mut detector = detector(name, significance);
            ml::detect(&mut *detector, points.iter().copied()).len() as f64 / hours as f64
        };
        let [loose, low, lower, lowest] = [0.01, 1e-4, 1e-6, 1e-10].map(|significance| an_hour("trend", significance));
        let zscore = an_hour("zscore", 0.01);
        println!("  {correlation:11.1}  {zscore:6.2}  {loose:13.2}  {low:6.2}  {lower:6.2}  {lowest:6.2}");
    }
}

/// Prints a row and returns what the detector takes for a point.
fn compare(effort: Effort, name: &str, series: &str, points: &[Point], plain: fn(&[Point]) -> usize) -> f64 {
    let points = &points[..effort.of(POINTS)];
    let part = &points[..effort.of(PLAIN_POINTS)];
    let (mut findings, mut bytes) = (0, 0);

    let streaming = effort.best(|| {
        let mut detector = detector(name, 0.01);
        findings = black_box(points).iter().filter_map(|point| detector.update(*point)).count();
        bytes = detector.size_bytes();
    });
    let plain = effort.best(|| {
        black_box(plain(black_box(part)));
    });

    let (streaming, plain) = (each(streaming, points.len()), each(plain, part.len()));
    let ratio = plain / streaming;
    println!("  {name:<8}  {series:<6}  {streaming:9.1}  {plain:7.1}  {ratio:6.1}x  {findings:8}  {bytes:5}");
    streaming
}

fn detector(name: &str, significance: f64) -> Box<dyn Detector> {
    let key: MetricKey = "cpu.total".parse().unwrap();
    let trend = ml::TrendConfig { significance, ..ml::TrendConfig::default() };
    let config = ml::Config { detectors: vec![name.into()], trend, ..ml::Config::default() };
    ml::detectors(&config).unwrap()[0].detector(&key, None).unwrap()
}

/// Counts the points beyond three deviations, mean and deviation computed anew for each.
fn plain_zscore(points: &[Point]) -> usize {
    sliding(points, 300, |window, point| {
        let count = window.len().max(1) as f64;
        let mean = window.iter().map(|point| point.value).sum::<f64>() / count;
        let variance = window.iter().map(|point| (point.value - mean).powi(2)).sum::<f64>() / count;
        (point.value - mean).abs() > 3.0 * variance.sqrt()
    })
}

/// Counts the points at the end of a line, which is fitted anew for each.
fn plain_trend(points: &[Point]) -> usize {
    sliding(points, 600, |window, _| linear_trend(window).is_some_and(|trend| trend.p_value <= 0.01))
}

fn sliding(points: &[Point], seconds: usize, is_found: impl Fn(&[Point], Point) -> bool) -> usize {
    let mut window = VecDeque::with_capacity(seconds + 1);
    let mut found = 0;
    for point in points {
        found += usize::from(is_found(window.make_contiguous(), *point));
        if window.len() == seconds {
            window.pop_front();
        }
        window.push_back(*point);
    }
    found
}

fn noise() -> Vec<Point> {
    series(|index| 40.0 + random(index))
}

fn ramp() -> Vec<Point> {
    series(|index| f64::from(index) * 0.01 + random(index))
}

fn spikes() -> Vec<Point> {
    series(|index| if index % 97 == 0 { 1e6 } else { random(index) })
}

fn series(value: impl Fn(u32) -> f64) -> Vec<Point> {
    (0..).take(POINTS).map(|index| at(index, value(index))).collect()
}

/// Normal noise of variance one, each value correlated with the one before.
fn correlated_noise(count: usize, correlation: f64) -> Vec<Point> {
    let mut value = 0.0;
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    // Xorshift, and Box and Muller's way from even to normal.
    let mut even = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let next = |index| {
        let normal = (-2.0 * (1.0 - even()).ln()).sqrt() * (std::f64::consts::TAU * even()).cos();
        value = correlation * value + (1.0 - correlation * correlation).sqrt() * normal;
        at(index, value)
    };
    (0..).take(count).map(next).collect()
}

fn at(second: u32, value: f64) -> Point {
    Point { timestamp: Timestamp::from_millis(1_795_000_000_000 + i64::from(second) * 1_000), value }
}

/// The same number between -0.5 and 0.5 on every run.
fn random(index: u32) -> f64 {
    let mixed = index.wrapping_add(1).wrapping_mul(2_654_435_761).rotate_left(13).wrapping_mul(2_246_822_519);
    f64::from(mixed >> 8) / f64::from(1 << 24) - 0.5
}
