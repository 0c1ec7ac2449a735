use std::sync::Arc;

use observe_core::{Attributes, EventId, LogQuery, LogRecord, Resource, SpanId, Store, TraceId};

use crate::support::{NONE, at, commit_records, numbers, record};

async fn found(store: &dyn Store, query: &LogQuery) -> Vec<u64> {
    let records = store.logs(query).await.unwrap();
    numbers(records.iter().map(|stored| &stored.id))
}

async fn with_words(store: &dyn Store, text: &str) -> Vec<u64> {
    found(store, &LogQuery { text: Some(text.to_owned()), ..LogQuery::newest(10) }).await
}

fn of_service(number: u64, service: &str) -> LogRecord {
    let attributes = Attributes::new([("service.name", service)]).unwrap();
    let mut record = record(number, "hello");
    record.resource = Arc::new(Resource { attributes });
    record
}

pub(crate) async fn records_come_back_as_they_were(store: &dyn Store) {
    let mut full = of_service(1, "shop\0");
    full.body = "a line\nwith \0, \"quotes\" and 'more' \\ é 🦀".to_owned();
    full.severity_number = 17;
    full.severity_text = "Error".to_owned();
    full.attributes = Attributes::new([("process.pid", "7"), ("empty", ""), ("odd", "\0\u{1}é")]).unwrap();
    full.trace_id = TraceId::from_bytes([7; 16]);
    full.span_id = SpanId::from_bytes([255; 8]);
    let records = [full, record(2, "")];

    commit_records(store, records.clone()).await;

    let read = store.logs(&LogQuery::newest(10)).await.unwrap();
    let read: Vec<LogRecord> = read.into_iter().rev().map(|stored| stored.value).collect();
    assert_eq!(read, records);
}

pub(crate) async fn records_are_found_by_their_words_in_any_case(store: &dyn Store) {
    commit_records(
        store,
        [
            record(1, "Disk /dev/sda1 is FULL"),
            record(2, "disk is nearly full"),
            record(3, "memory is full"),
            record(4, "Ärger mit der Maschine"),
            record(5, "arger"),
        ],
    )
    .await;

    assert_eq!(with_words(store, "disk").await, [2, 1]);
    assert_eq!(with_words(store, "full DISK").await, [2, 1]);
    assert_eq!(with_words(store, "sda1").await, [1]);
    assert_eq!(with_words(store, "dis").await, NONE);
    assert_eq!(with_words(store, "disk memory").await, NONE);
    assert_eq!(with_words(store, "ÄRGER").await, [4]);
    assert_eq!(with_words(store, "arger").await, [5]);
    assert_eq!(with_words(store, "").await, [5, 4, 3, 2, 1]);
    assert_eq!(with_words(store, " -- ").await, [5, 4, 3, 2, 1]);
    let query = LogQuery { text: Some("full".into()), before: Some(EventId::from_u64(3)), ..LogQuery::newest(1) };
    assert_eq!(found(store, &query).await, [2]);
}

pub(crate) async fn words_are_runs_of_letters_and_digits(store: &dyn Store) {
    let long = "x".repeat(5_000);
    commit_records(
        store,
        [
            record(1, "GET https://shop.example/cart?id=12abc 1e5 -7 3.25 <b>bold</b> &amp; ann@shop.example"),
            record(2, "snake_case and kebab-case, “quoted”—dash; naïve e\u{301}té"),
            record(3, &format!("{long} ends {long}y")),
            record(4, "the and or not near"),
        ],
    )
    .await;

    for word in ["https", "shop", "example", "cart", "12abc", "1e5", "7", "3", "25", "b", "bold", "amp", "ann"] {
        assert_eq!(with_words(store, word).await, [1], "{word}");
    }
    assert_eq!(with_words(store, "shop.example").await, [1]);
    for word in ["snake", "case", "kebab", "quoted", "dash", "naïve", "té", "QUOTED"] {
        assert_eq!(with_words(store, word).await, [2], "{word}");
    }
    assert_eq!(with_words(store, "ends").await, [3]);
    assert_eq!(with_words(store, &long).await, [3]);
    assert_eq!(with_words(store, &format!("{long}z")).await, NONE);
    assert_eq!(with_words(store, "the").await, [4]);
}

pub(crate) async fn what_looks_like_an_operator_is_harmless(store: &dyn Store) {
    commit_records(store, [record(1, "disk full"), record(2, "near or not and disk"), record(3, "full")]).await;

    for text in ["disk OR full", "disk | full", "disk NOT full", "disk AND full", "NEAR(disk full)", "near"] {
        let expected: &[u64] = if text == "near" { &[2] } else { &[] };
        let matches = with_words(store, text).await;
        assert!(matches == expected || text == "disk | full" && matches == [1], "{text}: {matches:?}");
    }
    for text in ["dis*", "body:disk", "^disk:*", "\"disk", "disk'", "disk)", "(disk", "disk\0", "disk & !full", "<->"] {
        with_words(store, text).await;
    }
    for text in ["\"disk\"", "'disk'; DROP TABLE logs", "disk:*", "(disk)", "disk\0"] {
        let expected: &[u64] = if text.contains("DROP") { &[] } else { &[2, 1] };
        assert_eq!(with_words(store, text).await, expected, "{text}");
    }
    assert_eq!(with_words(store, &"disk ".repeat(10_000)).await, [2, 1]);
}

pub(crate) async fn records_are_those_that_are_asked_for(store: &dyn Store) {
    let trace_id = TraceId::from_bytes([7; 16]);
    let mut records = [
        of_service(1, "shop"),
        of_service(2, "shop"),
        of_service(3, "mail"),
        record(4, "hello world"),
        // What comes late has an id after those of its time.
        record(1, "late"),
    ];
    (records[0].severity_number, records[1].severity_number, records[2].severity_number) = (9, 17, 21);
    records[1].trace_id = trace_id;
    commit_records(store, records).await;
    let all = || LogQuery::newest(10);

    assert_eq!(found(store, &all()).await, [5, 4, 3, 2, 1]);
    assert_eq!(found(store, &LogQuery::newest(2)).await, [5, 4]);
    assert_eq!(found(store, &LogQuery { service: Some("shop".into()), ..all() }).await, [2, 1]);
    assert_eq!(found(store, &LogQuery { service: Some(String::new()), ..all() }).await, [5, 4]);
    assert_eq!(found(store, &LogQuery { min_severity: 17, ..all() }).await, [3, 2]);
    assert_eq!(found(store, &LogQuery { trace_id, ..all() }).await, [2]);
    assert_eq!(found(store, &LogQuery { trace_id: TraceId::from_bytes([8; 16]), ..all() }).await, NONE);
    assert_eq!(found(store, &LogQuery { start: at(2), end: at(4), ..all() }).await, [3, 2]);
    assert_eq!(found(store, &LogQuery { end: at(2), ..all() }).await, [5, 1]);
    let text = Some("hello".to_owned());
    let query = LogQuery { text, service: Some("shop".into()), min_severity: 10, end: at(4), ..all() };
    assert_eq!(found(store, &query).await, [2]);
}
