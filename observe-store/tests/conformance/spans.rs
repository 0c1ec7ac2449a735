use std::{sync::Arc, time::Duration};

use observe_core::{
    Attributes, EventData, EventId, Resource, Span, SpanId, SpanKind, SpanQuery, SpanStatus, Store, Timestamp, TraceId,
};

use crate::support::{NONE, at, commit, event, numbers};

async fn found(store: &dyn Store, query: &SpanQuery) -> Vec<u64> {
    let spans = store.spans(query).await.unwrap();
    numbers(spans.iter().map(|stored| &stored.id))
}

fn span(number: u8, service: &str, name: &str, millis: u64) -> Span {
    let trace_id = TraceId::from_bytes([number / 2 + 1; 16]).unwrap();
    let start = at(number.into());
    let mut span = Span::new(
        trace_id,
        SpanId::from_bytes([number; 8]).unwrap(),
        name,
        start,
        start + Duration::from_millis(millis),
    );
    let attributes = Attributes::new([("service.name", service)]).unwrap();
    span.resource = Arc::new(Resource { attributes });
    span
}

async fn commit_spans(store: &dyn Store, spans: impl IntoIterator<Item = Span>) {
    commit(store, (1..).zip(spans).map(|(number, span)| event(number, EventData::Span(span)))).await;
}

pub(crate) async fn spans_come_back_as_they_were(store: &dyn Store) {
    let mut spans = Vec::new();
    for kind in [SpanKind::Client, SpanKind::Consumer, SpanKind::Internal, SpanKind::Producer, SpanKind::Server] {
        for status in [SpanStatus::Error, SpanStatus::Ok, SpanStatus::Unset] {
            let number = u8::try_from(spans.len()).unwrap() + 1;
            let mut span = span(number, "shop", "GET /\0é", 1);
            (span.kind, span.status) = (kind, status);
            span.parent_span_id = SpanId::from_bytes([number + 1; 8]);
            span.attributes = Attributes::new([("http.route", "/")]).unwrap();
            spans.push(span);
        }
    }
    let mut backwards = span(20, "", "", 0);
    backwards.end_time = at(1);
    let mut endless = span(21, "", "", 0);
    (endless.start_time, endless.end_time) = (Timestamp::MIN, Timestamp::MAX);
    let mut plain = span(22, "", "", 0);
    plain.resource = Arc::default();
    spans.extend([backwards, endless, plain]);

    commit_spans(store, spans.clone()).await;

    let read = store.spans(&SpanQuery::newest(100)).await.unwrap();
    assert_eq!(read.into_iter().rev().map(|stored| stored.value).collect::<Vec<_>>(), spans);
}

pub(crate) async fn spans_are_those_that_are_asked_for(store: &dyn Store) {
    let spans = [
        span(1, "shop", "GET /", 5),
        span(2, "shop", "PUT /", 50),
        span(3, "mail", "GET /", 500),
        span(4, "mail", "send", 1),
    ];
    let trace_id = Some(spans[1].trace_id);
    commit_spans(store, spans).await;
    let all = || SpanQuery::newest(10);

    assert_eq!(found(store, &all()).await, [4, 3, 2, 1]);
    assert_eq!(found(store, &SpanQuery::newest(1)).await, [4]);
    assert_eq!(found(store, &SpanQuery { before: Some(EventId::from_u64(3)), ..all() }).await, [2, 1]);
    assert_eq!(found(store, &SpanQuery { trace_id, ..all() }).await, [3, 2]);
    assert_eq!(found(store, &SpanQuery { service: Some("shop".into()), ..all() }).await, [2, 1]);
    assert_eq!(found(store, &SpanQuery { name: Some("GET /".into()), ..all() }).await, [3, 1]);
    assert_eq!(found(store, &SpanQuery { name: Some("get /".into()), ..all() }).await, NONE);
    assert_eq!(found(store, &SpanQuery { min_duration: Duration::from_millis(50), ..all() }).await, [3, 2]);
    assert_eq!(found(store, &SpanQuery { min_duration: Duration::MAX, ..all() }).await, NONE);
    assert_eq!(found(store, &SpanQuery { start: at(2), end: at(4), ..all() }).await, [3, 2]);
    let query = SpanQuery { service: Some("mail".into()), name: Some("GET /".into()), start: at(3), ..all() };
    assert_eq!(found(store, &query).await, [3]);
}
