//! What a database is called, and what its errors mean.

use std::fmt;

use observe_core::StoreError;

use super::{Access, Address, Dialect, place, postgres, sqlite};

/// What a database is called in errors.
pub(crate) struct Label {
    pub(super) access: Access,
    pub(super) dialect: Dialect,
    /// Whether a WAL with something in it lay beside the file when it was opened.
    pub(super) had_wal: bool,
    /// The address, without a password.
    pub(super) name: String,
}

impl Label {
    pub(super) fn new(address: &Address, access: Access) -> Self {
        let had_wal = matches!(address, Address::Sqlite(path) if place::has_wal(path));
        Self { access, dialect: address.dialect(), had_wal, name: address.to_string() }
    }

    /// Says what an error of the driver means for whoever asked.
    pub(super) fn translate(&self, error: sqlx::Error) -> StoreError {
        match (error, self.dialect) {
            (sqlx::Error::Database(error), Dialect::Postgres) => postgres::translate(self, &*error),
            (sqlx::Error::Database(error), Dialect::Sqlite) => sqlite::translate(self, &*error),
            (sqlx::Error::Io(error), _) => self.unavailable(format!("{}: {error}", self.name)),
            (sqlx::Error::Tls(error), _) => {
                self.unavailable(format!("no encrypted connection to {}: {error}", self.name))
            }
            (sqlx::Error::PoolTimedOut, _) => {
                self.unavailable(format!("no connection to {} was to be had in time", self.name))
            }
            (sqlx::Error::PoolClosed, _) => self.unavailable("it is closed".to_owned()),
            (sqlx::Error::WorkerCrashed | sqlx::Error::BeginFailed, _) => {
                self.unavailable(format!("the connection to {} broke", self.name))
            }
            (error @ (sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnIndexOutOfBounds { .. }), _) => {
                self.corrupt(format!("a row is not what it should be: {error}"))
            }
            (sqlx::Error::Protocol(reason), _) => self.unavailable(format!("{}: {reason}", self.name)),
            (error, _) => self.refused(error.to_string()),
        }
    }

    pub(super) fn corrupt(&self, reason: String) -> StoreError {
        StoreError::Corrupt { what: self.name.clone(), reason }
    }

    pub(super) fn held(&self, holder: String) -> StoreError {
        StoreError::Held { store: self.name.clone(), holder }
    }

    pub(super) fn refused(&self, reason: impl Into<String>) -> StoreError {
        StoreError::Refused { store: self.name.clone(), reason: reason.into() }
    }

    pub(super) const fn unavailable(&self, reason: String) -> StoreError {
        StoreError::Unavailable { store: self.dialect.as_str(), reason }
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
