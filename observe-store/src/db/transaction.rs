//! What happens together or not at all.

use std::sync::Arc;

use observe_core::StoreError;
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr, Sqlite, query_with, raw_sql};

use super::{
    Dialect, Label, Row, Value,
    postgres::Session,
    row::Columns,
    value::{postgres_arguments, sqlite_arguments},
};

/// What happens together or not at all. Dropped without [`Self::commit`], nothing of it has happened.
///
/// After an error nothing more is written: PostgreSQL would answer a later commit with success and do nothing.
pub(crate) struct Transaction {
    inner: Inner,
    label: Arc<Label>,
    has_failed: bool,
}

pub(super) enum Inner {
    Postgres(Session),
    Sqlite(sqlx::Transaction<'static, Sqlite>),
}

/// The text of a statement: a constant, or built from constants. What comes from outside is bound, never written into it.
pub(crate) struct Statement {
    sql: SqlStr,
    is_kept: bool,
}

impl Statement {
    /// Takes a text that was built from constants.
    pub(crate) fn built(sql: String) -> Self {
        Self { sql: AssertSqlSafe(sql).into_sql_str(), is_kept: true }
    }

    /// Says that it will hardly come again, so that the connection does not keep it prepared.
    pub(crate) fn once(self) -> Self {
        Self { is_kept: false, ..self }
    }
}

impl From<&'static str> for Statement {
    fn from(sql: &'static str) -> Self {
        Self { sql: sql.into_sql_str(), is_kept: true }
    }
}

impl From<String> for Statement {
    fn from(sql: String) -> Self {
        Self::built(sql)
    }
}

impl Transaction {
    pub(super) const fn new(inner: Inner, label: Arc<Label>) -> Self {
        Self { inner, label, has_failed: false }
    }

    /// Returns which database it is.
    pub(crate) fn dialect(&self) -> Dialect {
        self.label.dialect
    }

    pub(super) fn label(&self) -> &Label {
        &self.label
    }

    /// Runs one statement. Returns how many rows it changed.
    pub(crate) async fn execute(
        &mut self,
        statement: impl Into<Statement>,
        values: &[Value<'_>],
    ) -> Result<u64, StoreError> {
        let Statement { sql, is_kept } = statement.into();
        let changed = match &mut self.inner {
            Inner::Postgres(session) => match postgres_arguments(values) {
                Ok(bound) => {
                    let query = query_with(sql, bound).persistent(is_kept);
                    let ran = session.run(|connection| query.execute(connection)).await;
                    ran.map(|done| done.rows_affected())
                }
                Err(error) => Err(error),
            },
            Inner::Sqlite(inner) => match sqlite_arguments(values) {
                Ok(bound) => {
                    let ran = query_with(sql, bound).persistent(is_kept).execute(&mut **inner).await;
                    ran.map(|done| done.rows_affected())
                }
                Err(error) => Err(error),
            },
        };
        changed.map_err(|error| self.failed(error))
    }

    /// Runs one statement and reads each row of the answer.
    pub(crate) async fn fetch_all<T: Send + Unpin>(
        &mut self,
        statement: impl Into<Statement>,
        values: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError> + Send,
    ) -> Result<Vec<T>, StoreError> {
        let Statement { sql, is_kept } = statement.into();
        let label = &*self.label;
        let rows = match &mut self.inner {
            Inner::Postgres(session) => match postgres_arguments(values) {
                Ok(bound) => {
                    let query = query_with(sql, bound).persistent(is_kept);
                    let query = query.map(|row| read(&Row { columns: Columns::Postgres(&row), label }));
                    session.run(|connection| query.fetch_all(connection)).await
                }
                Err(error) => Err(error),
            },
            Inner::Sqlite(inner) => match sqlite_arguments(values) {
                Ok(bound) => {
                    let query = query_with(sql, bound).persistent(is_kept);
                    query.map(|row| read(&Row { columns: Columns::Sqlite(&row), label })).fetch_all(&mut **inner).await
                }
                Err(error) => Err(error),
            },
        };
        rows.map_err(|error| self.failed(error))?.into_iter().collect()
    }

    /// Runs one statement and reads the first row of the answer.
    pub(crate) async fn fetch_first<T: Send + Unpin>(
        &mut self,
        statement: impl Into<Statement>,
        values: &[Value<'_>],
        read: impl FnMut(&Row<'_>) -> Result<T, StoreError> + Send,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.fetch_all(statement, values, read).await?.into_iter().next())
    }

    /// Runs several statements that take no values.
    pub(crate) async fn run(&mut self, statements: &'static str) -> Result<(), StoreError> {
        let ran = match &mut self.inner {
            Inner::Postgres(session) => {
                session.run(|connection| raw_sql(statements).execute(connection)).await.map(drop)
            }
            Inner::Sqlite(inner) => raw_sql(statements).execute(&mut **inner).await.map(drop),
        };
        ran.map_err(|error| self.failed(error))
    }

    /// Says that its statements may take long, and that time may pass between them.
    pub(crate) async fn take_time(&mut self) -> Result<(), StoreError> {
        let Inner::Postgres(session) = &mut self.inner else { return Ok(()) };
        session.be_patient();
        self.run("SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0").await
    }

    /// Makes everything last.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        if self.has_failed {
            let reason = "a part of the transaction failed before".to_owned();
            return Err(StoreError::Unavailable { store: self.label.dialect.as_str(), reason });
        }
        let committed = match self.inner {
            Inner::Postgres(session) => session.commit().await,
            Inner::Sqlite(inner) => inner.commit().await,
        };
        committed.map_err(|error| self.label.translate(error))
    }

    fn failed(&mut self, error: sqlx::Error) -> StoreError {
        self.has_failed = true;
        self.label.translate(error)
    }
}

impl std::fmt::Debug for Transaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transaction").field("label", &self.label).field("has_failed", &self.has_failed).finish()
    }
}
