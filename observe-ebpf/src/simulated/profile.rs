//! Samples that nobody took.

use std::time::Duration;

use observe_core::{Collect, InvalidSchema};

use super::{Random, Simulation};
use crate::{
    origin::Origin,
    profile::{Reading, Report},
};

/// Makes up the feature `profile`.
#[derive(Debug)]
pub(crate) struct SimulatedProfile {
    report: Report,
    reading: Reading,
}

impl SimulatedProfile {
    pub(crate) fn new(interval: Duration) -> Result<Self, InvalidSchema> {
        Ok(Self { report: Report::new(Origin::Simulated, interval)?, reading: Reading::default() })
    }
}

impl Simulation for SimulatedProfile {
    fn name(&self) -> &'static str {
        "profile"
    }

    fn step(&mut self, random: &mut Random, cx: &mut Collect<'_>) -> u64 {
        let commands = HABITS.map(|(command, per_second)| (command.to_owned(), random.about(per_second)));
        self.reading.samples += commands.iter().map(|(_, count)| count).sum::<u64>();
        self.reading.commands = commands.into();
        self.report.emit(&self.reading, cx);
        0
    }
}

/// Samples a second, on average.
const HABITS: [(&str, f64); 4] = [("api", 40.0), ("kworker/0:1", 4.0), ("postgres", 25.0), ("worker", 60.0)];
