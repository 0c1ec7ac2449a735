//! Asks a running server.

use std::time::Duration;

use observe::{MetricKey, Point};
use serde::Deserialize;

use super::{
    Question,
    answer::{Answer, Series},
};
use crate::cli::{FAILED, UNREACHABLE, error::CommandError, http, time};

/// Returns the answer of the server at `url`.
pub(super) fn ask(url: &str, question: &Question) -> Result<Answer, CommandError> {
    let url = &if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    let whole = Duration::from_secs(question.step.as_secs());
    if whole != question.step {
        return Err(problem(url, "a server cuts time into whole seconds", "let --step be whole seconds", FAILED));
    }
    let target = target(question);
    let response = http::get(url, &target).map_err(|error| {
        let help = "look whether the server runs there: `observe serve` prints its address";
        problem(url, &error.to_string(), help, if error.is_wrong_usage() { FAILED } else { UNREACHABLE })
    })?;
    if response.status != 200 {
        return Err(refused(url, &response));
    }
    let body: Body = serde_json::from_slice(&response.body).map_err(|error| strange(url, &error.to_string()))?;
    let series = body.series.into_iter().map(|series| series.read(url)).collect::<Result<Vec<_>, _>>()?;
    let answer = Answer { series, step: question.step };
    if answer.has_points() {
        return Ok(answer);
    }
    let help = format!("`{url}/api/v1/metrics` lists its series");
    Err(CommandError::Nothing { problem: format!("the server has no points of `{}`", question.selector), help })
}

/// The answer of `/api/v1/metrics/history`.
#[derive(Deserialize)]
struct Body {
    series: Vec<SeriesBody>,
}

#[derive(Deserialize)]
struct SeriesBody {
    metric_key: String,
    unit: String,
    /// A value that JSON has no number for is null.
    points: Vec<(String, Option<f64>)>,
}

/// What a server says when it does not answer.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Problem {
    title: String,
    detail: String,
    errors: Vec<Field>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Field {
    message: String,
    msg: String,
}

impl SeriesBody {
    fn read(self, url: &str) -> Result<Series, CommandError> {
        let key: MetricKey = self.metric_key.parse().map_err(|error| strange(url, &format!("{error}")))?;
        let point = |(at, value): (String, Option<f64>)| {
            let timestamp = time::timestamp(&at).map_err(|_| strange(url, &format!("{at:?} is not a time")))?;
            Ok(Point { timestamp, value: value.unwrap_or(f64::NAN) })
        };
        let points = self.points.into_iter().map(point).collect::<Result<Vec<_>, CommandError>>()?;
        Ok(Series { key, unit: self.unit.into(), points })
    }
}

fn target(question: &Question) -> String {
    let Question { selector, start, end, step, word, .. } = question;
    let parameters = [
        ("match", selector.to_string()),
        ("start", time::rfc3339(*start)),
        ("end", time::rfc3339(*end)),
        ("step", step.as_secs().to_string()),
        ("agg", word.clone()),
    ];
    let pairs: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{name}={}", http::encoded(value))).collect();
    format!("/api/v1/metrics/history?{}", pairs.join("&"))
}

fn refused(url: &str, response: &http::Response) -> CommandError {
    let said: Problem = serde_json::from_slice(&response.body).unwrap_or_default();
    let fields = said.errors.into_iter().map(|field| if field.message.is_empty() { field.msg } else { field.message });
    let parts = [said.title, said.detail].into_iter().chain(fields).filter(|part| !part.is_empty());
    let text = parts.collect::<Vec<String>>().join(": ");
    problem(url, &format!("it answers {} {text}", response.status), "ask as the message says", FAILED)
}

fn strange(url: &str, reason: &str) -> CommandError {
    let text = format!("the answer is not one of observe: {reason}");
    problem(url, &text, "look which program listens there", FAILED)
}

fn problem(url: &str, problem: &str, help: &str, code: u8) -> CommandError {
    CommandError::Remote { url: url.to_owned(), problem: problem.to_owned(), help: help.to_owned(), code }
}
