//! Answers as text.

use observe::Point;

use super::answer::{Answer, Series};
use crate::cli::{table, time};

/// Writes `metric_key,timestamp,value` and a line for each point.
pub(super) fn csv(answer: &Answer) -> String {
    let mut text = "metric_key,timestamp,value\n".to_owned();
    for series in &answer.series {
        let key = table::csv_field(&series.key.to_string());
        for point in &series.points {
            text.push_str(&format!("{key},{},{}\n", time::rfc3339(point.timestamp), table::number(point.value)));
        }
    }
    text
}

/// Writes the body of the HTTP interface.
pub(super) fn json(answer: &Answer) -> String {
    let text = serde_json::to_string_pretty(&answer.body());
    // Plain data always has a JSON form.
    text.unwrap_or_default() + "\n"
}

/// Writes a line for each point, below a header.
pub(super) fn table(answer: &Answer) -> String {
    let mut rows = Vec::new();
    for series in &answer.series {
        let key = series.key.to_string();
        for Point { timestamp, value } in &series.points {
            rows.push([key.clone(), time::rfc3339(*timestamp), table::number(*value), series.unit.to_string()]);
        }
    }
    table::aligned(["METRIC_KEY", "TIMESTAMP", "VALUE", "UNIT"], &rows, &[2])
}

/// Writes a line for each series: its course, its least, its greatest and its newest value.
pub(super) fn sparklines(answer: &Answer) -> String {
    let row = |series: &Series| {
        let values: Vec<f64> = series.points.iter().map(|point| point.value).collect();
        let finite = || values.iter().copied().filter(|value| value.is_finite());
        let shown = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), short);
        [
            series.key.to_string(),
            sparkline(&values),
            shown(finite().reduce(f64::min)),
            shown(finite().reduce(f64::max)),
            shown(finite().next_back()),
            series.unit.to_string(),
            series.newest().map_or_else(|| "-".to_owned(), time::rfc3339),
        ]
    };
    let rows: Vec<[String; 7]> = answer.series.iter().map(row).collect();
    table::aligned(["METRIC_KEY", "COURSE", "MIN", "MAX", "LAST", "UNIT", "NEWEST"], &rows, &[2, 3, 4])
}

/// Draws values with blocks, at most [`WIDTH`] of them; a gap is a space.
fn sparkline(values: &[f64]) -> String {
    let per_block = values.len().div_ceil(WIDTH).max(1);
    let means: Vec<Option<f64>> = values.chunks(per_block).map(mean).collect();
    let (low, high) =
        (means.iter().flatten().copied().reduce(f64::min), means.iter().flatten().copied().reduce(f64::max));
    let (Some(low), Some(high)) = (low, high) else { return String::new() };
    let block = |mean: &Option<f64>| match mean {
        None => ' ',
        Some(_) if high <= low => BLOCKS[3],
        Some(mean) => {
            let level = ((mean - low) / (high - low) * (BLOCKS.len() - 1) as f64).round() as usize;
            BLOCKS.get(level).copied().unwrap_or(' ')
        }
    };
    means.iter().map(block).collect()
}

fn mean(values: &[f64]) -> Option<f64> {
    let finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    if finite.is_empty() { None } else { Some(finite.iter().sum::<f64>() / finite.len() as f64) }
}

/// Writes a value with four digits that count, where that is enough to compare it.
fn short(value: f64) -> String {
    if value == 0.0 || !(1e-3..1e15).contains(&value.abs()) {
        return table::number(value);
    }
    let digits = 3_i32.saturating_sub(value.abs().log10().floor() as i32).clamp(0, 6) as usize;
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Blocks in a line.
const WIDTH: usize = 64;
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_course_reaches_from_the_lowest_to_the_highest_block() {
        assert_eq!(sparkline(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]), "▁▂▃▄▅▆▇█");
        assert_eq!(sparkline(&[5.0, 5.0]), "▄▄");
        assert_eq!(sparkline(&[1.0, f64::NAN, 2.0]), "▁ █");
        assert_eq!(sparkline(&[f64::NAN, f64::INFINITY]), "");
        assert_eq!(sparkline(&[]), "");
        assert_eq!(sparkline(&vec![1.0; 1_000]).chars().count(), 63);
    }

    #[test]
    fn values_are_short_where_nobody_compares_all_digits() {
        for (value, text) in [(0.0, "0"), (12.3456, "12.35"), (1234.5, "1234"), (1_048_576.0, "1048576"), (0.5, "0.5")]
        {
            assert_eq!(short(value), text);
        }
        assert_eq!(short(f64::INFINITY), "inf");
    }
}
