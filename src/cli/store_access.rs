//! How commands get at what is stored.

use std::future::Future;

use observe::store::{Config, SqlStore};

use super::{Flag, Global, error::CommandError, tell};
use crate::settings::Environment;

/// Which database a command works on.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Database {
    /// Works on this database instead of `store.url`: a file, or postgres://…
    #[arg(long, value_name = "URL")]
    db: Option<String>,
}

impl Database {
    /// Returns the settings of the store, with the database that was named.
    pub(super) fn config(&self, global: &Global, environment: &Environment) -> Result<Config, CommandError> {
        let flag: Option<Flag> = self.db.as_deref().map(|url| ("store.url", url.into(), "--db"));
        let loaded = global.load(None, environment, flag.into_iter().collect())?;
        for remark in &loaded.remarks {
            tell(&format!("warning: {remark}\n"));
        }
        let config = loaded.settings.store;
        if config.is_memory() { Err(CommandError::NotStored) } else { Ok(config) }
    }

    /// Opens the store to read it, beside whoever writes.
    pub(super) async fn read(&self, global: &Global, environment: &Environment) -> Result<SqlStore, CommandError> {
        Ok(SqlStore::read(&self.config(global, environment)?).await?)
    }
}

/// Runs a command to its end on this thread.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T, CommandError>>) -> Result<T, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CommandError::Runtime)?;
    runtime.block_on(work)
}
