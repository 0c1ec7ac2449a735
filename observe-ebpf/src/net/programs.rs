//! Packets, counted in the kernel.

use std::{
    fmt,
    time::{Duration, Instant},
};

use aya::maps::Array;
use observe_core::{Collect, CollectError, Collector, EventData, SystemEvent, Timestamp};

use super::{
    config::NetConfig,
    http::{Request, Requests},
    interfaces::{self, Interfaces, NEEDS, SLOTS},
    record::{Head, Told},
    report::Report,
    tables::{self, TARGETS},
    traffic::{ANSWERS, Answers, Direction, View},
};
use crate::{
    config::{InvalidConfig, interval, millis},
    feature::{Feature, Programs, Tracer},
    guard::Guard,
    kernel::{Kernel, Loaded, Object, Record, Ring, Rows, Setup, Unavailable},
    origin::Origin,
    rules::{Observation, Payload},
};

/// Whoever looks at what was seen, and when. First bytes are borrowed: nothing of them is kept.
pub(super) type Observer = Box<dyn FnMut(Timestamp, Observation<'_>, &mut Collect<'_>) + Send>;

/// The feature `net`.
pub(crate) struct Net {
    config: NetConfig,
    interval: Duration,
    slow: Duration,
    flows: u32,
    max_flows: usize,
    report: Report,
    answers: [Answers; ANSWERS],
    requests: Requests,
    /// Malformed packets that may still become events at this reading.
    faults: usize,
    observer: Observer,
}

impl fmt::Debug for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Net").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Net {
    /// Makes the collector; nothing is loaded yet.
    pub(crate) fn collector(
        kernel: &Kernel,
        config: &NetConfig,
        guard: &Guard,
    ) -> Result<Box<dyn Collector>, InvalidConfig> {
        let guard = guard.clone();
        Self::observed(kernel, config, Box::new(move |at, seen, cx| guard.judge([(at, seen)], cx)))
    }

    /// Makes the collector. `observer` gets first bytes, where the settings let them leave the kernel, and who was
    /// asked for connections.
    pub(super) fn observed(
        kernel: &Kernel,
        config: &NetConfig,
        observer: Observer,
    ) -> Result<Box<dyn Collector>, InvalidConfig> {
        Ok(Box::new(Tracer::new(kernel, Self::new(config, observer)?)))
    }

    fn new(config: &NetConfig, observer: Observer) -> Result<Self, InvalidConfig> {
        let interval = interval("ebpf.net.interval_seconds", config.interval_seconds)?;
        Ok(Self {
            interval,
            slow: millis("ebpf.net.slow_ms", config.slow_ms)?,
            flows: config.flows()?,
            max_flows: config.max_flows()?,
            report: Report::new(Origin::Kernel, interval)?,
            answers: Default::default(),
            requests: Requests::new(),
            faults: MAX_FAULTS,
            observer,
            config: config.clone(),
        })
    }

    fn setup(&self, kernel: &Kernel) -> Setup {
        let slow = u64::try_from(self.slow.as_nanos()).unwrap_or(u64::MAX);
        let ring_bytes = if self.config.first_bytes { WIDE_RING_BYTES } else { RING_BYTES };
        Setup::default()
            .global("cfg_http", &u32::from(self.config.http))
            .global("cfg_http_events", &u32::from(self.config.http_events))
            .global("cfg_first_bytes", &u32::from(self.config.first_bytes))
            .global("cfg_flows", &self.flows)
            .global("cfg_slow_ns", &slow)
            .size("obs_traffic", kernel.cpus() * TRAFFIC)
            .size("obs_answers", kernel.cpus() * ANSWERS as u32)
            .size("obs_targets", kernel.cpus() * TARGETS)
            .size("obs_unplaced", kernel.cpus())
            .size("obs_flows", kernel.cpus() * (2 * self.flows).max(1))
            .with_ring(kernel, ring_bytes, RING_RATE)
    }

    /// Hands over who was asked for connections in the round before one that is over: by now most of them came about
    /// that ever will.
    fn tell_syns(&mut self, programs: &NetPrograms, over: u32, cx: &mut Collect<'_>) {
        let syns = tables::syns(&programs.targets, over.wrapping_sub(1));
        syns.for_each(|syns| (self.observer)(cx.timestamp(), Observation::Syns(syns), cx));
    }

    /// Makes an event of a record, or hands first bytes over.
    fn tell(&mut self, at: Timestamp, mut record: Record<'_>, interfaces: &Interfaces, cx: &mut Collect<'_>) {
        let Some(head) = Head::read(&mut record) else { return };
        let (interface, is_local) = interfaces.named(head.slot).unzip();
        let packet = match head.told {
            Told::Fault(_) if self.faults == 0 => return,
            Told::Fault(fault) => {
                self.faults -= 1;
                head.malformed(fault, interface)
            }
            Told::Http(status) => head.answered(status, self.requests.take(head.connection).as_ref(), interface),
            Told::FirstBytes => {
                let bytes = record.bytes(head.bytes as usize);
                if let Some(request) = Request::parse(bytes) {
                    self.requests.remember(head.connection, request);
                }
                let is_incoming = head.direction == Direction::Receive || is_local == Some(true);
                let (source, destination) = (head.source, head.destination);
                let payload = Payload { source, destination, interface, bytes, is_incoming };
                (self.observer)(at, Observation::Payload(payload), cx);
                return;
            }
        };
        cx.emit(SystemEvent::new(Origin::Kernel.source("packet"), at, EventData::Packet(packet)));
    }
}

/// The programs in the kernel.
#[derive(Debug)]
pub(crate) struct NetPrograms {
    // Detached before anything else goes.
    interfaces: Interfaces,
    kernel: Kernel,
    traffic: Rows,
    answers: Rows,
    targets: Rows,
    unplaced: Rows,
    flows: Option<Rows>,
    ring: Ring,
    loaded: Loaded,
    /// What the programs count for now; what they counted before is read.
    round: u32,
    read_at: Instant,
    scanned_at: Instant,
    /// What was wrong at the last scan.
    complaint: Option<String>,
}

impl Programs for NetPrograms {
    fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    fn ring(&self) -> Option<&Ring> {
        Some(&self.ring)
    }
}

impl NetPrograms {
    /// Looks for interfaces that came or left, every now and then.
    fn scan(&mut self) {
        if self.scanned_at.elapsed() >= BETWEEN_SCANS {
            self.scanned_at = Instant::now();
            let scan = self.interfaces.scan(&self.kernel, &mut self.loaded, &self.traffic);
            self.complaint = scan.err().map(|reason| reason.to_string());
        }
    }

    /// Begins a new round; returns the one that is over, and how long it was.
    fn next_round(&mut self) -> Result<(u32, Duration), CollectError> {
        let over = self.round;
        set_round(&mut self.loaded, over.wrapping_add(1))?;
        self.round = over.wrapping_add(1);
        let elapsed = self.read_at.elapsed();
        self.read_at = Instant::now();
        Ok((over, elapsed))
    }
}

impl Feature for Net {
    const NAME: &'static str = "net";
    const COLLECTOR: &'static str = "ebpf.net";

    type Programs = NetPrograms;

    fn interval(&self) -> Duration {
        self.interval
    }

    fn load(&self, kernel: &Kernel) -> Result<NetPrograms, Unavailable> {
        let mut loaded = kernel.load(&OBJECT, &self.setup(kernel), "classifier")?;
        interfaces::load(kernel, &mut loaded).map_err(|reason| without_perfmon(kernel, reason))?;
        set_round(&mut loaded, FIRST_ROUND)
            .map_err(|error| Unavailable::Failed { what: "a round".to_owned(), reason: error.to_string() })?;
        let traffic = loaded.rows(kernel, "obs_traffic", TRAFFIC)?;
        let mut interfaces = Interfaces::new(self.config.interfaces.clone(), None);
        let complaint = match interfaces.scan(kernel, &mut loaded, &traffic) {
            Err(reason) if interfaces.is_empty() => return Err(reason),
            scan => scan.err().map(|reason| reason.to_string()),
        };
        let flows = (self.flows > 0).then(|| loaded.rows(kernel, "obs_flows", 2 * self.flows)).transpose()?;
        let now = Instant::now();
        Ok(NetPrograms {
            interfaces,
            kernel: kernel.clone(),
            traffic,
            answers: loaded.rows(kernel, "obs_answers", ANSWERS as u32)?,
            targets: loaded.rows(kernel, "obs_targets", TARGETS)?,
            unplaced: loaded.rows(kernel, "obs_unplaced", 1)?,
            flows,
            ring: loaded.ring(kernel)?,
            loaded: loaded.attached(),
            round: FIRST_ROUND,
            read_at: now,
            scanned_at: now,
            complaint,
        })
    }

    fn read(&mut self, programs: &mut NetPrograms, cx: &mut Collect<'_>) -> Result<(), CollectError> {
        programs.scan();
        let (round, elapsed) = programs.next_round()?;
        programs.interfaces.count(&programs.traffic);
        for (index, answers) in self.answers.iter_mut().enumerate() {
            tables::update(answers, &programs.answers, index);
        }
        let flows = programs.flows.as_ref().map(|rows| tables::flows(rows, round, self.max_flows)).unwrap_or_default();
        let rate = |bytes: u64| bytes as f64 / elapsed.as_secs_f64().max(f64::MIN_POSITIVE);
        let view = View {
            sides: programs.interfaces.sides().collect(),
            total: programs.interfaces.total(),
            answers: &self.answers,
            unplaced: programs.unplaced.sum(0, 0),
            flows: flows.into_iter().map(|(flow, bytes)| (flow, rate(bytes))).collect(),
        };
        self.report.emit(&view, cx);
        self.tell_syns(programs, round, cx);
        self.faults = MAX_FAULTS;
        let interfaces = &programs.interfaces;
        programs.ring.drain(RING_RECORDS, cx.timestamp(), |at, record| self.tell(at, record, interfaces, cx));
        if let Some(complaint) = &programs.complaint {
            cx.degrade(complaint.clone());
        } else if programs.interfaces.is_empty() {
            cx.degrade("no interface fits ebpf.net.interfaces");
        }
        Ok(())
    }
}

/// Pointers into packets are for those alone who may trace; the kernel says so in the verifier's words.
fn without_perfmon(kernel: &Kernel, reason: Unavailable) -> Unavailable {
    let capabilities = kernel.board().read().facts.capabilities;
    let may = |capability: &&str| ["CAP_PERFMON", "CAP_SYS_ADMIN"].contains(capability);
    match reason {
        Unavailable::Verifier { .. } if !capabilities.iter().any(may) => Unavailable::Capability("CAP_PERFMON"),
        reason => reason,
    }
}

fn set_round(loaded: &mut Loaded, round: u32) -> Result<(), CollectError> {
    let failed =
        |source: Box<dyn std::error::Error + Send + Sync>| CollectError::Failed { what: "packets".to_owned(), source };
    let map = loaded.ebpf().map_mut("obs_round").ok_or_else(|| failed("no map obs_round".into()))?;
    let mut rounds: Array<_, u32> = map.try_into().map_err(|error| failed(Box::new(error)))?;
    rounds.set(0, round, 0).map_err(|error| failed(Box::new(error)))
}

pub(super) static OBJECT: Object =
    Object { name: "net", traced: aya::include_bytes_aligned!("../../bpf/objects/net.bpf.o"), raw: None, needs: NEEDS };

/// Two directions for each slot.
pub(super) const TRAFFIC: u32 = 2 * SLOTS as u32;
/// Places that were never written say 0, which no round that is read may be.
const FIRST_ROUND: u32 = 2;
const RING_BYTES: u32 = 32 << 10;
/// Room for a few hundred first bytes.
const WIDE_RING_BYTES: u32 = 256 << 10;
/// Records a second and processor; a tenth of them may tell malformed packets, which anyone can send.
const RING_RATE: u32 = 200;
/// The most records that are taken out at one reading.
const RING_RECORDS: usize = 2000;
/// The most malformed packets that become events at one reading; all of them are counted.
const MAX_FAULTS: usize = 50;
const BETWEEN_SCANS: Duration = Duration::from_secs(10);
