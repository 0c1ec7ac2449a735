//! Connections, counted and timed in the kernel.

use std::time::Duration;

use observe_core::{Collect, CollectError, Collector, KernelBoard};

use super::{
    connection::{Connection, Wanted},
    record::{self, Told},
    report::{Report, Totals},
};
use crate::{
    config::{InvalidConfig, TcpConfig, interval, millis},
    feature::{Feature, Programs, Tracer},
    guard::Guard,
    histogram::Cumulative,
    kernel::{Kernel, Loaded, Object, Ring, Rows, Setup, Unavailable},
    origin::Origin,
};

/// The feature `tcp`.
#[derive(Debug)]
pub(crate) struct Tcp {
    interval: Duration,
    wanted: Wanted,
    has_retransmits: bool,
    report: Report,
    times: [Cumulative; 3],
    connections: Vec<Connection>,
    guard: Guard,
}

impl Tcp {
    /// Makes the collector; nothing is loaded yet.
    pub(crate) fn collector(
        kernel: &Kernel,
        config: &TcpConfig,
        guard: &Guard,
    ) -> Result<Box<dyn Collector>, InvalidConfig> {
        Ok(Box::new(Tracer::new(kernel, Self::new(kernel.board(), config, guard)?)))
    }

    fn new(board: &KernelBoard, config: &TcpConfig, guard: &Guard) -> Result<Self, InvalidConfig> {
        let interval = interval("ebpf.tcp.interval_seconds", config.interval_seconds)?;
        let slow = millis("ebpf.tcp.slow_ms", config.slow_ms)?;
        Ok(Self {
            interval,
            wanted: Wanted { is_every: config.connect_events, slow },
            has_retransmits: config.retransmit_events,
            report: Report::new(Origin::Kernel, interval, board)?,
            times: Default::default(),
            connections: Vec::new(),
            guard: guard.clone(),
        })
    }

    /// Returns the connections that were made or could not be since the reading before, both those of this host and
    /// those to it, at most [`RING_RECORDS`]. What the ring left out stands on the board.
    pub(crate) fn connections(&self) -> &[Connection] {
        &self.connections
    }

    fn setup(&self, kernel: &Kernel) -> Setup {
        let slow = u64::try_from(self.wanted.slow.as_nanos()).unwrap_or(u64::MAX);
        Setup::default()
            .global("cfg_retransmits", &u32::from(self.has_retransmits))
            .global("cfg_slow_ns", &slow)
            .size("obs_tcps", kernel.cpus())
            .with_ring(kernel, RING_BYTES, RING_RATE)
            .optional(&[SENT, RECEIVED])
    }

    /// Takes the records out of the ring; those of segments become events at once.
    fn drain(&mut self, ring: &mut Ring, cx: &mut Collect<'_>) {
        self.connections.clear();
        ring.drain(RING_RECORDS, cx.timestamp(), |at, record| match record::read(at, record) {
            Some(Told::Connection(connection)) => self.connections.push(connection),
            Some(Told::Retransmit(segment)) => cx.emit(segment.event(Origin::Kernel, at)),
            None => (),
        });
    }
}

/// The programs in the kernel.
#[derive(Debug)]
pub(crate) struct TcpPrograms {
    loaded: Loaded,
    counts: Rows,
    ring: Ring,
}

impl TcpPrograms {
    /// Reads a `struct obs_tcp`.
    fn totals(&self, times: &mut [Cumulative; 3]) -> Totals {
        let sum = |word| self.counts.sum(0, word);
        let histogram = |index| self.counts.histogram(0, COUNTERS + index * HISTOGRAM_WORDS);
        let [connect, accept, life] = times;
        let (connect_latency, connect_time) = connect.advance(histogram(0));
        Totals {
            connects: sum(0),
            accepts: sum(1),
            failures: sum(2),
            closes: sum(3),
            retransmits: sum(4),
            resets_sent: self.loaded.has(SENT).then(|| sum(5)),
            resets_received: self.loaded.has(RECEIVED).then(|| sum(6)),
            unmeasured: sum(7),
            connect_latency,
            connect_time,
            accept_latency: accept.advance(histogram(1)).0,
            lifetime: life.advance(histogram(2)).0,
        }
    }
}

impl Programs for TcpPrograms {
    fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    fn ring(&self) -> Option<&Ring> {
        Some(&self.ring)
    }
}

impl Feature for Tcp {
    const NAME: &'static str = "tcp";
    const COLLECTOR: &'static str = "ebpf.tcp";
    const INSTEAD: Option<&'static str> = Some("/proc/net/snmp");
    const NAMES_PROCESSES: bool = true;

    type Programs = TcpPrograms;

    fn interval(&self) -> Duration {
        self.interval
    }

    fn load(&self, kernel: &Kernel) -> Result<TcpPrograms, Unavailable> {
        let mut loaded = kernel.trace(&OBJECT, &self.setup(kernel), &["inet_sock_set_state", "tcp_retransmit_skb"])?;
        Ok(TcpPrograms { counts: loaded.rows(kernel, "obs_tcps", 1)?, ring: loaded.ring(kernel)?, loaded })
    }

    fn read(&mut self, programs: &mut TcpPrograms, cx: &mut Collect<'_>) -> Result<(), CollectError> {
        self.report.emit(&programs.totals(&mut self.times), cx);
        self.drain(&mut programs.ring, cx);
        self.guard.judge(self.connections.iter().map(Connection::observation), cx);
        for connection in self.connections() {
            if let Some(event) = connection.event(self.wanted, Origin::Kernel) {
                cx.emit(event);
            }
        }
        Ok(())
    }
}

static OBJECT: Object = Object {
    name: "tcp",
    traced: aya::include_bytes_aligned!("../../bpf/objects/tcp.bpf.o"),
    raw: Some(aya::include_bytes_aligned!("../../bpf/objects/tcp.raw.bpf.o")),
    needs: "CAP_PERFMON",
};

const SENT: &str = "tcp_send_reset";
const RECEIVED: &str = "tcp_receive_reset";
const RING_BYTES: u32 = 128 << 10;
/// Records a second and processor; half of them for what is neither failed nor slow.
const RING_RATE: u32 = 500;
/// The most records that are taken out at one reading: more than the ring holds.
const RING_RECORDS: usize = 2000;
/// The counters that stand before the histograms.
const COUNTERS: usize = 8;
/// The total, the longest and 64 buckets of half a word.
const HISTOGRAM_WORDS: usize = 34;
