use std::sync::Arc;

use observe_core::{
    Anomaly, Commit, Custom, Enriched, EventData, EventId, EventKind, EventKinds, EventQuery, KeyedTable, Level,
    LogRecord, Metric, Point, ProcessInfo, Schema, Span, SpanId, Store, Timestamp, TraceId, Trend, Unit,
};

use crate::support::{NONE, at, commit, custom, event, numbers};

async fn found(store: &dyn Store, query: &EventQuery) -> Vec<u64> {
    let events = store.events(query).await.unwrap();
    numbers(events.iter().map(|event| &event.id))
}

fn anomaly(number: u64, key: &str, value: f64) -> Enriched {
    let anomaly = Anomaly {
        detector: "zscore".into(),
        score: 0.1 + 0.2,
        level: Level::Page,
        z_score: Some(f64::NEG_INFINITY),
        mean: f64::MIN_POSITIVE,
        stddev: -0.0,
        expected: Some((f64::INFINITY, 1e300)),
        explanation: "a \"quoted\"\nline with \0".into(),
    };
    let point = Point { timestamp: at(number), value };
    event(number, EventData::Anomaly { metric_key: key.parse().unwrap(), point, anomaly })
}

fn trend(number: u64) -> Enriched {
    let trend =
        Trend { slope: -1.5e-7, r2: 0.99, p_value: 0.0, n: 1_000, window_seconds: 60.5, current_value: f64::NAN };
    event(number, EventData::Trend { metric_key: "m".parse().unwrap(), trend })
}

pub(crate) async fn events_come_back_as_they_were(store: &dyn Store) {
    let mut with_process = anomaly(1, "process.cpu{name=\"a \\\"b\\\"\",pid=7}", f64::NAN);
    with_process.event.source = "ml::anomaly".to_owned().into();
    with_process.event.host = Some("web1".into());
    with_process.process = Some(Arc::new(ProcessInfo {
        pid: 7,
        start_ticks: u64::MAX,
        ppid: 1,
        name: "a \"b\"".into(),
        cmdline: "a\t--b".into(),
        uid: u32::MAX,
    }));
    let data = serde_json::json!({"a": [1, -2, 0.1, u64::MAX, i64::MIN, null, {"b": "\0é"}], "": true});
    let events = [
        with_process,
        anomaly(2, "m", 1.0),
        event(3, EventData::Custom(Custom { name: "deployed\0".into(), data })),
        trend(4),
        custom(5),
    ];

    commit(store, events.clone()).await;

    let read = store.events(&EventQuery::newest(10)).await.unwrap();
    let shown: Vec<String> = read.iter().rev().map(|event| format!("{event:?}")).collect();
    assert_eq!(shown, events.map(|event| format!("{event:?}")));
}

pub(crate) async fn frames_are_no_events(store: &dyn Store) {
    static DEPTH: Metric = Metric::gauge("q.depth", Unit::Count, "Depth.");
    let schema = Schema::builder("q").column(&DEPTH).build().unwrap();
    let frame = KeyedTable::<String>::new(schema).frame(Timestamp::default());

    let commit = Commit { frames: vec![frame], ..Commit::default() };
    store.commit(&commit).await.unwrap();

    assert_eq!(found(store, &EventQuery::newest(10)).await, NONE);
}

pub(crate) async fn log_records_and_spans_are_events_too(store: &dyn Store) {
    let span =
        Span::new(TraceId::from_bytes([1; 16]).unwrap(), SpanId::from_bytes([2; 8]).unwrap(), "GET /", at(2), at(3));
    let mut log = event(1, EventData::Log(LogRecord::new(at(1), "hello")));
    log.event.host = Some("web1".into());
    log.event.source = "syslog".into();
    log.process = Some(Arc::new(ProcessInfo {
        pid: 1,
        start_ticks: 2,
        ppid: 3,
        name: "n".into(),
        cmdline: String::new(),
        uid: 0,
    }));
    let mut of_span = event(2, EventData::Span(span));
    of_span.process = log.process.clone();
    let events = [log, of_span, custom(3), event(4, EventData::Log(LogRecord::new(at(4), "again")))];

    commit(store, events.clone()).await;

    let read = store.events(&EventQuery::newest(10)).await.unwrap();
    let shown: Vec<String> = read.iter().rev().map(|event| format!("{event:?}")).collect();
    assert_eq!(shown, events.map(|event| format!("{event:?}")));
    assert_eq!(found(store, &EventQuery::newest(3)).await, [4, 3, 2]);
    let kinds = EventKinds::from_iter([EventKind::Log]);
    assert_eq!(found(store, &EventQuery { kinds, ..EventQuery::newest(10) }).await, [4, 1]);
}

pub(crate) async fn newest_events_come_first_and_pages_follow_each_other(store: &dyn Store) {
    for numbers in (1..=30).collect::<Vec<_>>().chunks(7) {
        commit(store, numbers.iter().map(|number| custom(*number))).await;
    }

    assert_eq!(found(store, &EventQuery::newest(3)).await, [30, 29, 28]);
    assert_eq!(found(store, &EventQuery::newest(0)).await, NONE);
    assert_eq!(found(store, &EventQuery::newest(usize::MAX)).await.len(), 30);
    let mut query = EventQuery::newest(4);
    let mut all = Vec::new();
    loop {
        let page = found(store, &query).await;
        let Some(last) = page.last() else { break };
        query.before = Some(EventId::from_u64(*last));
        all.extend(page);
    }
    assert_eq!(all, (1..=30).rev().collect::<Vec<_>>());
    let after = EventQuery { after: Some(EventId::from_u64(28)), ..EventQuery::newest(10) };
    assert_eq!(found(store, &after).await, [30, 29]);
}

pub(crate) async fn events_are_those_that_are_asked_for(store: &dyn Store) {
    let mut elsewhere = custom(5);
    elsewhere.event.host = Some("web1".into());
    elsewhere.event.source = "deploy".into();
    // What comes late has an id after those of its time.
    let mut late = custom(6);
    late.event.timestamp = at(1);
    let events = [anomaly(1, "process.cpu{pid=7}", 1.0), trend(2), anomaly(3, "m", 2.0), custom(4), elsewhere, late];
    commit(store, events).await;
    let all = || EventQuery::newest(10);

    let kinds = EventKinds::from_iter([EventKind::Anomaly, EventKind::CpuMetric]);
    assert_eq!(found(store, &EventQuery { kinds, ..all() }).await, [3, 1]);
    assert_eq!(found(store, &EventQuery { kinds: EventKinds::NONE, ..all() }).await, NONE);
    assert_eq!(found(store, &EventQuery { source: Some("deploy".into()), ..all() }).await, [5]);
    assert_eq!(found(store, &EventQuery { source: Some("DEPLOY".into()), ..all() }).await, NONE);
    assert_eq!(found(store, &EventQuery { host: Some("web1".into()), ..all() }).await, [5]);
    assert_eq!(found(store, &EventQuery { pid: Some(7), ..all() }).await, [1]);
    assert_eq!(found(store, &EventQuery { start: at(3), ..all() }).await, [5, 4, 3]);
    assert_eq!(found(store, &EventQuery { end: at(2), ..all() }).await, [6, 1]);
    assert_eq!(found(store, &EventQuery { start: at(2), end: at(2), ..all() }).await, NONE);
    let before = Some(EventId::from_u64(6));
    assert_eq!(found(store, &EventQuery { start: at(1), end: at(3), before, ..all() }).await, [2, 1]);
}
