//! Stores to test, and what is put into them.

use std::sync::Arc;

use observe_core::{Commit, Custom, Enriched, EventData, EventId, LogRecord, Store, SystemEvent, Timestamp};

pub(crate) mod on {
    use std::{env, process};

    use observe_core::{Clock as _, Store, SystemClock};
    use observe_store::{Config, MemoryStore, SqlStore};
    use sqlx::{AssertSqlSafe, Connection as _, PgConnection, raw_sql};

    pub(crate) async fn memory(test: impl AsyncFnOnce(&dyn Store)) {
        test(&MemoryStore::new(64 << 20)).await;
    }

    pub(crate) async fn postgres(test: impl AsyncFnOnce(&dyn Store)) {
        let Some(server) = env::var_os("OBSERVE_TEST_POSTGRES") else {
            println!("skipped: OBSERVE_TEST_POSTGRES does not name a server");
            return;
        };
        let server = server.into_string().unwrap();
        let schema = format!("conformance_{}_{}", process::id(), SystemClock.now().as_nanos());
        let mut connection = PgConnection::connect(&server).await.unwrap();
        raw_sql(AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).execute(&mut connection).await.unwrap();
        let separator = if server.contains('?') { '&' } else { '?' };
        let url = format!("{server}{separator}options=-csearch_path%3D{schema}");
        let store = SqlStore::open(&Config::at(url)).await.unwrap();
        test(&store).await;
        store.close().await.unwrap();
        raw_sql(AssertSqlSafe(format!("DROP SCHEMA {schema} CASCADE"))).execute(&mut connection).await.unwrap();
    }

    pub(crate) async fn sqlite(test: impl AsyncFnOnce(&dyn Store)) {
        let directory = tempfile::tempdir().unwrap();
        let url = directory.path().join("observe.db").display().to_string();
        let store = SqlStore::open(&Config::at(url)).await.unwrap();
        test(&store).await;
        store.close().await.unwrap();
    }
}

/// Makes an event with the id `number`, one second after the one before.
pub(crate) fn event(number: u64, data: EventData) -> Enriched {
    let mut event = SystemEvent::new("test", at(number), data);
    event.id = EventId::from_u64(number);
    Enriched { event, process: None }
}

pub(crate) fn custom(number: u64) -> Enriched {
    event(number, EventData::Custom(Custom { name: format!("event {number}"), data: serde_json::json!(number) }))
}

pub(crate) fn record(number: u64, body: &str) -> LogRecord {
    LogRecord::new(at(number), body)
}

pub(crate) fn at(number: u64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + i64::try_from(number).expect("a small number") * 1_000)
}

pub(crate) async fn commit(store: &dyn Store, events: impl IntoIterator<Item = Enriched>) {
    let events = events.into_iter().map(Arc::new).collect();
    store.commit(&Commit { events, ..Commit::default() }).await.unwrap();
}

/// Commits records with the ids 1, 2, 3 …
pub(crate) async fn commit_records(store: &dyn Store, records: impl IntoIterator<Item = LogRecord>) {
    commit(store, (1..).zip(records).map(|(number, record)| event(number, EventData::Log(record)))).await;
}

pub(crate) fn numbers<'a>(ids: impl IntoIterator<Item = &'a EventId>) -> Vec<u64> {
    ids.into_iter().map(|id| id.as_u64()).collect()
}

/// Nothing is found.
pub(crate) const NONE: [u64; 0] = [];
