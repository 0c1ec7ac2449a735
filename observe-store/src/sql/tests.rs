use std::sync::{Arc, atomic::AtomicU64};

use observe_core::{
    Custom, Enriched, EventData, EventId, EventQuery, IdSequence, LogQuery, LogRecord, Span, SpanId, SpanQuery,
    SystemEvent, Timestamp, TraceId, Upkeep,
};

use super::{
    retention::{Kept, remove},
    *,
};
use crate::db::{Database, Dialect, Transaction, testing::on_each};

fn event(id: EventId, data: EventData) -> Arc<Enriched> {
    let mut event = SystemEvent::new("test", id.timestamp(), data);
    event.id = id;
    Arc::new(Enriched { event, process: None })
}

/// One event, one record and one span for each millisecond since 2024.
fn some(millis: std::ops::Range<i64>) -> Vec<Arc<Enriched>> {
    let mut ids = IdSequence::default();
    let mut events = Vec::new();
    for milli in millis {
        let at = START + std::time::Duration::from_millis(milli.unsigned_abs());
        let custom = Custom { name: "n".into(), data: serde_json::Value::Null };
        let (trace, span) = (TraceId::from_bytes([1; 16]).unwrap(), SpanId::from_bytes([1; 8]).unwrap());
        events.push(event(ids.next(at), EventData::Custom(custom)));
        events.push(event(ids.next(at), EventData::Log(LogRecord::new(at, format!("common line{milli}")))));
        events.push(event(ids.next(at), EventData::Span(Span::new(trace, span, "n", at, at))));
    }
    events
}

async fn insert(database: &Database, events: &[Arc<Enriched>]) {
    let mut transaction = database.write().await.unwrap();
    events::insert(&mut transaction, events).await.unwrap();
    logs::insert(&mut transaction, events).await.unwrap();
    spans::insert(&mut transaction, events).await.unwrap();
    transaction.commit().await.unwrap();
}

async fn with_word(transaction: &mut Transaction, word: &str) -> usize {
    let query = LogQuery { text: Some(word.into()), ..LogQuery::newest(usize::MAX) };
    logs::query(transaction, &query, &AtomicU64::default()).await.unwrap().len()
}

/// Returns how many rows there are, and how many are known by their words.
async fn counts(database: &Database) -> [usize; 5] {
    let (mut reader, left_out) = (database.read().await.unwrap(), AtomicU64::default());
    let indexed = match database.dialect() {
        Dialect::Postgres => "SELECT COUNT(*) FROM logs WHERE words@@'common'",
        Dialect::Sqlite => "SELECT COUNT(*) FROM logs_fts WHERE logs_fts MATCH 'common'",
    };
    let indexed = reader.fetch_first(indexed, &[], |row| row.int(0)).await.unwrap().unwrap();
    [
        events::query(&mut reader, &EventQuery::newest(usize::MAX), &left_out).await.unwrap().len(),
        logs::query(&mut reader, &LogQuery::newest(usize::MAX), &left_out).await.unwrap().len(),
        spans::query(&mut reader, &SpanQuery::newest(usize::MAX), &left_out).await.unwrap().len(),
        with_word(&mut reader, "common").await,
        usize::try_from(indexed).unwrap(),
    ]
}

#[tokio::test]
async fn what_is_written_again_is_there_once() {
    on_each(async |database| {
        let events = some(0..700);
        insert(&database, &events).await;
        insert(&database, &events).await;
        insert(&database, &events[500..]).await;

        assert_eq!(counts(&database).await, [2_100, 700, 700, 700, 700]);
        let mut reader = database.read().await.unwrap();
        assert_eq!(with_word(&mut reader, "line699").await, 1);
    })
    .await;
}

#[tokio::test]
async fn what_is_too_old_leaves_in_small_steps_with_its_words() {
    on_each(async |database| {
        insert(&database, &some(0..700)).await;
        let end = START + std::time::Duration::from_millis(600);
        for kept in Kept::ALL {
            let mut steps = 0;
            loop {
                let mut transaction = database.write().await.unwrap();
                let left = remove(&mut transaction, kept, end).await.unwrap();
                transaction.commit().await.unwrap();
                steps += 1;
                if left == Upkeep::Done {
                    break;
                }
            }
            assert_eq!(steps, 3, "{kept:?}");
        }

        assert_eq!(counts(&database).await, [300, 100, 100, 100, 100]);
        let mut reader = database.read().await.unwrap();
        assert_eq!((with_word(&mut reader, "line599").await, with_word(&mut reader, "line600").await), (0, 1));
        drop(reader);
        let mut transaction = database.write().await.unwrap();
        for kept in Kept::ALL {
            assert_eq!(remove(&mut transaction, kept, Timestamp::MIN).await, Ok(Upkeep::Done));
            assert_eq!(remove(&mut transaction, kept, Timestamp::MAX).await, Ok(Upkeep::Done));
        }
        transaction.commit().await.unwrap();
        assert_eq!(counts(&database).await, [0; 5]);
        insert(&database, &some(0..10)).await;
        assert_eq!(counts(&database).await, [30, 10, 10, 10, 10]);
    })
    .await;
}

#[tokio::test]
async fn rows_that_cannot_be_read_are_left_out() {
    on_each(async |database| {
        insert(&database, &some(0..3)).await;
        let mut transaction = database.write().await.unwrap();
        for damage in [
            "UPDATE events SET body='{' WHERE id=0",
            "UPDATE events SET type='NONE' WHERE id=4096",
            "UPDATE logs SET attrs='{' WHERE id=1",
            "UPDATE spans SET attrs='{\"attributes\":{\" \":\"\"}}' WHERE id=2",
        ] {
            assert_eq!(transaction.execute(damage, &[]).await, Ok(1), "{damage}");
        }
        transaction.commit().await.unwrap();

        assert_eq!(counts(&database).await, [5, 2, 2, 2, 3]);
        let mut reader = database.read().await.unwrap();
        let query = EventQuery { end: START, ..EventQuery::newest(1) };
        let newest = events::query(&mut reader, &query, &AtomicU64::default()).await.unwrap();
        assert_eq!(newest.len(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_long_answer_is_fetched_in_parts() {
    on_each(async |database| {
        insert(&database, &some(0..2_500)).await;

        assert_eq!(counts(&database).await, [7_500, 2_500, 2_500, 2_500, 2_500]);
    })
    .await;
}

const START: Timestamp = Timestamp::from_millis(1_704_067_200_000);
