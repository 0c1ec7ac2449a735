//! The columns of a producer's frames.

use std::{borrow::Cow, sync::Arc, time::Duration};

use super::derivation::Derivation;
use crate::{Attributes, EventKind, Metric, MetricKey, MetricKind, Subject};

/// The columns of a producer, fixed for its life: raw ones first, then those derived from them.
///
/// # Examples
///
/// ```
/// use observe_core::{Formula, Metric, Schema, Term, Unit};
///
/// static DONE: Metric = Metric::counter("queue.done", Unit::Count, "Jobs that were done.");
/// static SPEED: Metric = Metric::derived(
///     "queue.done_per_sec",
///     Unit::CountPerSecond,
///     Formula::Rate { of: &[Term::plus("queue.done")], scale: 1.0 },
///     "Jobs done in a second.",
/// );
///
/// let schema = Schema::builder("queue").column(&DONE).column(&SPEED).build()?;
///
/// assert_eq!(schema.raw_len(), 1);
/// assert_eq!(schema.columns().len(), 2);
/// # Ok::<(), observe_core::InvalidSchema>(())
/// ```
#[derive(Debug)]
pub struct Schema {
    name: Cow<'static, str>,
    kind: EventKind,
    origin: &'static str,
    interval: Duration,
    columns: Vec<Column>,
    raw_len: usize,
    derivations: Vec<Derivation>,
}

/// One column: a metric, and attributes that are the same for every subject, such as `state=idle`.
#[derive(Clone, Debug)]
pub struct Column {
    /// What is measured.
    pub metric: Arc<Metric>,
    /// Attributes that every series of this column carries beside those of its subject.
    pub attributes: Attributes,
}

/// Says why columns do not make a schema.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSchema {
    /// Attributes of a column are not valid.
    #[error("attributes of column {column} are not valid")]
    Attributes {
        /// The metric's name.
        column: String,
        /// What is wrong with them.
        source: crate::InvalidAttribute,
    },
    /// Two columns have the same metric and attributes.
    #[error("column {column} is given twice")]
    Duplicate {
        /// The column's text form.
        column: String,
    },
    /// A metric's name cannot stand in a metric key.
    #[error("{name:?} is not the name of a metric")]
    Name {
        /// The name.
        name: String,
    },
    /// A formula reads a column that is not a raw column of this schema.
    #[error("{derived} is computed from {column}, which is not a counter or gauge of this schema")]
    Unresolved {
        /// The derived column's text form.
        derived: String,
        /// The column that is missing.
        column: &'static str,
    },
    /// There are more columns than [`MAX_COLUMNS`], or none.
    #[error("a schema has 1 to {MAX_COLUMNS} columns, not {count}")]
    Width {
        /// Columns that were given.
        count: usize,
    },
}

impl Schema {
    /// Starts the schema of the producer called `name`.
    pub fn builder(name: impl Into<Cow<'static, str>>) -> SchemaBuilder {
        SchemaBuilder {
            name: name.into(),
            kind: EventKind::Metric,
            origin: "collector",
            interval: Duration::from_secs(1),
            columns: Vec::new(),
        }
    }

    /// Returns the producer's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the kind that frames have as events.
    #[must_use]
    pub const fn kind(&self) -> EventKind {
        self.kind
    }

    /// Returns where frames come from, as events say it: `collector::cpu`, `ebpf::syscall`.
    #[must_use]
    pub fn source(&self) -> String {
        format!("{}::{}", self.origin, self.name)
    }

    /// Returns the time that usually lies between two frames.
    #[must_use]
    pub const fn interval(&self) -> Duration {
        self.interval
    }

    /// Returns all columns, the raw ones first.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Returns the number of raw columns, those that frames carry values for.
    #[must_use]
    pub const fn raw_len(&self) -> usize {
        self.raw_len
    }

    /// Spells the key of the series of `subject` in `column`.
    #[must_use]
    pub fn key(&self, subject: &Subject, column: usize) -> Option<MetricKey> {
        let column = self.columns.get(column)?;
        let attributes = subject.attributes.union(&column.attributes);
        Some(MetricKey::from_checked(column.metric.name.clone(), attributes))
    }

    /// Computes derived column `raw_len() + index` from the row of this tick and, for growth, the row before.
    ///
    /// `elapsed` is the time between the two rows in seconds, at or below zero where there is no usable row before.
    /// A NaN in a row stands for an absent cell.
    ///
    /// The same function serves the tick and every query over stored counters.
    #[must_use]
    pub fn derive(&self, index: usize, row: &[f64], before: &[f64], elapsed: f64) -> Option<f64> {
        let derivation = self.derivations.get(index)?;
        derivation.evaluate(row, before, elapsed)
    }

    /// Returns whether both have the same columns in the same order, under the same name.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        let same = |(one, other): (&Column, &Column)| one.metric == other.metric && one.attributes == other.attributes;
        self.name == other.name
            && self.columns.len() == other.columns.len()
            && self.columns.iter().zip(&other.columns).all(same)
    }
}

/// Collects the columns of a [`Schema`].
#[derive(Debug)]
pub struct SchemaBuilder {
    name: Cow<'static, str>,
    kind: EventKind,
    origin: &'static str,
    interval: Duration,
    columns: Vec<(Metric, Vec<(&'static str, String)>)>,
}

impl SchemaBuilder {
    /// Adds a column.
    ///
    /// Raw columns are numbered in the order in which they are added; derived ones follow them.
    #[must_use]
    pub fn column(self, metric: &Metric) -> Self {
        self.column_with(metric, &[])
    }

    /// Adds a column whose series carry further attributes, such as `state=idle`.
    #[must_use]
    pub fn column_with(mut self, metric: &Metric, attributes: &[(&'static str, &str)]) -> Self {
        let attributes = attributes.iter().map(|&(key, value)| (key, value.to_owned())).collect();
        self.columns.push((metric.clone(), attributes));
        self
    }

    /// Sets the kind that frames have as events; [`EventKind::Metric`] unless set.
    #[must_use]
    pub const fn kind(mut self, kind: EventKind) -> Self {
        self.kind = kind;
        self
    }

    /// Sets what kind of thing reads, the first part of [`Schema::source`]; `collector` unless set.
    #[must_use]
    pub const fn origin(mut self, origin: &'static str) -> Self {
        self.origin = origin;
        self
    }

    /// Sets the time that usually lies between two frames; a second unless set.
    #[must_use]
    pub const fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Checks the columns and resolves the formulas.
    ///
    /// # Errors
    ///
    /// See [`InvalidSchema`]; a schema written out in code fails for every host alike.
    pub fn build(self) -> Result<Arc<Schema>, InvalidSchema> {
        if self.columns.is_empty() || self.columns.len() > MAX_COLUMNS {
            return Err(InvalidSchema::Width { count: self.columns.len() });
        }
        let (derived, raw): (Vec<_>, Vec<_>) =
            self.columns.into_iter().partition(|(metric, _)| matches!(metric.kind, MetricKind::Derived(_)));
        let raw_len = raw.len();
        let columns = raw.into_iter().chain(derived).map(checked_column).collect::<Result<Vec<_>, _>>()?;
        let texts: Vec<String> = columns.iter().map(Column::to_text).collect();
        if let Some((_, twice)) = texts.iter().enumerate().find(|(at, text)| texts[..*at].contains(text)) {
            return Err(InvalidSchema::Duplicate { column: twice.clone() });
        }
        let derivations = columns[raw_len..]
            .iter()
            .map(|column| Derivation::resolve(column, &texts[..raw_len]))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Arc::new(Schema {
            name: self.name,
            kind: self.kind,
            origin: self.origin,
            interval: self.interval,
            columns,
            raw_len,
            derivations,
        }))
    }
}

impl Column {
    /// Returns the column's text form within its schema: `cpu.time{state=idle}`.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{}{}", self.metric.name, self.attributes)
    }
}

fn checked_column((metric, attributes): (Metric, Vec<(&'static str, String)>)) -> Result<Column, InvalidSchema> {
    let attributes = Attributes::new(attributes)
        .map_err(|source| InvalidSchema::Attributes { column: metric.name.to_string(), source })?;
    MetricKey::new(metric.name.clone(), attributes.clone())
        .map_err(|_| InvalidSchema::Name { name: metric.name.to_string() })?;
    Ok(Column { metric: Arc::new(metric), attributes })
}

/// The most columns in one schema.
pub const MAX_COLUMNS: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Formula, Term, Unit};

    static DONE: Metric = Metric::counter("q.done", Unit::Count, "Done.");
    static SPENT: Metric = Metric::counter("q.spent", Unit::Seconds, "Spent.");
    static RATE: Metric = Metric::derived(
        "q.rate",
        Unit::CountPerSecond,
        Formula::Rate { of: &[Term::plus("q.done")], scale: 1.0 },
        "Rate.",
    );
    static COST: Metric = Metric::derived(
        "q.cost",
        Unit::Milliseconds,
        Formula::GrowthRatio { of: &[Term::plus("q.spent")], over: &[Term::plus("q.done")], scale: 1000.0 },
        "Cost.",
    );

    fn schema() -> Arc<Schema> {
        Schema::builder("q").column(&RATE).column(&DONE).column(&COST).column(&SPENT).build().unwrap()
    }

    #[test]
    fn raw_columns_come_first_in_the_order_they_were_added() {
        let names: Vec<String> = schema().columns().iter().map(Column::to_text).collect();

        assert_eq!(names, ["q.done", "q.spent", "q.rate", "q.cost"]);
    }

    #[test]
    fn rates_and_ratios_follow_from_two_rows() {
        let schema = schema();

        assert_eq!(schema.derive(0, &[30.0, 1.5], &[10.0, 1.0], 2.0), Some(10.0));
        assert_eq!(schema.derive(1, &[30.0, 1.5], &[10.0, 1.0], 2.0), Some(25.0));
    }

    #[test]
    fn what_cannot_be_computed_is_absent() {
        let schema = schema();
        let (row, before) = ([30.0, 1.5], [10.0, 1.0]);

        assert_eq!(schema.derive(0, &row, &before, 0.0), None, "no time passed");
        assert_eq!(schema.derive(0, &before, &row, 1.0), None, "the counter went back");
        assert_eq!(schema.derive(1, &row, &row, 1.0), None, "nothing was done");
        assert_eq!(schema.derive(0, &[f64::NAN, 1.5], &before, 1.0), None, "the cell is absent");
        assert_eq!(schema.derive(0, &row, &[], 1.0), None, "there is no row before");
        assert_eq!(schema.derive(7, &row, &before, 1.0), None, "there is no such column");
    }

    #[test]
    fn bad_schemas_are_refused_by_name() {
        let unresolved = Schema::builder("q").column(&RATE).build();
        let twice = Schema::builder("q").column(&DONE).column(&DONE).build();
        let none = Schema::builder("q").build();

        assert_eq!(unresolved.unwrap_err(), InvalidSchema::Unresolved { derived: "q.rate".into(), column: "q.done" });
        assert_eq!(twice.unwrap_err(), InvalidSchema::Duplicate { column: "q.done".into() });
        assert_eq!(none.unwrap_err(), InvalidSchema::Width { count: 0 });
    }
}
