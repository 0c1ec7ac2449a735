//! How many series have left each pack lately.
//!
//! A row of hours has the series of ten days in it, however short they lived. So a pack that many have left takes no new
//! ones until the next row begins, and others do.

use std::collections::HashMap;

use observe_core::StoreError;

use super::{
    rows::Table,
    slot::{self, NANOS_PER_MINUTE},
};
use crate::db::{Row, Transaction, Value};

/// Counts the series that left packs while the row of hours that is written now goes on.
#[derive(Debug, Default)]
pub(crate) struct Turnover {
    /// When the row begins, in minutes since the epoch; `None` until the first frame.
    since: Option<i64>,
    left: HashMap<i64, usize>,
}

impl Turnover {
    /// Looks whether a time belongs to a later row. The first time asks the database what left before this process.
    pub(crate) async fn turn(&mut self, tx: &mut Transaction, nanos: i64) -> Result<(), StoreError> {
        let length = Table::Tier2.slot_minutes(1);
        let row = slot::slot_of(nanos, length);
        // A frame from the row before came late; one from long before says that the clock was wrong.
        if self.since.is_some_and(|since| row == since || row == since - length) {
            return Ok(());
        }
        if self.since.is_none() {
            let sql = "SELECT pack_no, COUNT(*) FROM series WHERE ended_at >= $1 GROUP BY pack_no";
            let read = |row: &Row<'_>| Ok((row.int(0)?, usize::try_from(row.int(1)?).unwrap_or_default()));
            let begin = Value::Int(row.saturating_mul(NANOS_PER_MINUTE));
            self.left = tx.fetch_all(sql, &[begin], read).await?.into_iter().collect();
        } else {
            self.left.clear();
        }
        self.since = Some(row);
        Ok(())
    }

    /// Notes that a series left a pack.
    pub(crate) fn note(&mut self, pack_no: i64) {
        *self.left.entry(pack_no).or_default() += 1;
    }

    /// Returns whether a pack has room for a series that it never had.
    pub(crate) fn has_room(&self, pack_no: i64) -> bool {
        self.left.get(&pack_no).is_none_or(|left| *left < MAX_LEFT)
    }
}

/// With those that have places, their seven fields are fewer than the columns of a row.
const MAX_LEFT: usize = 512;
