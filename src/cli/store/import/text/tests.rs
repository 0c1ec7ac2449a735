use proptest::prelude::*;

use super::*;
use crate::cli::store::import::{Bounds, batch::Batch};

fn batch() -> Batch {
    let time = |text: &str| time::timestamp(text).unwrap();
    Batch::new(Bounds { oldest: time("2026-01-01"), newest: time("2026-02-01") })
}

fn read(format: Format, text: &str) -> Result<(), String> {
    let (mut form, mut batch) = (Text::new(format), batch());
    text.lines().try_for_each(|line| form.take(line, &mut batch))?;
    form.finish()
}

#[test]
fn csv_that_makes_no_sense_says_why() {
    for (text, reason) in [
        ("", "empty"),
        ("key,time,value\n", "first line"),
        ("cpu.total\n", "three fields"),
        ("cpu.total,2026-01-02\n", "three fields"),
        ("\"cpu.total,2026-01-02,1\n", "no end"),
        ("\"a\"x,2026-01-02,1\n", "three fields"),
        ("a b,2026-01-02,1\n", "metric name"),
        ("a,yesterday,1\n", "not a time"),
        ("a,2026-01-02,one\n", "not a value"),
        ("a,2026-01-02,1,2\n", "not a value"),
        ("a,2027-01-02,1\n", "in the future"),
    ] {
        let text =
            if text.is_empty() || text.starts_with("key") { text.to_owned() } else { format!("{HEADER}\n{text}") };
        let error = read(Format::Csv, &text).unwrap_err();
        assert!(error.contains(reason), "{text}: {error}");
    }
}

#[test]
fn quoted_keys_are_read() {
    let text = format!("{HEADER}\n\"a{{b=\"\"x,y\"\"}}\",2026-01-02T00:00:00Z,NaN\na,2026-01-02,1e300\n\n");

    assert_eq!(read(Format::Csv, &text), Ok(()));
}

#[test]
fn lines_of_json_are_points_or_events() {
    let points = r#"{"metric_key":"a","points":[["2026-01-02T00:00:00Z",1]]}"#;
    let event = r#"{"id":7,"event_type":"CUSTOM","timestamp":"2026-01-02T00:00:00Z","source":"s","data":{"name":"n","data":null}}"#;

    assert_eq!(read(Format::Jsonl, &format!("{points}\n\n{event}\n")), Ok(()));
    for (text, reason) in
        [("{", "EOF"), (r#"{"event_type":"X"}"#, "missing field"), ("[]", "invalid length"), ("7", "invalid type")]
    {
        let error = read(Format::Jsonl, text).unwrap_err();
        assert!(error.contains(reason), "{text}: {error}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(lines in proptest::collection::vec(".{0,60}", 0..4), format in 0..3_usize) {
        let format = [Format::Csv, Format::Jsonl, Format::OpenMetrics][format];
        let _ = read(format, &format!("{HEADER}\n{}", lines.join("\n")));
        let _ = read(format, &lines.join("\n"));
    }

    #[test]
    fn nearly_right_lines_do_not_panic(at in 0..200_usize, byte in any::<char>(), which in 0..4_usize) {
        let line = [
            "a{metric_key=\"a.b{c=d}\",c=\"d\"} 1.5 1767312000.25 # {x=\"y\"} 1",
            r#"{"metric_key":"a","kind":"gauge","points":[["2026-01-02T00:00:00Z",1],["2026-01-02T00:00:01Z","NaN"]]}"#,
            "\"a{b=\"\"x,y\"\"}\",2026-01-02T00:00:00.5Z,NaN(0x7ff8000000000001)",
            r#"{"id":7,"event_type":"TREND","timestamp":"2026-01-02T00:00:00Z","source":"s","data":{"metric_key":"a","slope":1,"r2":1,"p_value":0,"n":3,"window_seconds":1,"current_value":"Infinity"}}"#,
        ][which];
        let mut changed: Vec<char> = line.chars().collect();
        let place = at % changed.len();
        changed[place] = byte;
        let changed: String = changed.into_iter().collect();
        for format in [Format::Jsonl, Format::OpenMetrics, Format::Csv] {
            let _ = read(format, &format!("{HEADER}\n{changed}\n# EOF"));
            let _ = read(format, &changed);
        }
    }
}
