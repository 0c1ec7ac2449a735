//! Guards: 25 ns a sample at 1,000 series and 80 ns at 100,000; 25 us for a step with 1,300 series; 40 us a tick for a
//! frame of 1,000 processes of which 5 % are new.
//!
//! The rival is the store of the documents: a deque of (time, value) pairs for each metric in a map by name, here with
//! the cost of Python taken away.
//!
//! Run: `cargo bench --bench processor`. All numbers are processor time of one thread.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a bench prints, and fails loudly")]

mod support;

use std::{
    collections::{HashMap, VecDeque},
    hint::black_box,
    sync::Arc,
    time::Duration,
};

use observe::{
    Attributes, Formula, Frame, Item, Limits, Metric, Schema, Subject, SubjectId, Table, Term, Timestamp, Unit,
    testing::StepBench,
};

use self::support::{Effort, each, thread_time};

static TIME: Metric = Metric::counter("bench.time", Unit::Seconds, "Time.");
static SIZE: Metric = Metric::gauge("bench.size", Unit::Bytes, "Size.");
static THREADS: Metric = Metric::gauge("bench.threads", Unit::Count, "Threads.");
static CPU: Metric = Metric::derived(
    "bench.cpu",
    Unit::Percent,
    Formula::Rate { of: &[Term::plus("bench.time")], scale: 100.0 },
    "Share of a core.",
);

fn main() {
    let effort = Effort::from_args();
    println!("processor: ns of processor time a sample, gauges that change on every tick");
    for (series, ticks) in [(1_000, 2_000), (100_000, 140)] {
        let ours = samples(effort, series, effort.of(ticks).max(3));
        let deques = deques(effort, series, effort.of(ticks).max(3));
        println!("  {series:>7} series {ours:7.1}   deque of pairs by name {deques:7.1} = {:.1} x ours", deques / ours);
    }
    let step = step_of_a_host(effort, effort.of(2_000).max(3));
    println!("processor: a step with 1,300 series of 13 producers: {:.1} us", step / 1e3);
    let churn = churn(effort, effort.of(1_000).max(3));
    println!("processor: a frame of 1,000 processes x 4 columns, 5 % of them new: {:.1} us", churn / 1e3);
}

fn at(tick: u64) -> Timestamp {
    Timestamp::from_millis(1_750_000_000_000) + Duration::from_secs(tick)
}

fn gauges(producer: usize, subjects: usize) -> (Table, Vec<SubjectId>) {
    let schema = Schema::builder(format!("bench{producer}")).column(&SIZE).build().unwrap();
    let mut table = Table::new(schema);
    let describe = |n: usize| Attributes::new([("n", format!("{producer}-{n}"))]).unwrap();
    let ids = (0..subjects).map(|n| table.insert(describe(n))).collect();
    (table, ids)
}

fn frame(table: &mut Table, ids: &[SubjectId], tick: u64) -> Frame {
    for (index, id) in ids.iter().enumerate() {
        table.set(*id, 0, (tick * 31 + index as u64 * 17) as f64 % 1_013.0);
    }
    table.frame(at(tick))
}

/// Returns the best mean time of `ticks` steps; only the steps are timed.
fn steps(effort: Effort, ticks: usize, mut next: impl FnMut(u64) -> Vec<Item>) -> f64 {
    let mut bench =
        StepBench::new(&Limits { memory_max_bytes: 8 << 30, max_series_per_producer: 200_000, ..Limits::default() });
    let mut tick = 0;
    let rounds = (0..effort.rounds).map(|_| {
        let mut spent = Duration::ZERO;
        for _ in 0..ticks {
            let items = next(tick);
            let before = thread_time();
            black_box(bench.step(items, at(tick)));
            spent += thread_time() - before;
            tick += 1;
        }
        each(spent, ticks)
    });
    rounds.fold(f64::INFINITY, f64::min)
}

fn samples(effort: Effort, series: usize, ticks: usize) -> f64 {
    let (mut table, ids) = gauges(0, series);
    steps(effort, ticks, |tick| vec![Item::Frame(frame(&mut table, &ids, tick))]) / series as f64
}

fn step_of_a_host(effort: Effort, ticks: usize) -> f64 {
    let mut tables: Vec<_> = (0..13).map(|producer| gauges(producer, 100)).collect();
    steps(effort, ticks, |tick| tables.iter_mut().map(|(table, ids)| Item::Frame(frame(table, ids, tick))).collect())
}

fn churn(effort: Effort, ticks: usize) -> f64 {
    let columns = Schema::builder("processes").column(&TIME).column(&SIZE).column(&THREADS).column(&CPU);
    let mut table = Table::new(columns.build().unwrap());
    let mut born = 0u64;
    let mut ids: VecDeque<SubjectId> = VecDeque::new();
    steps(effort, ticks, |tick| {
        let leaving = if ids.len() < 1_000 { 0 } else { 50 };
        ids.drain(..leaving).for_each(|id| table.remove(id));
        while ids.len() < 1_000 {
            born += 1;
            let attributes = Attributes::new([("name", "worker".to_owned()), ("pid", born.to_string())]);
            ids.push_back(table.insert(attributes.unwrap()));
        }
        for (index, id) in ids.iter().enumerate() {
            table.set(*id, 0, tick as f64 * 0.01);
            table.set(*id, 1, ((index as u64 + tick) % 97) as f64);
            table.set(*id, 2, 4.0);
        }
        vec![Item::Frame(table.frame(at(tick)))]
    })
}

/// The rival: what a dictionary of deques costs.
fn deques(effort: Effort, series: usize, ticks: usize) -> f64 {
    let (mut table, ids) = gauges(0, series);
    let mut deques: HashMap<String, VecDeque<(f64, f64)>> = HashMap::new();
    let mut tick = 0;
    let rounds = (0..effort.rounds).map(|_| {
        let mut spent = Duration::ZERO;
        for _ in 0..ticks {
            let frame = frame(&mut table, &ids, tick);
            let subjects: Vec<&Subject> = frame.subjects().iter().flatten().collect();
            let names: Vec<Arc<str>> =
                subjects.iter().map(|one| Arc::from(format!("bench.size{}", one.attributes))).collect();
            let before = thread_time();
            for (slot, name) in names.iter().enumerate() {
                if !deques.contains_key(&**name) {
                    deques.insert(name.to_string(), VecDeque::new());
                }
                let deque = deques.get_mut(&**name).unwrap();
                if deque.len() == 1_000 {
                    deque.pop_front();
                }
                deque.push_back((frame.timestamp().as_secs_f64(), frame.value(slot, 0).unwrap()));
            }
            spent += thread_time() - before;
            tick += 1;
        }
        each(spent, ticks * series)
    });
    rounds.fold(f64::INFINITY, f64::min)
}
