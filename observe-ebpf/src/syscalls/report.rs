//! Frames of system calls.

use std::{
    collections::{HashMap, hash_map::Entry},
    mem,
    time::Duration,
};

use observe_core::{
    Attributes, Collect, EventKind, KernelBoard, KeyedTable, PostedHistogram, Schema, SubjectId, Table, Timestamp,
    names::syscall as names,
};

use super::{
    SyscallsConfig,
    call::Call,
    names::{UNKNOWN, name},
};
use crate::{config::InvalidConfig, origin::Origin};

/// Makes frames of what was counted.
#[derive(Debug)]
pub(crate) struct Report {
    origin: Origin,
    calls: KeyedTable<usize>,
    host: Table,
    subject: SubjectId,
    other: Call,
    /// Calls with series of their own, and what they had counted before they got them.
    tracked: HashMap<usize, (u64, u64)>,
    max_tracked: usize,
    min_readings: u32,
    board: KernelBoard,
    latencies: HashMap<usize, PostedHistogram>,
}

impl Report {
    pub(crate) fn new(
        origin: Origin,
        interval: Duration,
        config: &SyscallsConfig,
        board: &KernelBoard,
    ) -> Result<Self, InvalidConfig> {
        let calls = Schema::builder("syscall")
            .kind(EventKind::Metric)
            .interval(interval)
            .column(&names::COUNT)
            .column(&names::ERRORS)
            .column(&names::LATENCY)
            .column(&names::LATENCY_P50)
            .column(&names::LATENCY_P99);
        let host = Schema::builder("syscalls")
            .kind(EventKind::Metric)
            .interval(interval)
            .column(&names::TOTAL)
            .column(&names::FAILED)
            .column(&names::RATE)
            .column(&names::ERROR_RATE);
        let mut host = Table::new(origin.mark(host).build()?);
        let subject = host.insert(origin.attributes([]));
        let calls = KeyedTable::new(origin.mark(calls).build()?);
        Ok(Self {
            origin,
            calls,
            host,
            subject,
            other: Call::new(OTHER),
            tracked: HashMap::new(),
            max_tracked: max_tracked(config)?,
            min_readings: config.min_readings,
            board: board.clone(),
            latencies: HashMap::new(),
        })
    }

    /// Emits what is known about all calls.
    pub(crate) fn emit<'a>(&mut self, calls: impl Iterator<Item = &'a Call>, cx: &mut Collect<'_>) {
        let mut other = mem::take(&mut self.other);
        other.begin();
        let (mut total, mut errors) = (0, 0);
        for call in calls {
            total += call.calls;
            errors += call.errors;
            if self.is_tracked(call) {
                self.write(call);
            } else {
                other.absorb(call);
            }
        }
        if other.calls > 0 {
            self.write(&other);
        }
        self.other = other;
        self.host.set(self.subject, 0, total as f64);
        self.host.set(self.subject, 1, errors as f64);
        let timestamp: Timestamp = cx.timestamp();
        if !self.calls.is_empty() {
            cx.emit(self.calls.frame(timestamp));
        }
        cx.emit(self.host.frame(timestamp));
    }

    /// Returns whether a call has series of its own: once it was made at several readings, for good.
    fn is_tracked(&mut self, call: &Call) -> bool {
        if self.tracked.contains_key(&call.number) {
            return true;
        }
        let enters = call.active >= self.min_readings && self.tracked.len() < self.max_tracked;
        if enters {
            // What counted under `other` stays there.
            let earlier = (call.calls - call.new_calls, call.errors - call.new_errors);
            self.tracked.insert(call.number, earlier);
        }
        enters
    }

    fn write(&mut self, call: &Call) {
        let origin = self.origin;
        let (calls, errors) = self.tracked.get(&call.number).copied().unwrap_or_default();
        let mut row = self.calls.row(&call.number, || describe(origin, call.number));
        row.set(0, (call.calls - calls) as f64).set(1, (call.errors - errors) as f64);
        let timed = call.timed.len();
        if timed > 0 {
            row.set(2, call.time as f64 / timed as f64);
        }
        if let (Some(half), Some(most)) = (call.timed.quantile(0.5), call.timed.quantile(0.99)) {
            row.set(3, half).set(4, most);
        }
        if timed > 0 {
            self.post(call);
        }
    }

    /// Adds what was timed to the histogram on the board: at first all of it, then what is new.
    fn post(&mut self, call: &Call) {
        match self.latencies.entry(call.number) {
            Entry::Occupied(posted) => posted.get().add(call.timed.iter(), call.time),
            Entry::Vacant(place) => {
                let posted = self.board.post(&names::LATENCIES, describe(self.origin, call.number));
                place.insert(posted).add(call.all_timed.iter(), call.all_time);
            }
        }
    }
}

fn describe(origin: Origin, number: usize) -> Attributes {
    match number {
        OTHER => origin.attributes([("syscall", "other")]),
        number => origin.attributes([("syscall", &name(number))]),
    }
}

/// Checks how many calls may have series of their own: there are no more that are told apart.
fn max_tracked(config: &SyscallsConfig) -> Result<usize, InvalidConfig> {
    if config.max_tracked <= UNKNOWN {
        return Ok(config.max_tracked);
    }
    let (key, value) = ("ebpf.syscalls.max_tracked", config.max_tracked.to_string());
    Err(InvalidConfig::Value { key, value, advice: "set it to 0 to 510" })
}

/// Stands for all calls without series of their own.
const OTHER: usize = usize::MAX;

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use observe_core::{Item, KernelMode, ProcessCache};

    use super::*;

    #[test]
    fn calls_by_name_add_up_to_all_calls_whenever_they_get_series_of_their_own() {
        let board = KernelBoard::new(KernelMode::Live);
        let interval = Duration::from_secs(1);
        let mut report = Report::new(Origin::Kernel, interval, &SyscallsConfig::default(), &board).unwrap();
        let processes = ProcessCache::new();
        let (mut read, mut rare) = (Call::new(0), Call::new(1));

        for second in 0..8 {
            read.add(10, 1, std::iter::empty());
            rare.add(u64::from(second == 3), 0, std::iter::empty());
            let mut cx = Collect::new(Timestamp::from_millis(second * 1000), Instant::now() + interval, &processes);
            report.emit([&read, &rare].into_iter(), &mut cx);
            let values = cx.take_items().into_iter().map(|item| match item {
                Item::Frame(frame) => (0..frame.subjects().len()).filter_map(|slot| frame.value(slot, 0)).sum(),
                other => panic!("{other:?}"),
            });
            let [by_name, all] = values.collect::<Vec<f64>>()[..] else { panic!("two frames") };

            assert_eq!(by_name, all, "after {second} seconds");
        }
    }

    #[test]
    fn no_more_calls_have_series_than_are_told_apart() {
        let limited = |max_tracked| {
            super::max_tracked(&SyscallsConfig { max_tracked, ..SyscallsConfig::default() })
                .map_err(|error| error.to_string())
        };

        assert_eq!([0, 510].map(limited), [Ok(0), Ok(510)]);
        let refused = "ebpf.syscalls.max_tracked = 511 cannot be used: set it to 0 to 510";
        assert_eq!(limited(511), Err(refused.to_owned()));
    }
}
