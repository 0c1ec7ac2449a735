//! `observe store export` and `import`.

use std::{io::Write as _, process::Stdio};

use crate::{
    Folder,
    common::{stderr, stdout},
};

#[test]
fn what_is_exported_can_be_imported_in_every_form() {
    let folder = Folder::of_today();
    for name in ["a.jsonl", "a.csv", "a.om"] {
        folder.done(&["store", "export", "-o", name]);
        let db = format!("{name}.db");

        let said = folder.done(&["store", "import", name, "--db", &db]);
        let again = folder.done(&["store", "import", name, "--db", &db]);

        folder.done(&["store", "export", "--db", &db, "-o", &format!("again-{name}")]);
        assert!(folder.read(name) == folder.read(&format!("again-{name}")), "{name}");
        assert!(said.contains(" points of 90 series (90 new) and 0 events\n"), "{said}");
        assert!(again.contains(" points of 90 series (0 new) and 0 events\n"), "{again}");
        assert!(folder.done(&["store", "check", "--db", &db]).contains("nothing is damaged"));
    }
}

#[test]
fn events_logs_and_spans_move_as_lines() {
    let folder = Folder::of_today();
    for what in ["events", "logs", "spans"] {
        let lines = folder.done(&["store", "export", "--what", what]);
        folder.write("lines.jsonl", &lines);

        folder.done(&["store", "import", "lines.jsonl", "--db", "other.db"]);
        folder.done(&["store", "import", "lines.jsonl", "--db", "other.db"]);

        assert!(folder.done(&["store", "export", "--what", what, "--db", "other.db"]) == lines, "{what}");
    }
}

#[test]
fn a_part_is_exported() {
    let folder = Folder::of_long_ago();

    let csv = folder.done(&[
        "store",
        "export",
        "--format",
        "csv",
        "--match",
        "load.1",
        "--match",
        "cpu.core_time{core=0,state=user}",
        "--start",
        "2026-01-31T11:10:00Z",
        "--end",
        "2026-01-31T11:10:03Z",
    ]);

    let keys: Vec<&str> = csv.lines().skip(1).map(|line| line.split(",2026").next().unwrap()).collect();
    let core = "\"cpu.core_time{core=0,host.name=demo,state=user}\"";
    assert_eq!(keys, [core, core, core, "load.1{host.name=demo}", "load.1{host.name=demo}", "load.1{host.name=demo}"]);
    let nothing = folder.failed(&["store", "export", "--match", "nothing.like.it"], 1);
    assert!(nothing.starts_with("error: no series is like `nothing.like.it`\n"), "{nothing}");
    let some = folder.run(&["store", "export", "--format", "openmetrics", "--match", "nothing", "--match", "load.1"]);
    assert!(some.status.code() == Some(1) && stdout(&some).ends_with("# EOF\n"), "{}", stderr(&some));
}

#[test]
fn text_of_others_is_taken_in() {
    let folder = Folder::empty();
    let now = jiff_seconds();
    let text = format!(
        "# TYPE http_requests counter\nhttp_requests_total{{code=\"200\"}} 5 {}\nhttp_requests_total{{code=\"200\"}} 7 {}\n\
         # TYPE up gauge\nup NaN {now}.5\n# EOF\n",
        now - 60,
        now - 30
    );
    folder.write("others.txt", &text);

    folder.done(&["store", "import", "others.txt"]);

    let rate = folder.done(&["query", "http_requests_total", "--agg", "increase", "--step", "0", "--format", "csv"]);
    assert!(rate.lines().nth(1).unwrap().ends_with(",2"), "{rate}");
    let up = folder.done(&["store", "export", "--match", "up"]);
    assert!(up.contains(".5Z\",\"NaN\"]") && up.contains("\"kind\":\"gauge\""), "{up}");
    assert!(folder.done(&["store", "export", "--match", "http_requests_total"]).contains("\"kind\":\"counter\""));
}

fn jiff_seconds() -> i64 {
    use observe::Clock as _;
    observe::SystemClock.now().as_millis() / 1_000
}

#[test]
fn the_last_write_wins_and_lines_before_a_bad_one_stay() {
    let folder = Folder::empty();
    let line = |minutes: i64, value: i64| {
        let at = observe::Timestamp::from_millis((jiff_seconds() - minutes * 60) * 1_000).as_millis() / 1_000;
        format!("a{{}} {value} {at}\n")
    };
    folder.write("first.om", format!("{}{}# EOF\n", line(60, 1), line(50, 2)));
    folder.write("second.om", format!("{}{}nonsense\n# EOF\n", line(50, 3), line(40, 4)));

    folder.done(&["store", "import", "first.om"]);
    let output = folder.run(&["store", "import", "second.om"]);

    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with("error: second.om:3: "), "{}", stderr(&output));
    assert!(stderr(&output).contains("\n  help: a line is name"), "{}", stderr(&output));
    assert!(stdout(&output).contains("imported 2 points"), "{}", stdout(&output));
    let values = folder.done(&["store", "export", "--format", "csv"]);
    let values: Vec<&str> = values.lines().skip(1).map(|line| line.rsplit(',').next().unwrap()).collect();
    assert_eq!(values, ["1", "3", "4"]);
}

#[test]
fn lines_that_make_no_sense_say_which_and_what_to_do() {
    let folder = Folder::empty();
    for (name, content, place) in [
        ("a.om", &b"a 1 1\n"[..], "a.om:2: the text ends without `# EOF`"),
        ("a.om", b"a 1\n# EOF\n", "a.om:1: "),
        ("a.om", b"\xff\xfe\n", "a.om:1: the line is not UTF-8"),
        ("a.csv", b"", "a.csv:1: the file is empty"),
        ("a.csv", b"a,2026-01-01,1\n", "help: the first line is metric_key,timestamp,value: mend it"),
        ("a.csv", b"metric_key,timestamp,value\na,2026-01-01,1\na,b,c\n", "a.csv:3: \"b\" is not a time"),
        ("a.jsonl", b"{\"metric_key\":\"a\",\"points\":[]}\n{]\n", "a.jsonl:2: "),
        ("a.om", b"a 1 99999999999\n# EOF\n", "a.om:1: \"99999999999\" is not a time"),
        ("a.om", b"a 1 9000000000\n# EOF\n", "a.om:1: the time lies in the future"),
    ] {
        folder.write(name, content);
        let output = folder.run(&["store", "import", name]);

        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains(place) && text.contains("\n  help: "), "{place}: {text}");
    }
}

#[test]
fn points_that_are_too_old_are_counted() {
    let folder = Folder::empty();
    folder.write("old.csv", format!("metric_key,timestamp,value\na,2020-01-01,1\na,{}\n", "2020-01-02,2"));

    let said = folder.done(&["store", "import", "old.csv"]);

    assert!(said.contains("imported 0 points") && said.contains("dropped 2 points older than"), "{said}");
}

#[test]
fn standard_input_and_forms_by_name_are_understood() {
    let folder = Folder::empty();
    let mut command = crate::common::observe(folder.path());
    command.args(["store", "import", "-", "--format", "csv", "--db", "demo.db"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "metric_key,timestamp,value").unwrap();

    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
    assert!(folder.failed(&["store", "import", "x.zip"], 2).contains("--format"));
    assert!(folder.failed(&["store", "export", "-o", "x.weird"], 2).contains("ndjson"));
    folder.failed(&["store", "import", "missing.csv"], 1);
    folder.failed(&["store", "export", "-o", "no/such/folder/a.csv"], 1);
    folder.failed(&["store", "export", "--what", "logs", "--format", "csv"], 2);
    folder.failed(&["store", "export", "--match", "a{"], 2);
    folder.failed(&["store", "dance"], 2);
}
