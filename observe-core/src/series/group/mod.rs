//! All series of one producer, and the stamps that they share.

mod read;
mod refill;
mod rows;
mod subjects;
#[cfg(test)]
mod tests;

use std::{iter, sync::Arc, time::Duration};

pub(crate) use self::refill::Outline;
use self::{rows::Series, subjects::SubjectTable};
use super::{chunk::CHUNK, stamps::Stamps};
use crate::{
    Attributes, EventId, Frame, Metric, MetricKey, Point, Reading, Schema, Subject, Timestamp, frame::Spacing,
};

/// Sees every point of the series that it asks for, from the first variation on.
pub(crate) trait Observer {
    /// What it keeps for each series.
    type Watch: Default;

    /// Returns whether it wants to see the series of a metric at all.
    fn is_for(&self, metric: &Metric) -> bool;

    /// Looks at a point; `key` spells the series.
    fn observe(&mut self, watch: &mut Self::Watch, point: Point, key: &dyn Fn() -> MetricKey);

    /// Returns whether it wants to see the series already before its first variation.
    fn is_at_work(watch: &Self::Watch) -> bool;

    /// Says that a series is gone for good.
    fn forget(&mut self, watch: Self::Watch);
}

/// How much a group may keep.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GroupLimits {
    /// Points of each series, rounded up to whole chunks.
    pub(crate) points: u64,
    /// Series of subjects that are there.
    pub(crate) max_series: usize,
}

/// When a frame was taken in, and the id that it has as an event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) id: EventId,
    pub(crate) now: Timestamp,
}

/// What became of a frame.
#[derive(Debug)]
pub(crate) enum Pushed {
    /// It stands in the rings.
    Fresh {
        /// The frame and what follows from it.
        reading: Reading,
        /// Values that were written.
        samples: u64,
    },
    /// It is not newer than the newest one; the rings do not have it.
    Late,
}

/// All series of one producer.
#[derive(Debug)]
pub(crate) struct Group<W> {
    schema: Arc<Schema>,
    points: u64,
    stamps: Stamps,
    previous: Option<Frame>,
    subjects: SubjectTable<W>,
    /// One for each column: whether the observer wants to see it. Asked with the first frame.
    observed: Vec<bool>,
    /// Whether the observer waits for what was before the first frame.
    is_held: bool,
    spacing: Spacing,
    restarts: u64,
}

impl<W: Default> Group<W> {
    pub(crate) fn new(schema: Arc<Schema>, limits: GroupLimits) -> Self {
        let subjects = SubjectTable::new(schema.columns(), limits.max_series);
        let spacing = Spacing::new(schema.interval());
        Self {
            schema,
            points: limits.points,
            stamps: Stamps::default(),
            previous: None,
            subjects,
            observed: Vec::new(),
            is_held: false,
            spacing,
            restarts: 0,
        }
    }

    /// Takes a frame in: new subjects, values, derived values, and the observer's look at them.
    pub(crate) fn push<O: Observer<Watch = W>>(&mut self, frame: Frame, arrival: Arrival, observer: &mut O) -> Pushed {
        let elapsed = match self.order(frame.timestamp(), arrival.now) {
            Order::Late => return Pushed::Late,
            Order::Next(elapsed) => elapsed,
            Order::Restart => {
                self.clear(observer);
                self.restarts += 1;
                0.0
            }
        };
        if self.observed.is_empty() {
            self.observed = self.schema.columns().iter().map(|column| observer.is_for(&column.metric)).collect();
        }
        let tick = self.stamps.next();
        if self.previous.as_ref().is_none_or(|previous| !previous.subjects().same_as(frame.subjects())) {
            self.subjects.adopt(frame.subjects(), tick, observer);
        }
        self.stamps.push(frame.timestamp(), arrival.id);
        let (derived, samples) = self.write(&frame, tick, elapsed, observer);
        self.previous = Some(frame.clone());
        if tick.is_multiple_of(CHUNK as u64) {
            self.forget_before((tick + 1).saturating_sub(self.points), observer);
        }
        Pushed::Fresh { reading: Reading::new(frame, derived), samples }
    }

    pub(crate) const fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// Returns how often the rings began anew because the clock had gone back.
    pub(crate) const fn restarts(&self) -> u64 {
        self.restarts
    }

    /// Gives back memory: what rows without a subject keep, else the series of the subject that left first, else the
    /// oldest chunk of all rings, else `excess` bytes of the subjects that came last.
    ///
    /// Returns the number of series that are gone for good, or `None` where nothing can be given back.
    pub(crate) fn shrink<O: Observer<Watch = W>>(&mut self, excess: usize, observer: &mut O) -> Option<usize> {
        if self.subjects.rows_mut().drop_spares() > 0 {
            return Some(0);
        }
        if let Some(dropped) = self.subjects.rows_mut().drop_first_left(observer) {
            return Some(dropped);
        }
        let kept = self.stamps.next() - self.stamps.first();
        if kept > 2 * CHUNK as u64 {
            self.forget_before(self.stamps.first() + CHUNK as u64, observer);
            return Some(0);
        }
        self.subjects.refuse_last(excess, self.stamps.next(), observer)
    }

    /// Forgets everything.
    pub(crate) fn clear<O: Observer<Watch = W>>(&mut self, observer: &mut O) {
        self.subjects.clear(observer);
        self.stamps = Stamps::default();
        self.previous = None;
    }

    fn order(&mut self, timestamp: Timestamp, now: Timestamp) -> Order {
        let Some(last) = self.stamps.last() else { return Order::Next(0.0) };
        if timestamp > last {
            return Order::Next(self.spacing.elapsed(timestamp.since(last)));
        }
        let horizon = now + CLOCK_TOLERANCE;
        if last > horizon && timestamp <= horizon { Order::Restart } else { Order::Late }
    }

    /// Writes all rows into the rings. Returns the derived values, and how many values were written.
    fn write<O: Observer<Watch = W>>(
        &mut self,
        frame: &Frame,
        tick: u64,
        elapsed: f64,
        observer: &mut O,
    ) -> (Arc<[f64]>, u64) {
        let (raw_len, width) = (self.schema.raw_len(), self.schema.columns().len());
        let derived_len = width - raw_len;
        let mut derived: Arc<[f64]> = iter::repeat_n(f64::NAN, frame.subjects().len() * derived_len).collect();
        let cells = Arc::make_mut(&mut derived);
        let mut writer = Writer { tick, timestamp: frame.timestamp(), samples: 0, grown: 0, observer };
        let (schema, previous) = (&self.schema, self.previous.as_ref());
        let observed = if self.is_held { &[][..] } else { &self.observed };
        self.subjects.for_each_live(|index, slot, subject, series| {
            let row = frame.row(index);
            let had_a_row = slot.since < tick;
            let before = previous.filter(|_| had_a_row).map_or(&[][..], |previous| previous.row(index));
            let line = Line { schema, observed, subject };
            for (column, (value, series)) in row.iter().zip(series.iter_mut()).enumerate() {
                if frame.present().is_none_or(|present| present.contains(index * raw_len + column)) {
                    writer.write(series, &line, column, *value);
                }
            }
            for (at, series) in series.iter_mut().skip(raw_len).enumerate() {
                if let Some(value) = schema.derive(at, row, before, elapsed) {
                    writer.write(series, &line, raw_len + at, value);
                    if let Some(cell) = cells.get_mut(index * derived_len + at) {
                        *cell = value;
                    }
                }
            }
        });
        let (samples, grown) = (writer.samples, writer.grown);
        self.subjects.rows_mut().account(grown);
        (derived, samples)
    }

    /// Forgets ticks before `tick` as far as whole chunks allow, and subjects with nothing left.
    fn forget_before<O: Observer<Watch = W>>(&mut self, tick: u64, observer: &mut O) {
        let tick = tick - tick % CHUNK as u64;
        self.stamps.forget_before(tick);
        self.subjects.rows_mut().forget_before(tick, observer);
    }
}

/// Where a frame stands in time.
enum Order {
    /// Not newer than the newest one.
    Late,
    /// Newer, by so many seconds; zero where the one before is missing or too old to compare with.
    Next(f64),
    /// Older, and what is newer lies in the future: the clock has been set back.
    Restart,
}

/// Writes the values of one frame.
struct Writer<'a, O> {
    tick: u64,
    timestamp: Timestamp,
    samples: u64,
    grown: isize,
    observer: &'a mut O,
}

/// What it takes to know whether a value is observed, and to spell its key.
struct Line<'a> {
    schema: &'a Schema,
    observed: &'a [bool],
    subject: &'a Subject,
}

impl<O: Observer> Writer<'_, O> {
    fn write(&mut self, series: &mut Series<O::Watch>, line: &Line<'_>, column: usize, value: f64) {
        self.grown += series.ring.push(self.tick, value);
        self.samples += 1;
        let is_observed = line.observed.get(column).is_some_and(|observed| *observed);
        if is_observed && (series.ring.has_varied() || O::is_at_work(&series.watch)) {
            let point = Point { timestamp: self.timestamp, value };
            self.observer.observe(&mut series.watch, point, &|| line.key(column));
        }
    }
}

impl Line<'_> {
    fn key(&self, column: usize) -> MetricKey {
        let nameless = || MetricKey::from_checked("".into(), Attributes::empty());
        self.schema.key(self.subject, column).unwrap_or_else(nameless)
    }
}

/// What is newer than the clock by more than this was measured before the clock was set back.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(5);
