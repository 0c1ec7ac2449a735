//! `observe query` on the local store.

use serde_json::Value;

use crate::{Folder, common::stdout};

const RANGE: [&str; 4] = ["--start", "2026-01-31T11:00:00Z", "--end", "2026-01-31T12:00:00Z"];

fn ask(folder: &Folder, arguments: &[&str]) -> String {
    folder.done(&[&["query"], arguments, &RANGE].concat())
}

#[test]
fn derived_series_are_answered_in_every_format() {
    let folder = Folder::of_long_ago();

    let table = ask(&folder, &["cpu.total", "--step", "10m"]);
    let csv = ask(&folder, &["cpu.total", "--step", "10m", "--format", "csv"]);
    let json: Value = serde_json::from_str(&ask(&folder, &["cpu.total", "--step", "10m", "--json"])).unwrap();
    let sparkline = ask(&folder, &["cpu.total", "--format", "sparkline"]);

    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 7, "{table}");
    assert_eq!(lines[0].split_whitespace().collect::<Vec<_>>(), ["METRIC_KEY", "TIMESTAMP", "VALUE", "UNIT"]);
    assert!(lines[1].starts_with("cpu.total{host.name=demo}  2026-01-31T11:00:00Z  "), "{table}");
    assert!(lines.iter().skip(1).all(|line| line.ends_with("  percent") && line.len() == lines[1].len()), "{table}");
    let first = csv.lines().nth(1).unwrap();
    assert!(csv.starts_with("metric_key,timestamp,value\ncpu.total{host.name=demo},2026-01-31T11:00:00Z,"), "{csv}");
    let series = &json["series"][0];
    assert_eq!(series["metric_key"], "cpu.total{host.name=demo}");
    assert_eq!(
        (&series["labels"]["host.name"], &series["unit"], &series["step"]),
        (&"demo".into(), &"percent".into(), &600.into())
    );
    assert_eq!(series["points"][0][0], "2026-01-31T11:00:00.000000Z");
    assert_eq!(series["points"][0][1].as_f64(), first.rsplit(',').next().unwrap().parse().ok());
    assert!(sparkline.contains('█') && sparkline.contains('▁') && sparkline.contains("MIN"), "{sparkline}");
}

#[test]
fn selectors_and_aggregates_are_those_of_the_http_interface() {
    let folder = Folder::of_long_ago();

    let devices =
        ask(&folder, &[r#"{__name__=~"disk[.](reads|writes)"}"#, "--agg", "rate", "--step", "1h", "--format", "csv"]);
    let raw = ask(&folder, &["load.1", "--step", "0", "--format", "csv"]);
    let count = ask(&folder, &["load.1{host.name=demo}", "--agg", "count", "--step", "30m", "--format", "csv"]);

    assert_eq!(devices.lines().count(), 3, "{devices}");
    // Twice the host was away for 42 seconds.
    assert_eq!(raw.lines().count(), 1 + 3_600 - 2 * 42);
    let counts: f64 = count.lines().skip(1).map(|line| line.rsplit(',').next().unwrap().parse::<f64>().unwrap()).sum();
    assert_eq!(counts, 3_516.0);
    for (agg, unit) in [("rate", "  bytes/s"), ("increase", "  bytes"), ("count", "  count")] {
        let table = ask(&folder, &["disk.read_bytes", "--agg", agg, "--step", "30m"]);
        assert!(table.lines().skip(1).all(|line| line.ends_with(unit)), "{table}");
    }
}

#[test]
fn an_empty_answer_says_what_there_is() {
    let folder = Folder::of_long_ago();

    let misspelt = folder.failed(&[&["query", "cpu.totl"], &RANGE[..]].concat(), 1);
    let labels = folder.failed(&[&["query", "cpu.total{host.name=other}"], &RANGE[..]].concat(), 1);
    let late = folder.failed(&["query", "cpu.total", "--start", "2026-05-01", "--end", "2026-05-02"], 1);

    assert!(
        misspelt.starts_with("error: no series is like `cpu.totl`\n  help: there are: cpu.total{host.name=demo}"),
        "{misspelt}"
    );
    assert!(labels.ends_with("help: there are: cpu.total{host.name=demo}\n"), "{labels}");
    assert!(
        late.contains("cpu.total{host.name=demo} was stored from 2026-01-31T11:00:00Z to 2026-01-31T11:59:59Z"),
        "{late}"
    );
}

#[test]
fn an_empty_store_says_how_to_fill_it() {
    let folder = Folder::empty();
    folder.write("none.jsonl", "");
    folder.done(&["store", "import", "none.jsonl"]);

    assert!(folder.failed(&["query", "cpu.total"], 1).contains("observe serve"));
}

#[test]
fn questions_that_make_no_sense_are_wrong_usage() {
    let folder = Folder::empty();
    for arguments in [
        &["cpu.total{"][..],
        &["a{b=~\"(\"}"],
        &[],
        &["a", "--range", "5 minutes"],
        &["a", "--range", "-5m"],
        &["a", "--step", "x"],
        &["a", "--agg", "mean"],
        &["a", "--format", "xml"],
        &["a", "--start", "yesterday"],
        &["a", "--start", "2026-01-31", "--range", "1h"],
        &["a", "--url", "http://x", "--db", "y"],
        &["a", "--start", "2026-02-01", "--end", "2026-01-01"],
        &["a", "--range", "0"],
    ] {
        folder.failed(&[&["query"], arguments].concat(), 2);
    }
}

#[test]
fn stores_that_cannot_be_read_say_why() {
    let folder = Folder::empty();
    folder.write(
        "text.db",
        "This is not a database, but it is long enough to be looked at as if it were one.".repeat(100),
    );

    for (url, code, reason) in [
        ("missing.db", 1, "missing.db"),
        ("text.db", 1, "not a database"),
        ("memory", 78, "nothing is stored"),
        ("mysql://ann:s3cret@host/db", 78, "sqlite:PATH"),
        ("postgres://ann:s3cret@127.0.0.1:1/db", 3, "not available"),
    ] {
        let text = folder.failed(&["query", "a", "--db", url], code);
        assert!(text.contains(reason) && !text.contains("s3cret"), "{url}: {text}");
    }
}

#[test]
fn an_answer_that_nobody_reads_to_its_end_is_no_failure() {
    use std::{io::Read as _, process::Stdio};
    let folder = Folder::of_long_ago();
    let mut command = crate::common::observe(folder.path());
    command.args(["query", "{}", "--db", "demo.db", "--format", "csv", "--step", "0"]).args(RANGE);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();

    let mut start = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut start).unwrap();

    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), stdout(&output)), (Some(0), ""));
    assert!(output.stderr.is_empty(), "{}", crate::common::stderr(&output));
}
