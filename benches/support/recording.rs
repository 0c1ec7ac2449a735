//! A recording of a host, and as many series as a bench wants with values like its.

use std::{collections::HashMap, io::Read, path::PathBuf, sync::Arc};

use flate2::read::GzDecoder;
use observe::{Attributes, Frame, Metric, MetricKey, Schema, SubjectId, Table, Timestamp, Unit};

use super::Effort;

/// Series that were sampled together, once a second.
#[derive(Debug)]
pub(crate) struct Recording {
    /// Whether it is the whole data set, and not the piece of it that comes with the benches.
    pub(crate) is_whole: bool,
    /// In nanoseconds.
    pub(crate) stamps: Vec<i64>,
    pub(crate) series: Vec<Recorded>,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) metric: Metric,
    pub(crate) values: Vec<f64>,
    /// By how much it grows from one time that it is played to the next.
    growth: f64,
}

impl Recording {
    /// Reads the data set where it lies beside the project, else the piece that comes with the benches.
    pub(crate) fn load() -> Self {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let whole = root.join("../shared/datasets/host_metrics");
        let is_whole = whole.is_dir();
        let directory = if is_whole { whole } else { root.join("benches/data") };
        let mut bytes = Vec::new();
        let packed = std::fs::File::open(directory.join("host_metrics.bin.gz")).unwrap();
        GzDecoder::new(packed).read_to_end(&mut bytes).unwrap();
        let names = std::fs::read_to_string(directory.join("series.csv")).unwrap();
        let (head, body) = bytes.split_at(12);
        let ticks = u32::from_le_bytes(head[8..].try_into().unwrap()) as usize;
        let mut words = body.as_chunks::<8>().0.chunks_exact(ticks);
        let stamps = words.next().unwrap().iter().map(|word| i64::from_le_bytes(*word) * 1_000_000).collect();
        let columns = words.map(|words| words.iter().map(|word| f64::from_le_bytes(*word)).collect());
        let series = names.lines().skip(1).zip(columns).map(|(row, values)| Recorded::new(row, values)).collect();
        Self { is_whole, stamps, series }
    }

    /// Leaves out most of it where a bench only shows that it works.
    pub(crate) fn shortened(mut self, effort: Effort) -> Self {
        if effort.divisor > 1 {
            self.stamps.truncate(300);
            self.series.truncate(60);
            self.series.iter_mut().for_each(|series| series.values.truncate(300));
        }
        self
    }

    pub(crate) const fn samples(&self) -> usize {
        self.stamps.len() * self.series.len()
    }

    /// Says in a few words what it is.
    pub(crate) fn describe(&self) -> String {
        let name = if self.is_whole { "host_metrics" } else { "a piece of host_metrics" };
        format!("{name}, {} series x {} ticks", self.series.len(), self.stamps.len())
    }

    /// Returns when a tick is; after the last one the recording begins again.
    pub(crate) fn stamp(&self, tick: usize) -> Timestamp {
        let (first, last) = (self.stamps[0], self.stamps[self.stamps.len() - 1]);
        let lap = (last - first + 1_000_000_000) * (tick / self.stamps.len()) as i64;
        Timestamp::from_nanos(self.stamps[tick % self.stamps.len()] + lap)
    }
}

impl Recorded {
    fn new(row: &str, values: Vec<f64>) -> Self {
        let mut fields = row.split(',').skip(1);
        let is_name = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '.';
        let name = fields.next().unwrap().to_ascii_lowercase().replace(|letter| !is_name(letter), "_");
        let is_counter = fields.next() == Some("counter");
        let growth = if is_counter { values[values.len() - 1] - values[0] } else { 0.0 };
        let make = if is_counter { Metric::counter } else { Metric::gauge };
        Self { metric: make(name.leak(), Unit::Count, "Recorded."), values, growth }
    }

    fn value(&self, tick: usize) -> f64 {
        self.values[tick % self.values.len()] + self.growth * (tick / self.values.len()) as f64
    }
}

/// A producer whose columns are played from a recording: every subject later than the one before it.
#[derive(Debug)]
pub(crate) struct Player {
    recording: Arc<Recording>,
    /// Of each column of the schema, the series that it is played from.
    columns: Vec<usize>,
    table: Table,
    subjects: Vec<SubjectId>,
}

impl Player {
    /// Plays every series once.
    pub(crate) fn whole(recording: &Arc<Recording>) -> Self {
        Self::new(recording, 0, recording.series.len(), 1)
    }

    /// Plays the `number`th `columns` series to `subjects` subjects.
    pub(crate) fn new(recording: &Arc<Recording>, number: usize, columns: usize, subjects: usize) -> Self {
        let columns: Vec<usize> = (0..columns).map(|at| (number * columns + at) % recording.series.len()).collect();
        let mut seen: HashMap<usize, usize> = HashMap::new();
        let schema = columns.iter().fold(Schema::builder(format!("host{number}")), |schema, column| {
            let again = seen.entry(*column).or_default();
            *again += 1;
            let time = again.to_string();
            let attributes = [("again", time.as_str())];
            schema.column_with(&recording.series[*column].metric, if *again > 1 { &attributes } else { &[] })
        });
        let mut table = Table::new(schema.build().unwrap());
        let describe = |subject: usize| match (number, subject) {
            (0, 0) => Attributes::empty(),
            _ => Attributes::new([("of", format!("{number}-{subject}"))]).unwrap(),
        };
        let subjects = (0..subjects).map(|subject| table.insert(describe(subject))).collect();
        Self { recording: Arc::clone(recording), columns, table, subjects }
    }

    pub(crate) const fn series(&self) -> usize {
        self.columns.len() * self.subjects.len()
    }

    /// Returns the key of a series.
    pub(crate) fn key(&mut self, subject: usize, column: usize) -> MetricKey {
        let id = self.subjects[subject];
        let frame = self.table.frame(Timestamp::default());
        frame.schema().key(frame.subjects().at(id.slot()).unwrap(), column).unwrap()
    }

    /// Returns the value of a series at a tick.
    pub(crate) fn value(&self, subject: usize, column: usize, tick: usize) -> f64 {
        let value = self.recording.series[self.columns[column]].value(tick + subject * SHIFT);
        // Whole numbers differ from subject to subject, so that no column is like the next one.
        if value.fract() == 0.0 { value + subject as f64 } else { value }
    }

    pub(crate) fn frame(&mut self, tick: usize) -> Frame {
        for subject in 0..self.subjects.len() {
            for column in 0..self.columns.len() {
                let value = self.value(subject, column, tick);
                self.table.set(self.subjects[subject], column, value);
            }
        }
        self.table.frame(self.recording.stamp(tick))
    }
}

/// Ticks by which a subject is later than the one before it.
const SHIFT: usize = 17;
