//! The `observe` binary: reads arguments and environment once, hands them to a command, and exits with its code.

mod assemble;
mod cli;
mod settings;
mod telemetry;

use std::process::ExitCode;

use clap::Parser;

use crate::{cli::Cli, settings::Environment};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let environment = Environment::new(std::env::vars_os());
    cli.run(&environment)
}
