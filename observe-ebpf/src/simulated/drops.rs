//! Packets that nobody threw away.

use std::time::Duration;

use observe_core::{Collect, InvalidSchema};

use super::{Random, Simulation};
use crate::{drops::report::Report, origin::Origin};

/// Makes up the feature `drops`.
#[derive(Debug)]
pub(crate) struct SimulatedDrops {
    report: Report,
    totals: [u64; REASONS.len()],
}

impl SimulatedDrops {
    pub(crate) fn new(interval: Duration) -> Result<Self, InvalidSchema> {
        Ok(Self { report: Report::new(Origin::Simulated, interval)?, totals: [0; REASONS.len()] })
    }
}

impl Simulation for SimulatedDrops {
    fn name(&self) -> &'static str {
        "drops"
    }

    fn step(&mut self, random: &mut Random, cx: &mut Collect<'_>) -> u64 {
        for ((_, mean), total) in REASONS.iter().zip(&mut self.totals) {
            *total += random.about(*mean);
        }
        let totals = REASONS.iter().zip(self.totals).map(|((reason, _), total)| (*reason, total));
        self.report.emit(totals, cx);
        0
    }
}

/// Reasons, and how often a second has them.
const REASONS: [(&str, f64); 3] = [("no_socket", 0.6), ("netfilter_drop", 1.2), ("not_specified", 3.0)];
