//! The control group collector over fixture and scripted trees.

use std::{
    fs,
    path::{Path, PathBuf},
};

use observe_collectors::Config;
use observe_core::{CollectError, Collector, ProcessCache, Timestamp};
use tempfile::TempDir;

use super::tick::{Tick, collect, collector};

const CONTAINER: &str = "/system.slice/docker-4b5c0e2ad1a54bd1b6a1f0c9c1d5b7e94b5c0e2ad1a54bd1b6a1f0c9c1d5b7e9.scope";

/// A collector over a tree; it reads as often as asked.
struct Groups {
    collector: Box<dyn Collector>,
    now_ms: i64,
}

impl Groups {
    fn over(sys: &Path, configure: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        config.roots.sys = sys.to_owned();
        configure(&mut config);
        Self { collector: collector(&config, "cgroup"), now_ms: 0 }
    }

    fn tick(&mut self) -> Tick {
        self.now_ms += 1_000;
        collect(&mut *self.collector, Timestamp::from_millis(self.now_ms), &ProcessCache::new())
    }
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// Makes a version 2 tree without groups.
fn tree() -> TempDir {
    let sys = tempfile::tempdir().unwrap();
    fs::create_dir_all(sys.path().join("fs/cgroup")).unwrap();
    fs::write(sys.path().join("fs/cgroup/cgroup.controllers"), "cpu memory\n").unwrap();
    sys
}

fn add(sys: &TempDir, group: &str, usage_usec: u64) -> PathBuf {
    let directory = sys.path().join("fs/cgroup").join(group);
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("cpu.stat"), format!("usage_usec {usage_usec}\n")).unwrap();
    directory
}

#[test]
fn a_version_two_tree_gives_every_column() {
    let tick = Groups::over(&fixture("cgroup2"), |_| {}).tick();

    let value = |name: &str| tick.value(&format!("cgroup.{name}{{cgroup={CONTAINER},container=4b5c0e2ad1a5}}"));
    assert_eq!(value("cpu_time"), Some(2.5));
    assert_eq!((value("cpu_user_time"), value("cpu_system_time")), (Some(2.0), Some(0.5)));
    assert_eq!((value("periods"), value("throttled_periods")), (Some(200.0), Some(50.0)));
    assert_eq!(value("throttled_time"), Some(1.25));
    assert_eq!((value("memory"), value("memory_limit")), (Some(104_857_600.0), Some(209_715_200.0)));
    assert_eq!((value("memory_anonymous"), value("memory_file")), (Some(73_400_320.0), Some(31_457_280.0)));
    assert_eq!((value("read_bytes"), value("write_bytes")), (Some(4_196.0), Some(8_192.0)));
    assert_eq!((value("reads"), value("writes"), value("pids")), (Some(2.0), Some(2.0), Some(12.0)));
    assert_eq!((tick.value("cgroups.count"), tick.value("cgroup.untracked")), (Some(3.0), Some(0.0)));
}

#[test]
fn shares_and_percentages_follow_from_the_columns() {
    let mut groups = Groups::over(&fixture("cgroup2"), |_| {});
    let first = groups.tick();

    let frame = first.frame("cgroup").unwrap();
    let schema = frame.schema();
    let names: Vec<String> = schema.columns()[schema.raw_len()..].iter().map(|column| column.to_text()).collect();
    let row = frame.row(0);
    let mut later = row.to_vec();
    let column = |name| schema.columns().iter().position(|column| column.to_text() == name).unwrap();
    for (name, growth) in [("cgroup.cpu_time", 0.5), ("cgroup.periods", 10.0), ("cgroup.throttled_periods", 4.0)] {
        later[column(name)] += growth;
    }
    let derived: Vec<_> = (0..names.len()).map(|index| schema.derive(index, &later, row, 1.0)).collect();

    assert_eq!(names, ["cgroup.cpu", "cgroup.throttled", "cgroup.memory_percent"]);
    assert_eq!(derived, [Some(50.0), Some(40.0), Some(50.0)]);
}

#[test]
fn a_version_one_tree_gives_what_it_has() {
    let tick = Groups::over(&fixture("cgroup1"), |_| {}).tick();

    let id = &CONTAINER["/system.slice/docker-".len()..CONTAINER.len() - ".scope".len()];
    let value = |name: &str| tick.value(&format!("cgroup.{name}{{cgroup=/docker/{id},container=4b5c0e2ad1a5}}"));
    assert_eq!((value("cpu_time"), value("throttled_time")), (Some(1.5), Some(2.0)));
    assert_eq!((value("memory"), value("pids")), (Some(1_048_576.0), Some(3.0)));
    assert_eq!(value("memory_limit"), None, "there is no limit");
    assert_eq!(tick.value("cgroups.count"), Some(2.0), "the same group of several hierarchies is one");
}

#[test]
fn containers_are_read_on_every_tick_and_others_every_ten_seconds() {
    let sys = tree();
    add(&sys, "a.service", 1);
    let container = add(&sys, CONTAINER.trim_start_matches('/'), 1_000_000);
    let mut groups = Groups::over(sys.path(), |_| {});

    let first = groups.tick();
    fs::write(container.join("cpu.stat"), "usage_usec 3000000\n").unwrap();
    let second = groups.tick();
    let eleventh = (3..=11).map(|_| groups.tick()).last().unwrap();

    let key = format!("cgroup.cpu_time{{cgroup={CONTAINER},container=4b5c0e2ad1a5}}");
    assert_eq!((first.value(&key), second.value(&key)), (Some(1.0), Some(3.0)));
    assert!(first.frame("cgroup.other").is_some() && eleventh.frame("cgroup.other").is_some());
    assert!(second.frame("cgroup.other").is_none());
}

#[test]
fn groups_that_come_and_go_are_noticed() {
    let sys = tree();
    let old = add(&sys, "old.service", 1);
    let mut groups = Groups::over(sys.path(), |config| config.cgroup.interval_seconds = 10.0);
    let before = groups.tick();

    fs::remove_dir_all(old).unwrap();
    add(&sys, "new.service", 2);
    let after = groups.tick();

    assert!(before.value("cgroup.cpu_time{cgroup=/old.service}").is_some());
    assert!(after.value("cgroup.cpu_time{cgroup=/old.service}").is_none());
    assert!(after.value("cgroup.cpu_time{cgroup=/new.service}").is_some());
}

#[test]
fn beyond_the_limit_containers_come_first_and_the_rest_is_counted() {
    let sys = tree();
    (0..300).for_each(|number| drop(add(&sys, &format!("unit{number}.service"), 1)));
    add(&sys, "z.slice/pods/lxc/web", 1);
    let mut groups = Groups::over(sys.path(), |_| {});

    let tick = groups.tick();

    assert!(tick.value("cgroup.cpu_time{cgroup=/z.slice/pods/lxc/web,container=web}").is_some());
    assert_eq!(tick.frame("cgroup.other").unwrap().subjects().iter().flatten().count(), 255);
    assert_eq!(tick.value("cgroup.untracked"), Some(304.0 - 256.0));
}

#[test]
fn deep_trees_and_long_paths_are_bounded() {
    let sys = tree();
    add(&sys, &vec!["d"; 40].join("/"), 1);
    add(&sys, &[&*"x".repeat(250); 5].join("/"), 1);

    let tick = Groups::over(sys.path(), |_| {}).tick();

    let deepest = tick.frame("cgroup.other").unwrap().subjects().iter().flatten().map(|s| s.attributes.value("cgroup"));
    assert_eq!(deepest.filter_map(|path| Some(path?.matches("/d").count())).max(), Some(6));
    assert_eq!(tick.value("cgroup.untracked"), Some(1.0), "five names of 250 bytes are too long");
}

#[test]
fn the_filter_chooses_groups_by_path() {
    let sys = tree();
    add(&sys, "a.service", 1);
    add(&sys, "b.service", 1);

    let tick = Groups::over(sys.path(), |config| config.cgroup.groups.include = vec!["/a*".into()]).tick();

    assert_eq!(tick.keys(), ["cgroup.cpu_time{cgroup=/a.service}", "cgroup.untracked", "cgroups.count"]);
}

#[test]
fn the_view_of_a_container_has_its_own_group_as_root() {
    let sys = tree();
    add(&sys, "", 4_000_000);
    fs::write(sys.path().join("fs/cgroup/memory.current"), "7\n").unwrap();

    let tick = Groups::over(sys.path(), |_| {}).tick();

    assert_eq!(tick.value("cgroup.cpu_time{cgroup=/}"), Some(4.0));
    assert_eq!(tick.value("cgroup.memory{cgroup=/}"), Some(7.0));
}

#[test]
fn garbage_gives_no_values_and_no_failure() {
    let sys = tree();
    let group = add(&sys, "a.service", 1);
    for file in ["cpu.stat", "memory.current", "memory.max", "io.stat", "memory.stat", "pids.current"] {
        fs::write(group.join(file), b"\xff\xfe -1 99999999999999999999999\n\n=\nrbytes=").unwrap();
    }

    let tick = Groups::over(sys.path(), |_| {}).tick();

    assert!(tick.outcome.is_ok());
    assert_eq!(tick.value("cgroup.cpu_time{cgroup=/a.service}"), None);
    assert_eq!(tick.value("cgroup.read_bytes{cgroup=/a.service}"), Some(0.0));
}

#[test]
fn a_host_without_control_groups_is_told_so() {
    let sys = tempfile::tempdir().unwrap();

    let tick = Groups::over(sys.path(), |_| {}).tick();

    assert!(matches!(tick.outcome, Err(CollectError::Unsupported(_))));
}

#[test]
fn control_groups_that_are_mounted_later_are_found() {
    let sys = tempfile::tempdir().unwrap();
    let mut groups = Groups::over(sys.path(), |_| {});
    let before = groups.tick();

    fs::create_dir_all(sys.path().join("fs/cgroup")).unwrap();
    fs::write(sys.path().join("fs/cgroup/cgroup.controllers"), "cpu memory\n").unwrap();
    add(&sys, "a.service", 2_000_000);
    let after = groups.tick();

    assert!(matches!(before.outcome, Err(CollectError::Unsupported(_))));
    assert_eq!(after.value("cgroup.cpu_time{cgroup=/a.service}"), Some(2.0));
}

#[test]
fn this_host_can_be_read() {
    let tick = Groups::over(Path::new("/sys"), |_| {}).tick();

    assert!(matches!(tick.outcome, Ok(()) | Err(CollectError::Unsupported(_))));
}
