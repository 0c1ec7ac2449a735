//! A disk that is full, and has room again.

use std::{
    env,
    fs::{self, File},
    io::Write as _,
    path::PathBuf,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use observe_core::{Engine, EventSink as _, Limits, Store as _, StoreError, StoreStatus, testing::ManualClock};
use observe_store::{Config, SqlStore};
use tempfile::TempDir;

use crate::{
    Told,
    check::Checker,
    model::{Commits, commit_len, due},
};

/// A filesystem of two megabytes that ends with the test.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// Says so where this user may not have one; in CI that is a failure.
    fn mount() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=2m", "observe"]).arg(directory.path()).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(directory));
        }
        println!("skipped: this user cannot mount a filesystem");
        assert_ne!(env::var_os("CI").as_deref(), Some("true".as_ref()), "in CI nothing may be left out");
        None
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    /// Leaves so many bytes of room.
    fn fill(&self, room: usize) {
        fs::write(self.path("room"), vec![0; room]).unwrap();
        let mut filler = File::create(self.path("filler")).unwrap();
        while filler.write_all(&[0; 4_096]).is_ok() {}
        fs::remove_file(self.path("room")).unwrap();
    }

    fn empty(&self) {
        fs::remove_file(self.path("filler")).unwrap();
    }

    fn enlarge(&self) {
        let options = ["-o", "remount,size=64m"];
        assert!(Command::new("mount").args(options).arg(self.0.path()).status().unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
        assert!(unmounted.is_ok_and(|status| status.success()));
    }
}

/// Commits until it fails, at most so often. Returns what was acknowledged and how it failed.
async fn commit(store: &SqlStore, commits: &mut Commits, checker: &mut Checker, times: u32) -> Option<StoreError> {
    for _ in 0..times {
        let first = checker.next_tick();
        let last = first + commit_len(first) - 1;
        if let Err(error) = store.commit(&commits.commit(first, last)).await {
            return Some(error);
        }
        checker.learn(store, &Told { commits: vec![(first, last)], ..Told::default() }).await;
        for _ in 0..4 {
            if let Err(error) = store.maintain(due(last)).await {
                return Some(error);
            }
        }
    }
    None
}

fn is_full(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable { .. }) && error.to_string().contains("is full")
}

#[tokio::test]
async fn a_store_on_a_full_disk_says_so_and_goes_on_once_there_is_room() {
    let Some(disk) = SmallDisk::mount() else { return };
    let path = disk.path("observe.db");
    disk.fill(1_200_000);
    let store = SqlStore::open(&Config::at(path.display().to_string())).await.unwrap();
    let (mut commits, mut checker) = (Commits::new(), Checker::default());

    for (room, times) in [("empty", 4), ("enlarge", 40)] {
        let mut error = None;
        while error.is_none() {
            error = commit(&store, &mut commits, &mut checker, 1_000).await;
        }
        for _ in 0..5 {
            let error = error.take().or(commit(&store, &mut commits, &mut checker, 100).await).unwrap();
            assert!(is_full(&error), "{error}");
        }
        checker.compare(&store, 0).await;

        if room == "empty" {
            disk.empty()
        } else {
            disk.enlarge()
        }

        assert_eq!(commit(&store, &mut commits, &mut checker, times).await, None);
        checker.compare(&store, 0).await;
    }
    store.close().await.unwrap();
    println!("{checker}");
    checker.look(&path, &Told::default(), true).await;
}

#[tokio::test]
async fn a_store_is_not_made_on_a_full_disk_and_is_once_there_is_room() {
    let Some(disk) = SmallDisk::mount() else { return };
    let path = disk.path("observe.db");
    let config = Config::at(path.display().to_string());
    for room in (0..300_000).step_by(30_000) {
        disk.fill(room);
        if let Err(error) = SqlStore::open(&config).await {
            assert!(is_full(&error), "{room} bytes of room: {error}");
            disk.empty();
            continue;
        }
        assert!(room > 0);
        return;
    }
    SqlStore::open(&config).await.unwrap();
}

#[test]
fn an_engine_keeps_what_a_full_disk_has_no_room_for_and_stores_it_later() {
    let Some(disk) = SmallDisk::mount() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = Config::at(disk.path("observe.db").display().to_string());
    let store = Arc::new(runtime.block_on(SqlStore::open(&config)).unwrap());
    let limits = Limits { commit_interval: Duration::from_millis(20), ..Limits::default() };
    let clock = Arc::new(ManualClock::at(due(500)));
    let engine = Engine::builder().store(Arc::clone(&store) as _).limits(limits).clock(clock).start().unwrap();
    let mut commits = Commits::new();
    let mut publish = |ticks: std::ops::Range<u64>| {
        for frame in ticks.flat_map(|tick| commits.commit(tick, tick).frames) {
            while engine.handle().publish(frame.clone().into()).is_err() {
                std::thread::yield_now();
            }
        }
    };

    publish(0..100);
    wait_for(&engine, |status| status.backlog_bytes == 0);
    disk.fill(0);
    publish(100..400);
    let status = wait_for(&engine, |status| status.failures > 1);
    let (key, _, value) = crate::model::points(399).remove(0);
    let latest = engine.handle().latest(&key).unwrap();

    assert!(status.last_error.as_deref().is_some_and(|error| error.contains("is full")), "{status:?}");
    assert!(!status.is_healthy() && status.backlog_bytes > 0);
    assert_eq!(latest.value.to_bits(), value.to_bits());
    disk.empty();
    let status = wait_for(&engine, |status| status.last_error.is_none() && status.backlog_bytes == 0);
    assert_eq!((status.dropped_frames, status.dropped_events), (0, 0));
    assert!(engine.shutdown(Duration::from_secs(20)).is_clean());
    let store = runtime.block_on(SqlStore::read(&config)).unwrap();
    let mut checker = Checker::of_ticks(0..400);
    runtime.block_on(checker.compare_points(&store, 0));
}

/// Waits until the store is doing as it should.
fn wait_for(engine: &Engine, holds: impl Fn(&StoreStatus) -> bool) -> StoreStatus {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let status = engine.handle().status().store;
        if holds(&status) {
            return status;
        }
        assert!(Instant::now() < until, "never came: {status:?}");
        std::thread::yield_now();
    }
}
