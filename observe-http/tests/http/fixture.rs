//! An engine that is fed by hand, and the routes in front of it.

use std::{sync::Arc, time::Duration};

use axum::{Router, body::Body};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use observe_core::{
    Anomaly, Attributes, Custom, Detector, DetectorFactory, Engine, EngineBuilder, EventData, EventKind, EventSink,
    Finding, Handle, KernelBoard, KeyedTable, Level, Limits, LogRecord, MetricKey, Point, Schema, Store, SubjectId,
    SystemEvent, Table, Timestamp,
    names::{cpu, filesystem, memory, network},
    testing::ManualClock,
};
use observe_http::{AppState, Config, Profile, ServerStats, router};
use serde_json::Value;
use tower::ServiceExt;

/// 2024-01-20T12:34:56Z.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_705_754_096_000);

/// An engine without collectors and the routes in front of it.
pub(crate) struct Fixture {
    pub(crate) router: Router,
    pub(crate) handle: Handle,
    pub(crate) clock: Arc<ManualClock>,
    state: AppState,
    host: Host,
    _engine: Engine,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Fixture {
    /// Makes an engine that has seen ten seconds of a host.
    pub(crate) async fn new() -> Self {
        Self::with(Config::default()).await
    }

    pub(crate) async fn of_profile(profile: Profile) -> Self {
        let mut config = Config::default();
        config.profile = profile;
        Self::with(config).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        let mut fixture = Self::empty(config);
        for second in 0..10 {
            fixture.tick(second).await;
        }
        fixture
    }

    pub(crate) fn empty(config: Config) -> Self {
        Self::build(config, Engine::builder())
    }

    /// Makes an engine with a store.
    pub(crate) fn stored(config: Config, limits: Limits, store: Arc<dyn Store>) -> Self {
        Self::build(config, Engine::builder().limits(limits).store(store))
    }

    fn build(config: Config, builder: EngineBuilder) -> Self {
        let clock = Arc::new(ManualClock::at(START));
        let engine = builder
            .host_name("testhost")
            .clock(Arc::<ManualClock>::clone(&clock))
            .detector(Arc::new(OverNinety))
            .start()
            .unwrap();
        let handle = engine.handle().clone();
        let state = AppState::new(handle.clone(), config).with_cursor_key(&[7; 32]);
        Self { router: router(state.clone()), handle, clock, state, host: Host::new(), _engine: engine }
    }

    /// Shows the counters of a server in front of the routes.
    pub(crate) fn show(&mut self, stats: Arc<ServerStats>) {
        self.state = self.state.clone().with_server_stats(stats);
        self.router = router(self.state.clone());
    }

    /// Shows what collectors of the kernel say about themselves.
    pub(crate) fn trace(&mut self, board: KernelBoard) {
        self.state = self.state.clone().with_kernel(board);
        self.router = router(self.state.clone());
    }

    /// Lets the clock show second `second` and publishes what the host looked like then.
    pub(crate) async fn tick(&mut self, second: i64) {
        let now = START + Duration::from_secs(second.unsigned_abs());
        self.clock.set(now);
        for frame in self.host.frames(second as f64, now) {
            self.publish(frame).await;
        }
    }

    pub(crate) async fn publish(&self, item: impl Into<observe_core::Item>) {
        self.handle.publish(item.into()).unwrap().durable().await.unwrap();
    }

    /// Publishes an event of an embedder.
    pub(crate) async fn announce(&self, name: &str) {
        let custom = Custom { name: name.to_owned(), data: serde_json::json!({"answer": 42}) };
        self.publish(SystemEvent::new("test::custom", self.handle.now(), EventData::Custom(custom))).await;
    }

    /// Publishes a log record.
    pub(crate) async fn log(&self, body: &str) {
        self.publish(LogRecord::new(self.handle.now(), body)).await;
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn get_with(&self, path: &str, header: &str, value: &str) -> Answer {
        self.send(Request::get(path).header(header, value).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        send(&self.router, request).await
    }
}

/// Asks a router.
pub(crate) async fn ask(router: &Router, path: &str) -> Answer {
    send(router, Request::get(path).body(Body::empty()).unwrap()).await
}

async fn send(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Answer { status: parts.status, headers: parts.headers, text }
}

/// A host with two interfaces and a root filesystem. Its processors are busy at 10 %, from the last second on at 95 %.
struct Host {
    cpu: (Table, SubjectId),
    memory: (Table, SubjectId),
    filesystems: KeyedTable<String>,
    interfaces: KeyedTable<String>,
    busy: f64,
}

impl Host {
    fn new() -> Self {
        let states = ["user", "nice", "system", "irq", "softirq", "steal", "idle", "iowait"];
        let times = states.iter().fold(Schema::builder("cpu").kind(EventKind::CpuMetric), |schema, state| {
            schema.column_with(&cpu::TIME, &[("state", state)])
        });
        let cpu = times.column(&cpu::COUNT).column(&cpu::TOTAL).build().unwrap();
        let memory = Schema::builder("memory")
            .kind(EventKind::MemoryMetric)
            .column(&memory::TOTAL)
            .column(&memory::AVAILABLE)
            .column(&memory::PERCENT);
        let disk = Schema::builder("filesystem")
            .kind(EventKind::DiskMetric)
            .column(&filesystem::TOTAL)
            .column(&filesystem::USED)
            .column(&filesystem::FREE)
            .column(&filesystem::PERCENT);
        let network = Schema::builder("network")
            .kind(EventKind::NetworkMetric)
            .column(&network::BYTES_SENT)
            .column(&network::BYTES_RECV);
        Self {
            cpu: Table::for_host(cpu),
            memory: Table::for_host(memory.build().unwrap()),
            filesystems: KeyedTable::new(disk.build().unwrap()),
            interfaces: KeyedTable::new(network.build().unwrap()),
            busy: 0.0,
        }
    }

    fn frames(&mut self, second: f64, now: Timestamp) -> [observe_core::Frame; 4] {
        self.busy += if second < 9.0 { 0.1 } else { 0.95 };
        let (table, host) = (&mut self.cpu.0, self.cpu.1);
        (0..8).for_each(|column| table.set(host, column, 0.0));
        table.set(host, 0, self.busy);
        table.set(host, 6, second + 1.0 - self.busy);
        table.set(host, 8, 2.0);
        let cpu = table.frame(now);
        let (table, host) = (&mut self.memory.0, self.memory.1);
        table.set(host, 0, 4_000_000_000.0);
        table.set(host, 1, 3_000_000_000.0);
        let memory = table.frame(now);
        let root = || Attributes::new([("device", "sda1"), ("mountpoint", "/"), ("type", "ext4")]).unwrap();
        self.filesystems.row("/", root).set_all(0, [1000.0, 250.0, 700.0]);
        for (name, bytes) in [("eth0", 100.0), ("lo", 7.0)] {
            let attributes = || Attributes::new([("interface", name)]).unwrap();
            self.interfaces.row(name, attributes).set_all(0, [bytes * second, 2.0 * bytes * second]);
        }
        [cpu, memory, self.filesystems.frame(now), self.interfaces.frame(now)]
    }
}

/// Finds everything above ninety on `cpu.total`.
struct OverNinety;

impl DetectorFactory for OverNinety {
    fn name(&self) -> &'static str {
        "over-ninety"
    }

    fn detector(&self, key: &MetricKey, _state: Option<&[u8]>) -> Option<Box<dyn Detector>> {
        (key.name() == cpu::TOTAL.name).then(|| Box::new(Self) as Box<dyn Detector>)
    }
}

impl Detector for OverNinety {
    fn update(&mut self, point: Point) -> Option<Finding> {
        (point.value > 90.0).then(|| {
            Finding::Anomaly(Anomaly {
                detector: "over-ninety".into(),
                score: 0.75,
                level: Level::Page,
                z_score: None,
                mean: 10.0,
                stddev: 1.0,
                expected: Some((0.0, 90.0)),
                explanation: "more than ninety".to_owned(),
            })
        })
    }

    fn snapshot(&self) -> Vec<u8> {
        Vec::new()
    }

    fn size_bytes(&self) -> usize {
        0
    }
}
