//! The process collector over a scripted tree.

use std::time::Duration;

use observe_collectors::collectors;
use observe_core::CollectError;

use super::fake_proc::{Fake, Fields, mount_with};

#[test]
fn a_process_gets_series_on_its_fifth_tick() {
    let mut fake = Fake::new(|_| {});
    fake.set(7, Fields { cpu: 250, pages: 3, ..Fields::default() });

    let fourth = fake.ticks(4);
    let fifth = fake.tick();

    assert_eq!((fourth.tracked(), fifth.tracked()), (vec![], vec![7]));
    assert_eq!(fifth.value("process.cpu_time{name=worker,pid=7,state=user}"), Some(2.5));
    assert_eq!(fifth.value("process.cpu_time{name=worker,pid=7,state=system}"), Some(0.07));
    assert_eq!(fifth.value("process.rss{name=worker,pid=7}"), Some(3.0 * 4096.0));
    assert_eq!(fifth.value("process.vms{name=worker,pid=7}"), Some(8192.0));
    assert_eq!(fifth.value("process.threads{name=worker,pid=7}"), Some(3.0));
    assert_eq!(fifth.value("process.minor_faults{name=worker,pid=7}"), Some(5.0));
    assert_eq!(fifth.value("process.major_faults{name=worker,pid=7}"), Some(2.0));
}

#[test]
fn the_host_row_counts_states_and_threads() {
    let mut fake = Fake::new(|_| {});
    for (pid, state) in (1..).zip("RSSDZTtI".chars()) {
        fake.set(pid, Fields { state, ..Fields::default() });
    }

    let tick = fake.tick();

    let counts = ["running", "sleeping", "disk_sleep", "zombie", "stopped", "idle"]
        .map(|state| tick.value(&format!("processes.in_state{{state={state}}}")).unwrap());
    assert_eq!(counts, [1.0, 2.0, 1.0, 1.0, 2.0, 1.0]);
    assert_eq!(tick.value("processes.count"), Some(8.0));
    assert_eq!(tick.value("processes.threads"), Some(24.0));
    assert_eq!(tick.value("processes.unread"), Some(0.0));
    assert_eq!(tick.degraded, None);
}

#[test]
fn an_ended_process_leaves_the_table_and_the_others_keep_their_rows() {
    let mut fake = Fake::new(|_| {});
    (1..=3).for_each(|pid| fake.set(pid, Fields::default()));
    let before = fake.ticks(5);

    fake.end(2);
    let after = fake.tick();

    assert_eq!((before.tracked(), after.tracked()), (vec![1, 2, 3], vec![1, 3]));
    assert_eq!(after.value("processes.count"), Some(2.0));
    assert!(after.value("process.rss{name=worker,pid=3}").is_some());
}

#[test]
fn a_reused_pid_is_a_new_process_that_waits_its_five_ticks() {
    let mut fake = Fake::new(|_| {});
    fake.set(7, Fields { comm: "old", cpu: 900, ..Fields::default() });
    let before = fake.ticks(5);

    fake.set(7, Fields { comm: "new", start: 200, cpu: 1, ..Fields::default() });
    let reused = fake.tick();
    let later = fake.ticks(4);

    assert_eq!((before.tracked(), reused.tracked(), later.tracked()), (vec![7], vec![], vec![7]));
    assert_eq!(later.value("process.cpu_time{name=old,pid=7,state=user}"), None);
    assert_eq!(later.value("process.cpu_time{name=new,pid=7,state=user}"), Some(0.01));
}

#[test]
fn a_command_name_with_parentheses_and_spaces_is_told_whole() {
    let mut fake = Fake::new(|_| {});
    fake.set(7, Fields { comm: "a) b (c", ..Fields::default() });
    fake.set(8, Fields { comm: "two\nlines", ..Fields::default() });

    let tick = fake.ticks(5);

    assert!(tick.value(r#"process.rss{name="a) b (c",pid=7}"#).is_some());
    assert!(tick.value("process.rss{name=\"two\u{fffd}lines\",pid=8}").is_some());
}

#[test]
fn garbage_in_one_file_spoils_nothing_else() {
    let mut fake = Fake::new(|_| {});
    fake.set(1, Fields::default());
    fake.set(2, Fields::default());
    let before = fake.ticks(5);

    for garbage in [&b""[..], b"2 (x", b"\xff\xfe\0\0", b"2 (x) S -1 -1", &[b'9'; 10_000]] {
        fake.write(2, "stat", garbage);
        let tick = fake.tick();

        assert_eq!(tick.tracked(), [1, 2], "a process that cannot be read has not ended");
        assert!(tick.value("process.rss{name=worker,pid=1}").is_some());
        assert_eq!(tick.value("process.rss{name=worker,pid=2}"), None);
        assert_eq!(tick.value("processes.unread"), Some(1.0));
        assert!(tick.degraded.is_some_and(|reason| reason.contains("1 of 2 processes")));
    }
    assert_eq!(before.degraded, None);
}

#[test]
fn at_most_the_set_number_is_tracked_and_the_busiest_enter_first() {
    let mut fake = Fake::new(|config| config.process.max_tracked = 256);
    for tick in 1..=5 {
        (1..=300).for_each(|pid| fake.set(pid, Fields { cpu: u64::from(pid) * tick, ..Fields::default() }));
        drop(fake.tick());
    }

    let tick = fake.tick();

    assert_eq!(tick.tracked(), (45..=300).collect::<Vec<_>>());
    assert_eq!(tick.value("process.untracked"), Some(44.0));
    assert_eq!(tick.value("process.group.count{command=worker}"), Some(44.0));
}

#[test]
fn a_leader_takes_the_place_of_the_idlest() {
    let mut fake = Fake::new(|config| (config.process.max_tracked, config.process.top) = (3, 1));
    (1..=4).for_each(|pid| fake.set(pid, Fields { pages: 100 - u64::from(pid), ..Fields::default() }));
    let before = fake.ticks(5);
    (2..=3).for_each(|pid| fake.set(pid, Fields { cpu: 1, pages: 50, ..Fields::default() }));

    fake.set(4, Fields { cpu: 90, ..Fields::default() });
    let by_cpu = fake.tick();
    fake.set(1, Fields { pages: 5_000, ..Fields::default() });
    let by_memory = fake.ticks(5);

    assert_eq!(before.tracked(), [1, 2, 3]);
    assert_eq!(by_cpu.tracked(), [2, 3, 4], "1 never used a processor");
    assert!(by_memory.tracked().contains(&1) && by_memory.tracked().contains(&4));
    assert_eq!(by_memory.tracked().len(), 3);
}

#[test]
fn an_hour_brings_no_more_new_subjects_than_allowed() {
    let mut fake = Fake::new(|config| (config.process.max_tracked, config.process.new_per_hour) = (10, 20));
    let mut admitted = 0;
    for generation in 0..60_u32 {
        let pids = generation * 10 + 1..=generation * 10 + 10;
        pids.clone().for_each(|pid| fake.set(pid, Fields::default()));
        admitted += fake.ticks(5).tracked().len();
        pids.for_each(|pid| fake.end(pid));
        fake.now = fake.now + Duration::from_secs(54);
    }

    assert!((17..=20).contains(&admitted), "{admitted}");
}

#[test]
fn a_clock_that_goes_back_admits_nobody_new() {
    let mut fake = Fake::new(|config| (config.process.max_tracked, config.process.new_per_hour) = (2, 4));
    (1..=2).for_each(|pid| fake.set(pid, Fields::default()));
    drop(fake.ticks(5));
    (1..=2).for_each(|pid| fake.end(pid));
    (3..=4).for_each(|pid| fake.set(pid, Fields::default()));

    fake.now = fake.now - Duration::from_secs(7_200);
    let tick = fake.ticks(6);

    assert_eq!(tick.tracked(), Vec::<u32>::new());
    assert_eq!(tick.value("process.untracked"), Some(2.0));
}

#[test]
fn short_lived_processes_count_in_the_sum_of_their_command() {
    let mut fake = Fake::new(|_| {});
    fake.set(1, Fields::default());
    drop(fake.ticks(5));

    fake.set(50, Fields { comm: "sh", start: 500, cpu: 93, pages: 2, ..Fields::default() });
    let alive = fake.tick();
    fake.end(50);
    fake.set(51, Fields { comm: "sh", start: 600, cpu: 13, pages: 5, ..Fields::default() });
    let next = fake.tick();
    fake.end(51);
    let none = fake.tick();

    assert_eq!(alive.value("process.group.cpu_time{command=sh}"), Some(1.0));
    assert_eq!(next.value("process.group.cpu_time{command=sh}"), Some(1.2));
    assert_eq!(next.value("process.group.rss{command=sh}"), Some(5.0 * 4096.0));
    assert_eq!(none.value("process.group.count{command=sh}"), Some(0.0));
    assert_eq!(none.value("process.group.cpu_time{command=sh}"), Some(1.2), "a counter never goes back");
}

#[test]
fn commands_beyond_the_bound_count_as_other_and_kernel_threads_share_a_name() {
    let mut fake = Fake::new(|_| {});
    fake.set(1, Fields::default());
    drop(fake.ticks(5));

    for pid in 1_000..1_200 {
        fake.set(pid, Fields { comm: &format!("c{pid}"), start: 500, ..Fields::default() });
    }
    fake.set(900, Fields { comm: "kworker/3:1-events", flags: 0x0020_0000, ..Fields::default() });
    let tick = fake.tick();

    let groups = tick.frame("process.group").unwrap().subjects().iter().flatten().count();
    assert_eq!(groups, 128);
    assert_eq!(tick.value("process.group.count{command=kworker}"), Some(1.0));
    assert_eq!(tick.value("process.group.count{command=other}"), Some(200.0 - 126.0));
}

#[test]
fn a_command_without_processes_leaves_after_ten_minutes() {
    let mut fake = Fake::new(|_| {});
    fake.set(1, Fields::default());
    drop(fake.ticks(5));
    fake.set(50, Fields { comm: "sh", ..Fields::default() });
    drop(fake.tick());
    fake.end(50);

    let early = fake.ticks(600);
    let late = fake.ticks(2);

    assert!(early.value("process.group.count{command=sh}").is_some());
    assert!(late.value("process.group.count{command=sh}").is_none());
}

#[test]
fn the_cache_learns_of_a_process_on_its_second_tick_with_secrets_masked() {
    let mut fake = Fake::new(|_| {});
    fake.set(7, Fields::default());
    drop(fake.tick());
    let early = fake.cache.process(7);

    drop(fake.tick());

    let process = fake.cache.process(7).unwrap();
    assert!(early.is_none());
    assert_eq!((process.ppid, process.uid, process.start_ticks), (1, 1001, 100));
    assert_eq!((&*process.name, &*process.cmdline), ("worker", "/bin/worker --password ***"));
}

#[test]
fn the_cache_learns_when_a_process_runs_another_program() {
    let mut fake = Fake::new(|_| {});
    fake.set(7, Fields { comm: "sh", ..Fields::default() });
    drop(fake.ticks(2));

    fake.set(7, Fields { comm: "postgres", ..Fields::default() });
    drop(fake.tick());

    assert_eq!(fake.cache.process(7).map(|process| process.name.clone()).as_deref(), Some("postgres"));
}

#[test]
fn hidden_processes_degrade_with_the_mount_option() {
    let mut fake = Fake::new(|_| {});
    mount_with(fake.root.path(), "rw,gid=4,hidepid=invisible");
    fake.set(4_000, Fields::default());

    let tick = fake.tick();

    assert!(tick.outcome.is_ok());
    assert!(tick.degraded.is_some_and(|reason| reason.contains("hidepid=invisible")));
}

#[test]
fn who_sees_the_first_process_is_not_hindered_by_hidepid() {
    let mut fake = Fake::new(|_| {});
    mount_with(fake.root.path(), "rw,hidepid=2");
    fake.set(1, Fields::default());

    assert_eq!(fake.tick().degraded, None);
}

#[test]
fn a_tree_without_processes_is_unsupported_and_a_missing_one_an_error() {
    let mut empty = Fake::new(|_| {});
    let mut missing = Fake::new(|config| config.roots.proc = "/nowhere/proc".into());

    assert!(matches!(empty.tick().outcome, Err(CollectError::Unsupported(_))));
    assert!(matches!(missing.tick().outcome, Err(CollectError::Read { .. })));
}

#[test]
fn settings_out_of_range_are_refused_by_key() {
    for (key, max_tracked, new_per_hour, top) in
        [("max_tracked", 0, 1000, 10), ("new_per_hour", 256, 1, 10), ("top", 256, 1000, 101), ("top", 256, 1000, 0)]
    {
        let mut config = observe_collectors::Config::default();
        config.process.max_tracked = max_tracked;
        config.process.new_per_hour = new_per_hour;
        config.process.top = top;

        let error = collectors(&config).err().unwrap().to_string();

        assert!(error.contains(&format!("collectors.process.{key} = ")), "{error}");
    }
}

#[test]
fn command_lines_can_be_switched_off() {
    let mut fake = Fake::new(|config| config.process.command_lines = false);
    fake.set(7, Fields::default());

    fake.ticks(3);

    let known = fake.cache.process(7).unwrap();
    assert_eq!((known.name.as_str(), known.cmdline.as_str()), ("worker", ""));
}
