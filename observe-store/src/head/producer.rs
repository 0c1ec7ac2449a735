//! Which cell of a producer's frames belongs to which series.

use std::{collections::HashMap, sync::Arc};

use observe_core::{Frame, MetricKind, Schema, Subjects};

/// Where a series sits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Home {
    pub(crate) series: u32,
    /// The group, by its number among those of the producer.
    pub(crate) ordinal: usize,
    pub(crate) place: usize,
}

/// A series that a frame names and nobody has seated yet.
#[derive(Clone, Debug)]
pub(crate) struct Newcomer {
    /// Its cell in the frame.
    pub(crate) cell: usize,
    pub(crate) name: Box<str>,
    /// The text form of its attributes: `{device=sda}`.
    pub(crate) labels: Box<str>,
    pub(crate) is_counter: bool,
    pub(crate) unit: &'static str,
}

/// A producer, as far as its frames have told.
#[derive(Debug)]
pub(crate) struct Producer {
    schema: Arc<Schema>,
    subjects: Option<Subjects>,
    /// Of each cell of a frame, where its series sits.
    homes: Vec<Option<Home>>,
    /// Series that nobody has seated yet.
    newcomers: Vec<Newcomer>,
    /// Series that were there when the last process ended and have not been named since, by name and labels.
    waiting: HashMap<String, Home>,
    since: i64,
}

impl Producer {
    /// Makes a producer that has not been heard since a restart; `waiting` are the series that it had.
    pub(crate) fn new(schema: Arc<Schema>, waiting: HashMap<String, Home>, now: i64) -> Self {
        Self { schema, subjects: None, homes: Vec::new(), newcomers: Vec::new(), waiting, since: now }
    }

    /// Returns whether frames of the schema have the cells that this producer knows.
    pub(crate) fn knows(&self, schema: &Arc<Schema>) -> bool {
        Arc::ptr_eq(&self.schema, schema) || self.schema.is_same_as(schema)
    }

    /// Returns where the series of all cells sit, for a producer that starts anew with other columns.
    pub(crate) fn into_homes(self) -> impl Iterator<Item = Home> {
        self.homes.into_iter().flatten().chain(self.waiting.into_values())
    }

    /// Returns whether the frame is about others than the frame before.
    pub(crate) fn is_changed_by(&self, frame: &Frame) -> bool {
        self.subjects.as_ref().is_none_or(|subjects| !subjects.same_as(frame.subjects()))
    }

    /// Notes whom the frame is about, and returns the homes of those who left. Whoever came is a newcomer until
    /// [`Self::seat`] is called.
    pub(crate) fn adopt(&mut self, frame: &Frame) -> Vec<Home> {
        let width = self.schema.raw_len();
        let mut left = Vec::new();
        let slots = frame.subjects().len().max(self.homes.len() / width.max(1));
        self.homes.resize(slots * width, None);
        for slot in 0..slots {
            let old = self.subjects.as_ref().and_then(|subjects| subjects.at(slot));
            let new = frame.subjects().at(slot);
            if old == new {
                continue;
            }
            let cells = slot * width..(slot + 1) * width;
            self.newcomers.retain(|newcomer| !cells.contains(&newcomer.cell));
            left.extend(self.homes.get_mut(cells).into_iter().flatten().filter_map(Option::take));
            let Some(subject) = new else { continue };
            for (column, described) in self.schema.columns().iter().take(width).enumerate() {
                self.newcomers.push(Newcomer {
                    cell: slot * width + column,
                    name: (*described.metric.name).into(),
                    labels: subject.attributes.union(&described.attributes).to_string().into(),
                    is_counter: described.metric.kind == MetricKind::Counter,
                    unit: described.metric.unit.as_str(),
                });
            }
        }
        self.subjects = Some(frame.subjects().clone());
        left
    }

    /// Takes the series that are to be seated; whoever cannot seat them gives them back.
    pub(crate) fn take_newcomers(&mut self) -> Vec<Newcomer> {
        std::mem::take(&mut self.newcomers)
    }

    /// Gives back series that could not be seated.
    pub(crate) fn give_back(&mut self, newcomers: Vec<Newcomer>) {
        self.newcomers = newcomers;
    }

    /// Gives the cell of a newcomer its home.
    pub(crate) fn seat(&mut self, cell: usize, home: Home) {
        if let Some(seat) = self.homes.get_mut(cell) {
            *seat = Some(home);
        }
    }

    /// Returns the home that a series had before the restart, if it waits for it.
    pub(crate) fn claim(&mut self, newcomer: &Newcomer) -> Option<Home> {
        if self.waiting.is_empty() {
            return None;
        }
        self.waiting.remove(&format!("{}{}", newcomer.name, newcomer.labels))
    }

    /// Returns the series that have waited too long, once: nobody will name them again.
    pub(crate) fn give_up(&mut self, now: i64) -> Vec<Home> {
        if self.waiting.is_empty() || now.saturating_sub(self.since) < PATIENCE {
            return Vec::new();
        }
        self.waiting.drain().map(|(_, home)| home).collect()
    }

    /// Walks over the values of a frame with the homes of their series.
    pub(crate) fn values<'a>(&'a self, frame: &'a Frame) -> impl Iterator<Item = (Home, f64)> + 'a {
        let width = self.schema.raw_len().max(1);
        let present = frame.present();
        let rows = self.homes.chunks(width).enumerate();
        rows.flat_map(move |(slot, homes)| {
            let cells = homes.iter().zip(frame.row(slot)).enumerate();
            cells.filter_map(move |(column, (home, value))| {
                let is_present = present.is_none_or(|present| present.contains(slot * width + column));
                home.filter(|_| is_present).map(|home| (home, *value))
            })
        })
    }
}

/// How long a series may stay unnamed after a restart before it counts as ended: five minutes, in nanoseconds.
const PATIENCE: i64 = 300_000_000_000;

#[cfg(test)]
mod tests {
    use observe_core::{Attributes, KeyedTable, Metric, Timestamp, Unit};

    use super::*;

    static DEPTH: Metric = Metric::gauge("q.depth", Unit::Count, "Depth.");
    static DONE: Metric = Metric::counter("q.done", Unit::Count, "Done.");

    struct Fixture {
        table: KeyedTable<String>,
        producer: Producer,
    }

    fn fixture() -> Fixture {
        let schema = Schema::builder("q").column(&DEPTH).column(&DONE).build().unwrap();
        Fixture { table: KeyedTable::new(Arc::clone(&schema)), producer: Producer::new(schema, HashMap::new(), 0) }
    }

    impl Fixture {
        fn frame(&mut self, names: &[&str]) -> Frame {
            for name in names {
                self.table.row(*name, || Attributes::new([("queue", *name)]).unwrap()).set(0, 1.0);
            }
            self.table.frame(Timestamp::default())
        }

        fn adopt(&mut self, frame: &Frame) -> (Vec<Home>, Vec<Newcomer>) {
            let left = self.producer.adopt(frame);
            let came = self.producer.take_newcomers();
            for newcomer in &came {
                let series = newcomer.cell as u32 + 1;
                self.producer.seat(newcomer.cell, Home { series, ordinal: 0, place: newcomer.cell });
            }
            (left, came)
        }
    }

    #[test]
    fn those_who_leave_and_those_who_come_are_told_apart() {
        let mut fixture = fixture();
        let first = fixture.frame(&["mail", "print"]);
        fixture.adopt(&first);

        let second = fixture.frame(&["mail", "fax"]);
        let (left, came) = fixture.adopt(&second);

        assert_eq!(left.len(), 2, "print");
        let came: Vec<String> = came.iter().map(|one| format!("{}{}", one.name, one.labels)).collect();
        assert_eq!(came, ["q.depth{queue=fax}", "q.done{queue=fax}"]);
    }

    #[test]
    fn absent_cells_have_no_value() {
        let mut fixture = fixture();
        let frame = fixture.frame(&["mail"]);
        fixture.adopt(&frame);

        let values: Vec<(usize, f64)> =
            fixture.producer.values(&frame).map(|(home, value)| (home.place, value)).collect();

        assert_eq!(values, [(0, 1.0)]);
    }

    #[test]
    fn a_series_finds_its_home_of_before_a_restart_unless_it_waits_too_long() {
        let home = |series| Home { series, ordinal: 0, place: series as usize };
        let waiting = [("q.depth{queue=mail}", 7), ("q.depth{queue=gone}", 8)];
        let waiting = waiting.into_iter().map(|(key, series)| (key.to_owned(), home(series))).collect();
        let mut fixture = fixture();
        fixture.producer.waiting = waiting;
        let frame = fixture.frame(&["mail"]);
        fixture.producer.adopt(&frame);
        let came = fixture.producer.take_newcomers();

        assert_eq!(fixture.producer.claim(&came[0]), Some(home(7)));
        assert_eq!(fixture.producer.claim(&came[1]), None);
        assert_eq!(fixture.producer.give_up(PATIENCE - 1), []);
        assert_eq!(fixture.producer.give_up(PATIENCE), [home(8)]);
        assert_eq!(fixture.producer.give_up(PATIENCE), []);
    }
}
