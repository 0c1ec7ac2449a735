//! What of a store is exported, and in which form.

use std::path::Path;

use clap::ValueEnum;

use crate::cli::error::CommandError;

/// What is exported.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(super) enum What {
    /// Points of series
    #[default]
    Samples,
    /// Events that are neither log records nor spans, findings among them
    Events,
    /// Log records
    Logs,
    /// Spans
    Spans,
}

/// The form of a file.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(super) enum Format {
    /// metric_key,timestamp,value
    Csv,
    /// A JSON object in each line; nothing is lost
    #[default]
    Jsonl,
    /// What Prometheus and its kin read and write
    #[value(name = "openmetrics")]
    OpenMetrics,
}

impl Format {
    /// Tells the form of a file by the end of its name.
    pub(super) fn of(path: &Path) -> Result<Self, CommandError> {
        let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default();
        Self::by_end(end).ok_or_else(|| CommandError::Usage {
            problem: format!("the name {:?} does not tell the form of the file", path.display().to_string()),
            help: "add --format csv, jsonl or openmetrics, or let the name end with csv; json, jsonl, ndjson; om, \
                   openmetrics, prom or txt"
                .to_owned(),
        })
    }

    fn by_end(end: &str) -> Option<Self> {
        match end {
            "csv" => Some(Self::Csv),
            "json" | "jsonl" | "ndjson" => Some(Self::Jsonl),
            "om" | "openmetrics" | "prom" | "txt" => Some(Self::OpenMetrics),
            _ => None,
        }
    }
}
