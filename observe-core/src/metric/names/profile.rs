//! Samples of what processors work at.

use super::rows;
use crate::{Metric, Unit};

rows! {
    SAMPLES = Metric::counter("profile.samples", Unit::Count, "Samples that found a process on a processor.");
    LOST = Metric::counter("profile.lost", Unit::Count, "Samples for which the kernel had no place.");
    SHARE = Metric::gauge("profile.share", Unit::Percent,
        "Share of the samples since the reading before that found processes of one command.");
}
