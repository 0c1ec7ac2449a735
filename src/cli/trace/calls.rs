//! The table of system calls.

use std::{
    collections::HashMap,
    io::{self, IsTerminal},
    time::Duration,
};

use observe::{Frame, Item, KernelStatus, names::syscall as names};

use super::{CLEAR, Screen};
use crate::cli::{error::CommandError, output, table};

/// Shows the calls made most since the reading before.
#[derive(Debug)]
pub(super) struct Calls {
    top: usize,
    before: HashMap<String, (f64, f64)>,
    is_first: bool,
}

/// What is known about one call.
#[derive(Debug, Default)]
struct Row {
    name: String,
    calls: f64,
    errors: f64,
    median: Option<f64>,
    high: Option<f64>,
}

impl Calls {
    pub(super) fn new(top: usize) -> Self {
        Self { top, before: HashMap::new(), is_first: true }
    }

    /// Turns totals into what came since the reading before.
    fn since_before(&mut self, mut row: Row) -> Row {
        let (calls, errors) = self.before.insert(row.name.clone(), (row.calls, row.errors)).unwrap_or_default();
        row.calls -= calls;
        row.errors -= errors;
        row
    }

    fn render(&self, mut rows: Vec<Row>, seconds: f64) -> String {
        rows.retain(|row| row.calls > 0.0);
        rows.sort_by(|one, other| other.calls.total_cmp(&one.calls));
        let total: f64 = rows.iter().map(|row| row.calls).sum();
        let cells: Vec<_> = rows.iter().take(self.top).map(|row| row.cells(seconds)).collect();
        let header = ["CALL", "CALLS/S", "ERRORS/S", "P50 US", "P99 US"];
        let table = table::aligned(header, &cells, &[1, 2, 3, 4]);
        format!("{table}{:.0} calls/s in all\n", total / seconds)
    }
}

impl Screen for Calls {
    fn show(&mut self, items: Vec<Item>, elapsed: Duration, _: &KernelStatus) -> Result<(), CommandError> {
        let rows: Vec<Row> = items.iter().flat_map(rows).map(|row| self.since_before(row)).collect();
        if self.is_first {
            self.is_first = false;
            return Ok(());
        }
        let text = self.render(rows, elapsed.as_secs_f64().max(1e-3));
        if io::stdout().is_terminal() {
            output::write(&format!("{CLEAR}{text}"))
        } else {
            output::write(&format!("{text}\n"))
        }
    }
}

impl Row {
    fn cells(&self, seconds: f64) -> [String; 5] {
        let micros = |nanos: Option<f64>| nanos.map(|nanos| format!("{:.1}", nanos / 1e3)).unwrap_or_default();
        [
            self.name.clone(),
            format!("{:.0}", self.calls / seconds),
            format!("{:.0}", self.errors / seconds),
            micros(self.median),
            micros(self.high),
        ]
    }
}

/// Reads the calls out of a frame of them.
fn rows(item: &Item) -> Vec<Row> {
    let Item::Frame(frame) = item else { return Vec::new() };
    let subjects = frame.subjects().iter().enumerate();
    subjects
        .filter_map(|(slot, subject)| {
            let name = subject.as_ref()?.attributes.value("syscall")?.to_owned();
            let value = |metric: &str| value(frame, slot, metric);
            Some(Row {
                name,
                calls: value(&names::COUNT.name)?,
                errors: value(&names::ERRORS.name)?,
                median: value(&names::LATENCY_P50.name),
                high: value(&names::LATENCY_P99.name),
            })
        })
        .collect()
}

fn value(frame: &Frame, slot: usize, metric: &str) -> Option<f64> {
    let column = frame.schema().columns().iter().position(|column| column.metric.name == metric)?;
    frame.value(slot, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, calls: f64) -> Row {
        Row { name: name.to_owned(), calls, median: Some(1500.0), ..Row::default() }
    }

    #[test]
    fn the_calls_made_most_come_first_as_rates() {
        let mut calls = Calls::new(2);
        calls.since_before(row("read", 100.0));

        let rows = [row("read", 150.0), row("write", 400.0), row("close", 1.0)];
        let rows = rows.into_iter().map(|row| calls.since_before(row)).collect();
        let text = calls.render(rows, 2.0);

        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1].starts_with("write") && lines[1].contains("200") && lines[1].contains("1.5"), "{text}");
        assert!(lines[2].starts_with("read") && lines[2].contains("25"), "{text}");
        assert_eq!(lines[3], "226 calls/s in all");
    }
}
