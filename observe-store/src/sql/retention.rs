//! What is too old leaves, in small steps.

use observe_core::{EventId, IdSequence, StoreError, Timestamp, Upkeep};

use super::filter::number;
use crate::db::{Dialect, Transaction, Value};

/// What ages. Complete by nature.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kept {
    /// Events that are neither log records nor spans.
    Events,
    /// Log records, and the words by which they are found.
    Logs,
    /// Spans.
    Spans,
}

impl Kept {
    /// Each of them.
    pub(crate) const ALL: [Self; 3] = [Self::Events, Self::Logs, Self::Spans];
}

/// Removes the oldest rows, at most 256 of those that were taken in before `end`, and says whether more are left.
///
/// # Errors
///
/// Says why nothing of the transaction can be written.
pub(crate) async fn remove(transaction: &mut Transaction, kept: Kept, end: Timestamp) -> Result<Upkeep, StoreError> {
    let (nth, delete) = match kept {
        Kept::Events => {
            ("SELECT id FROM events WHERE id<$1 ORDER BY id LIMIT 1 OFFSET $2", "DELETE FROM events WHERE id<$1")
        }
        Kept::Logs => ("SELECT id FROM logs WHERE id<$1 ORDER BY id LIMIT 1 OFFSET $2", "DELETE FROM logs WHERE id<$1"),
        Kept::Spans => {
            ("SELECT id FROM spans WHERE id<$1 ORDER BY id LIMIT 1 OFFSET $2", "DELETE FROM spans WHERE id<$1")
        }
    };
    let end = number(first_id(end));
    let next = transaction.fetch_first(nth, &[Value::Int(end), Value::Int(MAX_ROWS)], |row| row.int(0)).await?;
    let bound = Value::Int(next.unwrap_or(end));
    if kept == Kept::Logs && transaction.dialect() == Dialect::Sqlite {
        // Its tables do not know each other.
        let delete = "DELETE FROM logs_fts WHERE rowid IN (SELECT id FROM logs WHERE id<$1)";
        transaction.execute(delete, &[bound]).await?;
    }
    transaction.execute(delete, &[bound]).await?;
    Ok(if next.is_some() { Upkeep::More } else { Upkeep::Done })
}

/// Returns the first id of a time; what was taken in before has a smaller one.
fn first_id(time: Timestamp) -> EventId {
    IdSequence::default().next(time)
}

const MAX_ROWS: i64 = 256;
