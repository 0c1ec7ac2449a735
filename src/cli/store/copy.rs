//! `observe store copy`: a store moves into another database, from SQLite to PostgreSQL or back.

use observe::store::{Config, Copied, SqlStore};

use crate::{
    cli::{
        Global,
        error::CommandError,
        output,
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
        let store = SqlStore::read(&from).await?;
        let mut text = String::new();
        let mut times = 0;
        let report = |Copied { table, rows, damaged, .. }: Copied| {
            times += damaged;
            if rows > 0 {
                text.push_str(&format!("{rows:>12} rows of {table}\n"));
            }
        };
        store.copy_to(&to, report).await?;
        output::write(&format!("{text}copied {} to {}\n", from.shown_url(), to.shown_url()))?;
        store_access::whole("the copy has what is damaged as it is", times)
    }
}
