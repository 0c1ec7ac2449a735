//! Who is on processors, sampled all the time.

use std::{collections::HashMap, time::Duration};

use observe_core::{Collect, CollectError, Collector};

use super::{
    report::{Reading, Report},
    sampler::{Sampler, check},
};
use crate::{
    config::{InvalidConfig, ProfileConfig, interval},
    feature::{Feature, Programs, Tracer},
    kernel::{Kernel, Loaded, Unavailable},
    origin::Origin,
};

/// The feature `profile`: samples by command. Stacks are left to profiles on demand, since it takes work to name them.
#[derive(Debug)]
pub(crate) struct OnCpu {
    config: ProfileConfig,
    interval: Duration,
    report: Report,
    reading: Reading,
}

impl OnCpu {
    /// Makes the collector; nothing is loaded yet.
    pub(crate) fn collector(kernel: &Kernel, config: &ProfileConfig) -> Result<Box<dyn Collector>, InvalidConfig> {
        check(config)?;
        kernel.check_pid("ebpf.profile.pid", config.pid)?;
        let interval = interval("ebpf.profile.interval_seconds", config.interval_seconds)?;
        let report = Report::new(Origin::Kernel, interval)?;
        let feature = Self { config: config.clone(), interval, report, reading: Reading::default() };
        Ok(Box::new(Tracer::new(kernel, feature)))
    }
}

impl Programs for Sampler {
    fn loaded(&self) -> &Loaded {
        self.loaded()
    }
}

impl Feature for OnCpu {
    const NAME: &'static str = "profile";
    const COLLECTOR: &'static str = "ebpf.profile";

    type Programs = Sampler;

    fn interval(&self) -> Duration {
        self.interval
    }

    fn load(&self, kernel: &Kernel) -> Result<Sampler, Unavailable> {
        Sampler::load(kernel, &self.config, false)
    }

    fn read(&mut self, sampler: &mut Sampler, cx: &mut Collect<'_>) -> Result<(), CollectError> {
        let failed = |error| CollectError::Failed { what: "samples of processors".to_owned(), source: Box::new(error) };
        let taken = sampler.take().map_err(failed)?;
        let mut commands = HashMap::new();
        for sample in taken.samples {
            self.reading.samples += sample.count;
            *commands.entry(sample.command).or_default() += sample.count;
        }
        self.reading.lost += taken.lost;
        self.reading.commands = commands;
        self.report.emit(&self.reading, cx);
        Ok(())
    }
}
