//! Writes OpenMetrics text.

use std::{collections::HashSet, io};

use observe::{Attributes, Point, SeriesInfo, SeriesKind, Timestamp, names};

use super::KEY;

/// Writes series by families; those of one name must follow each other, and points be in the order of time.
#[derive(Debug, Default)]
pub(in super::super) struct Families {
    /// The name as we spell it of the family that is being written, and as Prometheus does.
    name: String,
    family: String,
    written: HashSet<String>,
}

impl Families {
    /// Writes points of a series.
    pub(in super::super) fn write(
        &mut self,
        out: &mut dyn io::Write,
        info: &SeriesInfo,
        points: &[Point],
    ) -> io::Result<()> {
        if points.is_empty() {
            return Ok(());
        }
        if self.name != info.key.name() {
            self.begin(out, info)?;
        }
        let suffix = if info.kind == SeriesKind::Counter { "_total" } else { "" };
        let head = format!("{}{suffix}{{{}}}", self.family, labels(info));
        for point in points {
            writeln!(out, "{head} {} {}", number(point.value), seconds(point.timestamp))?;
        }
        Ok(())
    }

    /// Ends the text.
    pub(in super::super) fn finish(out: &mut dyn io::Write) -> io::Result<()> {
        out.write_all(b"# EOF\n")
    }

    fn begin(&mut self, out: &mut dyn io::Write, info: &SeriesInfo) -> io::Result<()> {
        info.key.name().clone_into(&mut self.name);
        self.family = plain(info.key.name());
        while let Some(rest) = RESERVED.iter().find_map(|ending| self.family.strip_suffix(ending)) {
            self.family.truncate(rest.len());
        }
        // Names that differ only in characters that are not allowed there are different families.
        while self.family.is_empty() || !self.written.insert(self.family.clone()) {
            self.family.push('_');
        }
        writeln!(out, "# TYPE {} {}", self.family, info.kind.as_str())?;
        match names::find(&self.name) {
            Some(metric) => writeln!(out, "# HELP {} {}", self.family, escaped(&metric.help)),
            None => Ok(()),
        }
    }
}

/// Writes the labels of a series: its key, and its attributes by names that Prometheus takes.
fn labels(info: &SeriesInfo) -> String {
    let mut text = format!("{KEY}=\"{}\"", escaped(&info.key.to_string()));
    let mut seen = HashSet::from([KEY.to_owned()]);
    for (name, value) in named(info.key.attributes()) {
        // What is lost here is in the key.
        if seen.insert(name.clone()) {
            text.push_str(&format!(",{name}=\"{}\"", escaped(value)));
        }
    }
    text
}

fn named(attributes: &Attributes) -> impl Iterator<Item = (String, &str)> {
    attributes.iter().map(|one| {
        let name = plain(one.key.trim_start_matches('_'));
        let is_reserved = name.is_empty() || name == "le" || name == "quantile";
        (if is_reserved { format!("label_{name}") } else { name }, &*one.value)
    })
}

/// Turns everything but letters, digits and `_` into `_`; a digit does not begin a name.
fn plain(name: &str) -> String {
    let mut text: String = if name.starts_with(|first: char| first.is_ascii_digit()) { "_".into() } else { "".into() };
    text.extend(name.chars().map(|one| if one.is_ascii_alphanumeric() { one } else { '_' }));
    text
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn number(value: f64) -> String {
    match value {
        value if value.is_nan() => "NaN".to_owned(),
        value if value.is_infinite() => if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned(),
        value => crate::cli::table::number(value),
    }
}

/// Writes seconds since the epoch with as many digits as there are.
fn seconds(timestamp: Timestamp) -> String {
    let nanos = timestamp.as_nanos();
    let sign = if nanos < 0 { "-" } else { "" };
    let (whole, part) = (nanos.unsigned_abs() / NANOS, nanos.unsigned_abs() % NANOS);
    if part == 0 {
        return format!("{sign}{whole}");
    }
    format!("{sign}{whole}.{}", format!("{part:09}").trim_end_matches('0'))
}

const NANOS: u64 = 1_000_000_000;
/// Endings that mean something in this format.
const RESERVED: [&str; 6] = ["_bucket", "_count", "_created", "_info", "_sum", "_total"];

#[cfg(test)]
mod tests {
    use super::*;

    fn text(series: &[(&str, SeriesKind)]) -> String {
        let (mut families, mut out) = (Families::default(), Vec::new());
        for (key, kind) in series {
            let point = Point { timestamp: Timestamp::from_millis(1_500), value: 2.0 };
            families.write(&mut out, &SeriesInfo::new(key.parse().unwrap(), *kind), &[point]).unwrap();
        }
        Families::finish(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn series_stand_below_their_family_with_their_key() {
        let text = text(&[("q.done{host.name=a}", SeriesKind::Counter), ("q.done{le=b}", SeriesKind::Counter)]);

        assert_eq!(
            text,
            "# TYPE q_done counter\n\
             q_done_total{metric_key=\"q.done{host.name=a}\",host_name=\"a\"} 2 1.5\n\
             q_done_total{metric_key=\"q.done{le=b}\",label_le=\"b\"} 2 1.5\n\
             # EOF\n"
        );
    }

    #[test]
    fn names_that_look_the_same_there_are_different_families() {
        let text = text(&[("q.a_total", SeriesKind::Gauge), ("q_a", SeriesKind::Gauge), ("9", SeriesKind::Gauge)]);

        let families: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
        assert_eq!(families, ["q_a gauge", "q_a_ gauge", "_9 gauge"]);
    }

    #[test]
    fn times_have_all_their_digits() {
        for (nanos, text) in [(0, "0"), (-1, "-0.000000001"), (1_700_000_000_500_000_000, "1700000000.5")] {
            assert_eq!(seconds(Timestamp::from_nanos(nanos)), text);
        }
    }
}
