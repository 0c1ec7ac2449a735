//! Lists in pages.

use observe_core::MetricKey;

use crate::fixture::{Answer, Fixture};

fn next(answer: &Answer) -> Option<String> {
    answer.json()["next_cursor"].as_str().map(str::to_owned)
}

pub(crate) async fn walk(fixture: &Fixture, first: &str, field: &str) -> Vec<String> {
    let mut seen = Vec::new();
    let mut path = first.to_owned();
    loop {
        let answer = fixture.get(&path).await;
        let body = answer.json();
        seen.extend(body["items"].as_array().unwrap().iter().map(|item| item[field].to_string()));
        let Some(_) = next(&answer) else { return seen };
        let link = answer.header("link").to_owned();
        let (target, relation) = link.split_once(';').unwrap();
        assert_eq!(relation.trim(), "rel=\"next\"");
        path = target.trim_matches(['<', '>']).to_owned();
    }
}

#[tokio::test]
async fn pages_of_events_hold_everything_once_newest_first() {
    let fixture = Fixture::new().await;
    for name in ["a", "b", "c", "d", "e"] {
        fixture.announce(name).await;
    }

    let ids = walk(&fixture, "/api/v1/events?event_type=CUSTOM&limit=2", "id").await;

    let mut sorted: Vec<u64> = ids.iter().map(|id| id.parse().unwrap()).collect();
    assert_eq!(sorted.len(), 5);
    assert!(sorted.is_sorted_by(|one, next| one > next), "{sorted:?}");
    sorted.dedup();
    assert_eq!(sorted.len(), 5);
}

#[tokio::test]
async fn pages_of_frames_and_other_events_hold_everything_once() {
    let fixture = Fixture::new().await;
    fixture.announce("a").await;
    fixture.log("b").await;

    let mut ids = walk(&fixture, "/api/v1/events?limit=7", "id").await;

    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!((count, ids.len()), (40 + 3, 40 + 3), "frames, an anomaly, two events");
}

#[tokio::test]
async fn pages_of_frames_hold_every_frame_once_at_any_limit() {
    let fixture = Fixture::new().await;
    let kinds = "event_type=CPU_METRIC&event_type=MEMORY_METRIC&event_type=DISK_METRIC&event_type=NETWORK_METRIC";

    for limit in [1, 10, 100, 500] {
        let ids = walk(&fixture, &format!("/api/v1/events?{kinds}&limit={limit}"), "id").await;
        let ids: Vec<u64> = ids.iter().map(|id| id.parse().unwrap()).collect();

        assert_eq!(ids.len(), 40, "limit {limit}");
        assert!(ids.is_sorted_by(|one, next| one > next), "limit {limit}: {ids:?}");
    }
}

#[tokio::test]
async fn an_old_frame_can_be_asked_for_by_its_id() {
    let fixture = Fixture::new().await;
    let ids = walk(&fixture, "/api/v1/events?event_type=CPU_METRIC&limit=10", "id").await;

    for id in &ids {
        let answer = fixture.get(&format!("/api/v1/events/{id}")).await;
        assert_eq!((answer.status.as_u16(), answer.json()["id"].to_string()), (200, id.clone()));
        assert_eq!(answer.json()["event_type"], "CPU_METRIC");
    }
}

#[tokio::test]
async fn a_host_and_a_text_choose_events() {
    let fixture = Fixture::new().await;
    fixture.announce("Deployed").await;
    let found = async |query: &str| walk(&fixture, &format!("/api/v1/events?limit=500&{query}"), "id").await.len();

    assert_eq!((found("host=testhost").await, found("host=other").await), (42, 0));
    assert_eq!((found("q=DEPLOYED").await, found("q=memory.percent").await, found("q=nowhere").await), (1, 10, 0));
}

#[tokio::test]
async fn pages_of_series_hold_everything_once_in_order() {
    let fixture = Fixture::new().await;
    let all = fixture.get("/api/v1/metrics").await.json()["items"].as_array().unwrap().len();

    let keys = walk(&fixture, "/api/v1/metrics?limit=3", "metric_key").await;
    let trends = walk(&fixture, "/api/v1/trends?limit=3&seconds=60", "metric_key").await;

    assert_eq!(keys.len(), all);
    let parsed: Vec<MetricKey> = keys.iter().map(|key| key.trim_matches('"').parse().unwrap()).collect();
    assert!(parsed.is_sorted() && trends.is_sorted());
    assert!(!trends.is_empty() && trends.len() <= all);
}

#[tokio::test]
async fn forged_and_foreign_cursors_are_400() {
    let fixture = Fixture::new().await;
    fixture.announce("a").await;
    fixture.announce("b").await;
    let cursor = next(&fixture.get("/api/v1/events?event_type=CUSTOM&limit=1").await).unwrap();
    let mut forged = cursor.clone();
    forged.replace_range(..1, if forged.starts_with('0') { "1" } else { "0" });

    for path in [
        format!("/api/v1/events?event_type=CUSTOM&limit=1&cursor={forged}"),
        format!("/api/v1/events?event_type=LOG&limit=1&cursor={cursor}"),
        format!("/api/v1/anomalies?cursor={cursor}"),
        format!("/api/v1/metrics?cursor={cursor}"),
        "/api/v1/events?cursor=zz".to_owned(),
    ] {
        let answer = fixture.get(&path).await;
        assert_eq!(answer.status, 400, "{path}");
        assert_eq!(answer.json()["type"], "urn:observe:problem:invalid-cursor", "{path}");
    }
}

#[tokio::test]
async fn another_limit_and_order_of_filters_is_the_same_question() {
    let fixture = Fixture::new().await;
    fixture.announce("a").await;
    fixture.announce("b").await;
    let first = fixture.get("/api/v1/events?event_type=CUSTOM&source=test::custom&limit=1").await;
    let cursor = next(&first).unwrap();

    let second =
        fixture.get(&format!("/api/v1/events?source=test%3A%3Acustom&limit=9&event_type=CUSTOM&cursor={cursor}")).await;

    assert_eq!(second.json()["items"].as_array().unwrap().len(), 1);
}
