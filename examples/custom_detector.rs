//! A detector of your own: it says when a value has not changed for a while, as that of a stuck sensor.
//!
//! Run: `cargo run --example custom_detector`. After five seconds it prints how long the value has been the same, and ends.
#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use std::{error::Error, sync::Arc, time::Duration};

use observe::{Anomaly, EventKinds, Level, SubjectId, prelude::*};

static TEMPERATURE: Metric = Metric::gauge("sensor.temperature", Unit::Celsius, "What the sensor reads.");
const TOO_LONG: u32 = 20;

#[derive(Default)]
struct FlatLine(f64, u32);

impl Detector for FlatLine {
    fn update(&mut self, point: Point) -> Option<Finding> {
        let Self(value, repeats) = self;
        *repeats = if point.value == *value { repeats.saturating_add(1) } else { 1 };
        *value = point.value;
        (*repeats == TOO_LONG).then(|| {
            let explanation = format!("{value} for {TOO_LONG} points in a row");
            let (detector, score, level) = ("flatline".into(), 1.0, Level::Notice);
            let (z_score, mean, stddev, expected) = (None, *value, 0.0, None);
            Finding::Anomaly(Anomaly { detector, score, level, z_score, mean, stddev, expected, explanation })
        })
    }

    fn snapshot(&self) -> Vec<u8> {
        Vec::new() // A restart may count anew.
    }

    fn size_bytes(&self) -> usize {
        size_of::<Self>()
    }
}

struct FlatLines;

impl DetectorFactory for FlatLines {
    fn name(&self) -> &'static str {
        "flatline"
    }

    fn detector(&self, key: &MetricKey, _state: Option<&[u8]>) -> Option<Box<dyn Detector>> {
        (key.name() == TEMPERATURE.name).then(|| Box::new(FlatLine::default()) as _)
    }
}

struct Sensor(Table, SubjectId, u32);

impl Collector for Sensor {
    fn name(&self) -> &'static str {
        "sensor"
    }

    fn interval(&self) -> Duration {
        Duration::from_millis(100)
    }

    fn collect(&mut self, cx: &mut Collect<'_>) -> Result<(), CollectError> {
        let Self(table, host, readings) = self;
        *readings += 1; // Stuck from the thirtieth on.
        table.set(*host, 0, 20.0 + 0.05 * f64::from(*readings).min(30.0));
        cx.emit(table.frame(cx.timestamp()));
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (table, host) = Table::for_host(Schema::builder("sensor").column(&TEMPERATURE).build()?);
    let engine = Engine::builder().collector(Sensor(table, host, 0)).detector(Arc::new(FlatLines)).start()?;
    let kinds = EventKinds::from_iter([EventKind::Anomaly]);
    let mut anomalies = engine.handle().bus().subscribe("example", Filter::kinds(kinds))?;
    let found = anomalies.wait_batch(1, Duration::from_secs(9));
    if let Some(EventData::Anomaly { metric_key, anomaly, .. }) = found.first().map(|event| &event.data) {
        println!("{metric_key}: {}", anomaly.explanation);
    }
    Ok(())
}
