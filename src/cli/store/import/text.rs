//! The forms of text that are imported.

use observe::{MetricKey, Point, SeriesKind};

use super::{Format, batch::Batch};
use crate::cli::{
    store::{
        lines::{SamplesLine, read_event, read_exact},
        openmetrics::Reader,
    },
    time,
};

/// A form of text, and what has to be remembered from line to line.
#[derive(Debug)]
pub(super) enum Text {
    /// Whether the header was there.
    Csv(bool),
    Jsonl,
    OpenMetrics(Reader),
}

impl Text {
    pub(super) fn new(format: Format) -> Self {
        match format {
            Format::Csv => Self::Csv(false),
            Format::Jsonl => Self::Jsonl,
            Format::OpenMetrics => Self::OpenMetrics(Reader::default()),
        }
    }

    /// Reads a line into a batch.
    pub(super) fn take(&mut self, line: &str, batch: &mut Batch) -> Result<(), String> {
        match self {
            Self::Csv(has_header @ false) => {
                *has_header = line == HEADER;
                if *has_header { Ok(()) } else { Err(format!("the first line is not `{HEADER}`")) }
            }
            Self::Csv(true) => csv(line, batch),
            Self::Jsonl => json(line, batch),
            Self::OpenMetrics(reader) => match reader.line(line)? {
                None => Ok(()),
                Some(sample) => batch.point(sample.series, sample.point, |text| reader.series(text)),
            },
        }
    }

    /// Says whether the text was whole.
    pub(super) fn finish(&self) -> Result<(), String> {
        match self {
            Self::Csv(false) => Err(format!("the file is empty; it begins with `{HEADER}`")),
            Self::Csv(true) | Self::Jsonl => Ok(()),
            Self::OpenMetrics(reader) => reader.finish(),
        }
    }

    /// Says what lines look like.
    pub(super) const fn help(&self) -> &'static str {
        match self {
            Self::Csv(false) => "the first line is metric_key,timestamp,value",
            Self::Csv(true) => "a line is a metric key, a time and a value: cpu.total,2026-01-31T12:00:00Z,12.5",
            Self::Jsonl => {
                "a line is an object with metric_key and points, or with id, event_type, timestamp, source and data"
            }
            Self::OpenMetrics(_) => "a line is name{label=\"value\"} 12.5 1769860800, and the last one is # EOF",
        }
    }
}

fn json(line: &str, batch: &mut Batch) -> Result<(), String> {
    if line.trim().is_empty() {
        return Ok(());
    }
    if line.contains("\"event_type\"") && !line.trim_start().starts_with("{\"metric_key\"") {
        batch.event(read_event(line)?);
        return Ok(());
    }
    batch.line(SamplesLine::read(line)?)
}

fn csv(line: &str, batch: &mut Batch) -> Result<(), String> {
    if line.is_empty() {
        return Ok(());
    }
    let (key, rest) = csv_key(line)?;
    let (time, value) = rest.split_once(',').ok_or("a line has three fields")?;
    let timestamp = time::timestamp(time).map_err(|problem| format!("{time:?} is not a time: {problem}"))?;
    let value = read_exact(value).ok_or_else(|| format!("{value:?} is not a value"))?;
    batch.point(key, Point { timestamp, value }, |field| {
        let text = match field.strip_prefix('"').and_then(|field| field.strip_suffix('"')) {
            Some(quoted) => quoted.replace("\"\"", "\""),
            None => field.to_owned(),
        };
        let key: MetricKey = text.parse().map_err(|error| format!("{text:?}: {error}"))?;
        let is_counter =
            observe::names::find(key.name()).is_some_and(|metric| metric.kind == observe::MetricKind::Counter);
        Ok((key, if is_counter { SeriesKind::Counter } else { SeriesKind::Gauge }))
    })
}

/// Splits a line into its first field, with its quotes, and the others.
fn csv_key(line: &str) -> Result<(&str, &str), String> {
    let end = if let Some(quoted) = line.strip_prefix('"') {
        let mut from = 0;
        loop {
            let at = quoted.get(from..).and_then(|rest| rest.find('"')).ok_or("a quoted field has no end")? + from;
            // A quote within a field is doubled.
            if quoted.get(at + 1..).is_some_and(|rest| rest.starts_with('"')) {
                from = at + 2;
            } else {
                break at + 2;
            }
        }
    } else {
        line.find(',').ok_or("a line has three fields")?
    };
    let (key, rest) = line.split_at_checked(end).ok_or("a line has three fields")?;
    Ok((key, rest.strip_prefix(',').ok_or("a line has three fields")?))
}

const HEADER: &str = "metric_key,timestamp,value";

#[cfg(test)]
mod tests;
