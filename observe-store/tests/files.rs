//! Files that are no store, or none any more, and those that another process has.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails loudly")]

use std::{
    fs::{self, OpenOptions, Permissions},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::PathBuf,
    time::Duration,
};

use observe_core::{
    Commit, Custom, Enriched, EventData, EventId, EventQuery, EventStore as _, Metric, MetricStore as _, RangeQuery,
    Schema, Selector, Store as _, StoreError, SystemEvent, Table, Timestamp, Unit,
};
use observe_store::{Config, SqlStore};
use sqlx::{
    Connection as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
};
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
            store.commit(&commit(number)).await.unwrap();
        }
        store.close().await.unwrap();
    }

    /// Returns the names of all files, in order.
    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory.path()).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
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

/// Makes a commit of one event.
fn commit(number: i64) -> Commit {
    let data = EventData::Custom(Custom { name: "x".repeat(500), data: serde_json::json!(number) });
    let mut event = SystemEvent::new("test", Timestamp::from_millis(number), data);
    event.id = EventId::from_u64(number.unsigned_abs());
    let events = vec![Enriched { event, process: None }.into()];
    Commit { events, ..Commit::default() }
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
async fn a_file_or_directory_that_is_missing_is_named() {
    let fixture = Fixture::new();
    let error = SqlStore::read(&fixture.config()).await.unwrap_err().to_string();
    assert!(error.contains(&format!("there is no file {}", fixture.path().display())), "{error}");

    let directory = fixture.directory.path().join("none");
    let config = Config::at(directory.join("observe.db").display().to_string());
    for error in [SqlStore::open(&config).await.err(), SqlStore::read(&config).await.err()] {
        let error = error.unwrap().to_string();
        assert!(error.contains(&format!("there is no directory {}:", directory.display())), "{error}");
    }
    assert_eq!(fixture.files(), [""; 0]);
}

#[tokio::test]
async fn a_database_of_something_else_stays_as_it_is() {
    let fixture = Fixture::new();
    let options = SqliteConnectOptions::new().filename(fixture.path()).create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql("CREATE TABLE other(x)").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();

    fixture.check_refused("something else").await;
    assert_eq!(fixture.files(), ["observe.db"]);

    // What is in its WAL counts, too.
    fs::remove_file(fixture.path()).unwrap();
    let options = options.journal_mode(SqliteJournalMode::Wal);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql("CREATE TABLE other(x)").execute(&mut connection).await.unwrap();

    fixture.check_refused("something else").await;
    assert_eq!(fixture.files(), ["observe.db", "observe.db-shm", "observe.db-wal"]);
}

#[tokio::test]
async fn a_file_with_two_names_is_refused_to_writers() {
    let fixture = Fixture::new();
    fixture.fill().await;
    let other = fixture.directory.path().join("other.db");
    fs::hard_link(fixture.path(), &other).unwrap();

    let error = SqlStore::open(&Config::at(other.display().to_string())).await.unwrap_err();

    assert!(matches!(error, StoreError::Refused { .. }) && error.to_string().contains("has 2 names"), "{error}");
    fs::remove_file(other).unwrap();
    SqlStore::open(&fixture.config()).await.unwrap().close().await.unwrap();
}

#[tokio::test]
async fn a_lock_that_was_removed_is_taken_again_or_lost_to_another_writer() {
    let fixture = Fixture::new();
    let first = SqlStore::open(&fixture.config()).await.unwrap();
    let lock = fixture.directory.path().join("observe.db.lock");

    fs::remove_file(&lock).unwrap();
    first.commit(&commit(1)).await.unwrap();
    assert!(matches!(SqlStore::open(&fixture.config()).await, Err(StoreError::Held { .. })));

    fs::remove_file(&lock).unwrap();
    let second = SqlStore::open(&fixture.config()).await.unwrap();
    assert!(matches!(first.commit(&commit(2)).await, Err(StoreError::Held { .. })));
    second.commit(&commit(3)).await.unwrap();
    assert!(matches!(first.close().await, Err(StoreError::Held { .. })));
    second.close().await.unwrap();
}

#[tokio::test]
async fn a_link_to_no_file_yet_leads_to_one_lock() {
    let fixture = Fixture::new();
    let link = fixture.directory.path().join("link.db");
    symlink(fixture.path(), &link).unwrap();

    let _first = SqlStore::open(&Config::at(link.display().to_string())).await.unwrap();

    assert!(matches!(SqlStore::open(&fixture.config()).await, Err(StoreError::Held { .. })));
}

#[tokio::test]
async fn nothing_is_stored_in_a_file_that_was_removed_or_replaced() {
    let fixture = Fixture::new();
    let store = SqlStore::open(&fixture.config()).await.unwrap();
    store.commit(&commit(1)).await.unwrap();
    let elsewhere = fixture.directory.path().join("elsewhere.db");
    let is_told = |outcome: Result<(), StoreError>| {
        let error = outcome.unwrap_err();
        assert!(error.is_retryable() && error.to_string().contains("observe.db was removed or replaced"), "{error}");
    };

    fs::rename(fixture.path(), &elsewhere).unwrap();
    is_told(store.commit(&commit(2)).await);
    fs::write(fixture.path(), "").unwrap();
    is_told(store.commit(&commit(2)).await);
    fs::rename(&elsewhere, fixture.path()).unwrap();
    store.commit(&commit(2)).await.unwrap();
    fs::remove_file(fixture.path()).unwrap();

    is_told(store.close().await);
}

#[tokio::test]
async fn a_database_beside_which_nothing_can_be_made_can_be_read() {
    let fixture = Fixture::new();
    fixture.fill().await;
    // As where the directory is not this user's, or is on a disk that cannot be written.
    symlink("nowhere/observe.db-shm", fixture.directory.path().join("observe.db-shm")).unwrap();

    let store = SqlStore::read(&fixture.config()).await.unwrap();

    assert_eq!(store.events(&EventQuery::newest(1_000)).await.unwrap().len(), 199);
    fs::write(fixture.directory.path().join("observe.db-wal"), "what was not yet moved").unwrap();
    let error = SqlStore::read(&fixture.config()).await.unwrap_err().to_string();
    assert!(error.contains("observe.db-wal") && !error.contains("written"), "{error}");
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
async fn a_damaged_file_with_a_wal_beside_it_may_have_been_restored_without_care() {
    let fixture = Fixture::new();
    fixture.fill().await;
    let whole = fs::read(fixture.path()).unwrap();
    fs::write(fixture.path(), whole.get(..whole.len() / 2).unwrap()).unwrap();
    fs::write(fixture.directory.path().join("observe.db-wal"), "of another file").unwrap();

    fixture.check_refused("observe.db-wal may belong to the one before").await;
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
