//! What a metric is called, what it measures, and how a derived one is computed.

mod attributes;
mod formula;
mod key;
pub mod names;
mod scan;
mod unit;

use std::borrow::Cow;

pub use self::{
    attributes::{Attribute, Attributes, InvalidAttribute},
    formula::{Formula, Term},
    key::{InvalidMetricKey, MetricKey},
    unit::Unit,
};
pub(crate) use self::{
    attributes::{Written, is_name_character},
    key::split,
    scan::Scanner,
};

/// One metric: the row that a collector's column, the exposition and the documentation share.
///
/// The metrics that this project collects are the statics of [`names`]. A collector of your own declares its rows
/// the same way.
///
/// # Examples
///
/// ```
/// use observe_core::{Metric, Unit};
///
/// static JOBS: Metric = Metric::gauge("queue.jobs", Unit::Count, "Jobs that wait in the queue.");
///
/// assert_eq!(JOBS.name, "queue.jobs");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// The name, in lower case with dots: `disk.read_bytes`.
    pub name: Cow<'static, str>,
    /// Whether values are readings, ever-growing counts, or computed from other columns.
    pub kind: MetricKind,
    /// The unit of every value.
    pub unit: Unit,
    /// One sentence that says what is measured.
    pub help: Cow<'static, str>,
    /// The name that OpenTelemetry gives to the same thing, where there is one.
    pub otel: Option<OtelName>,
}

impl Metric {
    /// Declares a counter: a value that only grows, until whatever counts starts anew.
    #[must_use]
    pub const fn counter(name: &'static str, unit: Unit, help: &'static str) -> Self {
        Self::new(name, MetricKind::Counter, unit, help)
    }

    /// Declares a gauge: a reading that goes up and down.
    #[must_use]
    pub const fn gauge(name: &'static str, unit: Unit, help: &'static str) -> Self {
        Self::new(name, MetricKind::Gauge, unit, help)
    }

    /// Declares a metric that is computed from other columns of the same subject, and never stored.
    #[must_use]
    pub const fn derived(name: &'static str, unit: Unit, formula: Formula, help: &'static str) -> Self {
        Self::new(name, MetricKind::Derived(formula), unit, help)
    }

    /// Adds the OpenTelemetry name; `scale` turns our unit into that of OpenTelemetry.
    #[must_use]
    pub const fn otel(self, name: &'static str, unit: Unit, scale: f64) -> Self {
        self.otel_with(name, unit, scale, &[])
    }

    /// Adds the OpenTelemetry name of a metric that is one of several behind that name, told apart by attributes.
    ///
    /// # Examples
    ///
    /// ```
    /// use observe_core::{Metric, Unit};
    ///
    /// static READ: Metric = Metric::counter("disk.read_bytes", Unit::Bytes, "Bytes read.")
    ///     .otel_with("system.disk.io", Unit::Bytes, 1.0, &[("disk.io.direction", "read")]);
    ///
    /// assert_eq!(READ.otel.map(|otel| otel.attributes), Some(&[("disk.io.direction", "read")][..]));
    /// ```
    #[must_use]
    pub const fn otel_with(
        mut self,
        name: &'static str,
        unit: Unit,
        scale: f64,
        attributes: &'static [(&'static str, &'static str)],
    ) -> Self {
        self.otel = Some(OtelName { name, unit, scale, attributes });
        self
    }

    const fn new(name: &'static str, kind: MetricKind, unit: Unit, help: &'static str) -> Self {
        Self { name: Cow::Borrowed(name), kind, unit, help: Cow::Borrowed(help), otel: None }
    }
}

/// How the values of a metric behave. Complete by nature.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MetricKind {
    /// A value that only grows, until whatever counts starts anew.
    Counter,
    /// Computed from other columns of the same subject, on the tick and at query time, by the same function.
    Derived(Formula),
    /// A reading that goes up and down.
    Gauge,
}

impl MetricKind {
    /// Returns `counter`, `derived` or `gauge`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Derived(_) => "derived",
            Self::Gauge => "gauge",
        }
    }
}

/// A metric's name in the semantic conventions of OpenTelemetry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OtelName {
    /// The instrument's name: `system.cpu.utilization`.
    pub name: &'static str,
    /// The unit that the convention asks for.
    pub unit: Unit,
    /// Multiplied with our value gives the convention's: `0.01` from percent to ratio.
    pub scale: f64,
    /// Attributes that every series of the metric carries there, such as `disk.io.direction` = `read`.
    pub attributes: &'static [(&'static str, &'static str)],
}
