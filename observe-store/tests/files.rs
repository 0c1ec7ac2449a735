//! Files that are no store, or none any more, and those that another process has.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails loudly")]

use std::{
    fs::{self, OpenOptions, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    time::Duration,
};

use observe_core::{
    Commit, Custom, Enriched, EventData, EventId, EventQuery, EventStore as _, Metric, MetricStore as _, RangeQuery,
    Schema, Selector, Store as _, StoreError, SystemEvent, Table, Timestamp, Unit,
};
use observe_store::{Config, SqlStore};
use tempfile::TempDir;

static DEPTH: Metric = Metric::gauge("q.depth", Unit::Count, "Depth.");

struct Fixture {
    directory: TempDir,
}

impl Fixture {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("observe.db")
    }

    fn config(&self) -> Config {
        Config::at(self.path().display().to_string())
    }

    /// Makes a store with something in it.
    async fn fill(&self) {
        let store = SqlStore::open(&self.config()).await.unwrap();
        for number in 1..200 {
            let data = EventData::Custom(Custom { name: "x".repeat(500), data: serde_json::json!(number) });
            let mut event = SystemEvent::new("test", Timestamp::from_millis(number), data);
            event.id = EventId::from_u64(number.unsigned_abs());
            let events = vec![Enriched { event, process: None }.into()];
            store.commit(&Commit { events, ..Commit::default() }).await.unwrap();
        }
        store.close().await.unwrap();
    }

    /// Both who write and who read are told, and the file stays as it is.
    async fn check_refused(&self, what: &str) {
        let before = fs::read(self.path()).ok();
        for error in [SqlStore::open(&self.config()).await.err(), SqlStore::read(&self.config()).await.err()] {
            let error = error.expect("it is no store");
            assert!(matches!(error, StoreError::Refused { .. } | StoreError::Corrupt { .. }), "{error}");
            assert!(error.to_string().contains(what) && error.to_string().contains("observe.db"), "{error}");
        }
        assert_eq!(fs::read(self.path()).ok(), before);
    }
}

#[tokio::test]
async fn an_empty_file_becomes_a_store() {
    let fixture = Fixture::new();
    fs::write(fixture.path(), "").unwrap();

    let error = SqlStore::read(&fixture.config()).await.unwrap_err();
    assert!(error.to_string().contains("start the server once"), "{error}");
    SqlStore::open(&fixture.config()).await.unwrap().close().await.unwrap();

    SqlStore::read(&fixture.config()).await.unwrap();
}

#[tokio::test]
async fn what_is_no_database_says_so_and_what_to_do() {
    for bytes in [vec![0; 100_000], vec![0xff; 4_096], b"a text\n".repeat(100)] {
        let fixture = Fixture::new();
        fs::write(fixture.path(), bytes).unwrap();

        fixture.check_refused("name another one, or move it away").await;
    }
}

#[tokio::test]
async fn a_directory_in_place_of_the_file_is_refused() {
    let fixture = Fixture::new();
    fs::create_dir(fixture.path()).unwrap();

    fixture.check_refused("is a directory").await;
}

#[tokio::test]
async fn a_database_that_was_cut_off_never_answers_wrongly() {
    let fixture = Fixture::new();
    fixture.fill().await;
    let all = EventQuery::newest(1_000);
    let expected = SqlStore::open(&fixture.config()).await.unwrap().events(&all).await.unwrap();
    let expected: Vec<String> = expected.iter().map(|event| format!("{event:?}")).collect();
    let whole = fs::read(fixture.path()).unwrap();
    for length in (0..whole.len()).step_by(4_096 * 3).skip(1).chain([100, 5_000, whole.len() - 1]) {
        let cut = Fixture::new();
        fs::write(cut.path(), whole.get(..length).unwrap()).unwrap();

        let answer = match SqlStore::open(&cut.config()).await {
            Ok(store) => store.events(&all).await,
            Err(error) => Err(error),
        };

        match answer {
            // A page that is there in part is filled with zeros. What was in it is left out.
            Ok(events) => {
                let is_right = events.iter().all(|event| expected.contains(&format!("{event:?}")));
                assert!(length + 1 == whole.len() && is_right, "{length} bytes");
            }
            Err(error) => {
                let is_told = matches!(error, StoreError::Corrupt { .. } | StoreError::Refused { .. });
                assert!(is_told && error.to_string().contains("backup"), "{length} bytes: {error}");
            }
        }
    }
}

#[tokio::test]
async fn a_file_or_directory_that_cannot_be_written_is_refused_to_writers() {
    let fixture = Fixture::new();
    fixture.fill().await;
    fs::set_permissions(fixture.path(), Permissions::from_mode(0o444)).unwrap();
    if OpenOptions::new().append(true).open(fixture.path()).is_ok() {
        println!("skipped: this user may write everywhere");
        return;
    }
    let error = SqlStore::open(&fixture.config()).await.unwrap_err();
    assert!(matches!(error, StoreError::Refused { .. }) && error.to_string().contains("cannot be written"), "{error}");

    fs::set_permissions(fixture.directory.path(), Permissions::from_mode(0o555)).unwrap();
    let error = SqlStore::open(&fixture.config()).await.unwrap_err();
    fs::set_permissions(fixture.directory.path(), Permissions::from_mode(0o755)).unwrap();
    assert!(matches!(error, StoreError::Refused { .. }) && error.to_string().contains("cannot be written"), "{error}");
}

#[tokio::test]
async fn readers_beside_a_writer_see_all_that_was_committed_also_while_it_packs() {
    let fixture = Fixture::new();
    let store = SqlStore::open(&fixture.config()).await.unwrap();
    let reader = SqlStore::read(&fixture.config()).await.unwrap();
    let schema = Schema::builder("q").interval(Duration::from_millis(60)).column(&DEPTH).build().unwrap();
    let (mut table, host) = Table::for_host(schema);
    let all = RangeQuery::raw(Selector::Matching(Vec::new()), Timestamp::MIN, Timestamp::MAX);
    let by_minute = RangeQuery {
        step: Duration::from_secs(60),
        aggregate: "count".parse().unwrap(),
        ..RangeQuery::raw(Selector::Matching(Vec::new()), Timestamp::from_millis(0), Timestamp::from_millis(2_000_000))
    };

    for tick in 1..=150_i32 {
        table.set(host, 0, f64::from(tick));
        let at = Timestamp::from_millis(i64::from(tick) * 10_000);
        store.commit(&Commit { frames: vec![table.frame(at)], ..Commit::default() }).await.unwrap();
        store.maintain(at).await.unwrap();

        for store in [&reader, &store] {
            let points = &store.range(&all).await.unwrap()[0].points;
            assert!(points.iter().map(|point| point.value).eq((1..=tick).map(f64::from)), "tick {tick}");
            let counted: f64 = store.range(&by_minute).await.unwrap()[0].points.iter().map(|point| point.value).sum();
            assert_eq!(counted, f64::from(tick));
        }
    }
    let error = SqlStore::open(&fixture.config()).await.unwrap_err();
    let StoreError::Held { holder, .. } = error else { panic!("{error}") };
    assert!(holder.starts_with(&format!("process {} since ", std::process::id())), "{holder}");
}
