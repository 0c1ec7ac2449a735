//! `observe seed-demo`.

use crate::Folder;

#[test]
fn the_same_hours_are_always_the_same() {
    let (one, other) = (Folder::of_long_ago(), Folder::of_long_ago());

    for what in ["samples", "events", "logs", "spans"] {
        let exported = one.done(&["store", "export", "--what", what]);

        assert!(exported.lines().count() > 3, "{what}");
        assert!(exported == other.done(&["store", "export", "--what", what]), "{what}");
    }
}

#[test]
fn nothing_that_is_made_up_looks_real() {
    let folder = Folder::of_long_ago();

    for line in folder.done(&["store", "export"]).lines() {
        assert!(line.contains("host.name=demo") && line.contains("\"producer\":\"simulated::"), "{line}");
    }
    for what in ["events", "logs", "spans"] {
        for line in folder.done(&["store", "export", "--what", what]).lines() {
            assert!(line.contains("\"source\":\"simulated::") && line.contains("\"host\":\"demo\""), "{line}");
        }
    }
}

#[test]
fn metrics_are_those_of_collectors() {
    let folder = Folder::of_long_ago();
    let samples = folder.done(&["store", "export", "--format", "csv", "--start", "2026-01-31T11:59:50Z"]);

    for line in samples.lines().skip(1) {
        let name = line.trim_start_matches('"').split('{').next().unwrap();
        assert!(observe::names::find(name).is_some(), "{line}");
    }
    for kind in ["\"ANOMALY\"", "\"TREND\"", "\"CUSTOM\""] {
        let events = folder.done(&["store", "export", "--what", "events"]);
        assert!(events.contains(kind), "{kind}: {events}");
    }
}

#[test]
fn a_disk_fills_and_counters_start_anew() {
    let folder = Folder::of_long_ago();
    let values = |selector: &str| -> Vec<f64> {
        let csv = folder.done(&["store", "export", "--format", "csv", "--match", selector]);
        csv.lines().skip(1).map(|line| line.rsplit(',').next().unwrap().parse().unwrap()).collect()
    };

    let used = values("disk.used{mountpoint=\"/var\"}");
    let switches = values("cpu.context_switches");

    assert!(used.last().unwrap() / used[0] > 1.4, "{used:?}");
    assert_eq!(switches.windows(2).filter(|pair| pair[1] < pair[0]).count(), 2);
}

#[test]
fn a_database_with_something_in_it_is_left_alone() {
    let folder = Folder::of_today();

    let refused = folder.failed(&["seed-demo"], 1);
    let forced = folder.done(&["seed-demo", "--hours", "1", "--force"]);

    assert!(refused.contains("there is something in demo.db already"), "{refused}");
    assert!(forced.starts_with("added to demo.db: ") && forced.contains(" log records and "), "{forced}");
}

#[test]
fn impossible_hours_are_wrong_usage() {
    for hours in ["0", "337", "-1", "x"] {
        Folder::empty().failed(&["seed-demo", "--hours", hours], 2);
    }
    Folder::empty().failed(&["seed-demo", "--db", "memory"], 78);
}

#[test]
fn help_says_what_is_missing() {
    let help = Folder::empty().done(&["seed-demo", "--help"]);

    assert!(help.contains("Accounts, alerts and tokens are not built yet"), "{help}");
}
