//! Every series there is, and where to find it.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use super::{
    states::Portion,
    watch::{Watch, Watchers},
};
use crate::{
    Column, EventId, EventQuery, Frame, Limits, MetricKey, Reading, Schema, Selector, SeriesView, State,
    series::{Arrival, Group, GroupLimits, Outline, Pushed},
};

/// All groups, by producer and by the names of their metrics.
#[derive(Debug)]
pub(crate) struct Registry {
    groups: Vec<Group<Watch>>,
    producers: HashMap<String, usize>,
    columns: HashMap<String, Vec<(usize, usize)>>,
    limits: GroupLimits,
    max_bytes: usize,
    refused_frames: u64,
    evicted_series: u64,
    refills: Refills,
}

/// Which producers are to be filled with what was before the restart.
#[derive(Debug, Default)]
struct Refills {
    is_on: bool,
    /// Those that have not had a subject yet.
    early: Vec<usize>,
    queue: VecDeque<usize>,
}

/// What became of a frame.
#[derive(Debug)]
pub(super) enum Taken {
    /// It stands in the rings.
    Fresh { reading: Reading, samples: u64 },
    /// It was not newer than the newest one.
    Late,
    /// Its producer is one too many, or has changed its columns.
    Refused,
}

/// What the processor has taken in and holds.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct ProcessorStats {
    /// Series that can be asked about.
    pub series: usize,
    /// Points in the rings.
    pub points: u64,
    /// Bytes that the rings hold.
    pub ring_bytes: usize,
    /// Events in the history.
    pub events: usize,
    /// Bytes that the history holds.
    pub event_bytes: usize,
    /// Steps so far.
    pub steps: u64,
    /// Frames that came in.
    pub frames: u64,
    /// Values that were written into rings, derived ones included.
    pub samples: u64,
    /// Frames that came too late for the rings.
    pub late_frames: u64,
    /// Frames of producers above the bound, or that had changed their columns.
    pub refused_frames: u64,
    /// Series that were not kept because their producer had too many.
    pub refused_series: u64,
    /// Series that were forgotten early because memory was short.
    pub evicted_series: u64,
    /// Times that rings began anew because the clock had gone back.
    pub clock_restarts: u64,
    /// Time spent in steps.
    pub busy: Duration,
}

impl Registry {
    pub(super) fn new(limits: &Limits, max_bytes: usize) -> Self {
        Self {
            groups: Vec::new(),
            producers: HashMap::new(),
            columns: HashMap::new(),
            limits: GroupLimits { points: limits.points_per_series as u64, max_series: limits.max_series_per_producer },
            max_bytes,
            refused_frames: 0,
            evicted_series: 0,
            refills: Refills::default(),
        }
    }

    pub(super) fn push(&mut self, frame: Frame, arrival: Arrival, watchers: &mut Watchers) -> Taken {
        let Some(index) = self.group_of(frame.schema()) else {
            self.refused_frames += 1;
            return Taken::Refused;
        };
        match self.groups.get_mut(index).map(|group| group.push(frame, arrival, watchers)) {
            Some(Pushed::Fresh { reading, samples }) => Taken::Fresh { reading, samples },
            Some(Pushed::Late) => Taken::Late,
            None => Taken::Refused,
        }
    }

    /// Lets producers wait for their past from now on.
    pub(super) const fn start_refills(&mut self) {
        self.refills.is_on = true;
    }

    /// Lets nobody wait any more.
    pub(super) fn stop_refills(&mut self) {
        self.refills = Refills::default();
        self.groups.iter_mut().for_each(Group::release);
    }

    /// Queues producers that have had their first subject.
    pub(super) fn queue_refills(&mut self) {
        let groups = &self.groups;
        let is_ready = |index: &mut usize| groups.get(*index).is_none_or(Group::has_subjects);
        self.refills.queue.extend(self.refills.early.extract_if(.., is_ready));
    }

    pub(super) fn wants_refill(&self) -> bool {
        !self.refills.queue.is_empty()
    }

    /// Takes the next producer that waits for its past. One whose first frame has left the rings waits no longer.
    pub(super) fn next_refill(&mut self) -> Option<(usize, Outline)> {
        while let Some(index) = self.refills.queue.pop_front() {
            let group = self.groups.get_mut(index)?;
            if let Some(outline) = group.outline() {
                return Some((index, outline));
            }
            group.release();
        }
        None
    }

    pub(super) const fn limits(&self) -> GroupLimits {
        self.limits
    }

    /// Returns the bytes that rings may still take.
    pub(super) fn room(&self) -> usize {
        self.max_bytes.saturating_sub(self.groups.iter().map(Group::size_bytes).sum())
    }

    pub(super) fn group(&self, index: usize) -> Option<&Group<Watch>> {
        self.groups.get(index)
    }

    pub(super) fn group_mut(&mut self, index: usize) -> Option<&mut Group<Watch>> {
        self.groups.get_mut(index)
    }

    /// Gives memory back until the rings are within their share: first from producers that have fallen silent, then
    /// from those that hold most.
    pub(super) fn keep_within_budget(&mut self, watchers: &mut Watchers) {
        for _ in 0..MAX_EVICTIONS_A_STEP {
            let total: usize = self.groups.iter().map(Group::size_bytes).sum();
            if total <= self.max_bytes {
                return;
            }
            let excess = total - self.max_bytes;
            let order = self.eviction_order();
            let shrunk = order.into_iter().find_map(|index| self.groups.get_mut(index)?.shrink(excess, watchers));
            let Some(evicted) = shrunk else { return };
            self.evicted_series += evicted as u64;
        }
    }

    fn eviction_order(&self) -> Vec<usize> {
        let newest = self.groups.iter().filter_map(Group::newest).max().unwrap_or_default();
        let is_silent = |group: &Group<Watch>| group.newest().is_none_or(|last| newest.since(last) > SILENCE);
        let mut order: Vec<usize> = (0..self.groups.len()).collect();
        order.sort_by_key(|index| {
            let group = self.groups.get(*index);
            group.map(|group| (!is_silent(group), std::cmp::Reverse(group.size_bytes())))
        });
        order
    }

    /// Returns the view of a series.
    pub(crate) fn find(&self, key: &MetricKey) -> Option<SeriesView<'_>> {
        let columns = self.columns.get(key.name())?.iter();
        columns.filter_map(|(group, column)| self.groups.get(*group)?.find(*column, key.attributes())).next()
    }

    /// Walks over every series of a metric.
    pub(crate) fn named(&self, name: &str) -> impl Iterator<Item = SeriesView<'_>> {
        let columns = self.columns.get(name).into_iter().flatten();
        columns.filter_map(|(group, column)| Some(self.groups.get(*group)?.views_of(*column))).flatten()
    }

    /// Returns the columns of metrics of which a selector may choose series.
    pub(crate) fn columns(&self, selector: &Selector) -> Vec<Column> {
        let all = self.columns.iter().filter(|(name, _)| selector.matches_name(name)).flat_map(|(_, columns)| columns);
        all.filter_map(|(group, column)| self.groups.get(*group)?.schema().columns().get(*column).cloned()).collect()
    }

    /// Walks over every series.
    pub(crate) fn views(&self) -> impl Iterator<Item = SeriesView<'_>> {
        self.groups.iter().flat_map(Group::views)
    }

    pub(crate) fn series_len(&self) -> usize {
        self.groups.iter().map(Group::series_len).sum()
    }

    /// Asks detectors what they remember, from series `from` of a group on. Returns where to go on, `None` at the end.
    pub(super) fn save(
        &mut self,
        from: (usize, usize),
        portion: Portion,
        watchers: &mut Watchers,
        states: &mut Vec<State>,
    ) -> Option<(usize, usize)> {
        let (mut index, mut series, mut left) = (from.0, from.1, portion.series);
        loop {
            let next = self.groups.get_mut(index)?.visit_watches(series, |watch, key| {
                watchers.save(watch, key, states);
                left = left.saturating_sub(1);
                left > 0 && states.len() < portion.states
            });
            match next {
                Some(next) => return Some((index, next)),
                None => (index, series) = (index + 1, 0),
            }
        }
    }

    pub(super) fn watches_mut(&mut self) -> impl Iterator<Item = &mut Watch> {
        self.groups.iter_mut().flat_map(Group::watches_mut)
    }

    /// Rebuilds the readings that a query asks for, with the ids that they have as events.
    pub(super) fn readings(&self, query: &EventQuery) -> impl Iterator<Item = (EventId, Reading)> {
        let wanted = self.groups.iter().filter(|group| query.kinds.contains(group.schema().kind()));
        wanted.flat_map(|group| group.readings(query))
    }

    pub(super) fn stats(&self) -> ProcessorStats {
        ProcessorStats {
            series: self.series_len(),
            points: self.groups.iter().map(Group::point_count).sum(),
            ring_bytes: self.groups.iter().map(Group::size_bytes).sum(),
            refused_frames: self.refused_frames,
            refused_series: self.groups.iter().map(Group::refused).sum(),
            evicted_series: self.evicted_series,
            clock_restarts: self.groups.iter().map(Group::restarts).sum(),
            ..ProcessorStats::default()
        }
    }

    /// Returns the group of a producer; `None` where there are too many, or its columns are not those of before.
    fn group_of(&mut self, schema: &Arc<Schema>) -> Option<usize> {
        if let Some(index) = self.producers.get(schema.name()) {
            let known = self.groups.get(*index)?.schema();
            return (Arc::ptr_eq(known, schema) || known.is_same_as(schema)).then_some(*index);
        }
        let index = self.groups.len();
        if index >= MAX_PRODUCERS {
            return None;
        }
        let mut group = Group::new(Arc::clone(schema), self.limits);
        if self.refills.is_on {
            group.hold();
            self.refills.early.push(index);
        }
        self.groups.push(group);
        self.producers.insert(schema.name().to_owned(), index);
        for (column, described) in schema.columns().iter().enumerate() {
            self.columns.entry(described.metric.name.to_string()).or_default().push((index, column));
        }
        Some(index)
    }
}

/// Producers of one engine.
const MAX_PRODUCERS: usize = 2048;
/// A producer without a frame for so long, while others had some, gives its memory back first.
const SILENCE: Duration = Duration::from_secs(60);
/// Steps must stay short even when much is to be given back.
const MAX_EVICTIONS_A_STEP: usize = 64;
