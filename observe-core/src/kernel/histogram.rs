//! Histograms of how long things took in the kernel: whole, for expositions, where series have but percentiles.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::Attributes;

/// What a family of histograms is about; each is a row of the names table.
#[derive(Debug, Eq, PartialEq)]
pub struct HistogramFamily {
    /// Its name: `syscall.latency`.
    pub name: &'static str,
    /// What was measured, as a sentence.
    pub help: &'static str,
}

/// How long the things of one kind took since tracing began, as it stood on the board.
#[derive(Clone, Debug)]
pub struct KernelHistogram {
    /// What it is about.
    pub family: &'static HistogramFamily,
    /// Which kind of things: `syscall=read`.
    pub attributes: Attributes,
    /// How many took less than each of [`Self::BOUNDS_NANOS`] and not less than the one before.
    pub counts: [u64; Self::BOUNDS],
    /// How many there were, those beyond the last bound included.
    pub count: u64,
    /// How long they took in all.
    pub sum_seconds: f64,
}

impl KernelHistogram {
    /// The number of bounds.
    pub const BOUNDS: usize = 16;
    /// The upper bounds: powers of four from 64 ns to 69 s. The kernel's own buckets end at each of them.
    pub const BOUNDS_NANOS: [u64; Self::BOUNDS] = {
        let (mut bounds, mut index) = ([FIRST_BOUND; Self::BOUNDS], 1);
        while index < Self::BOUNDS {
            bounds[index] = bounds[index - 1] * 4;
            index += 1;
        }
        bounds
    };
}

/// A histogram that stands on the board until this is dropped.
#[derive(Debug)]
pub struct PostedHistogram(Arc<Posted>);

#[derive(Debug)]
struct Posted {
    family: &'static HistogramFamily,
    attributes: Attributes,
    durations: Mutex<Durations>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Durations {
    counts: [u64; KernelHistogram::BOUNDS],
    count: u64,
    nanos: u64,
}

impl PostedHistogram {
    /// Adds what was measured since the call before: how many durations lie in the buckets that begin at so many
    /// nanoseconds, and how many nanoseconds they are in all.
    pub fn add(&self, buckets: impl IntoIterator<Item = (u64, u64)>, nanos: u64) {
        let mut durations = self.0.durations.lock();
        for (low, count) in buckets {
            if let Some(sum) = durations.counts.get_mut(place(low)) {
                *sum += count;
            }
            durations.count += count;
        }
        durations.nanos = durations.nanos.wrapping_add(nanos);
    }
}

/// The histograms on a board.
#[derive(Debug, Default)]
pub(super) struct Histograms {
    posted: Mutex<Vec<Weak<Posted>>>,
}

impl Histograms {
    /// Puts a histogram up, and returns whether there is room for it.
    pub(super) fn post(&self, family: &'static HistogramFamily, attributes: Attributes) -> (PostedHistogram, bool) {
        let new = Arc::new(Posted { family, attributes, durations: Mutex::default() });
        let mut posted = self.posted.lock();
        if posted.len() >= MAX_HISTOGRAMS {
            posted.retain(|histogram| histogram.strong_count() > 0);
        }
        let has_room = posted.len() < MAX_HISTOGRAMS;
        if has_room {
            posted.push(Arc::downgrade(&new));
        }
        (PostedHistogram(new), has_room)
    }

    pub(super) fn read(&self) -> Vec<KernelHistogram> {
        let posted = self.posted.lock();
        let histograms = posted.iter().filter_map(Weak::upgrade).map(|histogram| histogram.read());
        histograms.filter(|histogram| histogram.count > 0).collect()
    }
}

impl Posted {
    fn read(&self) -> KernelHistogram {
        let Durations { counts, count, nanos } = *self.durations.lock();
        let (family, attributes) = (self.family, self.attributes.clone());
        KernelHistogram { family, attributes, counts, count, sum_seconds: nanos as f64 / 1e9 }
    }
}

/// Returns which bound is the first above `nanos`.
const fn place(nanos: u64) -> usize {
    if nanos < FIRST_BOUND {
        return 0;
    }
    ((nanos.ilog2() - FIRST_BOUND.ilog2()) / 2 + 1) as usize
}

/// The most histograms on one board; more are counted, not shown.
const MAX_HISTOGRAMS: usize = 1024;
const FIRST_BOUND: u64 = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{KernelBoard, KernelMode};

    static FAMILY: HistogramFamily = HistogramFamily { name: "nap.length", help: "How long naps are." };

    fn board() -> KernelBoard {
        KernelBoard::new(KernelMode::Live)
    }

    #[test]
    fn durations_count_below_the_first_bound_above_them() {
        let (board, longest) = (board(), KernelHistogram::BOUNDS_NANOS[15]);
        let posted = board.post(&FAMILY, Attributes::empty());

        posted.add([(0, 1), (63, 1), (64, 10), (255, 10), (256, 100), (longest - 1, 7), (longest, 5)], 2_000_000_000);
        posted.add([(u64::MAX, 1)], 500_000_000);

        let [histogram] = &board.histograms()[..] else { panic!() };
        assert_eq!((histogram.counts[..3].to_vec(), histogram.counts[15]), (vec![2, 20, 100], 7));
        assert_eq!((histogram.count, histogram.sum_seconds), (135, 2.5));
    }

    #[test]
    fn what_is_dropped_does_not_stand_on_the_board_any_more() {
        let board = board();
        let (stays, goes) = (board.post(&FAMILY, Attributes::empty()), board.post(&FAMILY, Attributes::empty()));
        assert!(board.histograms().is_empty(), "there is nothing in them");
        [&stays, &goes].into_iter().for_each(|posted| posted.add([(100, 1)], 100));
        assert_eq!(board.histograms().len(), 2);

        drop(goes);

        assert_eq!(board.histograms().len(), 1);
        drop(stays);
        assert!(board.histograms().is_empty());
    }

    #[test]
    fn histograms_beyond_the_most_are_counted_and_make_room_for_others_when_they_go() {
        let board = board();
        let post = || {
            let posted = board.post(&FAMILY, Attributes::empty());
            posted.add([(100, 1)], 100);
            posted
        };
        let mut posted: Vec<_> = (0..MAX_HISTOGRAMS + 3).map(|_| post()).collect();

        assert_eq!((board.histograms().len(), board.read().unposted_histograms), (MAX_HISTOGRAMS, 3));

        posted.remove(0);
        posted.push(post());
        assert_eq!((board.histograms().len(), board.read().unposted_histograms), (MAX_HISTOGRAMS, 3));
    }
}
