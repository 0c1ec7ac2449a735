//! `observe store copy`: a store moves into another database, from SQLite to PostgreSQL or back.

use std::fs;

use observe::{
    StoreError,
    store::{Config, Copied, SqlStore},
};

use crate::{
    cli::{
        Global,
        error::CommandError,
        output,
        progress::Progress,
        signals::Stop,
        store_access::{self, Database},
    },
    settings::Environment,
};

/// Copies everything into an empty database: samples bit by bit, events, log records, spans and states
///
/// It moves a store from SQLite to PostgreSQL, or back. The store that is read may be in use by a server; what the
/// server writes meanwhile is not copied.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The database to copy into: a file, or postgres://…
    #[arg(long, value_name = "URL")]
    to: String,
    #[command(flatten)]
    database: Database,
}

impl Args {
    pub(super) async fn run(self, global: &Global, environment: &Environment) -> Result<(), CommandError> {
        let from = self.database.config(global, environment)?;
        let to = Config { url: self.to, ..from.clone() };
        if to.is_memory() {
            return Err(CommandError::NotStored);
        }
        if is_same(&from.shown_url(), &to.shown_url()) {
            return Err(CommandError::Usage {
                problem: format!("{} cannot be copied into itself", from.shown_url()),
                help: ANOTHER.to_owned(),
            });
        }
        let store = SqlStore::read(&from).await?;
        let mut text = String::new();
        let (mut times, mut before) = (0, 0);
        let (stop, mut progress) = (Stop::new(), Progress::new("rows", false));
        let report = |Copied { table, rows, damaged, is_done, .. }: Copied| {
            progress.tell(before + rows);
            if !is_done {
                return;
            }
            times += damaged;
            before += rows;
            if rows > 0 {
                text.push_str(&format!("{rows:>12} rows of {table}\n"));
            }
        };
        tokio::select! {
            copied = store.copy_to(&to, report) => copied.map_err(|error| about(error, &to))?,
            () = stop.asked() => return Err(CommandError::Stopped { help: "nothing was copied" }),
        }
        drop(progress);
        output::write(&format!("{text}copied {} to {}\n", from.shown_url(), to.shown_url()))?;
        store_access::whole("the copy has what is damaged as it is", times)
    }
}

/// Returns whether two urls name one database. Two names of a server are not seen through.
fn is_same(one: &str, other: &str) -> bool {
    let path = |url| fs::canonicalize(url).ok();
    one == other || path(one).is_some_and(|one| path(other) == Some(one))
}

/// Says what to do where it is the database to copy into that cannot be used.
fn about(error: StoreError, to: &Config) -> CommandError {
    match &error {
        StoreError::Refused { store, .. } if *store == to.shown_url() => {
            CommandError::Nothing { problem: error.to_string(), help: ANOTHER.to_owned() }
        }
        _ => error.into(),
    }
}

const ANOTHER: &str = "name a new file or an empty database with --to";
