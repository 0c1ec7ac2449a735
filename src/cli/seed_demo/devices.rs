//! Disks, filesystems and network of a host that does not exist.

use observe::{
    Timestamp,
    names::{disk, filesystem, network},
};

use super::{
    noise::{around_zero, unit},
    recorder::{Id, Recorder},
};

/// What moves data.
#[derive(Debug)]
pub(super) struct Devices {
    start: Timestamp,
    /// The length of the whole past in seconds.
    seconds: f64,
    counters: Vec<Counter>,
    filesystems: Vec<Filesystem>,
}

/// A counter that grows with the load: by its rate where the host is as busy as it can be.
#[derive(Debug)]
struct Counter {
    id: Id,
    count: f64,
    rate: f64,
    /// What it counts comes in such pieces.
    piece: f64,
}

#[derive(Debug)]
struct Filesystem {
    total: Id,
    used: Id,
    free: Id,
    bytes: f64,
    /// Which share is in use at the beginning and at the end.
    from: f64,
    to: f64,
}

impl Devices {
    pub(super) fn new(recorder: &mut Recorder, start: Timestamp, end: Timestamp) -> Self {
        let disk = [
            (&disk::READS, 120.0, 1.0),
            (&disk::READ_BYTES, 4_000_000.0, 4_096.0),
            (&disk::READ_TIME, 0.08, 0.001),
            (&disk::WRITES, 300.0, 1.0),
            (&disk::WRITE_BYTES, 9_000_000.0, 4_096.0),
            (&disk::WRITE_TIME, 0.4, 0.001),
            (&disk::IO_TIME, 0.6, 0.001),
        ];
        let network = [
            (&network::BYTES_RECV, 6_000_000.0, 1.0),
            (&network::BYTES_SENT, 18_000_000.0, 1.0),
            (&network::PACKETS_RECV, 9_000.0, 1.0),
            (&network::PACKETS_SENT, 14_000.0, 1.0),
        ];
        let mut counters = Vec::new();
        for (metric, rate, piece) in disk {
            let id = recorder.series("disk", metric, &[("device", "vda")], 1);
            counters.push(Counter { id, count: 0.0, rate, piece });
        }
        for (metric, rate, piece) in network {
            let id = recorder.series("network", metric, &[("interface", "eth0")], 1);
            counters.push(Counter { id, count: 0.0, rate, piece });
        }
        let filesystems = FILESYSTEMS.iter().map(|described| Filesystem::new(recorder, *described)).collect();
        Self { start, seconds: end.since(start).as_secs_f64().max(1.0), counters, filesystems }
    }

    pub(super) fn tick(&mut self, recorder: &mut Recorder, now: Timestamp, load: f64) {
        let second = now.as_millis() / 1_000;
        for (stream, counter) in (100..).zip(&mut self.counters) {
            let grown = counter.rate * load * (1.0 + 0.5 * around_zero(stream, second));
            counter.count += (grown / counter.piece).floor().max(0.0);
            recorder.push(counter.id, now, counter.count * counter.piece);
        }
        if second % FILESYSTEMS_EVERY == 0 {
            let progress = now.since(self.start).as_secs_f64() / self.seconds;
            self.filesystems.iter().for_each(|filesystem| filesystem.tick(recorder, now, progress));
        }
    }

    pub(super) fn reset(&mut self) {
        self.counters.iter_mut().for_each(|counter| counter.count = 0.0);
    }
}

impl Filesystem {
    fn new(recorder: &mut Recorder, (mountpoint, gibibytes, from, to): (&str, f64, f64, f64)) -> Self {
        let mut series = |metric| {
            recorder.series("filesystem", metric, &[("mountpoint", mountpoint)], FILESYSTEMS_EVERY.unsigned_abs())
        };
        Self {
            total: series(&filesystem::TOTAL),
            used: series(&filesystem::USED),
            free: series(&filesystem::FREE),
            bytes: gibibytes * 1_073_741_824.0,
            from,
            to,
        }
    }

    fn tick(&self, recorder: &mut Recorder, now: Timestamp, progress: f64) {
        let noise = 0.001 * unit(200 + (self.to * 1e3) as u64, now.as_millis() / 60_000);
        let share = self.from + (self.to - self.from) * progress + noise;
        let used = (self.bytes * share / 4_096.0).floor() * 4_096.0;
        recorder.push(self.total, now, self.bytes);
        recorder.push(self.used, now, used);
        recorder.push(self.free, now, self.bytes - used);
    }
}

const FILESYSTEMS_EVERY: i64 = 10;
/// Mount point, size in gibibytes, share in use at the beginning and at the end: one of them fills.
const FILESYSTEMS: [(&str, f64, f64, f64); 2] = [("/", 40.0, 0.412, 0.415), ("/var", 120.0, 0.62, 0.968)];
