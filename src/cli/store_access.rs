//! How commands get at what is stored.

use std::{
    future::Future,
    io,
    path::{self, Path, PathBuf},
};

use observe::store::{Config, SqlStore};
use rustix::{
    fs::{Access, access},
    io::Errno,
};

use super::{Flag, Global, error::CommandError, tell};
use crate::{
    settings::Environment,
    telemetry::{self, Level},
};

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
        config(self.db.as_deref(), global, environment)
    }

    /// Opens the store to read it, beside whoever writes.
    pub(super) async fn read(&self, global: &Global, environment: &Environment) -> Result<SqlStore, CommandError> {
        Ok(SqlStore::read(&self.config(global, environment)?).await?)
    }
}

/// Returns the settings of the store, at the url that was named if one was, and starts the log: of errors alone, unless
/// more was asked for.
pub(super) fn config(db: Option<&str>, global: &Global, environment: &Environment) -> Result<Config, CommandError> {
    let flag: Option<Flag> = db.map(|url| ("store.url", url.into(), "--db"));
    let loaded = global.load(None, environment, flag.into_iter().collect())?;
    let mut log = loaded.settings.log;
    if global.verbose == 0 && log.level != Level::Off {
        log.level = Level::Error;
    }
    telemetry::start(log, global.is_colored(&io::stderr(), environment));
    for remark in &loaded.remarks {
        tell(&format!("warning: {remark}\n"));
    }
    let config = loaded.settings.store;
    if config.is_memory() { Err(CommandError::NotStored) } else { Ok(config) }
}

/// Returns where things are stored, without a password: a file by its whole path.
pub(super) fn place(config: &Config) -> String {
    file(config).map_or_else(|| config.shown_url(), |file| file.display().to_string())
}

/// Returns the whole path of the file that things are stored in, where it is one.
pub(super) fn file(config: &Config) -> Option<PathBuf> {
    let url = config.shown_url();
    let is_file = !config.is_memory() && !url.starts_with("postgres://");
    is_file.then(|| path::absolute(&url).unwrap_or_else(|_| url.into()))
}

/// Says why a file can be neither written nor made.
pub(super) fn problem(file: &Path) -> Option<String> {
    let folder = file.parent().unwrap_or(file);
    let of_folder = access(folder, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| (folder, error));
    let outcome = match access(file, Access::READ_OK | Access::WRITE_OK) {
        Ok(()) | Err(Errno::NOENT) => of_folder,
        Err(error) => of_folder.and(Err((file, error))),
    };
    let (path, error) = outcome.err()?;
    Some(format!("{} cannot be written: {}", path.display(), io::Error::from(error)))
}

/// Says that a result lacks something, where damaged rows were met.
pub(super) const fn whole(whose: &'static str, times: u64) -> Result<(), CommandError> {
    if times == 0 { Ok(()) } else { Err(CommandError::Damaged { whose, times }) }
}

/// Runs a command to its end on this thread. Another one hears of signals meanwhile.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T, CommandError>>) -> Result<T, CommandError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(CommandError::Runtime)?;
    runtime.block_on(work)
}
