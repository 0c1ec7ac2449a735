//! What is particular about SQLite.

use std::{path::Path, time::Duration};

use observe_core::StoreError;
use sqlx::{
    ConnectOptions as _, Connection as _, SqliteConnection, SqlitePool,
    error::DatabaseError,
    raw_sql,
    sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{Access, Label};

/// Makes the pool of the one connection that writes. It makes the file where there is none.
pub(super) fn writer(path: &Path) -> SqlitePool {
    let options = options(path)
        .create_if_missing(true)
        // A commit changes few bytes in several pages, and each of them is written whole.
        .page_size(1024)
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .pragma("cache_size", "-2048")
        // What many commits change again and again is written back to the file once.
        .pragma("wal_autocheckpoint", "16384")
        .pragma("journal_size_limit", "67108864");
    pool(1, options)
}

/// Makes the pool of those that only read.
pub(super) fn readers(path: &Path) -> SqlitePool {
    pool(READERS, reading(path))
}

/// Makes the same for a file that nobody writes to and whose WAL is empty. It makes and locks nothing.
pub(super) fn still(path: &Path) -> SqlitePool {
    pool(READERS, reading(path).immutable(true))
}

fn reading(path: &Path) -> SqliteConnectOptions {
    options(path).read_only(true).pragma("cache_size", "-512")
}

/// Makes the file smaller by pages that nothing uses any more, as many as do not take long.
pub(super) async fn shrink(writer: &SqlitePool) -> Result<(), sqlx::Error> {
    raw_sql("PRAGMA incremental_vacuum(16384)").execute(writer).await.map(drop)
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new().filename(path).busy_timeout(PATIENCE).disable_statement_logging()
}

fn pool(connections: u32, options: SqliteConnectOptions) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        // SQLite ends a transaction by itself when the disk is full. The driver does not notice, and such a connection
        // would never begin another one.
        .before_acquire(|connection: &mut SqliteConnection, _| {
            let is_usable = !connection.is_in_transaction();
            Box::pin(async move { Ok(is_usable) })
        })
        .connect_lazy_with(options)
}

/// Says what an error of SQLite means.
pub(super) fn translate(label: &Label, error: &dyn DatabaseError) -> StoreError {
    let code: i32 = error.code().and_then(|code| code.parse().ok()).unwrap_or_default();
    let message = error.message();
    match code & 0xff {
        BUSY | LOCKED => label.unavailable(format!("another process is writing to {}", label.name)),
        CANTOPEN | PERM | READONLY if label.access == Access::Read => label.refused(unreadable(label, message)),
        CANTOPEN => label.refused(format!("the file cannot be opened ({message}): may this user use its directory?")),
        CONSTRAINT => label.corrupt(format!("what is stored does not allow what should be: {message}")),
        CORRUPT => label.corrupt(format!("{message}; {}", remedy(label))),
        _ if matches!(code, FULL | IOERR_SHMSIZE) => {
            label.unavailable(format!("the disk that holds {} is full", label.name))
        }
        IOERR => {
            label.unavailable(format!("the disk that holds {} does not work: {message} (code {code})", label.name))
        }
        NOMEM => label.unavailable("there is not enough memory".to_owned()),
        NOTADB => label.refused("the file is not a database: name another one, or move it away"),
        AUTH | PERM | READONLY => label.refused(format!("the file cannot be written by this user: {message}")),
        _ => label.refused(format!("{message} (code {code})")),
    }
}

/// Says what may keep a user from reading a file.
fn unreadable(label: &Label, message: &str) -> String {
    if label.had_wal {
        format!(
            "{message}: a part of it is in {}-wal, which can be read beside the running server, or by a user who may \
             make files in its directory",
            label.name
        )
    } else {
        format!("{message}: it is opened only to read, and this user must be able to read it")
    }
}

/// Says what helps where a file is damaged.
fn remedy(label: &Label) -> String {
    let restore = "restore a backup, or save what can be saved with the command .recover of sqlite3";
    if label.had_wal {
        let wal = format!("{}-wal", label.name);
        format!(
            "if the file was restored, {wal} may belong to the one before: move it away, and restore again; else {restore}"
        )
    } else {
        restore.to_owned()
    }
}

const READERS: u32 = 4;
/// How long to wait for a connection, and for a lock that another process holds.
const PATIENCE: Duration = Duration::from_secs(5);

const PERM: i32 = 3;
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const NOMEM: i32 = 7;
const READONLY: i32 = 8;
const IOERR: i32 = 10;
/// There is no room for what connections share.
const IOERR_SHMSIZE: i32 = IOERR | 19 << 8;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CANTOPEN: i32 = 14;
const CONSTRAINT: i32 = 19;
const AUTH: i32 = 23;
const NOTADB: i32 = 26;
