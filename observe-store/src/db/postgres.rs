//! What is particular about PostgreSQL.

use std::time::Duration;

use observe_core::StoreError;
use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection, PgPool,
    error::DatabaseError,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::Label;

/// Makes the pool of the one connection that writes.
pub(super) fn writer(options: &PgConnectOptions) -> PgPool {
    pool(1, options)
}

/// Makes the pool of those that only read.
pub(super) fn readers(options: &PgConnectOptions) -> PgPool {
    pool(READERS, options)
}

/// Connects once, because a pool tries until its patience ends and then does not say what was wrong.
pub(super) async fn try_out(label: &Label, options: &PgConnectOptions) -> Result<(), StoreError> {
    let connecting = tokio::time::timeout(PATIENCE, PgConnection::connect_with(options));
    let late = |_| label.unavailable(format!("{} did not answer in time", label.name));
    let connection = connecting.await.map_err(late)?.map_err(|error| label.translate(error))?;
    connection.close().await.map_err(|error| label.translate(error))
}

fn pool(connections: u32, options: &PgConnectOptions) -> PgPool {
    let options = options.clone().application_name("observe").disable_statement_logging();
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_lazy_with(options)
}

/// Says what an error of PostgreSQL means, by its `SQLSTATE`.
pub(super) fn translate(label: &Label, error: &dyn DatabaseError) -> StoreError {
    let code = error.code().unwrap_or_default();
    let message = error.message();
    match (code.get(..2).unwrap_or_default(), &*code) {
        (_, "25006") => label.refused("the server only lets this user read"),
        (_, "53100") => label.unavailable("the disk of the server is full".to_owned()),
        ("08" | "40" | "53" | "55" | "57" | "58", _) => label.unavailable(format!("{}: {message}", label.name)),
        ("23", _) => label.corrupt(format!("what is stored does not allow what should be: {message}")),
        ("28", _) => label.refused(format!("logging in failed: {message}; are user, password and pg_hba.conf right?")),
        ("3D", _) => label.refused(format!("{message}: make it with createdb")),
        ("XX", _) => label.corrupt(message.to_owned()),
        _ => label.refused(format!("{message} (code {code})")),
    }
}

const READERS: u32 = 4;
/// How long to wait for a connection.
const PATIENCE: Duration = Duration::from_secs(5);
