//! What is particular about PostgreSQL.

use std::{future, io, sync::Arc, time::Duration};

use observe_core::StoreError;
use parking_lot::Mutex;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, PgPool, Postgres, SqlSafeStr as _, SqlStr,
    error::DatabaseError,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{Access, Label};

/// Connections to a server. No wait for it is without an end: one that was stopped, or that no packet reaches any more,
/// does not say so.
pub(super) struct Server {
    options: PgConnectOptions,
    connections: u32,
    begin: SqlStr,
    patience: Duration,
    /// Another one takes its place when the server did not answer one of its connections in time: the driver would wait
    /// for that connection before it made another.
    pool: Mutex<PgPool>,
    /// Who waits for a connection looks for the reason, one at a time.
    asking: tokio::sync::Mutex<()>,
}

impl Server {
    /// Prepares the one connection that writes.
    pub(super) fn writer(options: &PgConnectOptions) -> Arc<Self> {
        let (lock, silence) = (LOCK_PATIENCE.as_millis(), SILENCE.as_millis());
        // A commit has no limit at the server: one with replicas would then confirm what they do not have.
        let begin = format!(
            "BEGIN; SET LOCAL synchronous_commit = on; SET LOCAL lock_timeout = {lock}; \
             SET LOCAL idle_in_transaction_session_timeout = {silence}"
        );
        Self::new(options, 1, AssertSqlSafe(begin).into_sql_str(), WRITER_PATIENCE)
    }

    /// Prepares those that only read.
    pub(super) fn readers(options: &PgConnectOptions) -> Arc<Self> {
        // The server would go on with a question for whose answer nobody waits any more.
        let begin = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = {}",
            READER_PATIENCE.as_millis()
        );
        Self::new(options, READERS, AssertSqlSafe(begin).into_sql_str(), READER_PATIENCE)
    }

    fn new(options: &PgConnectOptions, connections: u32, begin: SqlStr, patience: Duration) -> Arc<Self> {
        let options = options.clone().application_name("observe").disable_statement_logging();
        let pool = Mutex::new(pool(connections, &options));
        let asking = tokio::sync::Mutex::new(());
        Arc::new(Self { options, connections, begin, patience, pool, asking })
    }

    /// Begins a transaction.
    pub(super) async fn begin(self: &Arc<Self>) -> Result<Session, sqlx::Error> {
        let pool = self.pool.lock().clone();
        let begun = self.wait(self.patience, pool.begin_with(self.begin.clone()));
        let inner = tokio::select! {
            begun = begun => begun?,
            error = self.refusal() => return Err(error),
        };
        Ok(Session { inner, server: Arc::clone(self), patience: self.patience })
    }

    /// Waits until the server refuses a connection: the driver tries again until its patience ends, and then does not
    /// say what was wrong.
    async fn refusal(&self) -> sqlx::Error {
        tokio::time::sleep(DOUBT).await;
        {
            let _turn = self.asking.lock().await;
            match PgConnection::connect_with(&self.options).await {
                Ok(connection) => drop(connection.close().await),
                Err(error) => return error,
            }
        }
        // The server is there, and its connections are in use.
        future::pending().await
    }

    /// Waits for the server, but not for ever.
    async fn wait<T>(
        &self,
        patience: Duration,
        answer: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, sqlx::Error> {
        match tokio::time::timeout(patience, answer).await {
            Ok(answer) => answer,
            Err(_) => {
                *self.pool.lock() = pool(self.connections, &self.options);
                Err(sqlx::Error::Io(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("it did not answer within {} seconds", patience.as_secs()),
                )))
            }
        }
    }

    /// Ends all connections; not those that do not answer.
    pub(super) async fn close(&self) {
        let pool = self.pool.lock().clone();
        if tokio::time::timeout(PATIENCE, pool.close()).await.is_err() {
            tracing::warn!("the server did not answer when its connections were closed");
        }
    }
}

/// A transaction on one of the connections.
pub(super) struct Session {
    inner: sqlx::Transaction<'static, Postgres>,
    server: Arc<Server>,
    patience: Duration,
}

impl Session {
    /// Waits for a statement.
    pub(super) async fn run<'a, T, F: Future<Output = Result<T, sqlx::Error>>>(
        &'a mut self,
        start: impl FnOnce(&'a mut PgConnection) -> F,
    ) -> Result<T, sqlx::Error> {
        let Self { inner, server, patience } = self;
        server.wait(*patience, start(inner)).await
    }

    /// Makes everything last.
    pub(super) async fn commit(self) -> Result<(), sqlx::Error> {
        self.server.wait(self.patience, self.inner.commit()).await
    }

    /// Lets each statement take long.
    pub(super) const fn be_patient(&mut self) {
        self.patience = LONG_PATIENCE;
    }
}

/// Connects once, because a pool tries until its patience ends and then does not say what was wrong.
pub(super) async fn try_out(label: &Label, options: &PgConnectOptions) -> Result<(), StoreError> {
    let trying = async { PgConnection::connect_with(options).await?.close().await };
    let late = |_| label.unavailable(format!("{} did not answer in time", label.name));
    tokio::time::timeout(PATIENCE, trying).await.map_err(late)?.map_err(|error| label.translate(error))
}

fn pool(connections: u32, options: &PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        .idle_timeout(None)
        .max_lifetime(None)
        // Without it the driver waits for a connection that is given back until the server answers.
        .after_release(|connection: &mut PgConnection, _| {
            Box::pin(async {
                let answered = tokio::time::timeout(RELEASE_PATIENCE, connection.ping()).await;
                answered.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into())).map(|()| true)
            })
        })
        .connect_lazy_with(options.clone())
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
        (_, "3F000" | "42501") => label.refused(format!("{message}: {}", grant(label))),
        ("3D", _) => label.refused(format!("{message}: make it with createdb")),
        ("XX", _) => label.corrupt(message.to_owned()),
        _ => label.refused(format!("{message} (code {code})")),
    }
}

/// Says how a role comes by the rights that it needs.
pub(super) fn grant(label: &Label) -> &'static str {
    match label.access {
        Access::Read => {
            "let this user read, as who owns the tables: GRANT USAGE ON SCHEMA … TO …; GRANT SELECT ON ALL TABLES IN \
             SCHEMA … TO …"
        }
        Access::Write => {
            "let this user make tables, as who owns the database: GRANT USAGE, CREATE ON SCHEMA … TO …; tables that are \
             there must belong to this user"
        }
    }
}

const READERS: u32 = 4;
/// How long to wait for a connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// After how long a wait for one is worth a look whether the server is there.
const DOUBT: Duration = Duration::from_millis(200);
/// How long to wait for one that is given back.
const RELEASE_PATIENCE: Duration = Duration::from_secs(2);
/// How long to wait for a statement that writes, or a commit.
const WRITER_PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait for a question to be answered: some look at all rows.
const READER_PATIENCE: Duration = Duration::from_secs(60);
/// How long to wait for what is known to take its time.
const LONG_PATIENCE: Duration = Duration::from_secs(3_600);
/// How long the server lets a transaction that writes wait for a lock.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
/// After how long it ends one of which it hears nothing more: this process, after it gave up a connection, or the next
/// one would wait for the lease that such a transaction has.
const SILENCE: Duration = Duration::from_secs(15);
