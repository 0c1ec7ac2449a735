//! From our names to those of Prometheus: base units, plain characters.

use std::borrow::Cow;

use observe_core::{Metric, MetricKind, Unit, names::cpu};

use super::{Kind, Name};

/// Returns the family of a metric and the factor from its unit to the family's; `None` where it is not exposed.
///
/// Derived metrics are exposed when OpenTelemetry names them or they are percentages: a scraper computes all other
/// rates and means from the counters better than we could, over windows of its own choice.
///
/// The name is OpenTelemetry's where there is one. What begins with `process_` is left to this process: to Prometheus it
/// means the target itself, and the processes of the host are something else.
pub(super) fn family(metric: &Metric) -> Option<(Name, f64)> {
    let kind = match metric.kind {
        MetricKind::Counter => Kind::Counter,
        MetricKind::Gauge => Kind::Gauge,
        MetricKind::Derived(_) if metric.otel.is_some() || metric.unit == Unit::Percent => Kind::Gauge,
        MetricKind::Derived(_) => return None,
    };
    let is_sum = OF_ALL_CORES.iter().any(|other| other.name == metric.name);
    let (text, unit, factor) = match metric.otel.as_ref().filter(|otel| !is_sum && !otel.name.starts_with("process.")) {
        Some(otel) => (plain(otel.name), otel.unit, otel.scale),
        None => (format!("observe_{}", plain(&metric.name)), metric.unit, 1.0),
    };
    let (suffix, to_base) = base_unit(unit);
    let name = Name { text: Cow::Owned(suffixed(text, suffix, kind)), kind, help: Cow::Owned(help(metric)) };
    Some((name, factor * to_base))
}

/// Returns our own sentence, or a neutral one where several of our metrics share the family.
fn help(metric: &Metric) -> String {
    match &metric.otel {
        Some(otel) if !otel.attributes.is_empty() => {
            let labels: Vec<String> = otel.attributes.iter().map(|(key, _)| label(key)).collect();
            format!("OpenTelemetry's {}, by {}.", otel.name, labels.join(" and "))
        }
        _ => metric.help.to_string(),
    }
}

/// Returns what stands behind the name, and the factor from the unit to its base.
const fn base_unit(unit: Unit) -> (&'static str, f64) {
    match unit {
        Unit::Megahertz => ("hertz", 1e6),
        Unit::Milliseconds => ("seconds", 1e-3),
        Unit::Nanoseconds => ("seconds", 1e-9),
        Unit::Percent => ("ratio", 0.01),
        other => (other.prometheus_suffix(), 1.0),
    }
}

/// Gives a name its unit and, for counters, `_total`; endings that mean something else to Prometheus are taken away.
fn suffixed(mut text: String, suffix: &str, kind: Kind) -> String {
    while let Some(rest) = MISLEADING.iter().find_map(|ending| text.strip_suffix(ending)) {
        text.truncate(rest.len());
    }
    if !suffix.is_empty() && !text.ends_with(&format!("_{suffix}")) {
        text.push('_');
        text.push_str(suffix);
    }
    if kind == Kind::Counter {
        text.push_str("_total");
    }
    text
}

/// Writes labels as they stand between braces; `None` where two of them are the same for Prometheus.
pub(super) fn labels(labels: &[(&str, &str)]) -> Option<String> {
    let mut names: Vec<String> = labels.iter().map(|(name, _)| label(name)).collect();
    let mut text = String::new();
    for (name, (_, value)) in names.iter().zip(labels) {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(name);
        text.push_str("=\"");
        for character in value.chars() {
            match character {
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                '\n' => text.push_str("\\n"),
                other => text.push(other),
            }
        }
        text.push('"');
    }
    names.sort_unstable();
    let is_unique = names.windows(2).all(|pair| pair.first() != pair.last());
    is_unique.then_some(text)
}

/// Makes a label's name; `le` belongs to histograms, and double underscores to Prometheus itself.
fn label(name: &str) -> String {
    let text = plain(name);
    let text = text.trim_start_matches('_');
    match text {
        "" => "label".to_owned(),
        "le" | "quantile" => format!("{text}_label"),
        _ if text.starts_with(|first: char| first.is_ascii_digit()) => format!("label_{text}"),
        _ => text.to_owned(),
    }
}

/// Turns everything but letters, digits and `_` into `_`.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|character| if character.is_ascii_alphanumeric() { character } else { '_' }).collect()
}

/// The mean of all cores under the name of its parts would be counted once more by whoever adds those up.
static OF_ALL_CORES: [&Metric; 2] = [&cpu::TOTAL, &cpu::FREQUENCY];

/// Endings that mean something else to Prometheus, or repeat a unit in a way that it does not take.
const MISLEADING: [&str; 11] =
    ["_total", "_count", "_sum", "_bucket", "_percent", "_ms", "_ns", "_milliseconds", "_nanoseconds", "_mhz", "_info"];

#[cfg(test)]
mod tests {
    use observe_core::{Formula, Term, names::process};
    use proptest::prelude::*;

    use super::*;

    fn text(metric: &Metric) -> Option<(String, f64)> {
        family(metric).map(|(name, factor)| (name.text.into_owned(), factor))
    }

    #[test]
    fn names_have_base_units() {
        let cases = [
            (Metric::counter("disk.read_bytes", Unit::Bytes, "x."), "observe_disk_read_bytes_total", 1.0),
            (Metric::gauge("cpu.frequency", Unit::Megahertz, "x."), "observe_cpu_frequency_hertz", 1e6),
            (Metric::gauge("a.latency_ms", Unit::Milliseconds, "x."), "observe_a_latency_seconds", 1e-3),
            (Metric::gauge("memory.huge_pages_total", Unit::Count, "x."), "observe_memory_huge_pages", 1.0),
            (Metric::gauge("memory.percent", Unit::Percent, "x."), "observe_memory_ratio", 0.01),
            (
                Metric::gauge("net.tcp", Unit::Count, "x.").otel("system.network.connection.count", Unit::Count, 1.0),
                "system_network_connection",
                1.0,
            ),
            (
                Metric::gauge("cpu.core", Unit::Percent, "x.").otel("system.cpu.utilization", Unit::Ratio, 0.01),
                "system_cpu_utilization_ratio",
                0.01,
            ),
        ];
        for (metric, expected, factor) in cases {
            assert_eq!(text(&metric), Some((expected.to_owned(), factor)));
        }
    }

    #[test]
    fn rates_are_left_to_the_scraper() {
        const GROWING: &[Term] = &[Term::plus("a.b")];
        let formula = Formula::Rate { of: GROWING, scale: 1.0 };
        let rate = Metric::derived("a.b_per_sec", Unit::CountPerSecond, formula, "x.");
        let share = Metric::derived("a.percent", Unit::Percent, formula, "x.");

        assert_eq!(text(&rate), None);
        assert_eq!(text(&share), Some(("observe_a_ratio".to_owned(), 0.01)));
    }

    #[test]
    fn what_holds_for_all_cores_is_not_in_the_family_of_single_ones() {
        for (all, one) in [(&cpu::TOTAL, &cpu::CORE), (&cpu::FREQUENCY, &cpu::CORE_FREQUENCY)] {
            assert_ne!(text(all).unwrap().0, text(one).unwrap().0);
        }
        assert_eq!(text(&cpu::TOTAL), Some(("observe_cpu_ratio".to_owned(), 0.01)));
        assert_eq!(text(&cpu::FREQUENCY), Some(("observe_cpu_frequency_hertz".to_owned(), 1e6)));
    }

    #[test]
    fn processes_of_the_host_have_no_name_of_this_process() {
        let rows = process::ROWS.iter().filter_map(|metric| text(metric)).map(|(name, _)| name);
        let names: Vec<String> = rows.collect();

        assert!(names.iter().all(|name| !name.starts_with("process_")), "{names:?}");
        for name in ["observe_process_cpu_time_seconds_total", "observe_process_cpu_ratio", "observe_process_rss_bytes"]
        {
            assert!(names.iter().any(|other| other == name), "{name} of {names:?}");
        }
    }

    #[test]
    fn labels_are_escaped_and_clashes_refused() {
        let escaped = labels(&[("mount.point", "/a\"b\\c\nd"), ("le", "1"), ("9", "x")]);

        assert_eq!(escaped.as_deref(), Some(r#"mount_point="/a\"b\\c\nd",le_label="1",label_9="x""#));
        assert_eq!(labels(&[("a.b", "1"), ("a_b", "2")]), None);
    }

    proptest! {
        #[test]
        fn label_names_are_always_valid(name in ".{0,20}") {
            let label = label(&name);

            let is_valid = label.chars().all(|character| character.is_ascii_alphanumeric() || character == '_');
            prop_assert!(is_valid && !label.is_empty() && !label.starts_with(|c: char| c.is_ascii_digit()));
        }
    }
}
