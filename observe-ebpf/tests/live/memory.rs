//! Want of memory.

use std::{
    env, fs,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{self, Command},
};

use observe_core::ProcessChange;
use observe_ebpf::Config;
use rustix::process::{Uid, getuid};

use crate::host::Host;

/// A control group with little memory, of whichever version there is.
struct Group(PathBuf);

impl Group {
    fn with_limit(bytes: u64) -> Option<Self> {
        let name = format!("observe-test-{}", process::id());
        let group = |parent: &str, limit: &str, swap: &str| {
            let path = Path::new(parent).join(&name);
            fs::create_dir(&path).ok()?;
            let group = Self(path);
            fs::write(group.0.join(limit), bytes.to_string()).ok()?;
            // There is no such file where swap is not accounted for.
            let no_swap = if swap == "memory.swap.max" { 0 } else { bytes };
            let _missing = fs::write(group.0.join(swap), no_swap.to_string());
            Some(group)
        };
        group("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes")
            .or_else(|| group("/sys/fs/cgroup", "memory.max", "memory.swap.max"))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir(&self.0) {
            eprintln!("{} is left: {error}", self.0.display());
        }
    }
}

#[test]
fn a_process_that_is_killed_for_its_memory_is_told_once() {
    let Some(mut host) = Host::load(&Config::default(), "ebpf.memory") else { return };
    let Some(group) = Group::with_limit(LIMIT) else {
        let must = env::var_os("OBSERVE_EBPF_REQUIRE").is_some() && getuid() == Uid::ROOT;
        assert!(!must, "a control group must be made here");
        eprintln!("SKIPPED: no control group of memory can be made");
        return;
    };
    let before = host.read();

    // A line without end, which `tail` keeps in memory.
    let script = format!("echo $$ > {}; exec tail /dev/zero", group.0.join("cgroup.procs").display());
    let mut child = Command::new("/bin/sh").args(["-c", &script]).spawn().unwrap();
    let status = child.wait().unwrap();
    let reading = host.read();

    assert_eq!(status.signal(), Some(9));
    let [exec] = reading.changes_of(child.id())[..] else { panic!("{:?}", reading.events) };
    let ProcessChange::OomKilled { anonymous_bytes } = exec.change else { panic!("{:?}", exec.change) };
    assert!((LIMIT / 2..=LIMIT).contains(&anonymous_bytes), "{anonymous_bytes}");
    assert_eq!((exec.task.name.as_str(), exec.task.tid, exec.ppid), ("tail", child.id(), process::id()));
    assert_eq!(exec.task.uid, getuid().as_raw());
    let grown = |key: &str| reading.value(key).unwrap() - before.value(key).unwrap();
    assert!(grown("memory.oom_kills") >= 1.0);
    // Before the kernel kills, it tries.
    assert!(grown("memory.reclaim_count{scope=cgroup}") >= 1.0);
    assert!(reading.value("memory.reclaim_latency_p50{scope=cgroup}").is_some_and(|nanos| nanos > 0.0));
    assert!(grown("memory.reclaim_count{scope=host}") >= 0.0);
}

#[test]
fn page_faults_are_counted_by_access_only_when_asked_for() {
    for wanted in [false, true] {
        let mut config = Config::default();
        config.memory.page_faults = wanted;
        let Some(mut host) = Host::load(&config, "ebpf.memory") else { return };
        let before = host.read();

        Command::new("/bin/true").status().unwrap();
        let reading = host.read();

        for access in ["read", "write", "execute"] {
            let key = format!("memory.faults{{access={access}}}");
            let grown = reading.value(&key).zip(before.value(&key)).map(|(after, before)| after > before);
            assert_eq!(grown, wanted.then_some(true), "{access}");
        }
    }
}

const LIMIT: u64 = 16 << 20;
