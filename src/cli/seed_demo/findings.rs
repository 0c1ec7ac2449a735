//! What happened on a host that does not exist.

use std::{sync::Arc, time::Duration};

use observe::{
    Anomaly, Attributes, Custom, Enriched, EventData, IdSequence, Level, LogRecord, MetricKey, Point, Resource, Span,
    SpanId, SpanKind, SpanStatus, SystemEvent, Timestamp, TraceId, Trend,
};
use serde_json::json;

use super::{
    HOST,
    host::Host,
    noise::{Burst, burst, unit},
};

/// Events, log records and spans that are not written yet.
#[derive(Debug)]
pub(super) struct Findings {
    start: Timestamp,
    seconds: f64,
    ids: IdSequence,
    events: Vec<Arc<Enriched>>,
    shop: Arc<Resource>,
}

impl Findings {
    pub(super) fn new(start: Timestamp, end: Timestamp) -> Self {
        let attributes = Attributes::new([("service.name", "demo-shop"), ("host.name", HOST)]).unwrap_or_default();
        let seconds = end.since(start).as_secs_f64().max(1.0);
        Self { start, seconds, ids: IdSequence::default(), events: Vec::new(), shop: Arc::new(Resource { attributes }) }
    }

    /// Notes what happened in a second.
    pub(super) fn tick(&mut self, now: Timestamp, host: &Host) {
        let second = now.as_millis() / 1_000;
        if host.restarts_at(now) {
            let data = json!({ "reason": "kernel update", "simulated": true });
            self.push("simulated::engine", now, EventData::Custom(Custom { name: "host_restart".to_owned(), data }));
        }
        if let Some(burst) = burst(second).filter(|burst| burst.start + 5 == second) {
            self.anomaly(now, host.load, burst);
        }
        if second % 1_800 == 0 {
            self.trend(now);
        }
        if second % 60 == 0 {
            self.request(now, second, host.load);
        }
    }

    /// Returns what happened since the last time.
    pub(super) fn take(&mut self) -> Vec<Arc<Enriched>> {
        std::mem::take(&mut self.events)
    }

    fn anomaly(&mut self, now: Timestamp, load: f64, burst: Burst) {
        let Some(metric_key) = key("cpu.total", &[]) else { return };
        let (value, mean) = (load * 100.0, (load - burst.height).max(0.01) * 100.0);
        let z_score = burst.height * 100.0 / 4.0;
        let anomaly = Anomaly {
            detector: "zscore".into(),
            score: (z_score / 12.0).min(1.0),
            level: if burst.height > 0.5 { Level::Page } else { Level::Notice },
            z_score: Some(z_score),
            mean,
            stddev: 4.0,
            expected: Some((mean - 12.0, mean + 12.0)),
            explanation: format!("simulated: cpu.total is {value:.1} % and was {mean:.1} % before"),
        };
        let point = Point { timestamp: now, value };
        self.push("simulated::ml::anomaly", now, EventData::Anomaly { metric_key, point, anomaly });
    }

    fn trend(&mut self, now: Timestamp) {
        let Some(metric_key) = key("disk.percent", &[("mountpoint", "/var")]) else { return };
        let progress = now.since(self.start).as_secs_f64() / self.seconds;
        let trend = Trend {
            slope: 34.8 / self.seconds,
            r2: 0.98,
            p_value: 1e-9,
            n: 180,
            window_seconds: 1_800.0,
            current_value: 62.0 + 34.8 * progress,
        };
        self.push("simulated::ml::trend", now, EventData::Trend { metric_key, trend });
    }

    /// Notes a request to the shop: two spans and a line of its log.
    fn request(&mut self, now: Timestamp, second: i64, load: f64) {
        let id = |stream| (unit(stream, second) * 1e15) as u64 + 1;
        let mut bytes = [0; 16];
        bytes
            .iter_mut()
            .zip(id(300).to_be_bytes().into_iter().chain(id(301).to_be_bytes()))
            .for_each(|(to, from)| *to = from);
        let ids = (
            TraceId::from_bytes(bytes),
            SpanId::from_bytes(id(302).to_be_bytes()),
            SpanId::from_bytes(id(303).to_be_bytes()),
        );
        let (Some(trace_id), Some(parent), Some(child)) = ids else { return };
        let took = Duration::from_micros((8_000.0 + 60_000.0 * load + 20_000.0 * unit(304, second)) as u64);
        let has_failed = unit(305, second) < 0.04 + 0.1 * load;
        let mut whole = Span::new(trace_id, parent, "GET /cart", now, now + took);
        whole.kind = SpanKind::Server;
        whole.status = if has_failed { SpanStatus::Error } else { SpanStatus::Ok };
        whole.resource = Arc::clone(&self.shop);
        let mut query = Span::new(trace_id, child, "SELECT cart", now + took / 4, now + took * 3 / 4);
        query.parent_span_id = Some(parent);
        query.kind = SpanKind::Client;
        query.resource = Arc::clone(&self.shop);
        let mut record = LogRecord::new(now + took, if has_failed { FAILED } else { SERVED });
        (record.severity_number, record.severity_text) =
            if has_failed { (17, "ERROR".into()) } else { (9, "INFO".into()) };
        (record.trace_id, record.span_id) = (Some(trace_id), Some(parent));
        record.resource = Arc::clone(&self.shop);
        self.push("simulated::trace", now, EventData::Span(whole));
        self.push("simulated::trace", now, EventData::Span(query));
        self.push("simulated::log", now + took, EventData::Log(record));
    }

    fn push(&mut self, source: &'static str, timestamp: Timestamp, data: EventData) {
        let mut event = SystemEvent::new(source, timestamp, data);
        event.id = self.ids.next(timestamp);
        event.host = Some(HOST.into());
        self.events.push(Arc::new(Enriched { event, process: None }));
    }
}

fn key(name: &'static str, pairs: &[(&'static str, &str)]) -> Option<MetricKey> {
    let pairs = pairs.iter().copied().chain([("host.name", HOST)]);
    MetricKey::new(name, Attributes::new(pairs).ok()?).ok()
}

const SERVED: &str = "simulated: cart was shown";
const FAILED: &str = "simulated: cart could not be shown: the database did not answer in time";
