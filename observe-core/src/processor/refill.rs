//! The rings and detectors of a producer get back what they had before the restart.
//!
//! What takes time is done outside of the processor: it gives an outline, and takes the filled group in its place.

use std::{collections::VecDeque, ops::Range};

use super::{
    Processor,
    watch::{Watch, Watchers},
};
use crate::{
    EventId, Frame, MetricKey, Point, RangeQuery, Selector, SeriesPoints, Timestamp,
    series::{Arrival, Group, GroupLimits, Outline},
};

/// A producer that is being filled.
#[derive(Debug)]
pub(crate) struct Refill {
    index: usize,
    outline: Outline,
    group: Group<Watch>,
    watchers: Watchers,
    /// Raw series in the order of their keys, with the numbers of their cells in a frame.
    series: Vec<(MetricKey, usize)>,
    /// Ticks before the first frame that are looked for.
    ticks: u64,
    /// Frames of before that may still be taken in.
    frames_left: u64,
    last_id: u64,
    points: u64,
}

/// What the processor gives of a producer that is to be filled.
#[derive(Debug)]
pub(crate) struct Order {
    index: usize,
    outline: Outline,
    watchers: Watchers,
    limits: GroupLimits,
    /// Bytes that rings may still take.
    room: usize,
}

impl Processor {
    /// Returns whether a producer waits to be filled.
    pub(crate) fn wants_refill(&self) -> bool {
        self.registry.wants_refill()
    }

    /// Takes the next producer that waits to be filled.
    pub(crate) fn next_refill(&mut self) -> Option<Order> {
        let (index, outline) = self.registry.next_refill()?;
        let (limits, room) = (self.registry.limits(), self.registry.room());
        Some(Order { index, outline, watchers: self.watchers.for_refill(), limits, room })
    }

    /// Returns frames that came in since the refill began and are not part of it yet, oldest first.
    pub(crate) fn frames_since(&self, refill: &Refill, limit: usize) -> Vec<(EventId, Frame)> {
        let group = self.registry.group(refill.index).filter(|group| group.follows(&refill.outline));
        group.map(|group| group.frames_after(refill.group.newest(), limit)).unwrap_or_default()
    }

    /// Puts the filled group in the place of the one that began with the process, which is given back to be dropped
    /// outside of the lock. Returns whether it did: not when that one has begun anew or forgotten its first frames.
    pub(crate) fn finish_refill(&mut self, mut refill: Refill) -> (bool, Refill) {
        refill.push_new(self.frames_since(&refill, usize::MAX));
        let Some(group) = self.registry.group_mut(refill.index) else { return (false, refill) };
        if !group.follows(&refill.outline) {
            group.release();
            return (false, refill);
        }
        refill.group.succeed(group);
        std::mem::swap(group, &mut refill.group);
        self.watchers.absorb(refill.watchers.take());
        (true, refill)
    }

    /// Fills no more producers: detectors of all of them begin at once.
    pub(crate) fn stop_refills(&mut self) {
        self.registry.stop_refills();
    }
}

impl Refill {
    /// Makes the group, and its detectors from what they remember.
    pub(crate) fn new(order: Order) -> Self {
        let Order { index, outline, mut watchers, limits, room } = order;
        let mut group = Group::with_subjects(&outline, limits, &mut watchers);
        group.visit_watches(0, |watch, key| {
            if let Some(restored) = watchers.restore(&key(), outline.first) {
                *watch = restored;
            }
            true
        });
        let series = raw_series(&outline);
        let width = outline.schema.columns().len() as u64;
        let subjects = outline.subjects.iter().flatten().count() as u64;
        let ticks = (room as u64 / (subjects * width * BYTES_A_POINT).max(1)).min(limits.points);
        Self { index, outline, group, watchers, series, ticks, frames_left: 2 * ticks, last_id: 0, points: 0 }
    }

    pub(crate) fn producer(&self) -> &str {
        self.outline.schema.name()
    }

    /// Returns how many points it brought.
    pub(crate) const fn points(&self) -> u64 {
        self.points
    }

    /// Returns the stretches of time in which to look, oldest first: as long as the rings, and each no more than fits
    /// into memory at a time.
    pub(crate) fn slices(&self) -> VecDeque<Range<Timestamp>> {
        let interval = self.outline.schema.interval();
        let mut slices = VecDeque::new();
        let (mut left, mut end) = (self.ticks, self.outline.first);
        while left > 0 && !self.series.is_empty() {
            let ticks = left.min(self.ticks_a_slice());
            let start = end - interval.saturating_mul(u32::try_from(ticks).unwrap_or(u32::MAX));
            slices.push_front(start..end);
            (left, end) = (left - ticks, start);
        }
        slices
    }

    /// Returns the questions to ask for a stretch of time.
    pub(crate) fn queries(&self, slice: &Range<Timestamp>) -> impl Iterator<Item = RangeQuery> {
        let max_points = SERIES_A_QUERY * usize::try_from(2 * self.ticks_a_slice()).unwrap_or(usize::MAX);
        self.series.chunks(SERIES_A_QUERY).map(move |series| {
            let selector = Selector::Keys(series.iter().map(|(key, _)| key.clone()).collect());
            RangeQuery { max_points, ..RangeQuery::raw(selector, slice.start, slice.end) }
        })
    }

    /// Takes the answers for a stretch of time in, as the frames that they once were.
    pub(crate) fn push_old(&mut self, answers: Vec<SeriesPoints>) {
        let cell = |key: &MetricKey| {
            let at = self.series.binary_search_by(|(known, _)| known.cmp(key)).ok()?;
            self.series.get(at).map(|(_, cell)| *cell)
        };
        let columns = answers.into_iter().filter_map(|series| Some((cell(&series.key)?, series.points)));
        let mut columns: Vec<(usize, std::vec::IntoIter<Point>)> =
            columns.map(|(cell, points)| (cell, points.into_iter())).collect();
        let mut cells = vec![None; self.outline.subjects.len() * self.outline.schema.raw_len()];
        for timestamp in stamps(&columns) {
            if timestamp >= self.outline.first || self.frames_left == 0 {
                return;
            }
            cells.fill(None);
            for (cell, points) in &mut columns {
                while let Some(point) = points.as_slice().first().filter(|point| point.timestamp <= timestamp) {
                    if let Some(cell) = cells.get_mut(*cell) {
                        *cell = Some(point.value);
                    }
                    points.next();
                }
            }
            self.push_cells(timestamp, &cells);
        }
    }

    /// Forgets what was found: it was told before the restart.
    pub(crate) fn end_of_old(&mut self) {
        self.watchers.forget_findings();
    }

    /// Takes frames in that came since the start; what is found in them is news.
    pub(crate) fn push_new(&mut self, frames: Vec<(EventId, Frame)>) {
        for (id, frame) in frames {
            let now = frame.timestamp();
            self.group.push(frame, Arrival { id, now }, &mut self.watchers);
        }
    }

    fn push_cells(&mut self, timestamp: Timestamp, cells: &[Option<f64>]) {
        let Outline { schema, subjects, first_id, .. } = &self.outline;
        let Some(frame) = Frame::from_cells(schema.clone(), subjects.clone(), timestamp, cells) else { return };
        // Ids grow with time and stay below that of the first frame, even where clocks disagree.
        let highest = first_id.as_u64().saturating_sub(self.frames_left);
        let id = EventId::of_past(timestamp, self.index).as_u64().max(self.last_id + 1).min(highest);
        self.frames_left -= 1;
        self.last_id = id;
        self.points += cells.iter().flatten().count() as u64;
        let arrival = Arrival { id: EventId::from_u64(id), now: timestamp };
        self.group.push(frame, arrival, &mut self.watchers);
    }

    fn ticks_a_slice(&self) -> u64 {
        let bytes_a_tick = self.series.len() * size_of::<Point>();
        ((BYTES_A_SLICE / bytes_a_tick.max(1)) as u64).clamp(FEWEST_TICKS, self.ticks.max(FEWEST_TICKS))
    }
}

/// Spells the raw series of all subjects, in the order of their keys.
fn raw_series(outline: &Outline) -> Vec<(MetricKey, usize)> {
    let Outline { schema, subjects, .. } = outline;
    let width = schema.raw_len();
    let live = subjects.iter().enumerate().filter_map(|(slot, subject)| Some((slot, subject.as_ref()?)));
    let keys = live.flat_map(|(slot, subject)| {
        (0..width).filter_map(move |column| Some((schema.key(subject, column)?, slot * width + column)))
    });
    let mut keys: Vec<(MetricKey, usize)> = keys.collect();
    keys.sort_unstable();
    keys
}

/// Returns every time at which a series has a point, in order.
fn stamps(columns: &[(usize, std::vec::IntoIter<Point>)]) -> Vec<Timestamp> {
    let mut stamps: Vec<Timestamp> = Vec::new();
    for (_, points) in columns {
        let known = stamps.len();
        let is_new = |stamp: &Timestamp| stamps.get(..known).is_none_or(|known| known.binary_search(stamp).is_err());
        let new: Vec<Timestamp> = points.as_slice().iter().map(|point| point.timestamp).filter(is_new).collect();
        if !new.is_empty() {
            stamps.extend(new);
            stamps.sort_unstable();
            stamps.dedup();
        }
    }
    stamps
}

/// What a point may take in a ring: its value, and its part of what a chunk needs beside.
const BYTES_A_POINT: u64 = 9;
/// What the answers for one stretch of time may take.
const BYTES_A_SLICE: usize = 4 << 20;
/// The fewest ticks of a stretch of time: shorter ones would make too many questions.
const FEWEST_TICKS: u64 = 16;
/// Series of one question.
const SERIES_A_QUERY: usize = 512;

#[cfg(test)]
mod tests;
