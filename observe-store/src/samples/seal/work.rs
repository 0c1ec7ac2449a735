//! One slot of a group, on its way into packs.

use std::collections::{BTreeMap, BTreeSet};

use observe_core::StoreError;

use super::{Job, damaged};
use crate::{
    db::Transaction,
    head::PlaceSet,
    pack::{MAX_TICKS, PackError, PackView, Scratch, decode_stamps},
    samples::{
        cells::{Columns, ELSEWHERE},
        rows::{PackRow, Table},
        slot::{self, GROUP_PACKS, PACK_SERIES, PackKey},
    },
};

/// One slot that is being packed.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) minute: i64,
    pub(super) stamps: Vec<i64>,
    /// Of each tick of the head, which tick of the slot it is.
    pub(super) index: Vec<u32>,
    /// Of each tick that was packed before, which tick of the slot it is.
    pub(super) moved: Vec<u32>,
    /// The rows of the slot that were there before.
    pub(super) before: BTreeMap<i64, Vec<u8>>,
    /// The numbers of all of them, also of those that cannot be read.
    pub(super) old: BTreeSet<i64>,
    /// The packs that are left.
    pub(super) packs: Vec<usize>,
    pub(super) rows: BTreeMap<Table, Vec<PackRow>>,
}

impl Job {
    /// Looks at what is packed of a slot already, and gives every tick its place among the others.
    pub(super) async fn begin(&mut self, tx: &mut Transaction, minute: i64) -> Result<Work, StoreError> {
        let key = |pack_no| PackKey { minute, pack_no }.id();
        let (first, last) = (key(slot::pack_no(self.group, 0)), key(slot::stamps_no(self.group)));
        let mut before = Table::Pack.rows_between(tx, first, last).await?;
        let old = before.keys().copied().collect();
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
            old,
            stamps,
            rows: BTreeMap::new(),
        })
    }

    /// Joins what the head has of the series of a pack with what was packed before; where both have a value, that of
    /// the head is the newer one. Returns them with whether all that was packed before is among them.
    pub(super) fn columns(&mut self, work: &Work, pack: usize, pack_no: i64) -> Result<(Columns, bool), StoreError> {
        let ticks = work.stamps.len();
        let mut columns = Columns::default();
        let id = PackKey { minute: work.minute, pack_no }.id();
        let added = work.before.get(&id).map(|row| add_row(&mut columns, row, &work.moved, ticks, &mut self.scratch));
        let is_whole = matches!(added, Some(Ok(())));
        if let Some(Err(error)) = added {
            tracing::error!(pack = id, %error, "a pack is damaged; what is new takes its place");
            self.counts.corrupt_packs += 1;
        }
        let mut wanted = PlaceSet::default();
        (pack * PACK_SERIES..(pack + 1) * PACK_SERIES).for_each(|place| wanted.insert(place));
        let added = columns.add_head(&self.ticks, &wanted, &work.index, ticks);
        added.map_err(|error| damaged(&format!("head of group {}", self.group), &error))?;
        Ok((columns, is_whole))
    }
}

/// Adds what an older pack has.
fn add_row(
    columns: &mut Columns,
    row: &[u8],
    moved: &[u32],
    ticks: usize,
    scratch: &mut Scratch,
) -> Result<(), PackError> {
    let view = PackView::parse(row)?;
    if view.ticks() != moved.len() {
        return Err(PackError::Unfit("a pack with other times than its group"));
    }
    for column in view.decoded(scratch) {
        let ((series, _), column) = column?;
        if let Some(cells) = columns.cells_mut(series, ticks) {
            cells.set_column(&column, moved);
        }
    }
    Ok(())
}
