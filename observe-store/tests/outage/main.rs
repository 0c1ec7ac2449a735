//! A server that crashes, hangs or cannot be reached loses nothing that was confirmed, and nobody waits for it for long.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a test fails loudly")]

mod cluster;
mod network;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use observe_core::{
    Commit, Custom, Enriched, EventData, EventQuery, EventStore as _, IdSequence, Metric, MetricStore as _, RangeQuery,
    Schema, Selector, Store as _, StoreError, SubjectId, SystemEvent, Table, Timestamp, Unit, Upkeep,
};
use observe_store::{Config, SqlStore};
use sqlx::{Connection as _, PgConnection};

use self::{
    cluster::Cluster,
    network::{Network, Proxy},
};

static DEPTH: Metric = Metric::gauge("q.depth", Unit::Count, "Depth.");
/// The longest that a call may take while the server does not answer.
const BOUND: Duration = Duration::from_secs(17);

/// Commits ticks of one series, each with an event.
struct Writer {
    store: SqlStore,
    table: Table,
    host: SubjectId,
    confirmed: i64,
    failures: u32,
    longest: Duration,
}

impl Writer {
    async fn open(url: String) -> Self {
        let schema = Schema::builder("q").interval(Duration::from_millis(60)).column(&DEPTH).build().unwrap();
        let (table, host) = Table::for_host(schema);
        let store = SqlStore::open(&Config::at(url)).await.unwrap();
        Self { store, table, host, confirmed: 0, failures: 0, longest: Duration::ZERO }
    }

    /// Makes the commit after the last confirmed one.
    fn next(&mut self) -> Commit {
        let tick = self.confirmed + 1;
        self.table.set(self.host, 0, tick as f64);
        let data = EventData::Custom(Custom { name: "tick".to_owned(), data: tick.into() });
        let mut event = SystemEvent::new("test", at(tick), data);
        // The same one when the tick is tried again.
        event.id = IdSequence::default().next(at(tick));
        let events = vec![Arc::new(Enriched { event, process: None })];
        Commit { frames: vec![self.table.frame(at(tick))], events, ..Commit::default() }
    }

    /// Tries once.
    async fn attempt(&mut self, commit: &Commit) -> Result<(), StoreError> {
        let began = Instant::now();
        let outcome = self.store.commit(commit).await;
        self.longest = self.longest.max(began.elapsed());
        match &outcome {
            Ok(()) => self.confirmed += 1,
            Err(error) => {
                assert!(error.is_retryable(), "{error}");
                self.failures += 1;
            }
        }
        outcome
    }

    /// Commits until so many are confirmed, as the engine does it.
    async fn commit_until(&mut self, count: i64) {
        let began = Instant::now();
        while self.confirmed < count {
            let commit = self.next();
            while self.attempt(&commit).await.is_err() {
                assert!(began.elapsed() < Duration::from_secs(120), "{} of {count}", self.confirmed);
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }

    /// Everything that was confirmed is there, and once; packed or not.
    async fn check(self) {
        let Self { store, confirmed, longest, .. } = self;
        assert!(longest < BOUND, "a call took {longest:?}");
        let all = || RangeQuery::raw(Selector::Matching(Vec::new()), at(0), at(100_000));
        let by_minute = || RangeQuery { step: Duration::from_secs(60), aggregate: "count".parse().unwrap(), ..all() };
        for _ in 0..2 {
            let points = &store.range(&all()).await.unwrap()[0].points;
            assert!(points.iter().map(|point| point.value).eq((1..=confirmed).map(|tick| tick as f64)));
            let minutes = &store.range(&by_minute()).await.unwrap()[0].points;
            assert_eq!(minutes.iter().map(|point| point.value).sum::<f64>(), confirmed as f64);
            let events = store.events(&EventQuery::newest(10_000)).await.unwrap();
            assert_eq!(i64::try_from(events.len()), Ok(confirmed));
            while store.maintain(at(100_000)).await.unwrap() == Upkeep::More {}
        }
        store.close().await.unwrap();
    }
}

fn at(tick: i64) -> Timestamp {
    Timestamp::from_millis(1_749_999_600_000 + tick * 1_000)
}

#[tokio::test]
async fn a_server_that_crashed_is_waited_for() {
    let Some(cluster) = Cluster::start_new() else { return };
    let mut writer = Writer::open(cluster.url("observe")).await;
    writer.commit_until(20).await;
    for round in 1..=2 {
        cluster.crash();

        let commit = writer.next();
        for _ in 0..2 {
            writer.attempt(&commit).await.unwrap_err();
        }
        let began = Instant::now();
        assert!(writer.store.events(&EventQuery::newest(1)).await.unwrap_err().is_retryable());
        assert!(began.elapsed() < BOUND);
        cluster.start();
        writer.commit_until(20 + 20 * round).await;
    }

    writer.check().await;
}

#[tokio::test]
async fn a_server_that_hangs_is_not_waited_for_without_an_end() {
    let Some(cluster) = Cluster::start_new() else { return };
    let mut writer = Writer::open(cluster.url("observe")).await;
    let hang = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        cluster.signal("STOP");
    };
    let commit_until_it_hangs = async {
        while writer.failures == 0 {
            let commit = writer.next();
            // The one that it confirms after all is tried again below.
            let _outcome = writer.attempt(&commit).await;
        }
    };
    tokio::join!(hang, commit_until_it_hangs);
    let began = Instant::now();
    let error = writer.store.events(&EventQuery::newest(1)).await.unwrap_err();
    assert!(error.is_retryable() && began.elapsed() < BOUND, "{error}");
    let began = Instant::now();
    let error = SqlStore::read(&Config::at(cluster.url("observe"))).await.unwrap_err();
    assert!(error.is_retryable() && began.elapsed() < BOUND, "{error}");

    cluster.signal("CONT");
    let count = writer.confirmed + 20;
    writer.commit_until(count).await;

    writer.check().await;
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_there_once() {
    let Some(cluster) = Cluster::start_new() else { return };
    let proxy = Proxy::start(cluster.path());
    let mut writer = Writer::open(proxy.url()).await;
    writer.commit_until(5).await;
    let commit = writer.next();

    proxy.becomes(Network::LosesAnswers);
    let error = writer.attempt(&commit).await.unwrap_err();
    proxy.becomes(Network::Works);

    assert!(error.to_string().contains("did not answer within 10 seconds"), "{error}");
    writer.commit_until(10).await;
    assert_eq!(writer.failures, 1);
    writer.check().await;
}

#[tokio::test]
async fn a_commit_that_is_lost_with_its_connection_does_not_keep_others_from_writing() {
    let Some(cluster) = Cluster::start_new() else { return };
    let proxy = Proxy::start(cluster.path());
    let mut writer = Writer::open(proxy.url()).await;
    writer.commit_until(5).await;
    let commit = writer.next();

    proxy.becomes(Network::LosesCommits);
    writer.attempt(&commit).await.unwrap_err();
    proxy.becomes(Network::Broken);
    let error = writer.attempt(&commit).await.unwrap_err();
    proxy.becomes(Network::Works);

    assert!(error.to_string().contains("no connection"), "{error}");
    writer.commit_until(10).await;
    writer.check().await;
}

#[tokio::test]
async fn a_wrong_password_is_told_and_not_shown() {
    let Some(cluster) = Cluster::start_new() else { return };
    let mut connection = PgConnection::connect(&cluster.url("observe")).await.unwrap();
    let role = "SET password_encryption='scram-sha-256'; CREATE ROLE ann LOGIN PASSWORD 'right'; \
                GRANT CREATE ON SCHEMA public TO ann";
    sqlx::raw_sql(role).execute(&mut connection).await.unwrap();

    let error = SqlStore::open(&Config::at(cluster.url("ann:s3cret"))).await.unwrap_err();

    let text = format!("{error} {error:?}");
    assert!(matches!(error, StoreError::Refused { .. }) && text.contains("password authentication failed"), "{text}");
    assert!(!text.contains("s3cret"), "{text}");
    SqlStore::open(&Config::at(cluster.url("ann:right"))).await.unwrap().close().await.unwrap();
}
