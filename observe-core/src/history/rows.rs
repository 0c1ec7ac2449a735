//! Rows out of columns.

use std::time::Duration;

use super::formulas::Recipe;
use crate::{Point, Timestamp, frame::Spacing};

/// Walks over the instants at which any column has a point, with the values of all: NaN where a column has none.
pub(super) fn for_each(columns: &[&[Point]], mut visit: impl FnMut(Timestamp, &[f64])) {
    let mut rest: Vec<&[Point]> = columns.to_vec();
    let mut row = vec![f64::NAN; columns.len()];
    while let Some(timestamp) = rest.iter().filter_map(|column| column.first()).map(|point| point.timestamp).min() {
        for (cell, column) in row.iter_mut().zip(&mut rest) {
            *cell = match column.split_first() {
                Some((point, tail)) if point.timestamp == timestamp => {
                    *column = tail;
                    point.value
                }
                _ => f64::NAN,
            };
        }
        visit(timestamp, &row);
    }
}

/// Computes the points of one derived series from rows that come in the order of time.
#[derive(Debug)]
pub(super) struct Ticker<'a> {
    recipe: &'a Recipe,
    before: Vec<f64>,
    last: Option<Timestamp>,
    spacing: Spacing,
}

impl<'a> Ticker<'a> {
    pub(super) const fn new(recipe: &'a Recipe, interval: Duration) -> Self {
        Self { recipe, before: Vec::new(), last: None, spacing: Spacing::new(interval) }
    }

    /// Takes the next row.
    pub(super) fn tick(&mut self, timestamp: Timestamp, row: &[f64]) -> Option<Point> {
        let elapsed = self.last.map_or(0.0, |last| self.spacing.elapsed(timestamp.since(last)));
        let value = self.recipe.derive(row, &self.before, elapsed);
        self.before.clear();
        self.before.extend_from_slice(row);
        self.last = Some(timestamp);
        value.map(|value| Point { timestamp, value })
    }
}
