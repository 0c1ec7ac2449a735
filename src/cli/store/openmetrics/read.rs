//! Reads OpenMetrics text line by line.

use std::collections::HashMap;

use observe::{Attributes, MetricKey, Point, SeriesKind, Timestamp};

use super::KEY;

/// Reads OpenMetrics text line by line; of the text it only remembers what kinds its metrics are.
#[derive(Debug, Default)]
pub(in super::super) struct Reader {
    kinds: HashMap<String, Kind>,
    is_done: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Counter,
    Gauge,
    /// Its parts count.
    Histogram,
}

/// A line with a sample: what names its series as it stands there, and its point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in super::super) struct Sample<'a> {
    pub(in super::super) series: &'a str,
    pub(in super::super) point: Point,
}

impl Reader {
    /// Reads a line; `None` where it has no sample.
    pub(in super::super) fn line<'a>(&mut self, line: &'a str) -> Result<Option<Sample<'a>>, String> {
        if self.is_done {
            return Err("something follows `# EOF`; nothing may".to_owned());
        }
        if let Some(comment) = line.strip_prefix('#') {
            return self.comment(comment).map(|()| None);
        }
        if line.trim().is_empty() {
            return Ok(None);
        }
        sample(line).map(Some)
    }

    /// Says whether the text was whole.
    pub(in super::super) fn finish(&self) -> Result<(), String> {
        if self.is_done { Ok(()) } else { Err("the text ends without `# EOF`, so something may be missing".to_owned()) }
    }

    /// Returns the key and the kind of the series that a sample names.
    pub(in super::super) fn series(&self, text: &str) -> Result<(MetricKey, SeriesKind), String> {
        let (name, labels) = labels(text)?;
        let kind = self.kind(&name);
        if let Some((_, key)) = labels.iter().find(|(label, _)| label == KEY) {
            let key = key.parse().map_err(|error| format!("label {KEY} is not a metric key: {error}"))?;
            return Ok((key, kind));
        }
        let attributes = Attributes::new(labels).map_err(|error| error.to_string())?;
        // Names of recording rules have colons, which ours do not.
        let key = MetricKey::new(name.replace(':', "."), attributes).map_err(|error| error.to_string())?;
        Ok((key, kind))
    }

    fn comment(&mut self, comment: &str) -> Result<(), String> {
        let mut words = comment.split_ascii_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some("EOF"), None, None) => self.is_done = true,
            (Some("TYPE"), Some(family), Some(kind)) => {
                if self.kinds.len() >= MAX_FAMILIES {
                    return Err(format!("there are more than {MAX_FAMILIES} metric families"));
                }
                let kind = match kind {
                    "counter" => Kind::Counter,
                    "gaugehistogram" | "gauge" | "info" | "stateset" | "unknown" | "untyped" => Kind::Gauge,
                    "histogram" | "summary" => Kind::Histogram,
                    other => return Err(format!("{other:?} is not a type of metric")),
                };
                self.kinds.insert(family.trim_matches('"').to_owned(), kind);
            }
            (Some("TYPE"), ..) => return Err("`# TYPE` has a name and a type".to_owned()),
            _ => {}
        }
        Ok(())
    }

    fn kind(&self, name: &str) -> SeriesKind {
        let of = |ending: &str| name.strip_suffix(ending).and_then(|family| self.kinds.get(family));
        let is_counter = of("_total") == Some(&Kind::Counter)
            || self.kinds.get(name) == Some(&Kind::Counter)
            || ["_bucket", "_count", "_sum"].iter().any(|ending| of(ending) == Some(&Kind::Histogram));
        if is_counter { SeriesKind::Counter } else { SeriesKind::Gauge }
    }
}

/// Splits a line into what names the series, and the point.
fn sample(line: &str) -> Result<Sample<'_>, String> {
    let end = series_end(line)?;
    let (series, rest) = line.split_at_checked(end).unwrap_or((line, ""));
    // What follows is an exemplar.
    let rest = rest.split_once(" # ").map_or(rest, |(rest, _)| rest);
    let mut words = rest.split_ascii_whitespace();
    let (Some(value), Some(time), None) = (words.next(), words.next(), words.next()) else {
        return Err("a sample is a name, labels, a value and a time in seconds".to_owned());
    };
    let value = number(value).ok_or_else(|| format!("{value:?} is not a value"))?;
    let timestamp = seconds(time).ok_or_else(|| format!("{time:?} is not a time in seconds since 1970"))?;
    Ok(Sample { series: series.trim_end(), point: Point { timestamp, value } })
}

/// Returns where the name and the labels end.
fn series_end(line: &str) -> Result<usize, String> {
    let (mut is_quoted, mut is_escaped, mut is_open) = (false, false, false);
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            _ if is_quoted => {}
            b'{' => is_open = true,
            b'}' if is_open => return Ok(at + 1),
            b' ' | b'\t' if !is_open => return Ok(at),
            _ => {}
        }
    }
    Err("the name or the labels have no end".to_owned())
}

type Labels = Vec<(String, String)>;

/// Reads a name and labels. A name that is not plain stands in quotes among the labels.
fn labels(text: &str) -> Result<(String, Labels), String> {
    let Some((name, rest)) = text.split_once('{') else { return Ok((text.to_owned(), Vec::new())) };
    let mut rest = rest.strip_suffix('}').ok_or("labels have no end")?.trim();
    let (mut name, mut found) = (name.trim().to_owned(), Vec::new());
    while !rest.is_empty() {
        if rest.starts_with('"') {
            let (value, after) = quoted(rest)?;
            match after.trim_start().strip_prefix('=') {
                Some(after) => {
                    let (other, after) = quoted(after.trim_start())?;
                    found.push((value, other));
                    rest = after;
                }
                None if name.is_empty() => {
                    name = value;
                    rest = after;
                }
                None => return Err("there are two names".to_owned()),
            }
        } else {
            let (label, after) = rest.split_once('=').ok_or("a label has no value")?;
            let (value, after) = quoted(after.trim_start())?;
            found.push((label.trim().to_owned(), value));
            rest = after;
        }
        rest = rest.trim_start();
        rest = match rest.strip_prefix(',') {
            Some(after) => after.trim_start(),
            None if rest.is_empty() => rest,
            None => return Err("labels are separated by commas".to_owned()),
        };
    }
    Ok((name, found))
}

/// Reads a text in quotes. Returns what follows it, too.
fn quoted(text: &str) -> Result<(String, &str), String> {
    let rest = text.strip_prefix('"').ok_or("the value of a label stands in quotes")?;
    let mut value = String::new();
    let mut characters = rest.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((value, rest.get(at + 1..).unwrap_or_default())),
            '\\' => match characters.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, escaped @ ('\\' | '"'))) => value.push(escaped),
                _ => return Err("after a backslash comes n, \" or another backslash".to_owned()),
            },
            other => value.push(other),
        }
    }
    Err("a value has no closing quote".to_owned())
}

fn number(text: &str) -> Option<f64> {
    match text {
        "+Inf" | "Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        "NaN" => Some(f64::NAN),
        text if text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first)) => text.parse().ok(),
        _ => None,
    }
}

/// Reads seconds with up to nine digits behind the point, as exactly as they stand there.
fn seconds(text: &str) -> Option<Timestamp> {
    if text.contains(['e', 'E']) {
        let nanos = text.parse::<f64>().ok()? * 1e9;
        return (nanos.abs() < 9e18).then_some(Timestamp::from_nanos(nanos as i64));
    }
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(part) {
        return None;
    }
    let part: String = part.chars().chain("000000000".chars()).take(9).collect();
    let whole = whole.parse::<i64>().ok()?.checked_mul(1_000_000_000)?;
    Some(Timestamp::from_nanos(whole.checked_add(part.parse().ok()?)? * sign))
}

/// Metric families whose kinds are remembered.
const MAX_FAMILIES: usize = 1_000_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Vec<(String, SeriesKind, i64, f64)>, String> {
        let mut reader = Reader::default();
        let mut found = Vec::new();
        for line in text.lines() {
            if let Some(sample) = reader.line(line)? {
                let (key, kind) = reader.series(sample.series)?;
                found.push((key.to_string(), kind, sample.point.timestamp.as_nanos(), sample.point.value));
            }
        }
        reader.finish().map(|()| found)
    }

    #[test]
    fn what_others_write_is_understood() {
        let text = "# HELP http_requests Requests.\n# TYPE http_requests counter\n\
            http_requests_total{code=\"200\",path=\"/a\\\"b\\\\c\\nd, }\"} 3 1700000000.25 # {trace_id=\"x\"} 1\n\
            # TYPE t histogram\nt_bucket{le=\"+Inf\"} 7 1.7e9\njob:up:sum 1 -1.5\n{\"disk.used\",a=\"b\"} +Inf 1\n# EOF\n";

        let found = read(text).unwrap();

        let expected = [
            (
                "http_requests_total{code=200,path=\"/a\\\"b\\\\c\\nd, }\"}",
                SeriesKind::Counter,
                1_700_000_000_250_000_000,
                3.0,
            ),
            ("t_bucket{le=\"+Inf\"}", SeriesKind::Counter, 1_700_000_000_000_000_000, 7.0),
            ("job.up.sum", SeriesKind::Gauge, -1_500_000_000, 1.0),
            ("disk.used{a=b}", SeriesKind::Gauge, 1_000_000_000, f64::INFINITY),
        ];
        let expected =
            expected.map(|(key, kind, at, value)| (key.parse::<MetricKey>().unwrap().to_string(), kind, at, value));
        assert_eq!(found, expected);
    }

    #[test]
    fn the_label_with_our_key_counts() {
        let found = read("a_b{metric_key=\"a.b{c=d}\",c=\"other\"} 1 1\n# EOF").unwrap();

        assert_eq!(found[0].0, "a.b{c=d}");
    }

    #[test]
    fn lines_that_make_no_sense_say_why() {
        for (text, reason) in [
            ("a 1", "a value and a time"),
            ("a 1 2 3", "a value and a time"),
            ("a", "no end"),
            ("a{b=\"c\" 1 2", "no end"),
            ("a{b=c} 1 2", "in quotes"),
            ("a{b} 1 2", "no value"),
            ("a{b=\"c\"d=\"e\"} 1 2", "commas"),
            ("a{b=\"\\x\"} 1 2", "backslash"),
            ("a x 2", "not a value"),
            ("a inf 2", "not a value"),
            ("a 1 2x", "not a time"),
            ("a 1 99999999999999", "not a time"),
            ("a{b=\"1\",b=\"2\"} 1 2", "given twice"),
            ("a\u{e4} 1 2", "metric name"),
            ("a{metric_key=\"x y\"} 1 2", "not a metric key"),
            ("# TYPE a sum", "not a type"),
            ("# TYPE a", "a name and a type"),
            ("a 1 2", "without `# EOF`"),
            ("# EOF\na 1 2", "follows"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[a-z{}=\"\\\\,.0-9 #éEOF\n+-]{0,80}") {
            let _ = read(&text);
        }

        #[test]
        fn no_unicode_panics(text in ".{0,60}") {
            let _ = read(&text);
        }
    }
}
