//! What the last process left unpacked.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use observe_core::StoreError;

use crate::{
    db::{Row, Transaction, Value},
    head::{Buffers, Position, Staged, begins_whole, row},
};

/// How far the ticks of groups are packed: those up to the position, as far as they are before the time.
pub(crate) type Progress = HashMap<i64, (Position, i64)>;

/// Reads how far the ticks of all groups are packed.
pub(crate) async fn progress(tx: &mut Transaction) -> Result<Progress, StoreError> {
    let read = |row: &Row<'_>| Ok((row.int(0)?, (Position(row.int(1)?), row.int(2)?)));
    let rows = tx.fetch_all("SELECT group_id, head_seq, sealed_until FROM seal_state", &[], read).await?;
    Ok(rows.into_iter().collect())
}

/// Reads the head: the ticks that are not packed. Returns it with the number of rows that were damaged.
///
/// A tick says what changed since the one before, so of every group what follows damage is left out until a tick says
/// everything anew.
pub(crate) async fn head(tx: &mut Transaction) -> Result<(Buffers, u64), StoreError> {
    let progress = progress(tx).await?;
    let mut reading = Reading { progress, buffers: Buffers::default(), understood: BTreeSet::new(), damaged: 0 };
    let mut after = i64::MIN;
    loop {
        let values = [Value::Int(after), Value::Int(ROWS_A_QUERY)];
        let read = |row: &Row<'_>| Ok((row.int(0)?, row.blob(1)?.to_vec()));
        let rows =
            tx.fetch_all("SELECT seq, data FROM head WHERE seq > $1 ORDER BY seq LIMIT $2", &values, read).await?;
        let Some((last, _)) = rows.last() else { return Ok((reading.buffers, reading.damaged)) };
        after = *last;
        rows.iter().for_each(|(seq, data)| reading.take(*seq, data));
    }
}

struct Reading {
    progress: Progress,
    buffers: Buffers,
    /// Groups whose next tick can be understood.
    understood: BTreeSet<i64>,
    damaged: u64,
}

impl Reading {
    fn take(&mut self, seq: i64, data: &[u8]) {
        let groups = match row::read(data) {
            Ok(groups) => groups,
            Err(error) => {
                tracing::error!(seq, %error, "a row of the head is damaged and left out");
                self.damaged += 1;
                self.understood.clear();
                return;
            }
        };
        let mut parts: BTreeMap<i64, usize> = BTreeMap::new();
        for (group, staged) in groups {
            let part = parts.entry(group).or_default();
            let position = Position::new(seq, *part);
            *part += 1;
            self.take_part(group, position, &staged);
        }
    }

    fn take_part(&mut self, group: i64, position: Position, staged: &Staged) {
        if begins_whole(&staged.bytes) {
            self.understood.insert(group);
        }
        let is_packed = self.progress.get(&group).is_some_and(|(last, until)| position <= *last && *until == i64::MAX);
        if !is_packed && self.understood.contains(&group) {
            self.buffers.append(group, position, staged);
        }
    }
}

const ROWS_A_QUERY: i64 = 256;
