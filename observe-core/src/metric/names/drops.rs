//! Packets that the kernel threw away, counted where it does so.

use super::rows;
use crate::{Formula, Metric, Term, Unit};

rows! {
    PACKETS = Metric::counter("drops.packets", Unit::Count, "Packets thrown away for one reason.")
        .otel("observe.drops.packets", Unit::Count, 1.0);
    TOTAL = Metric::counter("drops.total", Unit::Count,
        "Packets thrown away for all reasons but `not_specified` and `queue_purge`, which are often no loss.");
    RATE = Metric::derived("drops.rate", Unit::CountPerSecond,
        Formula::Rate { of: &[Term::plus("drops.total")], scale: 1.0 },
        "Packets thrown away in a second, without `not_specified` and `queue_purge`.");
}
