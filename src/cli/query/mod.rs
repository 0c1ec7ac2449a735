//! `observe query`: the points of series, from the local store or from a running server.

mod answer;
mod local;
mod remote;
mod write;

use std::{process::ExitCode, time::Duration};

use clap::{ValueEnum, builder::PossibleValuesParser};
use observe::{Aggregate, Clock as _, Selector, SystemClock, Timestamp};

use super::{
    Global,
    error::{CommandError, finish},
    output, store_access, time,
};
use crate::settings::Environment;

/// Prints the points of series, derived ones included
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Which series: `cpu.total`, `disk.percent{mountpoint!="/"}`, `{__name__=~"load[.].*"}`
    #[arg(value_name = "EXPR")]
    selector: Selector,
    /// How far back from the end
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = time::duration)]
    range: Duration,
    /// Not before this time
    #[arg(long, value_name = "TIME", value_parser = time::timestamp, conflicts_with = "range")]
    start: Option<Timestamp>,
    /// Before this time [default: now]
    #[arg(long, value_name = "TIME", value_parser = time::timestamp)]
    end: Option<Timestamp>,
    /// From point to point; 0 prints points as they were stored [default: about 60 steps]
    #[arg(long, value_name = "DURATION", value_parser = time::duration)]
    step: Option<Duration>,
    /// What becomes of the points in a step
    #[arg(long, value_name = "AGGREGATE", default_value = "avg", value_parser = PossibleValuesParser::new(Aggregate::names()))]
    agg: String,
    /// How the answer is printed
    #[arg(long, default_value = "table")]
    format: Format,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Asks a running server instead of the local store: http://127.0.0.1:8000
    #[arg(long, value_name = "URL", conflicts_with = "db")]
    url: Option<String>,
    #[command(flatten)]
    database: store_access::Database,
}

/// How an answer is printed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Format {
    Table,
    Csv,
    Json,
    Sparkline,
}

/// What is asked.
#[derive(Clone, Debug)]
struct Question {
    selector: Selector,
    start: Timestamp,
    end: Timestamp,
    step: Duration,
    aggregate: Aggregate,
    /// The word for it.
    word: String,
}

impl Args {
    pub(super) fn run(self, global: &Global, environment: &Environment) -> ExitCode {
        finish(self.answer(global, environment))
    }

    fn answer(&self, global: &Global, environment: &Environment) -> Result<(), CommandError> {
        let question = self.question(SystemClock.now())?;
        let mut damaged = 0;
        let answer = match &self.url {
            Some(url) => remote::ask(url, &question)?,
            None => store_access::block_on(local::ask(&self.database, global, environment, &question, &mut damaged))?,
        };
        let text = match if self.json { Format::Json } else { self.format } {
            Format::Csv => write::csv(&answer),
            Format::Json => write::json(&answer),
            Format::Sparkline => write::sparklines(&answer),
            Format::Table => write::table(&answer),
        };
        output::write(&text)?;
        store_access::whole(NOT_WHOLE, damaged)
    }

    fn question(&self, now: Timestamp) -> Result<Question, CommandError> {
        let end = self.end.unwrap_or(now);
        let start = self.start.unwrap_or(end - self.range);
        if start >= end {
            return Err(CommandError::Usage {
                problem: format!("there is no time between {} and {}", time::rfc3339(start), time::rfc3339(end)),
                help: "let --start be before --end, and --range more than 0".to_owned(),
            });
        }
        let step = self.step.unwrap_or_else(|| fitting_step(end.since(start)));
        // The words that clap lets through are those that can be read.
        let aggregate = self.agg.parse().unwrap_or_default();
        Ok(Question { selector: self.selector.clone(), start, end, step, aggregate, word: self.agg.clone() })
    }
}

/// Returns the step that cuts a range into about sixty.
fn fitting_step(range: Duration) -> Duration {
    let wanted = range.as_secs().div_ceil(WANTED_STEPS);
    let found = STEPS_SECONDS.into_iter().find(|seconds| *seconds >= wanted);
    Duration::from_secs(found.unwrap_or_else(|| wanted.next_multiple_of(DAY)))
}

const NOT_WHOLE: &str = "the answer is not whole";
const WANTED_STEPS: u64 = 60;
const DAY: u64 = 86_400;
const STEPS_SECONDS: [u64; 16] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 10_800, 21_600, DAY];

const EXAMPLES: &str = "Examples:
  observe query cpu.total
  observe query 'disk.percent{mountpoint=\"/\"}' --range 7d --format sparkline
  observe query disk.read_bytes --range 6h --step 1m --agg rate --format csv
  observe query cpu.total --url http://127.0.0.1:8000 --json";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_into_about_sixty_steps() {
        for (range, step) in
            [(60, 1), (3_600, 60), (21_600, 600), (86_400, 1_800), (604_800, 10_800), (31_536_000, 604_800)]
        {
            assert_eq!(fitting_step(Duration::from_secs(range)), Duration::from_secs(step), "{range}");
        }
    }
}
