//! Ticks of a group become packs and buckets of tiers, a little at a time.
//!
//! Ticks are joined with what is packed of their slot already, so late ones find their place and what is packed twice is
//! the same as once. Rows become visible slot by slot, with a note of how far the ticks are packed, so nothing is ever
//! counted twice or missed.

mod tiers;
mod work;

use std::collections::{BTreeSet, HashSet};

use observe_core::StoreError;

use self::work::Work;
use super::{
    rows::{PackRow, Table},
    slot::{self, NANOS_PER_MINUTE, PACK_SERIES, PackKey},
};
use crate::{
    db::{Row, Transaction, Value},
    head::{PlaceSet, Position, Ticks},
    pack::{PackEncoder, Scratch, Stamps, encode_stamps},
};

/// Ticks of one group that are being packed.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) group: i64,
    slot_minutes: i64,
    ticks: Ticks,
    /// Where the last of the ticks stand.
    last: Position,
    /// The times of the ticks, in their order.
    times: Vec<i64>,
    /// The packs that any of the ticks has a value for.
    packs: BTreeSet<usize>,
    /// The slots that are left, the last one first.
    slots: Vec<i64>,
    /// Of slots before this minute no points are kept, but minutes and hours.
    raw_from: i64,
    counters: Option<HashSet<u32>>,
    work: Option<Work>,
    encoder: PackEncoder,
    scratch: Scratch,
    pub(crate) counts: Counts,
}

/// What packing did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    /// Rows of points that were written.
    pub(crate) packs: u64,
    /// Points in them.
    pub(crate) points: u64,
    /// Ticks that were too old for any slot that is kept.
    pub(crate) late_ticks: u64,
    /// Rows that were damaged and gave way to new ones.
    pub(crate) corrupt_packs: u64,
    /// Minutes and hours for which their rows had no room.
    pub(crate) shed_buckets: u64,
    /// Bytes that were written, of each table.
    pub(crate) bytes: [u64; 3],
    /// Bytes that gave way to them.
    pub(crate) replaced: [u64; 3],
}

impl Counts {
    pub(crate) const fn add(&mut self, other: Self) {
        self.packs += other.packs;
        self.points += other.points;
        self.late_ticks += other.late_ticks;
        self.corrupt_packs += other.corrupt_packs;
        self.shed_buckets += other.shed_buckets;
        let [packs, minutes, hours] = other.bytes;
        self.bytes = [self.bytes[0] + packs, self.bytes[1] + minutes, self.bytes[2] + hours];
        let [packs, minutes, hours] = other.replaced;
        self.replaced = [self.replaced[0] + packs, self.replaced[1] + minutes, self.replaced[2] + hours];
    }
}

impl Job {
    /// Starts to pack ticks of a group. Of those before the minute `raw_from` no points are kept, and those before
    /// `oldest` are dropped.
    pub(crate) fn new(
        group: i64,
        slot_minutes: i64,
        ticks: Ticks,
        (oldest, raw_from): (i64, i64),
    ) -> Result<Self, StoreError> {
        let (mut times, mut present) = (Vec::new(), PlaceSet::default());
        let walked = ticks.walk(&PlaceSet::default(), |state| {
            times.push(state.timestamp);
            present = present.union(&state.present);
        });
        walked.map_err(|error| damaged(&format!("head of group {group}"), &error))?;
        let mut counts = Counts::default();
        let mut slots = BTreeSet::new();
        for time in &times {
            let minute = slot::slot_of(*time, slot_minutes);
            if minute < oldest {
                counts.late_ticks += 1;
            } else {
                slots.insert(minute);
            }
        }
        Ok(Self {
            group,
            slot_minutes,
            last: ticks.range.map_or(Position(0), |range| range.last),
            ticks,
            times,
            packs: present.iter().map(|place| place / PACK_SERIES).collect(),
            slots: slots.into_iter().rev().collect(),
            raw_from,
            counters: None,
            work: None,
            encoder: PackEncoder::default(),
            scratch: Scratch::default(),
            counts,
        })
    }

    /// Returns whether the next piece writes anything.
    pub(crate) fn will_write(&self) -> bool {
        match &self.work {
            Some(work) => work.packs.is_empty(),
            None => self.slots.is_empty(),
        }
    }

    /// Does one piece of the work. Returns whether all is done, and committed.
    ///
    /// The transaction must be committed. Where that or the piece fails, the job is of no use any more: another one must
    /// begin.
    pub(crate) async fn step(&mut self, tx: &mut Transaction) -> Result<bool, StoreError> {
        if self.counters.is_none() {
            self.counters = Some(counters(tx, self.group).await?);
        }
        let Some(mut work) = self.work.take() else {
            let Some(minute) = self.slots.last().copied() else {
                note_packed(tx, self.group, self.last).await?;
                return Ok(true);
            };
            self.work = Some(self.begin(tx, minute).await?);
            return Ok(false);
        };
        let some = work.packs.split_off(work.packs.len().saturating_sub(PACKS_A_STEP));
        if some.is_empty() {
            self.finish(tx, &mut work).await?;
            self.slots.pop();
            return Ok(false);
        }
        self.pack(tx, &mut work, &some).await?;
        self.work = Some(work);
        Ok(false)
    }

    /// Packs the series of some packs, and their buckets.
    async fn pack(&mut self, tx: &mut Transaction, work: &mut Work, packs: &[usize]) -> Result<(), StoreError> {
        for pack in packs {
            let pack_no = slot::pack_no(self.group, pack * PACK_SERIES);
            let (columns, is_whole) = self.columns(work, *pack, pack_no)?;
            let points: usize = columns.iter().map(|(_, cells)| cells.count()).sum();
            if points == 0 {
                continue;
            }
            let data: Vec<_> = columns.iter().map(|(series, cells)| cells.data(series, 0)).collect();
            let data = self.encoder.encode(Stamps::External { ticks: work.stamps.len() }, &data);
            let data = data.map_err(|error| damaged("what is to be packed", &error))?;
            let id = PackKey { minute: work.minute, pack_no }.id();
            let tiers = self.tiers(tx, work, pack_no, (&columns, is_whole)).await?;
            work.rows.entry(Table::Pack).or_default().push(PackRow { id, points, data });
            for (table, row) in tiers {
                work.rows.entry(table).or_default().push(row);
            }
        }
        Ok(())
    }

    /// Makes a slot visible.
    async fn finish(&mut self, tx: &mut Transaction, work: &mut Work) -> Result<(), StoreError> {
        let data = encode_stamps(&work.stamps).map_err(|error| damaged("what is to be packed", &error))?;
        let id = PackKey { minute: work.minute, pack_no: slot::stamps_no(self.group) }.id();
        let packs = work.rows.entry(Table::Pack).or_default();
        self.counts.packs += packs.len() as u64;
        self.counts.points += packs.iter().map(|row| row.points as u64).sum::<u64>();
        packs.push(PackRow { id, points: work.stamps.len(), data });
        if work.minute < self.raw_from {
            packs.clear();
            work.old.clear();
        }
        // A pack that could not be read does not fit the times that the slot has now, and must not seem to.
        work.old.retain(|id| packs.iter().all(|row| row.id != *id));
        self.counts.replaced[Table::Pack as usize] += Table::Pack.length_of(tx, work.old.iter().copied()).await?;
        Table::Pack.remove(tx, &work.old).await?;
        for (table, rows) in &work.rows {
            self.counts.replaced[*table as usize] += table.length_of(tx, rows.iter().map(|row| row.id)).await?;
            table.replace(tx, rows).await?;
            self.counts.bytes[*table as usize] += rows.iter().map(|row| row.data.len() as u64).sum::<u64>();
        }
        let end = (work.minute + self.slot_minutes).saturating_mul(NANOS_PER_MINUTE);
        note_progress(tx, self.group, end, self.last).await
    }
}

/// Notes that the ticks of a group up to a position are packed as far as they are before `until`. Packing that begins
/// again takes nothing of that back: what is packed twice is visible all the while.
async fn note_progress(tx: &mut Transaction, group: i64, until: i64, last: Position) -> Result<(), StoreError> {
    let sql = "INSERT INTO seal_state(group_id, head_seq, sealing_seq, sealed_until) VALUES($1, -1, $2, $3) \
               ON CONFLICT(group_id) DO UPDATE SET sealing_seq = excluded.sealing_seq, sealed_until = CASE \
               WHEN seal_state.sealing_seq = excluded.sealing_seq AND seal_state.sealed_until > excluded.sealed_until \
               THEN seal_state.sealed_until ELSE excluded.sealed_until END";
    tx.execute(sql, &[Value::Int(group), Value::Int(last.0), Value::Int(until)]).await.map(drop)
}

/// Notes that the ticks of a group up to a position are packed.
async fn note_packed(tx: &mut Transaction, group: i64, last: Position) -> Result<(), StoreError> {
    let sql = "INSERT INTO seal_state(group_id, head_seq, sealing_seq, sealed_until) VALUES($1, $2, $2, 0) \
               ON CONFLICT(group_id) DO UPDATE SET head_seq = excluded.head_seq";
    tx.execute(sql, &[Value::Int(group), Value::Int(last.0)]).await.map(drop)
}

/// Returns the series of a group that count, of those that it has had lately.
async fn counters(tx: &mut Transaction, group: i64) -> Result<HashSet<u32>, StoreError> {
    let sql = "SELECT series_id FROM series WHERE group_id = $1 AND kind = 1";
    let read = |row: &Row<'_>| Ok(u32::try_from(row.int(0)?).unwrap_or_default());
    Ok(tx.fetch_all(sql, &[Value::Int(group)], read).await?.into_iter().collect())
}

pub(crate) fn damaged(what: &str, error: &dyn std::error::Error) -> StoreError {
    StoreError::Corrupt { what: what.to_owned(), reason: error.to_string() }
}

/// Two packs of 1,024 points take about five milliseconds.
const PACKS_A_STEP: usize = 2;
