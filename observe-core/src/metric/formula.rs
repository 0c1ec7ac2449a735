//! How a derived metric follows from other columns of its subject.

/// Computes a derived column from the raw columns of the same subject.
///
/// Columns are named by their text form within the schema: `disk.read_bytes`, `cpu.time{state=idle}`.
/// Nothing is guessed: where a column is absent, a counter went back, or a divisor is zero, the result is absent.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Formula {
    /// `scale * growth(of) / growth(over)`: a share, such as busy time of all time, or a mean cost, such as
    /// milliseconds in an operation.
    GrowthRatio {
        /// What is divided.
        of: &'static [Term],
        /// What it is divided by.
        over: &'static [Term],
        /// Multiplied with the quotient.
        scale: f64,
    },
    /// `scale * growth(of) / elapsed seconds`.
    Rate {
        /// What grows.
        of: &'static [Term],
        /// Multiplied with the rate.
        scale: f64,
    },
    /// `scale * of / over`, of the readings themselves.
    Ratio {
        /// What is divided.
        of: &'static [Term],
        /// What it is divided by.
        over: &'static [Term],
        /// Multiplied with the quotient.
        scale: f64,
    },
    /// The sum of readings.
    Sum {
        /// What is added up.
        of: &'static [Term],
    },
}

/// One column in a formula, added or taken away.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Term {
    /// The column's text form within its schema.
    pub column: &'static str,
    /// Whether the column is taken away instead of added.
    pub negative: bool,
}

impl Term {
    /// A column that is added.
    #[must_use]
    pub const fn plus(column: &'static str) -> Self {
        Self { column, negative: false }
    }

    /// A column that is taken away.
    #[must_use]
    pub const fn minus(column: &'static str) -> Self {
        Self { column, negative: true }
    }
}

impl Formula {
    /// Returns every term that the formula reads.
    pub fn terms(&self) -> impl Iterator<Item = &'static Term> {
        let (of, over): (&[Term], &[Term]) = match *self {
            Self::GrowthRatio { of, over, .. } | Self::Ratio { of, over, .. } => (of, over),
            Self::Rate { of, .. } | Self::Sum { of } => (of, &[]),
        };
        of.iter().chain(over)
    }

    /// Returns whether the formula needs the row before.
    #[must_use]
    pub const fn needs_growth(&self) -> bool {
        matches!(self, Self::GrowthRatio { .. } | Self::Rate { .. })
    }
}
