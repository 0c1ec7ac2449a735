//! `observe trace`: what the kernel does, live in the terminal.

mod callers;
mod calls;
mod flame;
mod lines;

use std::{
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use observe::{
    Clock, Collect, CollectError, Collector, FeatureStatus, Item, KernelMode, KernelStatus, ProcessCache, SystemClock,
    ebpf::{self, Config, Latency, Mode, Tracing},
};

use self::{
    callers::{Caller, Callers},
    calls::Calls,
    lines::Lines,
};
use super::{
    Global,
    error::{CommandError, finish},
    tell, time,
};
use crate::settings::Environment;

/// Shows what the kernel does, as it happens
///
/// Programs of its own run in the kernel for as long as the command does, beside those of a server.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Shows programs that start, and processes killed for want of memory
    Exec(Common),
    /// Draws what processors work at, as a flame graph
    Flame(flame::Args),
    /// Shows slow and failed requests of block devices
    Io(Slow),
    /// Shows system calls: how many, how many failed, how long they take
    Syscalls(CallArgs),
    /// Shows connections over TCP
    Tcp(Common),
}

#[derive(Debug, clap::Args)]
struct Common {
    /// Ends after this time; without it, Ctrl-C does
    #[arg(long = "for", value_name = "DURATION", value_parser = time::duration)]
    duration: Option<Duration>,
}

#[derive(Debug, clap::Args)]
struct Slow {
    #[command(flatten)]
    common: Common,
    /// Shows requests that take at least so many milliseconds; 0 shows all
    #[arg(long, default_value_t = 0, value_name = "MS")]
    slow_ms: u64,
}

#[derive(Debug, clap::Args)]
struct CallArgs {
    #[command(flatten)]
    common: Common,
    /// Traces this process alone
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    pid: u32,
    /// Times every call, not one in 64
    #[arg(long)]
    full: bool,
    /// Shows who makes most calls, and which
    #[arg(long, value_name = "CALLER")]
    by: Option<Caller>,
    /// Shows so many calls
    #[arg(long, default_value_t = 20, value_name = "N")]
    top: usize,
}

/// What prints the items of a reading.
trait Screen {
    /// Takes in a reading and what the board says after it; `elapsed` is the time since the one before.
    fn show(&mut self, items: Vec<Item>, elapsed: Duration, status: &KernelStatus) -> Result<(), CommandError>;
}

impl Args {
    pub(super) fn run(self, global: &Global, environment: &Environment) -> ExitCode {
        let outcome = global.load(None, environment, Vec::new()).map_err(CommandError::Settings);
        finish(outcome.and_then(|loaded| self.trace(loaded.settings.tracing())))
    }

    fn trace(self, mut config: Config) -> Result<(), CommandError> {
        if config.mode == Mode::Off {
            config.mode = Mode::Auto;
        }
        match self.what {
            What::Exec(common) => {
                config.only("exec");
                config.memory.enabled = true;
                (config.exec.interval_seconds, config.memory.interval_seconds) = (OFTEN, OFTEN);
                watch(&config, &common, &mut Lines)
            }
            What::Flame(args) => args.run(),
            What::Io(slow) => {
                config.only("block");
                (config.block.interval_seconds, config.block.slow_ms) = (OFTEN, slow.slow_ms);
                watch(&config, &slow.common, &mut Lines)
            }
            What::Syscalls(args) => {
                config.only("syscalls");
                config.syscalls.pid = args.pid;
                config.syscalls.min_readings = 1;
                config.syscalls.max_tracked = MAX_CALLS;
                if args.full {
                    config.syscalls.latency = Latency::Full;
                }
                let Some(by) = args.by else { return watch(&config, &args.common, &mut Calls::new(args.top)) };
                if config.syscalls.latency == Latency::Off {
                    config.syscalls.latency = Latency::Sampled;
                }
                config.syscalls.top_interval_seconds = config.syscalls.interval_seconds;
                watch(&config, &args.common, &mut Callers::new(by, args.top))
            }
            What::Tcp(common) => {
                config.only("tcp");
                (config.tcp.interval_seconds, config.tcp.connect_events) = (OFTEN, true);
                watch(&config, &common, &mut Lines)
            }
        }
    }
}

/// Reads the features that are switched on until the time is over.
fn watch(config: &Config, common: &Common, screen: &mut impl Screen) -> Result<(), CommandError> {
    let Tracing { mut collectors, board } = ebpf::tracing(config).map_err(|error| untraced(&error.to_string()))?;
    if board.read().mode == KernelMode::Simulated {
        tell("SIMULATED: these numbers are made up; set ebpf.mode to \"auto\" for real ones\n");
    }
    let until = common.duration.map(|duration| Instant::now() + duration);
    let processes = ProcessCache::new();
    let (mut before, mut missing) = (Instant::now(), Missing::default());
    loop {
        let items = read(&mut collectors, &processes)?;
        let now = Instant::now();
        let status = board.read();
        screen.show(items, now - before, &status)?;
        missing.tell(&status);
        before = now;
        if until.is_some_and(|until| until <= now) {
            return Ok(());
        }
        let next = now + collectors.first().map_or(Duration::from_secs(1), |collector| collector.interval());
        thread::sleep(until.map_or(next, |until| until.min(next)) - now);
    }
}

/// Reads every feature once; those that the kernel refuses leave, unless all do.
fn read(collectors: &mut Vec<Box<dyn Collector>>, processes: &ProcessCache) -> Result<Vec<Item>, CommandError> {
    let (mut items, mut refusal) = (Vec::new(), None);
    collectors.retain_mut(|collector| {
        let mut cx = Collect::new(SystemClock.now(), Instant::now() + collector.interval(), processes);
        let outcome = collector.collect(&mut cx);
        items.append(&mut cx.take_items());
        match outcome {
            Ok(()) => true,
            Err(CollectError::Unsupported(reason)) => {
                refusal = Some(reason.into_owned());
                false
            }
            Err(error) => {
                refusal = Some(error.to_string());
                false
            }
        }
    });
    match refusal {
        Some(reason) if collectors.is_empty() => Err(untraced(&reason)),
        _ => Ok(items),
    }
}

/// Events that the kernel did not hand over.
#[derive(Debug, Default)]
struct Missing {
    lost: u64,
    limited: u64,
}

impl Missing {
    /// Says how many more there are, if any.
    fn tell(&mut self, status: &KernelStatus) {
        let sum = |count: fn(&FeatureStatus) -> u64| status.features.values().map(count).sum::<u64>();
        let now = Self { lost: sum(|feature| feature.lost), limited: sum(|feature| feature.limited) };
        let more = |now: u64, before: u64| now.saturating_sub(before);
        let (lost, limited) = (more(now.lost, self.lost), more(now.limited, self.limited));
        if lost + limited > 0 {
            tell(&format!("{lost} more were lost, and {limited} left out because there were too many\n"));
        }
        *self = now;
    }
}

/// Makes an error of a reason, which may be followed by what to do.
fn untraced(reason: &str) -> CommandError {
    let (problem, help) = reason.split_once("; ").unwrap_or((reason, "`observe doctor` tries every feature"));
    CommandError::Untraced { problem: problem.to_owned(), help: help.to_owned() }
}

/// Escapes what a terminal would obey.
fn printable(character: char) -> impl Iterator<Item = char> {
    let escaped = character.is_control().then(|| character.escape_default());
    let plain = (!character.is_control()).then_some(character);
    escaped.into_iter().flatten().chain(plain)
}

/// Clears the terminal and goes to its first place.
const CLEAR: &str = "\u{1b}[2J\u{1b}[H";
/// Seconds between two looks at events: soon enough for whoever watches.
const OFTEN: f64 = 0.2;
/// As many calls as there can be.
const MAX_CALLS: usize = 510;
