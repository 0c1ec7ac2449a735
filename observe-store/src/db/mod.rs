//! One way to speak to both databases.
//!
//! SQL is written once, with `$1` for what is bound. Text that is not constant is built from constants alone.

mod address;
mod insert;
mod label;
mod lock;
mod migration;
mod opening;
mod place;
mod postgres;
mod row;
mod sqlite;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod trace;
mod transaction;
mod value;

use std::{fmt, sync::Arc, time::Instant};

use observe_core::StoreError;
use parking_lot::Mutex;
use sqlx::SqlitePool;

pub(crate) use self::{
    address::Address,
    insert::Insert,
    label::Label,
    row::Row,
    transaction::{Statement, Transaction},
    value::{Value, storable},
};
use self::{lock::Hold, postgres::Server, transaction::Inner};

/// A database: one connection that writes, and some that only read.
pub(crate) struct Database {
    label: Arc<Label>,
    pools: Pools,
    hold: Mutex<Option<Hold>>,
    /// When a lease was renewed.
    renewed: Mutex<Instant>,
}

enum Pools {
    Postgres { readers: Arc<Server>, writer: Option<Arc<Server>> },
    Sqlite { readers: SqlitePool, writer: Option<SqlitePool> },
}

/// Which of the two databases it is. Complete by nature.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Dialect {
    /// A server.
    Postgres,
    /// A file.
    Sqlite,
}

/// What a database is opened for. Complete by nature.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Access {
    /// To read beside whoever writes.
    Read,
    /// To write, as the only one.
    Write,
}

impl Dialect {
    /// Returns `postgres` or `sqlite`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Sqlite => "sqlite",
        }
    }
}

impl Database {
    /// Returns which database it is.
    pub(crate) fn dialect(&self) -> Dialect {
        self.label.dialect
    }

    /// Begins to read: every statement sees what was there at the first one.
    ///
    /// # Errors
    ///
    /// Says why there is no connection.
    pub(crate) async fn read(&self) -> Result<Transaction, StoreError> {
        let begun = match &self.pools {
            Pools::Postgres { readers, .. } => readers.begin().await.map(Inner::Postgres),
            Pools::Sqlite { readers, .. } => readers.begin_with("BEGIN").await.map(Inner::Sqlite),
        };
        self.begun(begun)
    }

    /// Begins to write, once the writer before is done. On PostgreSQL this renews the lease, as a part of what is
    /// written: where another process has it, nothing can be written. Of a file it looks whether it is still there.
    ///
    /// # Errors
    ///
    /// Says why there is no connection, or that the file is gone; [`StoreError::Held`] where another process has taken
    /// over.
    pub(crate) async fn write(&self) -> Result<Transaction, StoreError> {
        let mut transaction = self.begin().await?;
        let holder = match &mut *self.hold.lock() {
            Some(Hold::File(lock)) => {
                lock.check(&self.label)?;
                None
            }
            Some(Hold::Lease(holder)) => Some(holder.clone()),
            None => None,
        };
        if let Some(holder) = holder {
            lock::renew(&mut transaction, &holder).await?;
            *self.renewed.lock() = Instant::now();
        }
        Ok(transaction)
    }

    /// Renews the lease, if it has not been for a while. Does nothing for a file, which is looked at when it is written.
    ///
    /// # Errors
    ///
    /// As [`Self::write`].
    pub(crate) async fn keep(&self) -> Result<(), StoreError> {
        let is_lease = matches!(&*self.hold.lock(), Some(Hold::Lease(_)));
        if is_lease && self.renewed.lock().elapsed() > lock::RENEWAL {
            self.write().await?.commit().await?;
        }
        Ok(())
    }

    async fn begin(&self) -> Result<Transaction, StoreError> {
        let begun = match &self.pools {
            Pools::Postgres { writer: Some(writer), .. } => writer.begin().await.map(Inner::Postgres),
            Pools::Sqlite { writer: Some(writer), .. } => writer.begin_with("BEGIN IMMEDIATE").await.map(Inner::Sqlite),
            _ => return Err(self.label.refused("it was opened to read")),
        };
        self.begun(begun)
    }

    fn begun(&self, begun: Result<Inner, sqlx::Error>) -> Result<Transaction, StoreError> {
        let inner = begun.map_err(|error| self.label.translate(error))?;
        Ok(Transaction::new(inner, Arc::clone(&self.label)))
    }

    /// Gives back what is held for the sole writer, and ends all connections.
    ///
    /// # Errors
    ///
    /// Says what could not be given back.
    pub(crate) async fn close(&self) -> Result<(), StoreError> {
        let mut hold = self.hold.lock().take();
        let given_back = match &mut hold {
            Some(Hold::File(lock)) => lock.check(&self.label),
            Some(Hold::Lease(holder)) => self.give_back(holder).await,
            None => Ok(()),
        };
        match &self.pools {
            Pools::Postgres { readers, writer } => {
                readers.close().await;
                if let Some(writer) = writer {
                    writer.close().await;
                }
            }
            Pools::Sqlite { readers, writer } => {
                if let Some(writer) = writer
                    && let Err(error) = sqlite::shrink(writer).await
                {
                    tracing::warn!(%error, "the file stays larger than it has to be");
                }
                readers.close().await;
                if let Some(writer) = writer {
                    writer.close().await;
                }
            }
        }
        drop(hold);
        given_back
    }

    async fn give_back(&self, holder: &str) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        lock::give_back(&mut transaction, holder).await?;
        transaction.commit().await
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("label", &self.label).finish_non_exhaustive()
    }
}
