//! What one reading of a collector brought.

use std::time::{Duration, Instant};

use observe_collectors::{Config, collectors};
use observe_core::{Collect, CollectError, Collector, Frame, Item, ProcessCache, Timestamp};

/// What one tick brought.
pub(crate) struct Tick {
    frames: Vec<Frame>,
    pub(crate) degraded: Option<String>,
    pub(crate) outcome: Result<(), CollectError>,
}

impl Tick {
    pub(crate) fn frame(&self, schema: &str) -> Option<&Frame> {
        self.frames.iter().find(|frame| frame.schema().name() == schema)
    }

    /// Returns the value of the series `key`, as the interfaces spell it.
    pub(crate) fn value(&self, key: &str) -> Option<f64> {
        self.frames.iter().find_map(|frame| {
            let schema = frame.schema();
            frame.subjects().iter().enumerate().find_map(|(slot, subject)| {
                let subject = subject.as_ref()?;
                let is_it = |&column: &usize| schema.key(subject, column).is_some_and(|found| found.to_string() == key);
                frame.value(slot, (0..schema.raw_len()).find(is_it)?)
            })
        })
    }

    /// Returns the keys of all values that are present, in order.
    pub(crate) fn keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        for frame in &self.frames {
            for (slot, subject) in frame.subjects().iter().enumerate() {
                let present = (0..frame.schema().raw_len()).filter(|&column| frame.value(slot, column).is_some());
                keys.extend(present.filter_map(|column| frame.schema().key(subject.as_ref()?, column)));
            }
        }
        let mut keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
        keys.sort_unstable();
        keys
    }

    /// Returns the ids of the processes with series of their own, in order.
    pub(crate) fn tracked(&self) -> Vec<u32> {
        let subjects = self.frame("process").into_iter().flat_map(|frame| frame.subjects().iter().flatten());
        let mut pids: Vec<u32> =
            subjects.map(|subject| subject.attributes.value("pid").unwrap().parse().unwrap()).collect();
        pids.sort_unstable();
        pids
    }
}

pub(crate) fn collector(config: &Config, name: &str) -> Box<dyn Collector> {
    collectors(config).unwrap().into_iter().find(|collector| collector.name() == name).unwrap()
}

pub(crate) fn collect(collector: &mut dyn Collector, now: Timestamp, cache: &ProcessCache) -> Tick {
    let mut cx = Collect::new(now, Instant::now() + Duration::from_secs(1), cache);
    let outcome = collector.collect(&mut cx);
    let frames = cx.take_items().into_iter().map(|item| match item {
        Item::Frame(frame) => frame,
        other => panic!("not a frame: {other:?}"),
    });
    Tick { frames: frames.collect(), degraded: cx.degraded().map(str::to_owned), outcome }
}
