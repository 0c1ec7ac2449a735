//! One process at a time writes to a database.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
    process,
    time::Duration,
};

use observe_core::{Clock as _, StoreError, SystemClock};

use super::{
    Label, Transaction, Value,
    place::{self, Identity},
    trace::Trace,
};

/// What makes this process the only one that writes.
pub(super) enum Hold {
    /// A lock on a file beside the database.
    File(FileLock),
    /// The text that stands in the lease.
    Lease(String),
}

/// A lock on a file beside a database. The system takes it back when the process ends.
pub(super) struct FileLock {
    database: PathBuf,
    /// Which file the database was when it was first written to.
    opened: Option<Identity>,
    path: PathBuf,
    file: File,
}

impl FileLock {
    /// Locks the file beside a database.
    pub(super) fn take(label: &Label, database: &Path) -> Result<Self, StoreError> {
        let path = place::beside(database, SUFFIX);
        let file = lock(label, &path)?;
        Ok(Self { database: database.to_owned(), opened: None, path, file })
    }

    /// Looks whether the database is where it was, and the lock is the one that others meet: neither a lock nor a
    /// connection notices that its file has no name any more. It is to be called while others cannot write.
    pub(super) fn check(&mut self, label: &Label) -> Result<(), StoreError> {
        let found = Identity::at(&self.database);
        match (self.opened, found) {
            (None, Ok(found)) => {
                self.opened = Some(found);
                // A link to a file that was not there leads somewhere now.
                self.path = place::beside(&self.database, SUFFIX);
            }
            (Some(opened), Ok(found)) if opened == found => {}
            _ => {
                return Err(label.unavailable(format!(
                    "the file {} was removed or replaced while it was open, so nothing is stored there: put it back, \
                     or start the server again, which begins a new one",
                    self.database.display()
                )));
            }
        }
        let locked = self.file.metadata().map(|metadata| Identity::of(&metadata)).ok();
        if locked.is_none() || Identity::at(&self.path).ok() != locked {
            self.file = lock(label, &self.path)?;
            tracing::warn!(path = %self.path.display(), "the file that says who has the store was gone, and is back");
        }
        Ok(())
    }
}

impl Drop for FileLock {
    /// A child process that is about to begin has the file open, too, so closing it here does not release it yet.
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            tracing::debug!(path = %self.path.display(), %error, "the lock goes when the process ends");
        }
    }
}

fn lock(label: &Label, path: &Path) -> Result<File, StoreError> {
    let cannot = |error: io::Error| match error.kind() {
        io::ErrorKind::StorageFull => label.unavailable(format!("the disk that holds {} is full", path.display())),
        _ => label.refused(format!("the file {} cannot be written: {error}", path.display())),
    };
    let options = File::options().create(true).read(true).write(true).truncate(false).open(path);
    let mut file = options.map_err(cannot)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // It is only there to be read by people: one that cannot be read is as good as none.
            file.take(MAX_HOLDER_BYTES).read_to_string(&mut holder).unwrap_or_default();
            return Err(label.held(if holder.is_empty() { "another process".to_owned() } else { holder }));
        }
        Err(TryLockError::Error(error)) => return Err(cannot(error)),
    }
    let holder = format!("process {} since {}", process::id(), now());
    let written = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(holder.as_bytes()));
    if let Err(error) = written {
        // On a full disk there is still something to read.
        tracing::warn!(path = %path.display(), %error, "it cannot be said who has the store");
    }
    Ok(file)
}

fn now() -> String {
    let now = jiff::Timestamp::from_millisecond(SystemClock.now().as_millis());
    now.map_or_else(|_| "an unknown time".to_owned(), |now| format!("{now:.0}"))
}

/// What became of an attempt to take the lease.
pub(super) enum Claim {
    /// It is this process's.
    Taken(Hold),
    /// Whoever has it may be gone, and has it until a time of the server's in milliseconds.
    Waiting {
        /// Who has it.
        holder: String,
        /// Until when.
        until: i64,
        /// What is left of that.
        left: Duration,
    },
}

/// Takes the lease, where nobody has it, whoever has it did not renew it in time, or is known to be gone.
///
/// # Errors
///
/// [`StoreError::Held`] where whoever has it is known to be there.
pub(super) async fn lease(transaction: &mut Transaction) -> Result<Claim, StoreError> {
    let (now, text) = server_time(transaction).await?;
    let sql = "SELECT holder,expires_at FROM lease WHERE name='writer'";
    let found = transaction.fetch_first(sql, &[], |row| Ok((row.text(0)?.to_owned(), row.int(1)?))).await?;
    let (before, until) = found.unwrap_or_default();
    if until >= now {
        match Trace::read(&before).map(|trace| trace.is_here()) {
            Some(Some(true)) => return Err(transaction.label().held(shown(&before))),
            Some(Some(false)) => {
                tracing::warn!(holder = shown(&before), "the last writer ended without giving the store back")
            }
            _ => {
                let left = Duration::from_millis((until - now).unsigned_abs());
                return Ok(Claim::Waiting { holder: shown(&before), until, left });
            }
        }
    }
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let trace = Trace::of_this_process();
    let holder = format!("process {} on {} since {text}\n{trace}", process::id(), host.trim());
    let sql = "INSERT INTO lease(name,holder,expires_at) VALUES('writer',$1,$2) ON CONFLICT(name) DO UPDATE \
               SET holder=excluded.holder, expires_at=excluded.expires_at WHERE lease.holder=$3 AND lease.expires_at=$4";
    let values = [Value::Text(&holder), Value::Int(now + LEASE_MS), Value::Text(&before), Value::Int(until)];
    // Another one may have been faster.
    let taken = transaction.execute(sql, &values).await?;
    if taken == 0 { Err(held(transaction).await?) } else { Ok(Claim::Taken(Hold::Lease(holder))) }
}

/// Renews the lease. Waits for what this process wrote before and the server has not yet ended.
pub(super) async fn renew(transaction: &mut Transaction, holder: &str) -> Result<(), StoreError> {
    let sql = "UPDATE lease SET expires_at=(extract(epoch FROM clock_timestamp())*1000)::BIGINT+$1 \
               WHERE name='writer' AND holder=$2";
    let renewed = transaction.execute(sql, &[Value::Int(LEASE_MS), Value::Text(holder)]).await?;
    if renewed == 0 { Err(held(transaction).await?) } else { Ok(()) }
}

/// Leaves the lease to the next one.
pub(super) async fn give_back(transaction: &mut Transaction, holder: &str) -> Result<(), StoreError> {
    let sql = "DELETE FROM lease WHERE name='writer' AND holder=$1";
    transaction.execute(sql, &[Value::Text(holder)]).await.map(drop)
}

async fn held(transaction: &mut Transaction) -> Result<StoreError, StoreError> {
    let sql = "SELECT holder FROM lease WHERE name='writer'";
    let holder = transaction.fetch_first(sql, &[], |row| Ok(row.text(0)?.to_owned())).await?;
    Ok(transaction.label().held(holder.map_or_else(|| "another process".to_owned(), |holder| shown(&holder))))
}

/// Returns what people want to know of a holder.
fn shown(holder: &str) -> String {
    holder.lines().next().unwrap_or_default().to_owned()
}

/// Returns the time of the server in milliseconds and as text: machines that compete for a lease need one clock.
async fn server_time(transaction: &mut Transaction) -> Result<(i64, String), StoreError> {
    let sql = "SELECT (extract(epoch FROM clock_timestamp())*1000)::BIGINT, \
               to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')";
    let time = transaction.fetch_first(sql, &[], |row| Ok((row.int(0)?, row.text(1)?.to_owned()))).await?;
    time.ok_or_else(|| transaction.label().corrupt("it does not know the time".to_owned()))
}

/// How long a lease lasts after it was renewed.
const LEASE_MS: i64 = 30_000;
/// After how long it is renewed where nothing is written.
pub(super) const RENEWAL: Duration = Duration::from_secs(8);
const MAX_HOLDER_BYTES: u64 = 256;
/// What the name of the file that is locked ends with.
const SUFFIX: &str = ".lock";
