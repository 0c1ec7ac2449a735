//! One way to speak to both databases.
//!
//! SQL is written once, with `$1` for what is bound. Text that is not constant is built from constants alone.

mod address;
mod insert;
mod label;
mod lock;
mod migration;
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

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

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
use self::{
    lock::{Claim, Hold},
    migration::Migration,
    postgres::Server,
    transaction::Inner,
};

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
    /// Opens a database. To write, it becomes the only one who does, makes the file where there is none, and brings the
    /// tables to the newest version.
    ///
    /// # Errors
    ///
    /// [`StoreError::Held`] where another process writes to it, [`StoreError::Refused`] where it is of another version
    /// or something else, [`StoreError::Unavailable`] where no connection can be had.
    pub(crate) async fn open(address: &Address, access: Access) -> Result<Self, StoreError> {
        Self::open_with(address, access, migration::all(address.dialect())).await
    }

    async fn open_with(address: &Address, access: Access, migrations: &[Migration]) -> Result<Self, StoreError> {
        let label = Arc::new(Label::new(address));
        let (pools, hold) = Self::connect(&label, address, access).await?;
        let database = Self { label, pools, hold: Mutex::new(hold), renewed: Mutex::new(Instant::now()) };
        match access {
            Access::Read => migration::check(&mut database.read().await?, migrations).await?,
            Access::Write => database.take_over(migrations).await?,
        }
        Ok(database)
    }

    async fn connect(label: &Label, address: &Address, access: Access) -> Result<(Pools, Option<Hold>), StoreError> {
        let writes = access == Access::Write;
        match address {
            Address::Postgres(options) => {
                postgres::try_out(label, options).await?;
                let writer = writes.then(|| Server::writer(options));
                Ok((Pools::Postgres { readers: Server::readers(options), writer }, None))
            }
            Address::Sqlite(path) if path.is_dir() => Err(label.refused("it is a directory: name a file in it")),
            Address::Sqlite(path) => {
                let hold = writes.then(|| lock::file(label, path)).transpose()?;
                let writer = writes.then(|| sqlite::writer(path));
                Ok((Pools::Sqlite { readers: sqlite::readers(path), writer }, hold))
            }
        }
    }

    /// Brings the tables to the newest version and, on PostgreSQL, takes the lease. One that nobody may be left to give
    /// back is waited for: nobody renews it then.
    async fn take_over(&self, migrations: &[Migration]) -> Result<(), StoreError> {
        let mut seen = None;
        loop {
            let mut transaction = self.write().await?;
            migration::run(&mut transaction, migrations).await?;
            if self.dialect() == Dialect::Sqlite {
                return transaction.commit().await;
            }
            let (holder, until, left) = match lock::lease(&mut transaction).await? {
                Claim::Taken(hold) => {
                    transaction.commit().await?;
                    *self.hold.lock() = Some(hold);
                    return Ok(());
                }
                Claim::Waiting { holder, until, left } => (holder, until, left),
            };
            if seen.is_some_and(|seen| seen != until) {
                return Err(self.label.held(holder));
            }
            if seen.replace(until).is_none() {
                tracing::warn!(holder, ?left, "another process has the store; waiting whether it renews its lease");
            }
            drop(transaction);
            tokio::time::sleep(left.min(LOOK)).await;
        }
    }

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
    /// written: where another process has it, nothing can be written.
    ///
    /// # Errors
    ///
    /// Says why there is no connection; [`StoreError::Held`] where another process has taken over.
    pub(crate) async fn write(&self) -> Result<Transaction, StoreError> {
        let mut transaction = self.begin().await?;
        let holder = match &*self.hold.lock() {
            Some(Hold::Lease(holder)) => Some(holder.clone()),
            _ => None,
        };
        if let Some(holder) = holder {
            lock::renew(&mut transaction, &holder).await?;
            *self.renewed.lock() = Instant::now();
        }
        Ok(transaction)
    }

    /// Renews the lease, if it has not been for a while. Does nothing for a file, whose lock the system keeps.
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
        let hold = self.hold.lock().take();
        let given_back = match &hold {
            Some(Hold::Lease(holder)) => self.give_back(holder).await,
            _ => Ok(()),
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

/// How often to look whether a lease was renewed.
const LOOK: Duration = Duration::from_secs(1);
