//! The text of both formats.

use std::fmt::Write;

use super::{Exposition, Family, Histogram, Kind};

/// An exposition format. Complete by what is built.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Text 0.0.4.
    Text,
}

impl Format {
    /// Returns the media type with its parameters.
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

impl Exposition {
    pub(super) fn write(&self, format: Format) -> Vec<u8> {
        let mut text = String::with_capacity(64 << 10);
        for (name, family) in &self.families {
            family.write(name, format, &mut text);
        }
        if format == Format::OpenMetrics {
            text.push_str("# EOF\n");
        }
        text.into_bytes()
    }
}

impl Family {
    fn write(&self, name: &str, format: Format, text: &mut String) {
        // OpenMetrics names a counter's family without the ending that its samples carry.
        let family = match format {
            Format::OpenMetrics if self.kind == Kind::Counter => name.strip_suffix("_total").unwrap_or(name),
            Format::OpenMetrics | Format::Text => name,
        };
        push(text, format_args!("# HELP {family} "));
        escape_help(&self.help, format, text);
        push(text, format_args!("\n# TYPE {family} {}\n", self.kind.as_str()));
        for (labels, value) in &self.samples {
            text.push_str(name);
            braced(labels, "", text);
            number(*value, text);
        }
        for (labels, histogram) in &self.histograms {
            histogram.write(name, labels, text);
        }
    }
}

impl Histogram {
    fn write(&self, name: &str, labels: &str, text: &mut String) {
        for (bound, count) in self.buckets.iter().copied().chain([("+Inf", self.count)]) {
            push(text, format_args!("{name}_bucket"));
            braced(labels, bound, text);
            push(text, format_args!(" {count}\n"));
        }
        push(text, format_args!("{name}_sum"));
        braced(labels, "", text);
        number(self.sum, text);
        push(text, format_args!("{name}_count"));
        braced(labels, "", text);
        push(text, format_args!(" {}\n", self.count));
    }
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Writes labels with, for buckets, their upper bound.
fn braced(labels: &str, bound: &str, text: &mut String) {
    let comma = if labels.is_empty() { "" } else { "," };
    match (labels.is_empty(), bound.is_empty()) {
        (true, true) => {}
        (_, true) => push(text, format_args!("{{{labels}}}")),
        (_, false) => push(text, format_args!("{{{labels}{comma}le=\"{bound}\"}}")),
    }
}

/// Writes the value of a sample and ends its line.
fn number(value: f64, text: &mut String) {
    match value {
        value if value == f64::INFINITY => text.push_str(" +Inf"),
        value if value == f64::NEG_INFINITY => text.push_str(" -Inf"),
        value => push(text, format_args!(" {value}")),
    }
    text.push('\n');
}

/// Both formats escape a line's end and the backslash; OpenMetrics the double quote too.
fn escape_help(help: &str, format: Format, text: &mut String) {
    for character in help.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '"' if format == Format::OpenMetrics => text.push_str("\\\""),
            other => text.push(other),
        }
    }
}

/// Appends to a text, which cannot fail.
fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    if text.write_fmt(arguments).is_err() {
        text.push('?');
    }
}
