//! `observe store`: looks into what is stored, and moves it.

mod check;
mod copy;
mod export;
mod import;
mod lines;
mod openmetrics;
mod stats;
mod what;

use std::process::ExitCode;

use clap::Subcommand;

use super::{Global, error::finish, store_access};
use crate::settings::Environment;

/// Looks into what is stored, and moves it
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Args),
    Copy(copy::Args),
    Export(export::Args),
    Import(import::Args),
    Stats(stats::Args),
}

impl Args {
    pub(super) fn run(self, global: &Global, environment: &Environment) -> ExitCode {
        finish(match self.command {
            Command::Check(args) => store_access::block_on(args.run(global, environment)),
            Command::Copy(args) => store_access::block_on(args.run(global, environment)),
            Command::Export(args) => store_access::block_on(args.run(global, environment)),
            Command::Import(args) => store_access::block_on(args.run(global, environment)),
            Command::Stats(args) => store_access::block_on(args.run(global, environment)),
        })
    }
}
