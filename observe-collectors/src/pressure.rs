//! Pressure stall information: time lost to waiting for a resource.

use std::{sync::Arc, time::Duration};

use observe_core::{
    Attributes, Collect, CollectError, Collector, EventKind, InvalidSchema, KeyedTable, Schema,
    names::pressure as names,
};

use crate::{
    Config, InvalidConfig,
    config::interval,
    read::{KeptFile, Parts, Scan},
    text::{Words, lines, parse_f64, parse_u64, split_once},
};

/// Reads the files of `/proc/pressure`.
#[derive(Debug)]
pub struct PressureCollector {
    interval: Duration,
    table: KeyedTable<&'static str>,
    resources: Vec<Resource>,
}

#[derive(Debug)]
struct Resource {
    name: &'static str,
    /// Whether many kernels do without it.
    is_optional: bool,
    file: KeptFile,
}

impl PressureCollector {
    /// Makes the collector; nothing is read yet.
    ///
    /// # Errors
    ///
    /// Refuses an interval out of its range.
    pub fn new(config: &Config) -> Result<Self, InvalidConfig> {
        let interval = interval("collectors.pressure.interval_seconds", config.pressure.interval_seconds)?;
        let resource = |(name, is_optional)| Resource {
            name,
            is_optional,
            file: KeptFile::new(config.roots.proc("pressure").join(name)),
        };
        let table = KeyedTable::new(schema(interval)?);
        Ok(Self { interval, table, resources: RESOURCES.into_iter().map(resource).collect() })
    }
}

impl Collector for PressureCollector {
    fn name(&self) -> &'static str {
        "pressure"
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    fn collect(&mut self, cx: &mut Collect<'_>) -> Result<(), CollectError> {
        let mut parts = Parts::new(cx);
        for Resource { name, is_optional, file } in &mut self.resources {
            let text = file.read();
            let text = if *is_optional { parts.optional(text) } else { parts.required(text) };
            if let Some(text) = text {
                let mut row = self.table.row(name, || Attributes::new([("resource", *name)]).unwrap_or_default());
                let scan = parse(text, |column, value| {
                    row.set(column, value);
                });
                parts.judge(scan, file.path());
            }
        }
        if !self.table.is_empty() {
            let cx = parts.cx();
            cx.emit(self.table.frame(cx.timestamp()));
        }
        parts.finish("/proc/pressure")
    }
}

/// Reads lines such as `some avg10=0.87 avg60=0.72 avg300=0.70 total=10008197`, and hands over columns and values.
fn parse(text: &[u8], mut each: impl FnMut(usize, f64)) -> Scan {
    let mut scan = Scan::default();
    for line in lines(text) {
        let mut words = Words::new(line);
        let first = match words.next() {
            Some(b"some") => 0,
            Some(b"full") => 4,
            _ => {
                scan.skipped += 1;
                continue;
            }
        };
        let before = scan.found;
        for (key, value) in words.filter_map(|word| split_once(word, b'=')) {
            let cell = match key {
                b"avg10" => parse_f64(value).map(|share| (0, share)),
                b"avg60" => parse_f64(value).map(|share| (1, share)),
                b"avg300" => parse_f64(value).map(|share| (2, share)),
                b"total" => parse_u64(value).map(|micros| (3, micros as f64 / 1e6)),
                _ => None,
            };
            if let Some((column, value)) = cell {
                each(first + column, value);
                scan.found += 1;
            }
        }
        scan.skipped += usize::from(scan.found == before);
    }
    scan
}

fn schema(interval: Duration) -> Result<Arc<Schema>, InvalidSchema> {
    Schema::builder("pressure")
        .kind(EventKind::Metric)
        .interval(interval)
        .column(&names::SOME_AVG10)
        .column(&names::SOME_AVG60)
        .column(&names::SOME_AVG300)
        .column(&names::SOME_TIME)
        .column(&names::FULL_AVG10)
        .column(&names::FULL_AVG60)
        .column(&names::FULL_AVG300)
        .column(&names::FULL_TIME)
        .column(&names::SOME)
        .column(&names::FULL)
        .build()
}

/// The files, and whether many kernels are built without them.
const RESOURCES: [(&str, bool); 4] = [("cpu", false), ("io", false), ("irq", true), ("memory", false)];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &[u8]) -> (Vec<(usize, f64)>, Scan) {
        let mut cells = Vec::new();
        let scan = parse(text, |column, value| cells.push((column, value)));
        (cells, scan)
    }

    #[test]
    fn both_lines_are_read_and_time_is_in_seconds() {
        let text =
            b"some avg10=0.87 avg60=0.72 avg300=0.70 total=10008197\nfull avg10=0.00 avg60=0.01 avg300=0.02 total=5\n";

        let (cells, scan) = read(text);

        let expected = [0.87, 0.72, 0.70, 10.008_197, 0.0, 0.01, 0.02, 0.000_005];
        assert_eq!(cells, expected.into_iter().enumerate().collect::<Vec<_>>());
        assert_eq!(scan, Scan { found: 8, skipped: 0 });
    }

    #[test]
    fn interrupts_have_a_full_line_only() {
        let (cells, _) = read(b"full avg10=1.50 avg60=0.00 avg300=0.00 total=7\n");

        assert_eq!(cells.first(), Some(&(4, 1.5)));
    }

    #[test]
    fn lines_without_sense_are_counted_and_the_others_read() {
        let (cells, scan) = read(b"\xff\xfe\nsome avg10=x\nfull total=99999999999999999999999\nfull avg10=2\n");

        assert_eq!(cells, [(4, 2.0)]);
        assert_eq!(scan, Scan { found: 1, skipped: 3 });
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            read(&bytes);
        }

        #[test]
        fn no_damaged_line_panics(damage: u8, at in 0..54_usize) {
            let mut text = *b"some avg10=0.87 avg60=0.72 avg300=0.70 total=10008197\n";
            text[at] = damage;

            read(&text);
        }
    }
}
