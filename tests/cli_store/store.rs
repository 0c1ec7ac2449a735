//! `observe store stats`, `check` and `copy`.

use std::fs;

use serde_json::Value;

use crate::{
    Folder,
    common::{stderr, stdout},
};

#[test]
fn stats_are_text_or_json() {
    let folder = Folder::of_long_ago();

    let text = folder.done(&["store", "stats"]);
    let json: Value = serde_json::from_str(&folder.done(&["store", "stats", "--json"])).unwrap();

    for line in ["kind      sqlite", "url       demo.db", "version   1", "TABLE "] {
        assert!(text.lines().any(|found| found.starts_with(line)), "{line}: {text}");
    }
    let size = fs::metadata(folder.path().join("demo.db")).unwrap().len();
    assert_eq!(json["disk_bytes"], size);
    assert_eq!(
        (&json["kind"], &json["series"]["live"], &json["head"]["rows"]),
        (&"sqlite".into(), &0.into(), &0.into())
    );
    let raw = &json["raw"];
    assert!(raw["points"].as_u64().unwrap() > 290_000, "{json}");
    assert!(raw["bytes_per_point"].as_f64().unwrap() < 2.0, "{json}");
    assert_eq!((&raw["oldest"], &raw["newest"]), (&"2026-01-31T11:00:00Z".into(), &"2026-01-31T11:59:59Z".into()));
    assert_eq!(json["hours"]["newest"], "2026-01-31T11:59:59Z");
    for count in ["events", "logs", "spans"] {
        assert!(json[count].as_u64().unwrap() > 0, "{json}");
    }
}

#[test]
fn a_whole_store_is_not_damaged() {
    let folder = Folder::of_long_ago();

    let text = folder.done(&["store", "check"]);
    let json: Value = serde_json::from_str(&folder.done(&["store", "check", "--json"])).unwrap();

    assert!(text.ends_with(": nothing is damaged\n"), "{text}");
    assert_eq!((&json["damages"], json["damaged"].as_array().unwrap().len()), (&0.into(), 0));
    assert!(json["points"].as_u64().unwrap() > 290_000, "{json}");
}

#[test]
fn a_damaged_store_ends_with_1_and_says_where() {
    let folder = Folder::of_long_ago();
    let path = folder.path().join("demo.db");
    let mut bytes = fs::read(&path).unwrap();
    // A bit flips in each page that only goes on with a row: SQLite itself cannot see that.
    for page in bytes.chunks_mut(4_096).filter(|page| page[0] == 0) {
        page[2_000] ^= 0x10;
    }
    fs::write(&path, bytes).unwrap();

    let output = folder.run(&["store", "check"]);
    let json = folder.run(&["store", "check", "--json"]);

    assert_eq!((output.status.code(), json.status.code()), (Some(1), Some(1)), "{}", stderr(&output));
    assert!(stdout(&output).contains("damaged: row "), "{}", stdout(&output));
    let json: Value = serde_json::from_str(stdout(&json)).unwrap();
    assert!(json["damages"].as_u64().unwrap() > 0 && json["damaged"][0]["reason"].is_string(), "{json}");
}

#[test]
fn results_that_lack_what_is_damaged_say_so() {
    let folder = Folder::of_long_ago();
    let whole = folder.done(&["store", "export", "--format", "csv"]);
    let path = folder.path().join("demo.db");
    let mut bytes = fs::read(&path).unwrap();
    for page in bytes.chunks_mut(1_024).filter(|page| page[0] == 0 && page[1..4] != [0; 3]) {
        page[500] ^= 0x10;
    }
    fs::write(&path, bytes).unwrap();
    let range = ["--start", "2026-01-31T11:00:00Z", "--end", "2026-01-31T12:00:00Z", "--step", "0", "--format", "csv"];

    let exported = folder.run(&["store", "export", "--format", "csv"]);
    let asked = folder.run(&[&["query", "{}"], &range[..]].concat());
    let copied = folder.run(&["store", "copy", "--to", "copy.db"]);

    for (output, says) in [(&exported, "is not whole"), (&asked, "is not whole"), (&copied, "as it is")] {
        let text = stderr(output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains(says) && text.contains("damaged rows were met"), "{text}");
        assert!(text.ends_with("help: `observe store check` tells everything that is damaged\n"), "{text}");
    }
    assert!(stderr(&exported).contains(" ERROR "), "the log names the rows: {}", stderr(&exported));
    assert!(stdout(&exported).lines().count() < whole.lines().count());
    assert!(stdout(&copied).ends_with("copied demo.db to copy.db\n"), "{}", stdout(&copied));
    assert!(!stderr(&folder.run(&["store", "export", "-v", "--match", "load.1"])).is_empty());
}

#[test]
fn a_file_that_is_cut_off_is_an_error_or_damage_and_never_a_panic() {
    let folder = Folder::of_long_ago();
    let path = folder.path().join("demo.db");
    let bytes = fs::read(&path).unwrap();
    for len in [bytes.len() - 1, bytes.len() / 2, 4_096, 100] {
        fs::write(&path, &bytes[..len]).unwrap();
        for command in [&["store", "check"][..], &["store", "stats"], &["query", "cpu.total"], &["store", "export"]] {
            let output = folder.run(command);

            let text = stderr(&output);
            assert!(output.status.code().is_some_and(|code| code <= 1), "{command:?} {len}: {text}");
            assert!(!text.contains("panicked"), "{command:?} {len}: {text}");
        }
    }
}

#[test]
fn a_copy_has_everything_and_goes_into_empty_databases_only() {
    let folder = Folder::of_long_ago();

    let said = folder.done(&["store", "copy", "--to", "copy.db"]);
    let again = folder.failed(&["store", "copy", "--to", "copy.db"], 1);
    let itself = folder.failed(&["store", "copy", "--to", "./demo.db"], 2);

    assert!(said.ends_with("copied demo.db to copy.db\n") && said.contains(" rows of pack\n"), "{said}");
    for what in ["samples", "events", "logs", "spans"] {
        let (one, other) =
            (["store", "export", "--what", what], ["store", "export", "--what", what, "--db", "copy.db"]);
        assert!(folder.done(&one) == folder.done(&other), "{what}");
    }
    assert!(folder.done(&["store", "check", "--db", "copy.db"]).contains("nothing is damaged"));
    assert!(again.contains("copy.db: there is something in it") && again.contains("with --to"), "{again}");
    assert!(itself.contains("demo.db cannot be copied into itself"), "{itself}");
    folder.failed(&["store", "copy"], 2);
    folder.failed(&["store", "copy", "--to", "memory"], 78);
    folder.failed(&["store", "copy", "--to", "postgres://ann:s3cret@127.0.0.1:1/db"], 3);
}

#[test]
fn a_store_moves_to_postgres_with_one_command() {
    let Some(server) = std::env::var_os("OBSERVE_TEST_POSTGRES") else {
        println!("skipped: OBSERVE_TEST_POSTGRES does not name a server");
        return;
    };
    let server = server.into_string().unwrap();
    let folder = Folder::of_long_ago();
    let output = folder.run(&["store", "copy", "--to", &server]);
    // Other tests may have used the database before: nothing is copied into one that has something.
    if output.status.code() == Some(1) {
        assert!(stderr(&output).contains("there is something in it"), "{}", stderr(&output));
        return;
    }

    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let exported = folder.done(&["store", "export", "--db", &server]);
    assert!(exported == folder.done(&["store", "export"]));
}
