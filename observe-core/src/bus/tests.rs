use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::{Custom, EventData, EventId, EventKind, LogRecord, SystemEvent, Timestamp};

fn log(id: u64) -> Arc<Enriched> {
    let record = LogRecord::new(Timestamp::default(), "x".repeat(id as usize % 50));
    enriched(id, EventData::Log(record))
}

fn custom(id: u64) -> Arc<Enriched> {
    enriched(id, EventData::Custom(Custom { name: "x".into(), data: serde_json::Value::Null }))
}

fn enriched(id: u64, data: EventData) -> Arc<Enriched> {
    let mut event = SystemEvent::new("test", Timestamp::default(), data);
    event.id = EventId::from_u64(id);
    Arc::new(Enriched { event, process: None })
}

fn ids(events: &[Arc<Enriched>]) -> Vec<u64> {
    events.iter().map(|event| event.id.as_u64()).collect()
}

fn logs_only() -> Filter {
    Filter::kinds(EventKinds::from_iter([EventKind::Log]))
}

#[test]
fn full_queue_drops_the_oldest_event() {
    let bus = Bus::new();
    let mut slow = bus.subscribe("slow", Filter { max_events: 2, ..Filter::default() }).unwrap();

    bus.publish(&[log(1), log(2), log(3)]);

    assert_eq!(ids(&slow.try_batch(10)), [2, 3]);
    assert_eq!(slow.dropped(), 1);
}

#[test]
fn queue_is_bounded_in_bytes_too() {
    let bus = Bus::new();
    let size = log(0).size_bytes();
    let mut slow = bus.subscribe("slow", Filter { max_bytes: size * 2, ..Filter::default() }).unwrap();

    bus.publish(&[log(0), log(50), log(100)]);

    assert_eq!(ids(&slow.try_batch(10)), [50, 100]);
}

#[test]
fn subscribers_share_the_bytes_of_the_bus() {
    let bus = Bus::with_max_bytes(log(0).size_bytes() * 4);
    let mut alone = bus.subscribe("alone", Filter::default()).unwrap();
    bus.publish(&[log(0), log(50), log(100), log(150)]);
    let all = alone.try_batch(10).len();
    let _second = bus.subscribe("second", Filter::default()).unwrap();

    bus.publish(&[log(0), log(50), log(100), log(150)]);

    assert_eq!((all, alone.try_batch(10).len()), (4, 2));
}

#[test]
fn unwanted_events_are_not_queued() {
    let bus = Bus::new();
    let mut logs = bus.subscribe("logs", logs_only()).unwrap();
    let mut elsewhere =
        bus.subscribe("elsewhere", Filter { source: Some("other".into()), ..Filter::default() }).unwrap();

    bus.publish(&[log(1), custom(2)]);

    assert_eq!(ids(&logs.try_batch(10)), [1]);
    assert!(elsewhere.try_batch(10).is_empty());
}

#[test]
fn a_waiting_subscriber_is_woken() {
    let bus = Bus::new();
    let mut subscription = bus.subscribe("waits", Filter::default()).unwrap();
    let reader = std::thread::spawn(move || ids(&subscription.wait_batch(10, Duration::from_secs(60))));

    bus.publish(&[log(1)]);

    assert_eq!(reader.join().unwrap(), [1]);
}

#[test]
fn an_awaiting_subscriber_is_woken() {
    let bus = Bus::new();
    let mut subscription = bus.subscribe("waits", Filter::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();

    let received = runtime.block_on(async {
        let (batch, ()) = tokio::join!(subscription.next_batch(10), async { bus.publish(&[log(1)]) });
        ids(&batch)
    });

    assert_eq!(received, [1]);
}

#[test]
fn a_closed_bus_ends_the_wait_after_what_is_queued() {
    let bus = Bus::new();
    let mut subscription = bus.subscribe("waits", Filter::default()).unwrap();
    bus.publish(&[log(1)]);
    bus.close();

    let last = ids(&subscription.wait_batch(10, Duration::from_secs(60)));
    let end = subscription.wait_batch(10, Duration::from_secs(60));

    assert_eq!(last, [1]);
    assert!(end.is_empty() && subscription.is_finished());
}

#[test]
fn nobody_subscribes_to_a_closed_bus() {
    let bus = Bus::new();
    bus.close();

    assert_eq!(bus.subscribe("late", Filter::default()).map(|_| ()), Err(SubscribeError::Closed));
}

#[test]
fn an_id_is_free_again_when_its_subscriber_has_left() {
    let bus = Bus::new();
    let first = bus.subscribe("one", Filter::default()).unwrap();

    let second = bus.subscribe("one", Filter::default()).map(|_| ());
    drop(first);

    assert_eq!(second, Err(SubscribeError::Duplicate { id: "one".into() }));
    assert!(bus.subscribe("one", Filter::default()).is_ok());
}

#[test]
fn subscribers_are_bounded() {
    let bus = Bus::new();
    let all: Vec<_> = (0..Bus::MAX_SUBSCRIBERS).map(|n| bus.subscribe(n.to_string(), Filter::default())).collect();

    assert!(all.iter().all(Result::is_ok));
    assert_eq!(bus.subscribe("one more", Filter::default()).map(|_| ()), Err(SubscribeError::Full));
}

proptest! {
    /// What was published is delivered, dropped or queued, in events and in bytes, subscribers that left included.
    #[test]
    fn nothing_goes_missing(steps in proptest::collection::vec((0u8..4, 0usize..40), 1..60)) {
        let bus = Bus::new();
        let mut all = bus.subscribe("all", Filter { max_events: 16, ..Filter::default() }).unwrap();
        let mut logs = Some(bus.subscribe("logs", Filter { max_bytes: 4_000, ..logs_only() }).unwrap());

        for (step, amount) in steps {
            match step {
                0 => bus.publish(&(0..amount as u64).map(|n| if n % 3 == 0 { custom(n) } else { log(n) }).collect::<Vec<_>>()),
                1 => { all.try_batch(amount); }
                2 => { logs.as_mut().map(|logs| logs.try_batch(amount)); }
                _ if amount == 0 => logs = None,
                _ => {}
            }
            let stats = bus.stats();
            let queued: usize = stats.subscribers.iter().map(|subscriber| subscriber.queued).sum();
            let queued_bytes: usize = stats.subscribers.iter().map(|subscriber| subscriber.queued_bytes).sum();
            prop_assert_eq!(stats.totals.published, stats.totals.delivered + stats.totals.dropped + queued as u64);
            prop_assert_eq!(stats.totals.published_bytes, stats.totals.delivered_bytes + stats.totals.dropped_bytes + queued_bytes as u64);
        }
    }
}
