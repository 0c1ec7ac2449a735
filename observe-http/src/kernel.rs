//! What is known about the kernel: what its collectors say of themselves, and the newest readings of their series.

use observe_core::{
    FeatureState, KernelMode, KernelStatus, Metric, SeriesView, Timestamp,
    names::{drops, packet, syscall, tcp},
};

use crate::body::ComponentBody;

/// A metric, where its value goes, and how values of several series join.
type Reading<'a> = (&'static Metric, &'a mut Option<f64>, fn(f64, f64) -> f64);

/// The newest readings of series about the kernel; `None` where there is no such series.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct KernelReadings {
    /// System calls in a second.
    pub(crate) syscalls_per_second: Option<f64>,
    /// Packets that were looked at, since counting began.
    pub(crate) packets: Option<f64>,
    /// Packets that were lost in a second.
    pub(crate) drops_per_second: Option<f64>,
    /// The time within which half of the connections were made, in nanoseconds.
    pub(crate) connect_p50_ns: Option<f64>,
    /// The time within which 99 of 100 connections were made, in nanoseconds.
    pub(crate) connect_p99_ns: Option<f64>,
}

impl KernelReadings {
    /// Takes the newest value of a series in. Counts and rates add up; of latencies the longest stays.
    pub(crate) fn take(&mut self, series: &SeriesView<'_>) {
        let sum = |one: f64, other: f64| one + other;
        let readings: [Reading<'_>; 5] = [
            (&syscall::RATE, &mut self.syscalls_per_second, sum),
            (&packet::TOTAL, &mut self.packets, sum),
            (&drops::RATE, &mut self.drops_per_second, sum),
            (&tcp::CONNECT_LATENCY_P50, &mut self.connect_p50_ns, f64::max),
            (&tcp::CONNECT_LATENCY_P99, &mut self.connect_p99_ns, f64::max),
        ];
        let name = &series.metric().name;
        let Some((_, reading, join)) = readings.into_iter().find(|(metric, ..)| metric.name == *name) else { return };
        if let Some(point) = series.latest() {
            *reading = Some(reading.map_or(point.value, |before| join(before, point.value)));
        }
    }
}

/// Returns whether a series is about this host, at present.
pub(crate) fn is_of_this_host(series: &SeriesView<'_>) -> bool {
    series.is_live() && series.subject_attributes().value("host.name").is_none()
}

/// Returns whether a feature named so works, for real or simulated.
pub(crate) fn has_active(status: &KernelStatus, is_meant: impl Fn(&str) -> bool) -> bool {
    let works = matches!(status.mode, KernelMode::Live | KernelMode::Simulated);
    let is_active = |state: &FeatureState| matches!(state, FeatureState::Running | FeatureState::Simulated);
    works && status.features.iter().any(|(name, feature)| is_meant(name) && is_active(&feature.state))
}

/// Says how tracing the kernel is doing. What cannot work on this host is named, and is no reason to call it ill.
pub(crate) fn component(status: &KernelStatus, now: Timestamp) -> ComponentBody {
    let word = match status.mode {
        KernelMode::Disabled | KernelMode::Unavailable => "disabled",
        KernelMode::Live | KernelMode::Simulated if has_active(status, |_| true) => "healthy",
        KernelMode::Live | KernelMode::Simulated if is_waiting(status) => "starting",
        KernelMode::Live | KernelMode::Simulated => "disabled",
    };
    ComponentBody { detail: detail(status), ..ComponentBody::new(word, now) }
}

fn is_waiting(status: &KernelStatus) -> bool {
    status.features.values().any(|feature| feature.state == FeatureState::Waiting)
}

fn detail(status: &KernelStatus) -> Option<String> {
    let is_off = |state: &FeatureState| matches!(state, FeatureState::Off { .. });
    let off = status.features.iter().filter(|(_, feature)| is_off(&feature.state)).map(|(name, _)| *name);
    let off: Vec<&str> = off.collect();
    match status.mode {
        KernelMode::Disabled | KernelMode::Unavailable => status.reason.clone(),
        KernelMode::Live if off.is_empty() => None,
        KernelMode::Live => Some(format!("not possible on this host: {}", off.join(", "))),
        KernelMode::Simulated => Some("simulated: the numbers mean nothing".to_owned()),
    }
}

/// The feature that looks into packets.
pub(crate) const PAYLOAD: &str = "net";
