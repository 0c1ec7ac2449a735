//! Ticks of a group become packs and buckets of tiers, a little at a time.
//!
//! Ticks are joined with what is packed of their slot already, so late ones find their place and what is packed twice is
//! the same as once. Rows become visible slot by slot, with a note of how far the ticks are packed, so nothing is ever
//! counted twice or missed.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use observe_core::StoreError;

use super::{
    bucket::{joined, singles},
    cells::{Columns, ELSEWHERE},
    rows::{PackRow, Table},
    slot::{self, GROUP_PACKS, NANOS_PER_MINUTE, PACK_SERIES, PackKey},
    tier::TierPack,
};
use crate::{
    db::{Row, Transaction, Value},
    head::{PlaceSet, Position, Ticks},
    pack::{MAX_TICKS, PackEncoder, PackView, Scratch, Stamps, decode_stamps, encode_stamps},
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
    /// Bytes that were written, of each table.
    pub(crate) bytes: [u64; 3],
}

impl Counts {
    pub(crate) const fn add(&mut self, other: Self) {
        self.packs += other.packs;
        self.points += other.points;
        self.late_ticks += other.late_ticks;
        self.corrupt_packs += other.corrupt_packs;
        let [packs, minutes, hours] = other.bytes;
        self.bytes = [self.bytes[0] + packs, self.bytes[1] + minutes, self.bytes[2] + hours];
    }
}

/// One slot that is being packed.
#[derive(Debug)]
struct Work {
    minute: i64,
    stamps: Vec<i64>,
    /// Of each tick of the head, which tick of the slot it is.
    index: Vec<u32>,
    /// Of each tick that was packed before, which tick of the slot it is.
    moved: Vec<u32>,
    /// The rows of the slot that were there before.
    before: BTreeMap<i64, Vec<u8>>,
    /// The packs that are left.
    packs: Vec<usize>,
    rows: BTreeMap<Table, Vec<PackRow>>,
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
            last: ticks.last.unwrap_or(Position(0)),
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
    /// The transaction must be committed whatever is returned; of a failed one nothing is lost but the piece.
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
        let done = self.pack(tx, &mut work, &some).await;
        if done.is_err() {
            work.packs.extend(some);
        }
        self.work = Some(work);
        done.map(|()| false)
    }

    /// Looks at what is packed of a slot already, and gives every tick its place among the others.
    async fn begin(&mut self, tx: &mut Transaction, minute: i64) -> Result<Work, StoreError> {
        let key = |pack_no| PackKey { minute, pack_no }.id();
        let (first, last) = (key(slot::pack_no(self.group, 0)), key(slot::stamps_no(self.group)));
        let mut before = Table::Pack.rows_between(tx, first, last).await?;
        let old_stamps = match before.remove(&last).map(|row| decode_stamps(&row)) {
            Some(Ok(stamps)) => stamps,
            None => Vec::new(),
            Some(Err(error)) => {
                tracing::error!(group = self.group, minute, %error, "the times of a slot are damaged; it begins anew");
                self.counts.corrupt_packs += 1;
                before.clear();
                Vec::new()
            }
        };
        let is_here = |time: &&i64| slot::slot_of(**time, self.slot_minutes) == minute;
        let mut stamps: Vec<i64> = self.times.iter().filter(is_here).chain(&old_stamps).copied().collect();
        stamps.sort_unstable();
        stamps.dedup();
        if stamps.len() > MAX_TICKS {
            self.counts.late_ticks += (stamps.len() - MAX_TICKS) as u64;
            stamps.truncate(MAX_TICKS);
        }
        let find = |time: &i64| stamps.binary_search(time).ok().and_then(|at| u32::try_from(at).ok());
        let of_group = |id: &i64| (PackKey::from_id(*id).pack_no - slot::pack_no(self.group, 0)) as usize;
        let old_packs: BTreeSet<usize> = before.keys().map(of_group).filter(|pack| *pack < GROUP_PACKS).collect();
        Ok(Work {
            minute,
            index: self.times.iter().map(|time| find(time).unwrap_or(ELSEWHERE)).collect(),
            moved: old_stamps.iter().filter_map(find).collect(),
            packs: self.packs.union(&old_packs).copied().collect(),
            before,
            stamps,
            rows: BTreeMap::new(),
        })
    }

    /// Packs the series of some packs, and their buckets.
    async fn pack(&mut self, tx: &mut Transaction, work: &mut Work, packs: &[usize]) -> Result<(), StoreError> {
        for pack in packs {
            let pack_no = slot::pack_no(self.group, pack * PACK_SERIES);
            let columns = self.columns(work, *pack, pack_no)?;
            let points: usize = columns.iter().map(|(_, cells)| cells.count()).sum();
            if points == 0 {
                continue;
            }
            let data: Vec<_> = columns.iter().map(|(series, cells)| cells.data(series, 0)).collect();
            let data = self.encoder.encode(Stamps::External { ticks: work.stamps.len() }, &data);
            let data = data.map_err(|error| damaged("what is to be packed", &error))?;
            let id = PackKey { minute: work.minute, pack_no }.id();
            let tiers = self.tiers(tx, work, pack_no, &columns).await?;
            work.rows.entry(Table::Pack).or_default().push(PackRow { id, points, data });
            for (table, row) in tiers {
                work.rows.entry(table).or_default().push(row);
            }
        }
        Ok(())
    }

    /// Joins what the head has of the series of a pack with what was packed before; where both have a value, that of
    /// the head is the newer one.
    fn columns(&mut self, work: &Work, pack: usize, pack_no: i64) -> Result<Columns, StoreError> {
        let ticks = work.stamps.len();
        let mut columns = Columns::default();
        let id = PackKey { minute: work.minute, pack_no }.id();
        let added = work.before.get(&id).map(|row| add_row(&mut columns, row, &work.moved, ticks, &mut self.scratch));
        if let Some(Err(error)) = added {
            tracing::error!(pack = id, %error, "a pack is damaged; what is new takes its place");
            self.counts.corrupt_packs += 1;
        }
        let mut wanted = PlaceSet::default();
        (pack * PACK_SERIES..(pack + 1) * PACK_SERIES).for_each(|place| wanted.insert(place));
        let added = columns.add_head(&self.ticks, &wanted, &work.index, ticks);
        added.map_err(|error| damaged(&format!("head of group {}", self.group), &error))?;
        Ok(columns)
    }

    /// Makes the rows of both tiers that hold the slot's minutes and hours of a pack.
    async fn tiers(
        &mut self,
        tx: &mut Transaction,
        work: &Work,
        pack_no: i64,
        columns: &Columns,
    ) -> Result<[(Table, PackRow); 2], StoreError> {
        let start = work.minute * NANOS_PER_MINUTE;
        let end = start + self.slot_minutes * NANOS_PER_MINUTE;
        let (minutes_id, mut minutes) = self.tier_row(tx, Table::Tier1, work.minute, pack_no).await?;
        let before = self.row_before(tx, work.minute, pack_no, &minutes).await?;
        for (series, cells) in columns.iter() {
            let last = minutes.before(series, start).or_else(|| before.before(series, start)).map(|bucket| bucket.last);
            let buckets = joined(singles(cells.points(&work.stamps), last), MINUTE);
            let buckets = buckets.into_iter().map(|(_, bucket)| bucket);
            if work.minute < self.raw_from {
                // What else a minute is made of is gone, so it stays as it is.
                minutes.complete(series, MINUTE, buckets);
            } else {
                minutes.replace(series, start, end, buckets);
            }
        }
        let (hours_id, mut hours) = self.tier_row(tx, Table::Tier2, work.minute, pack_no).await?;
        let (first, last) = (super::bucket::floor(start, HOUR), super::bucket::floor(end - 1, HOUR) + HOUR);
        for (series, _) in columns.iter() {
            let buckets = minutes.series.get(&series).into_iter().flatten();
            let here = buckets.filter(|bucket| (first..last).contains(&bucket.last_at)).copied();
            hours.replace(series, first, last, joined(here, HOUR).into_iter().map(|(_, bucket)| bucket));
        }
        let counters = self.counters.as_ref();
        let mut row = |id, tier: &TierPack| {
            let is_counter = |series| counters.is_some_and(|counters| counters.contains(&series));
            let data = tier.encode(&mut self.encoder, is_counter);
            let data = data.map_err(|error| damaged("what is to be packed", &error))?;
            Ok(PackRow { id, points: tier.len(), data })
        };
        Ok([(Table::Tier1, row(minutes_id, &minutes)?), (Table::Tier2, row(hours_id, &hours)?)])
    }

    /// Reads the row of a tier that holds a minute, as it is with the slots before.
    async fn tier_row(
        &mut self,
        tx: &mut Transaction,
        table: Table,
        minute: i64,
        pack_no: i64,
    ) -> Result<(i64, TierPack), StoreError> {
        let length = table.slot_minutes(self.slot_minutes);
        let id = PackKey { minute: minute - minute.rem_euclid(length), pack_no }.id();
        let row = table.rows(tx, &[id]).await?.remove(&id);
        let Some(row) = row else { return Ok((id, TierPack::default())) };
        let decoded = TierPack::decode(&row, &mut self.scratch).unwrap_or_else(|error| {
            tracing::error!(table = table.name(), row = id, %error, "a row of a tier is damaged and begins anew");
            self.counts.corrupt_packs += 1;
            TierPack::default()
        });
        Ok((id, decoded))
    }

    /// Reads the row before that of a slot, where the slot is the first in its own: growth counts from there.
    async fn row_before(
        &mut self,
        tx: &mut Transaction,
        minute: i64,
        pack_no: i64,
        minutes: &TierPack,
    ) -> Result<TierPack, StoreError> {
        let start = minute * NANOS_PER_MINUTE;
        if minutes.series.values().flatten().any(|bucket| bucket.last_at < start) {
            return Ok(TierPack::default());
        }
        let length = Table::Tier1.slot_minutes(self.slot_minutes);
        Ok(self.tier_row(tx, Table::Tier1, minute - length, pack_no).await?.1)
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
        }
        for (table, rows) in &work.rows {
            table.replace(tx, rows).await?;
            self.counts.bytes[*table as usize] += rows.iter().map(|row| row.data.len() as u64).sum::<u64>();
        }
        let end = (work.minute + self.slot_minutes) * NANOS_PER_MINUTE;
        note_progress(tx, self.group, end, self.last).await
    }
}

/// Adds what an older pack has.
fn add_row(
    columns: &mut Columns,
    row: &[u8],
    moved: &[u32],
    ticks: usize,
    scratch: &mut Scratch,
) -> Result<(), crate::pack::PackError> {
    let view = PackView::parse(row)?;
    if view.ticks() != moved.len() {
        return Err(crate::pack::PackError::Unfit("a pack with other times than its group"));
    }
    for column in view.decoded(scratch) {
        let ((series, _), column) = column?;
        if let Some(cells) = columns.cells_mut(series, ticks) {
            cells.set_column(&column, moved);
        }
    }
    Ok(())
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
const MINUTE: i64 = 60 * 1_000_000_000;
const HOUR: i64 = 60 * MINUTE;
