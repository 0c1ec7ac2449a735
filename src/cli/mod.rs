//! The command line: one file per command. Results go to standard output, talk to standard error.

mod check_config;
mod doctor;
mod error;
mod http;
mod output;
mod progress;
mod query;
mod seed_demo;
mod serve;
mod signals;
mod store;
mod store_access;
mod table;
mod time;
mod trace;

use std::{
    error::Error,
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{ArgAction, ColorChoice, Parser, Subcommand};
use toml::Value;

use crate::{
    assemble,
    settings::{self, Environment, FileSource, Loaded, SettingsErrors, Sources},
};

/// Watches this host: samples it, finds what is unusual, and answers questions over HTTP.
#[derive(Debug, Parser)]
#[command(name = "observe", version, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    CheckConfig(check_config::Args),
    Doctor(doctor::Args),
    Query(query::Args),
    SeedDemo(seed_demo::Args),
    #[command(alias = "server")]
    Serve(serve::Args),
    Store(store::Args),
    Trace(trace::Args),
}

/// What every command understands.
#[derive(Debug, clap::Args)]
struct Global {
    /// Reads settings from this file [default: ./observe.toml, else /etc/observe/observe.toml]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Colours the output
    #[arg(long, global = true, value_name = "WHEN", default_value_t = ColorChoice::Auto)]
    color: ColorChoice,
    /// Logs more; twice, everything
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
    /// Logs errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
}

/// What a command line sets: dotted key, value, and the flag.
type Flag = (&'static str, Value, &'static str);

impl Cli {
    /// Runs the command and returns what the process should exit with.
    pub(crate) fn run(self, environment: &Environment) -> ExitCode {
        match self.command {
            Command::CheckConfig(args) => args.run(&self.global, environment),
            Command::Doctor(args) => args.run(&self.global, environment),
            Command::Query(args) => args.run(&self.global, environment),
            Command::SeedDemo(args) => args.run(&self.global, environment),
            Command::Serve(args) => args.run(&self.global, environment),
            Command::Store(args) => args.run(&self.global, environment),
            Command::Trace(args) => args.run(&self.global, environment),
        }
    }
}

impl Global {
    /// Loads settings from all layers and checks them; `file` stands in for `--config`.
    fn load(
        &self,
        file: Option<&Path>,
        environment: &Environment,
        mut flags: Vec<Flag>,
    ) -> Result<Loaded, SettingsErrors> {
        flags.extend(self.level());
        let file = file.or(self.config.as_deref()).map_or(FileSource::Search(settings::SEARCH), FileSource::Named);
        let mut loaded = settings::load(&Sources { file, environment, flags }, assemble::check)?;
        let remarks = assemble::remarks(&loaded);
        loaded.remarks.extend(remarks);
        Ok(loaded)
    }

    fn level(&self) -> Option<Flag> {
        match (self.quiet, self.verbose) {
            (true, _) => Some((LOG_LEVEL, "error".into(), "--quiet")),
            (false, 0) => None,
            (false, 1) => Some((LOG_LEVEL, "debug".into(), "--verbose")),
            (false, _) => Some((LOG_LEVEL, "trace".into(), "--verbose")),
        }
    }

    /// Says whether to colour what goes to a stream.
    fn is_colored(&self, stream: &impl IsTerminal, environment: &Environment) -> bool {
        match self.color {
            ColorChoice::Always => true,
            ColorChoice::Auto => stream.is_terminal() && !environment.has("NO_COLOR"),
            ColorChoice::Never => false,
        }
    }
}

/// Tells the user what went wrong and what to do, and returns the exit code given.
fn fail(error: &dyn Error, help: &str, code: u8) -> ExitCode {
    let mut text = format!("error: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    tell(&format!("{text}\n  help: {help}\n"));
    ExitCode::from(code)
}

/// Tells the user that settings cannot be used.
fn fail_settings(errors: &SettingsErrors) -> ExitCode {
    for error in errors.iter() {
        fail(error, &error.help(), BAD_CONFIGURATION);
    }
    if errors.left_out() > 0 {
        tell(&format!("and {} more\n", errors.left_out()));
    }
    ExitCode::from(BAD_CONFIGURATION)
}

/// Writes a command's result, and says whether it could be.
fn print(text: &str) -> bool {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).is_ok()
}

fn tell(text: &str) {
    // Where even standard error is gone, nobody is left to be told.
    io::stderr().lock().write_all(text.as_bytes()).unwrap_or_default();
}

/// Exit codes: a start failed, or a command found something; what was asked does not go together; a server or database cannot be reached; the kernel refuses; settings cannot be
/// used.
const FAILED: u8 = 1;
const WRONG_USAGE: u8 = 2;
const UNREACHABLE: u8 = 3;
const NOT_PERMITTED: u8 = 4;
const BAD_CONFIGURATION: u8 = 78;

const LOG_LEVEL: &str = "log.level";

const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed or found something, 2 wrong usage, 3 unreachable, 4 not permitted, 78 bad configuration.";
