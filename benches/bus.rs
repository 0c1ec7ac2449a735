//! Guards: at least 10 million events a second published and delivered to four subscribers on one core, and a publish
//! at or below a microsecond at the 99th percentile, beside `tokio::sync::broadcast`, `flume` and crossbeam's
//! `ArrayQueue` in the same run.
//!
//! Run: `cargo bench --bench bus`. All numbers are processor time of one thread that publishes and receives in turn.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a bench prints, and fails loudly")]

mod support;

use std::{hint::black_box, sync::Arc, time::Instant};

use observe::{Bus, Enriched, EventData, Filter, LogRecord, SystemEvent, Timestamp, testing::publish};

use self::support::{Effort, each};

const SUBSCRIBERS: usize = 4;
const EVENTS: usize = 1 << 20;
const BATCH: usize = 128;
const CAPACITY: usize = 10_000;

fn main() {
    let effort = Effort::from_args();
    let events = effort.of(EVENTS) / BATCH * BATCH + BATCH;
    let batch: Vec<Arc<Enriched>> = (0..BATCH).map(|_| event()).collect();

    let ours = each(effort.best(|| bus(&batch, events)), events);
    let single = each(effort.best(|| bus_one_by_one(&batch, events)), events);
    let broadcast = each(effort.best(|| tokio_broadcast(&batch, events)), events);
    let flume = each(effort.best(|| flume_evict(&batch, events)), events);
    let array = each(effort.best(|| array_queue(&batch, events)), events);

    println!("bus: publish and deliver to {SUBSCRIBERS} subscribers, ns of processor time an event");
    println!("  observe, batches of {BATCH}        {ours:7.1}   {:.1} M events/s", 1e3 / ours);
    for (name, time) in [
        ("observe, one at a time", single),
        ("tokio broadcast", broadcast),
        ("flume, oldest evicted", flume),
        ("ArrayQueue, force_push", array),
    ] {
        println!("  {name:<27}   {time:7.1}   {:.2} x ours", time / ours);
    }
    let (median, p99) = publish_latency(&batch, effort.of(200_000));
    println!("bus: latency of a publish to {SUBSCRIBERS} full queues: median {median} ns, p99 {p99} ns");
}

fn event() -> Arc<Enriched> {
    let record = LogRecord::new(Timestamp::from_millis(1), "a line of a log");
    let event = SystemEvent::new("bench", Timestamp::from_millis(1), EventData::Log(record));
    Arc::new(Enriched { event, process: None })
}

fn bus(batch: &[Arc<Enriched>], events: usize) {
    let bus = Bus::new();
    let mut subscriptions = subscribe(&bus);
    for _ in 0..events / BATCH {
        publish(&bus, batch);
        for subscription in &mut subscriptions {
            assert_eq!(black_box(subscription.try_batch(BATCH)).len(), BATCH);
        }
    }
}

fn bus_one_by_one(batch: &[Arc<Enriched>], events: usize) {
    let bus = Bus::new();
    let mut subscriptions = subscribe(&bus);
    for _ in 0..events / BATCH {
        for event in batch {
            publish(&bus, std::slice::from_ref(event));
        }
        for subscription in &mut subscriptions {
            assert_eq!(black_box(subscription.try_batch(BATCH)).len(), BATCH);
        }
    }
}

fn subscribe(bus: &Bus) -> Vec<observe::Subscription> {
    (0..SUBSCRIBERS).map(|n| bus.subscribe(n.to_string(), Filter::default()).unwrap()).collect()
}

fn tokio_broadcast(batch: &[Arc<Enriched>], events: usize) {
    let (sender, first) = tokio::sync::broadcast::channel(CAPACITY);
    let mut receivers = vec![first];
    receivers.resize_with(SUBSCRIBERS, || sender.subscribe());
    for _ in 0..events / BATCH {
        batch.iter().for_each(|event| assert!(sender.send(Arc::clone(event)).is_ok()));
        for receiver in &mut receivers {
            (0..BATCH).for_each(|_| drop(black_box(receiver.try_recv().unwrap())));
        }
    }
}

fn flume_evict(batch: &[Arc<Enriched>], events: usize) {
    let queues: Vec<_> = (0..SUBSCRIBERS).map(|_| flume::bounded(CAPACITY)).collect();
    for _ in 0..events / BATCH {
        for event in batch {
            for (sender, receiver) in &queues {
                if let Err(flume::TrySendError::Full(event)) = sender.try_send(Arc::clone(event)) {
                    drop(receiver.try_recv());
                    sender.try_send(event).unwrap();
                }
            }
        }
        for (_, receiver) in &queues {
            (0..BATCH).for_each(|_| drop(black_box(receiver.try_recv().unwrap())));
        }
    }
}

fn array_queue(batch: &[Arc<Enriched>], events: usize) {
    let queues: Vec<_> = (0..SUBSCRIBERS).map(|_| crossbeam_queue::ArrayQueue::new(CAPACITY)).collect();
    for _ in 0..events / BATCH {
        for event in batch {
            queues.iter().for_each(|queue| drop(queue.force_push(Arc::clone(event))));
        }
        for queue in &queues {
            (0..BATCH).for_each(|_| drop(black_box(queue.pop().unwrap())));
        }
    }
}

/// Returns the median and the 99th percentile of a publish when every queue is full and drops its oldest event.
fn publish_latency(batch: &[Arc<Enriched>], publishes: usize) -> (u128, u128) {
    let bus = Bus::new();
    let _subscriptions = subscribe(&bus);
    (0..CAPACITY / BATCH + 1).for_each(|_| publish(&bus, batch));
    let event = &batch[..1];
    let mut times: Vec<u128> = (0..publishes)
        .map(|_| {
            let before = Instant::now();
            publish(&bus, event);
            before.elapsed().as_nanos()
        })
        .collect();
    times.sort_unstable();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}
