//! What is written: everything follows from the number of a tick.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use observe_core::{
    Attributes, Commit, Custom, Enriched, EventData, EventId, Frame, IdSequence, KeyedTable, LogRecord, Metric,
    MetricKey, Schema, State, SystemEvent, Timestamp, Unit,
};

static DEPTH: Metric = Metric::gauge("q.depth", Unit::Count, "Depth.");
static DONE: Metric = Metric::counter("q.done", Unit::Count, "Done.");

/// Numbers that look like chance and follow from a seed.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// Returns any number.
    pub(crate) fn any(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.any() % end
    }
}

/// Returns when a tick comes: one every two seconds.
pub(crate) fn due(tick: u64) -> Timestamp {
    Timestamp::from_millis(START_MS + tick as i64 * 2_000)
}

/// Returns the time that a tick says that it has: now and then one comes late.
pub(crate) fn time(tick: u64) -> Timestamp {
    let mut dice = Dice(tick);
    let late = if dice.below(40) == 0 { 401_000 } else { 0 };
    due(tick) + Duration::from_millis(dice.below(1_000)) - Duration::from_millis(late)
}

/// Returns the queues that a tick has rows for, with their depths and what they have done.
fn queues(tick: u64) -> BTreeMap<u64, [Option<f64>; 2]> {
    let mut dice = Dice(tick / 7);
    let named: Vec<u64> = (0..QUEUES).filter(|_| dice.below(3) > 0).collect();
    named.into_iter().map(|queue| (queue, [value(tick, queue, 0), value(tick, queue, 1)])).collect()
}

fn value(tick: u64, queue: u64, column: u64) -> Option<f64> {
    let mut dice = Dice(tick << 16 | queue << 8 | column);
    match dice.below(12) {
        0 => None,
        1 => Some(f64::from_bits(dice.any())),
        2 => Some(-0.0),
        3 => Some(f64::from_bits(0x7ff8_0000_0000_0000 | dice.below(1 << 20))),
        4 | 5 => Some(dice.below(5_000) as f64 / 100.0),
        _ => Some(tick as f64 + dice.below(3) as f64),
    }
}

/// Returns the points that a tick brings.
pub(crate) fn points(tick: u64) -> Vec<(MetricKey, Timestamp, f64)> {
    let mut points = Vec::new();
    for (queue, values) in queues(tick) {
        for (name, value) in ["q.depth", "q.done"].into_iter().zip(values) {
            let key = || format!("{name}{{queue={queue}}}").parse().unwrap();
            points.extend(value.map(|value| (key(), time(tick), value)));
        }
    }
    points
}

/// Returns how many ticks the commit has that begins with one.
pub(crate) fn commit_len(first: u64) -> u64 {
    1 + Dice(first ^ 0xc0).below(4)
}

/// Returns the ids of the event and of the log record of a tick.
pub(crate) fn ids(tick: u64) -> [EventId; 2] {
    let mut sequence = IdSequence::default();
    [sequence.next(due(tick)), sequence.next(due(tick))]
}

/// Returns the key of the state that a tick writes.
pub(crate) fn state_key(tick: u64) -> String {
    format!("s{}", tick % 10)
}

/// Makes the commits of one process.
pub(crate) struct Commits {
    table: KeyedTable<u64>,
}

impl Commits {
    pub(crate) fn new() -> Self {
        let schema = Schema::builder("q").interval(Duration::from_millis(60)).column(&DEPTH).column(&DONE).build();
        Self { table: KeyedTable::new(schema.unwrap()) }
    }

    /// Makes the commit of some ticks: a frame, an event, a log record and a state of each.
    pub(crate) fn commit(&mut self, first: u64, last: u64) -> Commit {
        let mut commit = Commit::default();
        for tick in first..=last {
            commit.frames.push(self.frame(tick));
            let record = LogRecord::new(time(tick), format!("word{tick} and more"));
            let [custom_id, record_id] = ids(tick);
            commit.events.push(event(tick, custom_id, EventData::Custom(custom(tick))));
            commit.events.push(event(tick, record_id, EventData::Log(record)));
            commit.states.push(state(tick));
        }
        commit
    }

    fn frame(&mut self, tick: u64) -> Frame {
        for (queue, values) in queues(tick) {
            let mut row = self.table.row(&queue, || Attributes::new([("queue", queue.to_string())]).unwrap());
            for (column, value) in values.into_iter().enumerate() {
                if let Some(value) = value {
                    row.set(column, value);
                }
            }
        }
        self.table.frame(time(tick))
    }
}

fn custom(tick: u64) -> Custom {
    Custom { name: format!("event {tick}"), data: serde_json::json!(tick) }
}

fn event(tick: u64, id: EventId, data: EventData) -> Arc<Enriched> {
    let mut event = SystemEvent::new("test", time(tick), data);
    event.id = id;
    Arc::new(Enriched { event, process: None })
}

fn state(tick: u64) -> State {
    State {
        kind: "test".into(),
        key: state_key(tick),
        version: 1,
        data: tick.to_le_bytes().to_vec(),
        updated_at: time(tick),
    }
}

const START_MS: i64 = 1_750_000_000_000;
const QUEUES: u64 = 20;
