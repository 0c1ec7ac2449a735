//! Requests to block devices, counted and timed in the kernel.

use std::{
    collections::BTreeMap,
    mem,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use observe_core::{Collect, CollectError, Collector, EventData, Io, KernelBoard, SystemEvent};

use super::{
    BlockConfig,
    devices::Devices,
    pair::Pair,
    report::{Report, Requests},
};
use crate::{
    config::{InvalidConfig, interval, millis},
    feature::{Feature, Programs, Tracer},
    histogram::Cumulative,
    kernel::{Kernel, Loaded, Object, Record, Ring, Rows, Setup, Unavailable},
    origin::Origin,
};

/// The feature `block`.
#[derive(Debug)]
pub(crate) struct Block {
    interval: Duration,
    slow: Duration,
    report: Report,
    devices: Devices,
    pairs: BTreeMap<Pair, Known>,
}

/// What is known about one pair.
#[derive(Debug, Default)]
struct Known {
    requests: Requests,
    before: Cumulative,
    now: Cumulative,
}

impl Block {
    /// Makes the collector; nothing is loaded yet.
    pub(crate) fn collector(kernel: &Kernel, config: &BlockConfig) -> Result<Box<dyn Collector>, InvalidConfig> {
        Ok(Box::new(Tracer::new(kernel, Self::new(kernel.board(), config)?)))
    }

    fn new(board: &KernelBoard, config: &BlockConfig) -> Result<Self, InvalidConfig> {
        let interval = interval("ebpf.block.interval_seconds", config.interval_seconds)?;
        let slow = match config.slow_ms {
            0 => Duration::ZERO,
            slow => millis("ebpf.block.slow_ms", slow)?,
        };
        let max_devices = config.max_devices;
        if max_devices > MAX_DEVICES {
            let (key, value) = ("ebpf.block.max_devices", max_devices.to_string());
            return Err(InvalidConfig::Value { key, value, advice: "set it to at most 64" });
        }
        let report = Report::new(Origin::Kernel, interval, board)?;
        Ok(Self { interval, slow, report, devices: Devices::new(NAMES, max_devices), pairs: BTreeMap::new() })
    }

    fn load_object(&self, kernel: &Kernel, object: &Object) -> Result<BlockPrograms, Unavailable> {
        let slow = u64::try_from(self.slow.as_nanos()).unwrap_or(u64::MAX);
        let setup = Setup::default()
            .global("cfg_slow_ns", &slow)
            .size("obs_blocks", kernel.cpus() * ROWS)
            .with_ring(kernel, RING_BYTES, RING_RATE);
        let mut loaded = kernel.trace(object, &setup, &["block_rq_complete"])?;
        Ok(BlockPrograms { counts: loaded.rows(kernel, "obs_blocks", ROWS)?, ring: loaded.ring(kernel)?, loaded })
    }

    /// Adds up the counters of all processors.
    fn count(&mut self, rows: &Rows) {
        for Known { requests, .. } in self.pairs.values_mut() {
            (requests.requests, requests.bytes, requests.errors, requests.untimed) = (0, 0, 0, 0);
        }
        for words in (0..rows.len()).flat_map(|index| rows.row(index)) {
            let pair = Pair(words.first().map_or(0, |word| word.load(Relaxed)));
            if pair.0 == 0 {
                continue;
            }
            let pair = self.devices.track(pair);
            let known = self.pairs.entry(pair).or_insert_with(|| Known::new(self.devices.name(pair.device())));
            known.add(words);
        }
        for Known { requests, before, now } in self.pairs.values_mut() {
            (requests.timed, requests.time) = before.advance(mem::take(now));
        }
    }
}

impl Known {
    fn new(device: String) -> Self {
        Self { requests: Requests { device, ..Requests::default() }, ..Self::default() }
    }

    /// Adds a `struct obs_block`.
    fn add(&mut self, words: &[AtomicU64]) {
        let word = |index: usize| words.get(index).map_or(0, |word| word.load(Relaxed));
        self.requests.requests += word(1);
        self.requests.bytes += word(2);
        self.requests.errors += word(3);
        self.requests.untimed += word(4);
        self.now.add(words.get(HISTOGRAM_WORD..).unwrap_or_default());
    }
}

/// The programs in the kernel.
#[derive(Debug)]
pub(crate) struct BlockPrograms {
    loaded: Loaded,
    counts: Rows,
    ring: Ring,
}

impl Programs for BlockPrograms {
    fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    fn ring(&self) -> Option<&Ring> {
        Some(&self.ring)
    }
}

impl Feature for Block {
    const NAME: &'static str = "block";
    const COLLECTOR: &'static str = "ebpf.block";
    const INSTEAD: Option<&'static str> = Some("/proc/diskstats");

    type Programs = BlockPrograms;

    fn interval(&self) -> Duration {
        self.interval
    }

    fn load(&self, kernel: &Kernel) -> Result<BlockPrograms, Unavailable> {
        self.load_object(kernel, &OBJECT)
    }

    fn read(&mut self, programs: &mut BlockPrograms, cx: &mut Collect<'_>) -> Result<(), CollectError> {
        self.count(&programs.counts);
        self.report.emit(self.pairs.iter().map(|(pair, known)| (*pair, &known.requests)), cx);
        programs.ring.drain(RING_RECORDS, cx.timestamp(), |at, record| {
            let data = EventData::Io(request(record, &self.devices));
            cx.emit(SystemEvent::new(Origin::Kernel.source("block"), at, data));
        });
        Ok(())
    }
}

/// Reads a `struct obs_block_event` behind its time.
fn request(mut record: Record<'_>, devices: &Devices) -> Io {
    let (duration, pair) = (record.duration(), Pair(record.u64()));
    let (bytes, error) = (record.u32(), errno(record.i32()));
    let device = devices.name(pair.device());
    // A request ends in an interrupt, where whoever made it is not known.
    Io { device, operation: pair.operation(), bytes: bytes.into(), duration, error, task: None }
}

/// Turns what the kernel says into an error number: below zero it is one, else a status of the block layer.
fn errno(error: i32) -> i32 {
    match usize::try_from(error) {
        Ok(0) => 0,
        // Later statuses have other numbers from kernel to kernel.
        Ok(status) => ERRNOS.get(status - 1).copied().unwrap_or(EIO),
        Err(_) => error.saturating_neg(),
    }
}

static OBJECT: Object = Object {
    name: "block",
    traced: aya::include_bytes_aligned!("../../bpf/objects/block.bpf.o"),
    raw: Some(aya::include_bytes_aligned!("../../bpf/objects/block.raw.bpf.o")),
    needs: "CAP_PERFMON",
};

/// Where the kernel names devices.
const NAMES: &str = "/sys/dev/block";
/// As many as fit in the kernel with an operation or two each.
const MAX_DEVICES: usize = 64;
/// Places in the kernel for pairs, and one for each operation of all others.
const ROWS: u32 = 128 + 5;
/// The pair, requests, bytes, errors and untimed requests stand before.
const HISTOGRAM_WORD: usize = 5;
const RING_BYTES: u32 = 32 << 10;
/// Records a second and processor.
const RING_RATE: u32 = 100;
/// The most records that are taken out at one reading.
const RING_RECORDS: usize = 1000;
const EIO: i32 = 5;
/// Not supported, timed out, no space, link, target, reservation, medium, protection, no memory, input and output, device
/// mapper, try again.
const ERRNOS: [i32; 12] = [95, 110, 28, 67, 121, 52, 61, 84, 12, EIO, 78, 11];

#[cfg(test)]
mod tests {
    use std::io::Write;

    use observe_core::{KernelMode, Timestamp};

    use super::*;
    use crate::kernel::testing::or_skip;

    #[test]
    fn raw_tracepoints_count_the_same() {
        let kernel = Kernel::new(KernelBoard::new(KernelMode::Live));
        let mut block = Block::new(kernel.board(), &BlockConfig { slow_ms: 0, ..BlockConfig::default() }).unwrap();
        let Some(mut programs) = or_skip("block", block.load_object(&kernel, &OBJECT.twin())) else { return };

        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[1; 4096]).unwrap();
        file.sync_all().unwrap();
        let mut told = Vec::new();
        programs.ring.drain(1000, Timestamp::default(), |_, record| told.push(request(record, &block.devices)));
        block.count(&programs.counts);

        // The file may lie on no device; where it does, what was told was counted as well.
        let devices: Vec<&str> = block.pairs.values().map(|known| known.requests.device.as_str()).collect();
        assert!(told.iter().all(|io| devices.contains(&io.device.as_str())), "{told:?} {devices:?}");
    }

    #[test]
    fn both_ways_of_the_kernel_to_say_why_become_error_numbers() {
        assert_eq!([0, 1, 10, 12, 13, 200, -5, -95, i32::MIN].map(errno), [0, 95, 5, 11, 5, 5, 5, 95, i32::MAX]);
    }

    #[test]
    fn settings_out_of_their_range_are_refused() {
        let refusal = |change: fn(&mut BlockConfig)| {
            let mut config = BlockConfig::default();
            change(&mut config);
            Block::new(&KernelBoard::new(KernelMode::Live), &config).unwrap_err().to_string()
        };

        assert!(refusal(|config| config.max_devices = 65).starts_with("ebpf.block.max_devices = 65 cannot be used"));
        assert!(refusal(|config| config.slow_ms = 3_600_001).contains("ebpf.block.slow_ms"));
        assert!(refusal(|config| config.interval_seconds = f64::NAN).contains("ebpf.block.interval_seconds"));
    }

    #[test]
    fn a_record_that_is_cut_short_is_borne() {
        let io = request(Record::new(&[1, 2, 3]), &Devices::new("/no/such/folder", 1));

        assert_eq!((io.device.as_str(), io.operation, io.error), ("other", "read", 0));
    }
}
