//! Whether everything that is stored can be read.

use observe_core::{EventKind, StoreError};

use super::{SqlStore, body};
use crate::{
    db::{Dialect, Row, Transaction, Value},
    samples::{Check, Found, Table},
};

/// Something stored that cannot be read, or does not fit the rest.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Damage {
    /// What it is: `row 17 of pack`.
    pub what: String,
    /// What does not fit.
    pub reason: String,
}

/// What was looked at.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Checked {
    /// Rows.
    pub rows: u64,
    /// Points in them, and minutes and hours of series.
    pub points: u64,
    /// How much of it is damaged.
    pub damages: u64,
}

impl SqlStore {
    /// Reads everything: every checksum, every column of every pack, every event. `report` hears of what is damaged,
    /// piece by piece. A file is also looked at by SQLite itself.
    ///
    /// # Errors
    ///
    /// Says why it could not be read to its end; damage is no error.
    ///
    /// # Cancel safety
    ///
    /// It only reads.
    pub async fn check(&self, mut report: impl FnMut(Damage) + Send) -> Result<Checked, StoreError> {
        let tx = &mut self.database().read().await?;
        let mut damages = 0;
        let found: Found<'_> = &mut |what, reason| {
            damages += 1;
            report(Damage { what, reason });
        };
        let mut check = Check::default();
        goes_on("the database", integrity(tx, found).await, found)?;
        goes_on("the catalogue", check.catalogue(tx, found).await, found)?;
        for table in Table::ALL {
            goes_on(table.name(), check.table(tx, table, found).await, found)?;
        }
        goes_on("the head", check.head(tx, found).await, found)?;
        let mut events = 0;
        goes_on("the events", read_events(tx, &mut events, found).await, found)?;
        let (rows, points) = (check.rows + events, check.points);
        Ok(Checked { rows, points, damages })
    }
}

/// Reports where a part cannot be read at all; the others still can.
fn goes_on(what: &str, outcome: Result<(), StoreError>, found: Found<'_>) -> Result<(), StoreError> {
    match outcome {
        Err(StoreError::Corrupt { reason, .. }) => {
            found(what.to_owned(), reason);
            Ok(())
        }
        other => other,
    }
}

/// Lets SQLite look at its pages and indices.
async fn integrity(tx: &mut Transaction, found: Found<'_>) -> Result<(), StoreError> {
    if tx.dialect() == Dialect::Postgres {
        return Ok(());
    }
    let lines = tx.fetch_all("PRAGMA integrity_check", &[], |row: &Row<'_>| Ok(row.text(0)?.to_owned())).await?;
    for line in lines.into_iter().filter(|line| line != "ok") {
        found("the database".to_owned(), line);
    }
    Ok(())
}

/// Reads what is written of events that have no table for their kind.
async fn read_events(tx: &mut Transaction, rows: &mut u64, found: Found<'_>) -> Result<(), StoreError> {
    let mut after = -1;
    loop {
        let sql = "SELECT id, type, body FROM events WHERE id > $1 ORDER BY id LIMIT $2";
        let read = |row: &Row<'_>| Ok((row.int(0)?, row.text(1)?.to_owned(), row.text(2)?.to_owned()));
        let some = tx.fetch_all(sql, &[Value::Int(after), Value::Int(ROWS_A_QUERY)], read).await?;
        let Some((last, ..)) = some.last() else { return Ok(()) };
        after = *last;
        for (id, kind, text) in some {
            *rows += 1;
            let kind: Result<EventKind, _> = kind.parse();
            let outcome = kind.map_err(|error| error.to_string()).and_then(|kind| body::read_event(kind, &text));
            if let Err(reason) = outcome {
                found(format!("event {id}"), reason);
            }
        }
    }
}

const ROWS_A_QUERY: i64 = 1_000;
