//! Space and inodes of mounted filesystems.

use super::rows;
use crate::{Formula, Metric, Term, Unit};

rows! {
    TOTAL = Metric::gauge("disk.total", Unit::Bytes, "Size of the filesystem.")
        .otel("system.filesystem.limit", Unit::Bytes, 1.0);
    USED = Metric::gauge("disk.used", Unit::Bytes, "Bytes in use.")
        .otel_with("system.filesystem.usage", Unit::Bytes, 1.0, &[("system.filesystem.state", "used")]);
    FREE = Metric::gauge("disk.free", Unit::Bytes, "Bytes that programs without privileges may still use.")
        .otel_with("system.filesystem.usage", Unit::Bytes, 1.0, &[("system.filesystem.state", "free")]);
    RESERVED = Metric::derived("disk.reserved", Unit::Bytes,
        Formula::Sum { of: &[Term::plus("disk.total"), Term::minus("disk.used"), Term::minus("disk.free")] },
        "Free bytes that are kept for privileged programs.")
        .otel_with("system.filesystem.usage", Unit::Bytes, 1.0, &[("system.filesystem.state", "reserved")]);
    PERCENT = Metric::derived("disk.percent", Unit::Percent,
        Formula::Ratio { of: SPACE_USED, over: SPACE_FOR_ALL, scale: 100.0 },
        "Share of the space that is in use, as programs without privileges see it.")
        .otel_with("system.filesystem.utilization", Unit::Ratio, 0.01, &[("system.filesystem.state", "used")]);
    INODES_TOTAL = Metric::gauge("disk.inodes_total", Unit::Count, "Inodes of the filesystem.");
    INODES_USED = Metric::gauge("disk.inodes_used", Unit::Count, "Inodes in use.");
    INODES_FREE = Metric::gauge("disk.inodes_free", Unit::Count, "Inodes that are free.");
    INODES_PERCENT = Metric::derived("disk.inodes_percent", Unit::Percent,
        Formula::Ratio { of: INODES_IN_USE, over: &[Term::plus("disk.inodes_total")], scale: 100.0 },
        "Share of the inodes that is in use.");
    READ_ONLY = Metric::gauge("disk.read_only", Unit::Count,
        "One where nothing can be written to the filesystem, else zero.");
}

const SPACE_USED: &[Term] = &[Term::plus("disk.used")];
const SPACE_FOR_ALL: &[Term] = &[Term::plus("disk.used"), Term::plus("disk.free")];
const INODES_IN_USE: &[Term] = &[Term::plus("disk.inodes_used")];
