//! A derived column, ready to be computed.

use super::{Column, InvalidSchema};
use crate::{Formula, MetricKind, Term};

/// A formula with its columns found.
#[derive(Debug)]
pub(super) struct Derivation {
    formula: Formula,
    of: Vec<(usize, f64)>,
    over: Vec<(usize, f64)>,
}

impl Derivation {
    pub(super) fn resolve(column: &Column, raw: &[String]) -> Result<Self, InvalidSchema> {
        let find = |term: &Term| {
            let index = raw.iter().position(|text| text == term.column);
            let missing = || InvalidSchema::Unresolved { derived: column.to_text(), column: term.column };
            Ok((index.ok_or_else(missing)?, if term.negative { -1.0 } else { 1.0 }))
        };
        let MetricKind::Derived(formula) = column.metric.kind else {
            return Err(InvalidSchema::Name { name: column.to_text() });
        };
        let (of, over) = match formula {
            Formula::GrowthRatio { of, over, .. } | Formula::Ratio { of, over, .. } => (of, over),
            Formula::Rate { of, .. } | Formula::Sum { of } => (of, &[][..]),
        };
        Ok(Self {
            formula,
            of: of.iter().map(find).collect::<Result<_, _>>()?,
            over: over.iter().map(find).collect::<Result<_, _>>()?,
        })
    }

    /// Returns the value; see [`super::Schema::derive`].
    pub(super) fn evaluate(&self, row: &[f64], before: &[f64], elapsed: f64) -> Option<f64> {
        if self.formula.needs_growth() && elapsed <= 0.0 {
            return None;
        }
        let value = match self.formula {
            Formula::GrowthRatio { scale, .. } => {
                scale * growth(&self.of, row, before) / growth(&self.over, row, before)
            }
            Formula::Rate { scale, .. } => scale * growth(&self.of, row, before) / elapsed,
            Formula::Ratio { scale, .. } => scale * sum(&self.of, row) / sum(&self.over, row),
            Formula::Sum { .. } => sum(&self.of, row),
        };
        value.is_finite().then_some(value)
    }
}

/// Adds up how far each counter came; NaN where one is absent or went back.
fn growth(terms: &[(usize, f64)], row: &[f64], before: &[f64]) -> f64 {
    terms.iter().fold(0.0, |total, &(column, sign)| {
        let grown = cell(row, column) - cell(before, column);
        if grown >= 0.0 { total + sign * grown } else { f64::NAN }
    })
}

fn sum(terms: &[(usize, f64)], row: &[f64]) -> f64 {
    terms.iter().fold(0.0, |total, &(column, sign)| total + sign * cell(row, column))
}

fn cell(row: &[f64], column: usize) -> f64 {
    row.get(column).copied().unwrap_or(f64::NAN)
}
