//! Units of measurement.

/// The unit of a metric's values.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Bytes in a second.
    BytesPerSecond,
    /// Degrees Celsius.
    Celsius,
    /// A number of things.
    Count,
    /// A number of things in a second.
    CountPerSecond,
    /// Cycles in a second.
    Hertz,
    /// Millions of cycles in a second.
    Megahertz,
    /// Milliseconds.
    Milliseconds,
    /// Nanoseconds.
    Nanoseconds,
    /// Hundredths.
    Percent,
    /// A fraction of one.
    Ratio,
    /// Turns in a minute.
    RevolutionsPerMinute,
    /// Seconds.
    Seconds,
}

impl Unit {
    /// Returns the name used in this project's own interfaces: `percent`, `bytes/s`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::BytesPerSecond => "bytes/s",
            Self::Celsius => "celsius",
            Self::Count => "count",
            Self::CountPerSecond => "count/s",
            Self::Hertz => "Hz",
            Self::Megahertz => "MHz",
            Self::Milliseconds => "ms",
            Self::Nanoseconds => "ns",
            Self::Percent => "percent",
            Self::Ratio => "ratio",
            Self::RevolutionsPerMinute => "rpm",
            Self::Seconds => "seconds",
        }
    }

    /// Returns the suffix that Prometheus names carry, `""` for plain counts.
    #[must_use]
    pub const fn prometheus_suffix(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::BytesPerSecond => "bytes_per_second",
            Self::Celsius => "celsius",
            Self::Count => "",
            Self::CountPerSecond => "per_second",
            Self::Hertz => "hertz",
            Self::Megahertz => "megahertz",
            Self::Milliseconds => "milliseconds",
            Self::Nanoseconds => "nanoseconds",
            Self::Percent => "percent",
            Self::Ratio => "ratio",
            Self::RevolutionsPerMinute => "rpm",
            Self::Seconds => "seconds",
        }
    }
}
