//! A line of points of one series.

use std::{borrow::Cow, io, time::Duration};

use observe::{MetricKey, Point, SeriesInfo, SeriesKind};
use serde::Deserialize;

use super::{exact, number::Number};
use crate::cli::time;

/// Points of one series: what [`write_samples`] wrote.
#[derive(Debug)]
pub(in super::super) struct SamplesLine {
    pub(in super::super) info: SeriesInfo,
    pub(in super::super) points: Vec<Point>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    #[serde(borrow)]
    metric_key: Cow<'a, str>,
    #[serde(default, borrow)]
    kind: Cow<'a, str>,
    #[serde(default, borrow)]
    unit: Cow<'a, str>,
    #[serde(default, borrow)]
    producer: Cow<'a, str>,
    #[serde(default)]
    interval_ms: Option<u64>,
    #[serde(borrow)]
    points: Vec<(Cow<'a, str>, Number)>,
}

/// Writes points of one series, in lines of at most [`POINTS_A_LINE`].
pub(in super::super) fn write_samples(out: &mut dyn io::Write, info: &SeriesInfo, points: &[Point]) -> io::Result<()> {
    let text = |text: &str| serde_json::to_string(text).unwrap_or_default();
    let head = format!(
        "{{\"metric_key\":{},\"kind\":\"{}\",\"unit\":{},\"producer\":{},\"interval_ms\":{},\"points\":[",
        text(&info.key.to_string()),
        info.kind.as_str(),
        text(&info.unit),
        text(&info.producer),
        info.interval.as_millis()
    );
    for some in points.chunks(POINTS_A_LINE) {
        out.write_all(head.as_bytes())?;
        for (index, point) in some.iter().enumerate() {
            let (comma, at) = (if index == 0 { "" } else { "," }, time::rfc3339(point.timestamp));
            let quote = if point.value.is_finite() { "" } else { "\"" };
            write!(out, "{comma}[\"{at}\",{quote}{}{quote}]", exact(point.value))?;
        }
        out.write_all(b"]}\n")?;
    }
    Ok(())
}

impl SamplesLine {
    /// Reads a line. The interval is zero where the line does not say it.
    pub(in super::super) fn read(text: &str) -> Result<Self, String> {
        let line: Line<'_> = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let key: MetricKey = line.metric_key.parse().map_err(|error| format!("{:?}: {error}", line.metric_key))?;
        let kind = match &*line.kind {
            "counter" => SeriesKind::Counter,
            "gauge" | "" => SeriesKind::Gauge,
            other => return Err(format!("kind is {other:?}; it can be counter or gauge")),
        };
        let mut info = SeriesInfo::new(key, kind);
        info.unit = line.unit.into();
        info.producer = line.producer.into();
        info.interval = Duration::from_millis(line.interval_ms.unwrap_or_default());
        let point = |(at, value): (Cow<'_, str>, Number)| {
            let timestamp = time::timestamp(&at).map_err(|problem| format!("{at:?} is not a time: {problem}"))?;
            Ok(Point { timestamp, value: value.0 })
        };
        let points = line.points.into_iter().map(point).collect::<Result<_, String>>()?;
        Ok(Self { info, points })
    }
}

const POINTS_A_LINE: usize = 500;

#[cfg(test)]
mod tests {
    use observe::Timestamp;

    use super::*;

    #[test]
    fn lines_keep_everything() {
        let mut info = SeriesInfo::new("a.b{c=\"x \\\"y\"}".parse().unwrap(), SeriesKind::Counter);
        info.unit = "bytes".into();
        info.producer = "disk".into();
        info.interval = Duration::from_millis(1_500);
        let values = [1.0, -0.0, f64::NAN, f64::from_bits(0x7ff0_0000_0000_0001), f64::NEG_INFINITY, 5e-324];
        let points: Vec<Point> =
            (1..).zip(values).map(|(at, value)| Point { timestamp: Timestamp::from_nanos(at), value }).collect();
        let mut out = Vec::new();

        write_samples(&mut out, &info, &points).unwrap();

        let line = SamplesLine::read(std::str::from_utf8(&out).unwrap().trim_end()).unwrap();
        let bits = |points: &[Point]| -> Vec<(Timestamp, u64)> {
            points.iter().map(|point| (point.timestamp, point.value.to_bits())).collect()
        };
        assert_eq!((line.info, bits(&line.points)), (info, bits(&points)));
    }

    #[test]
    fn lines_that_make_no_sense_say_why() {
        for (line, reason) in [
            ("", "EOF"),
            ("{}", "metric_key"),
            (r#"{"metric_key":"a b","points":[]}"#, "metric name"),
            (r#"{"metric_key":"a","kind":"sum","points":[]}"#, "counter or gauge"),
            (r#"{"metric_key":"a","points":[["yesterday",1]]}"#, "not a time"),
            (r#"{"metric_key":"a","points":[["2026-01-01T00:00:00Z","x"]]}"#, "NaN"),
            (r#"{"metric_key":"a","points":[["2026-01-01T00:00:00Z"]]}"#, "length"),
            (r#"{"metric_key":"a","points":[],"value":1}"#, "unknown field"),
        ] {
            let error = SamplesLine::read(line).unwrap_err();
            assert!(error.contains(reason), "{line}: {error}");
        }
    }
}
