//! What events do not show, seen in the real kernel.

use std::{ffi::OsStr, fs, os::fd::AsRawFd, process::Command};

use observe_core::{KernelBoard, KernelMode, ProcessChange, Timestamp};
use rustix::fs::{MemfdFlags, memfd_create};

use super::programs::{OBJECT, ProcessPrograms, Processes};
use crate::{
    config::ExecConfig,
    guard::Guard,
    kernel::{Kernel, Object, testing::or_skip},
    origin::Origin,
    rules::RulesConfig,
};

/// Loads the programs, for either kind of tracepoint. `None` where nothing can be traced.
fn load(feature: &Processes, object: &Object) -> Option<ProcessPrograms> {
    let kernel = Kernel::new(KernelBoard::new(KernelMode::Live));
    or_skip("exec", feature.load_object(&kernel, object))
}

fn feature() -> Processes {
    let board = KernelBoard::new(KernelMode::Live);
    let guard = Guard::new(&RulesConfig::default(), &board, Origin::Kernel).unwrap();
    let config = ExecConfig { exit_events: true, max_events_per_second: 10_000, ..ExecConfig::default() };
    Processes::new(&config, &guard).unwrap()
}

/// Runs a program to its end, and returns its id.
fn run(program: impl AsRef<OsStr>) -> u32 {
    let mut child = Command::new(program).spawn().unwrap();
    child.wait().unwrap();
    child.id()
}

#[test]
fn a_program_whose_file_was_deleted_or_never_was_on_a_disk_is_told_from_others() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("true");
    fs::copy("/bin/true", &copy).unwrap();
    let deleted = fs::File::open(&copy).unwrap();
    fs::remove_file(&copy).unwrap();
    let memory = fs::File::from(memfd_create("x", MemfdFlags::empty()).unwrap());
    fs::write(format!("/proc/self/fd/{}", memory.as_raw_fd()), fs::read("/bin/true").unwrap()).unwrap();
    let of_descriptor = |file: &fs::File| format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd());
    let feature = feature();
    let Some(mut programs) = load(&feature, &OBJECT) else { return };

    let pids = [run("/bin/true"), run(of_descriptor(&deleted)), run(of_descriptor(&memory))];
    let seen = feature.observations(&mut programs.ring, Timestamp::default());

    let is_deleted = |pid| seen.iter().find(|seen| seen.exec.task.pid == pid).map(|seen| seen.is_deleted);
    assert_eq!(pids.map(is_deleted), [Some(false), Some(true), Some(true)]);
}

#[test]
fn raw_tracepoints_tell_the_same() {
    let mut feature = feature();
    let Some(mut programs) = load(&feature, &OBJECT.twin()) else { return };

    let pid = run("/bin/false");
    let seen = feature.observations(&mut programs.ring, Timestamp::default());

    let [started, ended] = &seen.iter().filter(|seen| seen.exec.task.pid == pid).collect::<Vec<_>>()[..] else {
        panic!("{seen:?}")
    };
    assert_eq!((started.exec.path.as_str(), started.exec.ppid), ("/bin/false", std::process::id()));
    assert_eq!((&started.exec.arguments[..], started.is_deleted), (&["/bin/false".to_owned()][..], false));
    assert!(matches!(ended.exec.change, ProcessChange::Exited { status: 1, signal: 0, .. }));
    assert_eq!(ended.start_ticks, started.start_ticks);
    let counted = feature.count(&programs.counts);
    assert!(counted.started > 0 && counted.forked > 0 && counted.failed > 0 && counted.lifetimes.len() > 0);
}
