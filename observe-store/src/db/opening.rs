//! How a database is opened.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use observe_core::StoreError;
use parking_lot::Mutex;

use super::{
    Access, Address, Database, Dialect, Label, Pools, Transaction,
    lock::{self, Claim, FileLock, Hold},
    migration::{self, Migration},
    place,
    postgres::{self, Server},
    sqlite,
    transaction::Inner,
};

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

    pub(super) async fn open_with(
        address: &Address,
        access: Access,
        migrations: &[Migration],
    ) -> Result<Self, StoreError> {
        let label = Arc::new(Label::new(address, access));
        let (pools, hold) = Self::connect(&label, address, migrations).await?;
        let mut database = Self { label, pools, hold: Mutex::new(hold), renewed: Mutex::new(Instant::now()) };
        match access {
            Access::Read => database.check(address, migrations).await?,
            Access::Write => database.take_over(migrations).await?,
        }
        Ok(database)
    }

    async fn connect(
        label: &Arc<Label>,
        address: &Address,
        migrations: &[Migration],
    ) -> Result<(Pools, Option<Hold>), StoreError> {
        let writes = label.access == Access::Write;
        match address {
            Address::Postgres(options) => {
                postgres::try_out(label, options).await?;
                let writer = writes.then(|| Server::writer(options));
                Ok((Pools::Postgres { readers: Server::readers(options), writer }, None))
            }
            Address::Sqlite(path) => {
                if place::check(label, path, label.access)? && writes {
                    Self::look(label, path, migrations).await?;
                }
                let lock = writes.then(|| FileLock::take(label, path)).transpose()?;
                let writer = writes.then(|| sqlite::writer(path));
                Ok((Pools::Sqlite { readers: sqlite::readers(path), writer }, lock.map(Hold::File)))
            }
        }
    }

    /// Refuses a file that is to stay as it is before anything about it changes: a connection that writes makes other
    /// files beside it, and changes how its transactions are kept.
    async fn look(label: &Arc<Label>, path: &Path, migrations: &[Migration]) -> Result<(), StoreError> {
        let pool = if place::has_wal(path) { sqlite::readers(path) } else { sqlite::still(path) };
        let seen = match pool.begin().await {
            Ok(inner) => {
                let mut transaction = Transaction::new(Inner::Sqlite(inner), Arc::clone(label));
                migration::version(&mut transaction, migrations).await
            }
            Err(error) => Err(label.translate(error)),
        };
        pool.close().await;
        match seen {
            // A connection that writes would move a WAL that does not belong to the file into it.
            Err(error @ (StoreError::Corrupt { .. } | StoreError::Refused { .. })) => Err(error),
            // Whatever else is wrong is better told by the connection that writes.
            _ => Ok(()),
        }
    }

    /// Refuses what cannot be read. A file that was left complete can be where nothing can be made beside it.
    async fn check(&mut self, address: &Address, migrations: &[Migration]) -> Result<(), StoreError> {
        let checked = self.check_tables(migrations).await;
        match (checked, address) {
            (Err(StoreError::Refused { .. }), Address::Sqlite(path)) if !place::has_wal(path) => {
                self.pools = Pools::Sqlite { readers: sqlite::still(path), writer: None };
                self.check_tables(migrations).await
            }
            (checked, _) => checked,
        }
    }

    async fn check_tables(&self, migrations: &[Migration]) -> Result<(), StoreError> {
        migration::check(&mut self.read().await?, migrations).await
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
}

/// How often to look whether a lease was renewed.
const LOOK: Duration = Duration::from_secs(1);
