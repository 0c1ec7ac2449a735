//! A picture of what processors work at.

use std::{
    io::Write,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use observe::{
    KernelBoard, KernelMode,
    ebpf::{Kernel, Profile, ProfileConfig, Profiler},
};

use super::untraced;
use crate::cli::{error::CommandError, output, table, tell, time};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Samples for this time
    #[arg(long = "for", value_name = "DURATION", value_parser = time::duration, default_value = "10s")]
    duration: Duration,
    /// Samples this process alone
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    pid: u32,
    /// Samples a second and processor, 1 to 999
    #[arg(long, default_value_t = 99, value_name = "HZ", value_parser = clap::value_parser!(u32).range(1..=999))]
    frequency: u32,
    /// Writes stacks as lines, `command;outer;inner 12`, in place of a picture
    #[arg(long)]
    folded: bool,
    /// Writes to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Args {
    pub(super) fn run(self) -> Result<(), CommandError> {
        let config = ProfileConfig { frequency_hz: self.frequency, pid: self.pid, ..ProfileConfig::default() };
        let kernel = Kernel::new(KernelBoard::new(KernelMode::Live));
        let profiler = Profiler::start(&kernel, &config);
        let profile =
            sample(profiler.map_err(|reason| untraced(&format!("{reason}; {}", reason.advice())))?, self.duration);
        let (samples, lost) = (profile.samples(), profile.lost() + profile.stacks_lost());
        if samples == 0 {
            let (problem, help) = ("nothing ran", "sample longer, or another process");
            return Err(CommandError::Nothing { problem: problem.to_owned(), help: help.to_owned() });
        }
        let text = if self.folded { profile.folded() } else { self.draw(&profile)? };
        let mut output = output::open(self.output.as_deref())?;
        output.write_all(text.as_bytes())?;
        output.flush()?;
        tell(&format!("{}, {lost} lost\n", table::count(samples, "sample")));
        Ok(())
    }

    fn draw(&self, profile: &Profile) -> Result<String, CommandError> {
        let whose = if self.pid == 0 { "all processes".to_owned() } else { format!("process {}", self.pid) };
        let title = format!("On-CPU, {whose}, {} s at {} Hz", self.duration.as_secs_f64(), self.frequency);
        profile.flamegraph(&title).map_err(|error| CommandError::Nothing {
            problem: format!("cannot draw: {error}"),
            help: "--folded writes the stacks as they are".to_owned(),
        })
    }
}

/// Samples until the time is over, and gives names while the processes still run.
fn sample(mut profiler: Profiler, duration: Duration) -> Profile {
    let until = Instant::now() + duration;
    let mut profile = Profile::default();
    loop {
        let rest = until.saturating_duration_since(Instant::now());
        thread::sleep(rest.min(BETWEEN_NAMES));
        profile.merge(profiler.take());
        if rest <= BETWEEN_NAMES {
            return profile;
        }
    }
}

const BETWEEN_NAMES: Duration = Duration::from_secs(1);
