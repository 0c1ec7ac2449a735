//! What was read and is not yet written.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use observe::{Enriched, MetricKey, Point, SeriesInfo, SeriesKind, Timestamp, names, store::Importer};

use super::Bounds;
use crate::cli::{error::CommandError, store::lines::SamplesLine};

/// What was read and is not yet written: as much as is packed together.
#[derive(Debug)]
pub(super) struct Batch {
    bounds: Bounds,
    /// By the text that names a series in the file.
    by_text: HashMap<Box<str>, usize>,
    by_key: HashMap<MetricKey, usize>,
    /// The series that came last, which most often comes again.
    latest: Option<(Box<str>, usize)>,
    series: Vec<(SeriesInfo, Vec<Point>)>,
    events: Vec<Arc<Enriched>>,
    bytes: usize,
    /// Points and events so far.
    taken: u64,
    counts: Counts,
    /// Hashes of the keys that were written, to count series once.
    seen: HashSet<u64>,
}

/// What became of what was read.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    pub(super) points: u64,
    pub(super) series: u64,
    pub(super) new_series: u64,
    pub(super) events: u64,
    pub(super) too_old: u64,
    pub(super) dropped_times: u64,
    pub(super) oldest: Option<Timestamp>,
    pub(super) newest: Option<Timestamp>,
}

impl Batch {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            by_text: HashMap::new(),
            by_key: HashMap::new(),
            latest: None,
            series: Vec::new(),
            events: Vec::new(),
            bytes: 0,
            taken: 0,
            counts: Counts::default(),
            seen: HashSet::new(),
        }
    }

    /// Takes a point of the series that a text names; `read` is asked what that means when it comes for the first time.
    pub(super) fn point(
        &mut self,
        text: &str,
        point: Point,
        read: impl FnOnce(&str) -> Result<(MetricKey, SeriesKind), String>,
    ) -> Result<(), String> {
        let known = match &self.latest {
            Some((latest, index)) if **latest == *text => Some(*index),
            _ => self.by_text.get(text).copied(),
        };
        let index = match known {
            Some(index) => index,
            None => {
                let (key, kind) = read(text)?;
                let mut info = SeriesInfo::new(key, kind);
                info.unit = names::find(info.key.name()).map_or("", |metric| metric.unit.as_str()).into();
                info.interval = Duration::ZERO;
                let index = self.index_of(info);
                self.by_text.insert(text.into(), index);
                self.bytes += text.len() + ENTRY_BYTES;
                index
            }
        };
        if self.latest.as_ref().is_none_or(|(_, latest)| *latest != index) {
            self.latest = Some((text.into(), index));
        }
        self.push(index, point)
    }

    /// Takes a line of points.
    pub(super) fn line(&mut self, line: SamplesLine) -> Result<(), String> {
        let index = self.index_of(line.info);
        line.points.into_iter().try_for_each(|point| self.push(index, point))
    }

    pub(super) fn event(&mut self, event: Enriched) {
        self.taken += 1;
        self.bytes += event.size_bytes();
        self.events.push(Arc::new(event));
    }

    pub(super) const fn is_full(&self) -> bool {
        self.bytes >= MAX_BYTES
    }

    /// Returns how many points and events were taken so far.
    pub(super) const fn taken(&self) -> u64 {
        self.taken
    }

    pub(super) const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Writes everything, and is empty again.
    pub(super) async fn write(&mut self, importer: &mut Importer) -> Result<(), CommandError> {
        self.by_text.clear();
        self.by_key.clear();
        self.latest = None;
        self.bytes = 0;
        let mut series = std::mem::take(&mut self.series);
        for (info, points) in series.iter_mut().filter(|(info, _)| info.interval.is_zero()) {
            info.interval = spacing(points);
        }
        let points: u64 = series.iter().map(|(_, points)| points.len() as u64).sum();
        self.note(&series);
        if points > 0 {
            let written = importer.points(series).await?;
            self.counts.points += points;
            self.counts.new_series += written.new_series;
            self.counts.dropped_times += written.dropped_times;
        }
        let events = std::mem::take(&mut self.events);
        if !events.is_empty() {
            importer.events(&events).await?;
            self.counts.events += events.len() as u64;
        }
        Ok(())
    }

    fn note(&mut self, series: &[(SeriesInfo, Vec<Point>)]) {
        use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
        for (info, points) in series.iter().filter(|(_, points)| !points.is_empty()) {
            let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(&info.key);
            self.counts.series += u64::from(self.seen.insert(hash));
            let times = || points.iter().map(|point| point.timestamp);
            self.counts.oldest = self.counts.oldest.into_iter().chain(times()).min();
            self.counts.newest = self.counts.newest.max(times().max());
        }
    }

    fn index_of(&mut self, info: SeriesInfo) -> usize {
        if let Some(index) = self.by_key.get(&info.key) {
            return *index;
        }
        self.bytes += info.key.attributes().size_bytes() + 2 * ENTRY_BYTES;
        self.by_key.insert(info.key.clone(), self.series.len());
        self.series.push((info, Vec::new()));
        self.series.len() - 1
    }

    fn push(&mut self, index: usize, point: Point) -> Result<(), String> {
        if point.timestamp > self.bounds.newest {
            return Err("the time lies in the future; a time in seconds must not be one in milliseconds".to_owned());
        }
        if point.timestamp < self.bounds.oldest {
            self.counts.too_old += 1;
            return Ok(());
        }
        if let Some((_, points)) = self.series.get_mut(index) {
            points.push(point);
            self.taken += 1;
            self.bytes += size_of::<Point>();
        }
        Ok(())
    }
}

/// Returns the time that usually lies between two points.
fn spacing(points: &[Point]) -> Duration {
    let times: BTreeSet<Timestamp> = points.iter().take(100).map(|point| point.timestamp).collect();
    let pairs = times.iter().zip(times.iter().skip(1));
    let mut gaps: Vec<Duration> = pairs.map(|(one, next)| next.since(*one)).collect();
    gaps.sort_unstable();
    gaps.get(gaps.len() / 2).copied().unwrap_or(ALONE)
}

/// What is in memory at once, about.
const MAX_BYTES: usize = 64 << 20;
/// What a series takes beside its texts and points.
const ENTRY_BYTES: usize = 160;
/// How far apart points are taken to be where there is only one.
const ALONE: Duration = Duration::from_secs(15);
