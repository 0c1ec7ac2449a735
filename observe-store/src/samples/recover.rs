//! What the last process left unpacked.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::RangeInclusive,
};

use observe_core::StoreError;

use crate::{
    db::{Row, Transaction, Value},
    head::{Buffers, Position, Staged, begins_whole, row},
};

/// How far the ticks of groups are packed.
pub(crate) type ProgressByGroup = HashMap<i64, Progress>;

/// How far the ticks of a group are packed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    /// Those up to here are.
    packed: Position,
    /// Those up to here are as far as they are before a time.
    sealing: Position,
    until: i64,
}

impl Progress {
    /// Returns before which time ticks are packed that stand up to a position.
    pub(crate) fn until(&self, last: Position) -> i64 {
        match last {
            last if last <= self.packed => i64::MAX,
            last if last <= self.sealing => self.until,
            _ => i64::MIN,
        }
    }
}

/// Reads how far the ticks of groups are packed whose numbers are in a range.
pub(crate) async fn progress(tx: &mut Transaction, groups: RangeInclusive<i64>) -> Result<ProgressByGroup, StoreError> {
    let read = |row: &Row<'_>| {
        let progress = Progress { packed: Position(row.int(1)?), sealing: Position(row.int(2)?), until: row.int(3)? };
        Ok((row.int(0)?, progress))
    };
    let sql = "SELECT group_id, head_seq, sealing_seq, sealed_until FROM seal_state WHERE group_id BETWEEN $1 AND $2";
    let values = [Value::Int(*groups.start()), Value::Int(*groups.end())];
    Ok(tx.fetch_all(sql, &values, read).await?.into_iter().collect())
}

/// Reads the head: the ticks that are not packed. Returns it with the number of rows that were damaged.
///
/// A tick says what changed since the one before, so of every group what follows damage is left out until a tick says
/// everything anew.
pub(crate) async fn head(tx: &mut Transaction) -> Result<(Buffers, u64), StoreError> {
    let progress = progress(tx, i64::MIN..=i64::MAX).await?;
    let mut reading = Reading { progress, buffers: Buffers::default(), understood: BTreeSet::new(), damaged: 0 };
    head_rows(tx, |seq, data| reading.take(seq, data)).await?;
    reading.close_what_is_packed_in_part();
    Ok((reading.buffers, reading.damaged))
}

/// Shows the rows of the head, by number.
pub(crate) async fn head_rows(tx: &mut Transaction, mut show: impl FnMut(i64, &[u8]) + Send) -> Result<(), StoreError> {
    let mut after = i64::MIN;
    loop {
        let values = [Value::Int(after), Value::Int(ROWS_A_QUERY)];
        let read = |row: &Row<'_>| Ok((row.int(0)?, row.blob(1)?.to_vec()));
        let rows =
            tx.fetch_all("SELECT seq, data FROM head WHERE seq > $1 ORDER BY seq LIMIT $2", &values, read).await?;
        let Some((last, _)) = rows.last() else { return Ok(()) };
        after = *last;
        rows.iter().for_each(|(seq, data)| show(*seq, data));
    }
}

struct Reading {
    progress: ProgressByGroup,
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
        if let Some(progress) = self.progress.get(&group) {
            if position <= progress.packed {
                return;
            }
            if position > progress.sealing && self.buffers.last(group) <= Some(progress.sealing) {
                self.buffers.close(group);
            }
        }
        if self.understood.contains(&group) {
            self.buffers.append(group, position, staged);
        }
    }

    /// What is packed in part stays apart from what follows, so that it is known which part that is; also from what will
    /// be committed next.
    fn close_what_is_packed_in_part(&mut self) {
        for (group, progress) in &self.progress {
            if self.buffers.last(*group) <= Some(progress.sealing) {
                self.buffers.close(*group);
            }
        }
    }
}

const ROWS_A_QUERY: i64 = 256;
