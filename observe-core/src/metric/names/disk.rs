//! Block devices.

use super::rows;
use crate::{Formula, Metric, Term, Unit};

rows! {
    READS = Metric::counter("disk.reads", Unit::Count, "Reads that were completed.")
        .otel_with("system.disk.operations", Unit::Count, 1.0, READ);
    READS_MERGED = Metric::counter("disk.reads_merged", Unit::Count, "Reads that were joined to one before them.")
        .otel_with("system.disk.merged", Unit::Count, 1.0, READ);
    READ_BYTES = Metric::counter("disk.read_bytes", Unit::Bytes, "Bytes read.")
        .otel_with("system.disk.io", Unit::Bytes, 1.0, READ);
    READ_TIME = Metric::counter("disk.read_time", Unit::Seconds, "Time that reads took, added up.")
        .otel_with("system.disk.operation_time", Unit::Seconds, 1.0, READ);
    WRITES = Metric::counter("disk.writes", Unit::Count, "Writes that were completed.")
        .otel_with("system.disk.operations", Unit::Count, 1.0, WRITE);
    WRITES_MERGED = Metric::counter("disk.writes_merged", Unit::Count, "Writes that were joined to one before them.")
        .otel_with("system.disk.merged", Unit::Count, 1.0, WRITE);
    WRITE_BYTES = Metric::counter("disk.write_bytes", Unit::Bytes, "Bytes written.")
        .otel_with("system.disk.io", Unit::Bytes, 1.0, WRITE);
    WRITE_TIME = Metric::counter("disk.write_time", Unit::Seconds, "Time that writes took, added up.")
        .otel_with("system.disk.operation_time", Unit::Seconds, 1.0, WRITE);
    IO_IN_PROGRESS = Metric::gauge("disk.io_in_progress", Unit::Count, "Operations that the device works on.");
    IO_TIME = Metric::counter("disk.io_time", Unit::Seconds, "Time in which the device had work.")
        .otel("system.disk.io_time", Unit::Seconds, 1.0);
    IO_TIME_WEIGHTED = Metric::counter("disk.io_time_weighted", Unit::Seconds,
        "Time in which the device had work, times the operations under way.");
    DISCARDS = Metric::counter("disk.discards", Unit::Count, "Discards that were completed.");
    DISCARDS_MERGED = Metric::counter("disk.discards_merged", Unit::Count,
        "Discards that were joined to one before them.");
    DISCARD_BYTES = Metric::counter("disk.discard_bytes", Unit::Bytes, "Bytes discarded.");
    DISCARD_TIME = Metric::counter("disk.discard_time", Unit::Seconds, "Time that discards took, added up.");
    FLUSHES = Metric::counter("disk.flushes", Unit::Count, "Flushes of the device's cache.");
    FLUSH_TIME = Metric::counter("disk.flush_time", Unit::Seconds, "Time that flushes took, added up.");

    READ_BYTES_PER_SEC = rate("disk.read_bytes_per_sec", Unit::BytesPerSecond, &[Term::plus("disk.read_bytes")],
        "Bytes read in a second.");
    WRITE_BYTES_PER_SEC = rate("disk.write_bytes_per_sec", Unit::BytesPerSecond, &[Term::plus("disk.write_bytes")],
        "Bytes written in a second.");
    READS_PER_SEC = rate("disk.reads_per_sec", Unit::CountPerSecond, &[Term::plus("disk.reads")], "Reads in a second.");
    WRITES_PER_SEC = rate("disk.writes_per_sec", Unit::CountPerSecond, &[Term::plus("disk.writes")],
        "Writes in a second.");
    READ_LATENCY = latency("disk.read_latency", &[Term::plus("disk.read_time")], &[Term::plus("disk.reads")],
        "Mean time that a read took.");
    WRITE_LATENCY = latency("disk.write_latency", &[Term::plus("disk.write_time")], &[Term::plus("disk.writes")],
        "Mean time that a write took.");
    LATENCY = latency("disk.latency", &[Term::plus("disk.read_time"), Term::plus("disk.write_time")],
        &[Term::plus("disk.reads"), Term::plus("disk.writes")], "Mean time that a read or write took.");
    FLUSH_LATENCY = latency("disk.flush_latency", &[Term::plus("disk.flush_time")], &[Term::plus("disk.flushes")],
        "Mean time that a flush took.");
    UTILIZATION = Metric::derived("disk.utilization", Unit::Percent,
        Formula::Rate { of: &[Term::plus("disk.io_time")], scale: 100.0 },
        "Share of the time in which the device had work.");
    QUEUE_LENGTH = rate("disk.queue_length", Unit::Count, &[Term::plus("disk.io_time_weighted")],
        "Mean number of operations under way.");
}

/// The growth of a counter in a second.
const fn rate(name: &'static str, unit: Unit, of: &'static [Term], help: &'static str) -> Metric {
    Metric::derived(name, unit, Formula::Rate { of, scale: 1.0 }, help)
}

/// Seconds of work over the pieces of work, in milliseconds.
const fn latency(name: &'static str, of: &'static [Term], over: &'static [Term], help: &'static str) -> Metric {
    Metric::derived(name, Unit::Milliseconds, Formula::GrowthRatio { of, over, scale: 1000.0 }, help)
}

const READ: &[(&str, &str)] = &[("disk.io.direction", "read")];
const WRITE: &[(&str, &str)] = &[("disk.io.direction", "write")];
