//! Events of the kernel as lines: in, out, and from one database to another.

use crate::Folder;

const TASK: &str = r#""task":{"pid":7,"tid":8,"uid":4294967295,"name":"a\"b","cgroup":18446744073709551615}"#;

/// Makes a line of every shape, newest first, as an export has them.
fn lines() -> Vec<String> {
    let address = r#""source":"10.0.0.1:1","destination":"[::1]:443""#;
    let data = [
        format!(r#""event_type":"SYSCALL","data":{{"name":"openat",{TASK},"duration_ns":1,"result":-2}}"#),
        format!(
            r#""event_type":"EXEC","data":{{"change":"started",{TASK},"ppid":1,"path":"/bin/true","arguments":["true",""]}}"#
        ),
        format!(
            r#""event_type":"EXEC","data":{{"change":"exited","status":256,"signal":9,"lifetime_ns":5,{TASK},"ppid":1,"path":"","arguments":[]}}"#
        ),
        format!(
            r#""event_type":"EXEC","data":{{"change":"oom_killed","anonymous_bytes":18446744073709551615,{TASK},"ppid":1,"path":"","arguments":[]}}"#
        ),
        format!(
            r#""event_type":"IO","data":{{"device":"sda","operation":"write","bytes":4096,"duration_ns":70000000000,"error":-5,{TASK}}}"#
        ),
        format!(
            r#""event_type":"NETWORK_PACKET","data":{{"kind":"http","protocol":"http","interface":null,{address},"bytes":1,"packets":2,"duration_ns":null,"detail":"GET / 200","task":null}}"#
        ),
        format!(
            r#""event_type":"SECURITY","data":{{"rule":"port_scan","severity":"critical","explanation":"many ports","false_positives":"","evidence":"",{TASK},"source":"::1","destination":"10.0.0.2:22","count":3}}"#
        ),
    ];
    let time = "\"timestamp\":\"2026-01-31T12:00:00.123456789Z\",\"source\":\"ebpf::x\"";
    let lines =
        data.iter().rev().zip((1..=7).rev()).map(|(data, id)| format!("{{\"id\":{},{time},{data}}}", id * 4096));
    lines.collect()
}

#[test]
fn events_of_the_kernel_move_as_lines_and_from_database_to_database() {
    let folder = Folder::empty();
    let text = lines().join("\n") + "\n";
    folder.write("lines.jsonl", &text);

    folder.done(&["store", "import", "lines.jsonl"]);
    folder.done(&["store", "copy", "--to", "copy.db"]);

    for db in ["demo.db", "copy.db"] {
        assert_eq!(folder.done(&["store", "export", "--what", "events", "--db", db]), text, "{db}");
        assert!(folder.done(&["store", "check", "--db", db]).contains("nothing is damaged"), "{db}");
    }
}

#[test]
fn words_that_mean_nothing_are_refused_with_their_line() {
    let folder = Folder::empty();
    for (before, after, said) in [
        ("\"write\"", "\"erase\"", "\"erase\" is none of discard, flush, other, read, write"),
        ("\"kind\":\"http\"", "\"kind\":\"ftp\"", "\"ftp\" is none of connect, drop, http, malformed, retransmit"),
        ("\"critical\"", "\"dire\"", "\"dire\" is none of critical, info, warning"),
        ("\"oom_killed\"", "\"stopped\"", "unknown variant `stopped`"),
        ("\"10.0.0.1:1\"", "\"10.0.0.1\"", "invalid socket address"),
        ("\"duration_ns\":1,", "\"duration_ns\":-1,", "invalid value: integer `-1`"),
    ] {
        let line = lines().into_iter().find(|line| line.contains(before)).unwrap();
        folder.write("bad.jsonl", line.replace(before, after));

        let output = folder.run(&["store", "import", "bad.jsonl"]);

        let text = crate::common::stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains("bad.jsonl:1: ") && text.contains(said), "{text}");
    }
}
