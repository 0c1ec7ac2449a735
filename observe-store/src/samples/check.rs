//! Looks into every row of samples.

use std::collections::{BTreeMap, HashSet};

use observe_core::{MetricKey, StoreError};

use super::{
    catalogue, recover,
    rows::Table,
    slot::{self, PackKey},
    tier::TierPack,
};
use crate::{
    db::{Row, Transaction, Value},
    head::{PLACES, PlaceSet, row},
    pack::{PackError, PackView, Scratch, decode_stamps},
};

/// What does not fit: what it is about, and why.
pub(crate) type Found<'a> = &'a mut (dyn FnMut(String, String) + Send);

/// A look into every row of samples.
#[derive(Debug, Default)]
pub(crate) struct Check {
    /// Rows that were looked into.
    pub(crate) rows: u64,
    /// Points and buckets in them.
    pub(crate) points: u64,
    series: HashSet<u32>,
    scratch: Scratch,
}

/// A row of packed points: its number, how many points it says it has, and its bytes.
type Packed = (i64, i64, Vec<u8>);

impl Check {
    /// Reads every key in the catalogue.
    pub(crate) async fn catalogue(&mut self, tx: &mut Transaction, found: Found<'_>) -> Result<(), StoreError> {
        let groups: HashSet<i64> = catalogue::groups(tx).await?.into_iter().map(|group| group.id).collect();
        let mut after = -1;
        loop {
            let sql = "SELECT series_id, group_id, name, labels FROM series WHERE series_id > $1 \
                       ORDER BY series_id LIMIT $2";
            let key = |row: &Row<'_>| Ok(format!("{}{}", row.text(2)?, row.text(3)?));
            let read = |row: &Row<'_>| Ok((row.int(0)?, row.int(1)?, key(row)));
            let rows = tx.fetch_all(sql, &[Value::Int(after), Value::Int(ROWS_A_QUERY)], read).await?;
            let Some((last, ..)) = rows.last() else { return Ok(()) };
            after = *last;
            for (id, group, key) in rows {
                self.rows += 1;
                let parsed = match &key {
                    Ok(key) => key.parse::<MetricKey>().map(drop).map_err(|error| error.to_string()),
                    Err(error) => Err(StoreError::to_string(error)),
                };
                if let Err(reason) = parsed {
                    found(format!("series {id}"), format!("its name and labels are not a metric key: {reason}"));
                }
                if !groups.contains(&group) {
                    found(format!("series {id}"), format!("its group {group} does not exist"));
                }
                self.series.extend(u32::try_from(id).ok());
            }
        }
    }

    /// Reads every row of a table of packed points.
    pub(crate) async fn table(
        &mut self,
        tx: &mut Transaction,
        table: Table,
        found: Found<'_>,
    ) -> Result<(), StoreError> {
        let sql = match table {
            Table::Pack => "SELECT id, n, data FROM pack WHERE id > $1 ORDER BY id LIMIT $2",
            Table::Tier1 => "SELECT id, n, data FROM tier1 WHERE id > $1 ORDER BY id LIMIT $2",
            Table::Tier2 => "SELECT id, n, data FROM tier2 WHERE id > $1 ORDER BY id LIMIT $2",
        };
        let mut after = i64::MIN;
        // Of the slot that is being read, its packs and their ticks: the times that they share come after them.
        let mut waiting: BTreeMap<i64, usize> = BTreeMap::new();
        loop {
            let read = |row: &Row<'_>| Ok((row.int(0)?, row.int(1)?, row.blob(2)?.to_vec()));
            let rows = tx.fetch_all(sql, &[Value::Int(after), Value::Int(ROWS_A_QUERY)], read).await?;
            let Some((last, ..)) = rows.last() else { break };
            after = *last;
            for row in rows {
                self.rows += 1;
                let looked = if table == Table::Pack { self.pack(&row, &mut waiting, found) } else { self.tier(&row) };
                if let Err(reason) = looked {
                    found(named(table, row.0), reason);
                }
            }
        }
        orphans(&mut waiting, found);
        Ok(())
    }

    /// Reads every row of the head, and the ticks in them.
    pub(crate) async fn head(&mut self, tx: &mut Transaction, found: Found<'_>) -> Result<(), StoreError> {
        let rows = &mut self.rows;
        recover::head_rows(tx, |seq, data| {
            *rows += 1;
            if let Err(error) = row::read(data) {
                found(format!("row {seq} of the head"), error.to_string());
            }
        })
        .await?;
        let (buffers, _) = recover::head(tx).await?;
        let mut all = PlaceSet::default();
        (0..PLACES).for_each(|place| all.insert(place));
        for group in catalogue::groups(tx).await? {
            for ticks in buffers.ticks(group.id) {
                let points = &mut self.points;
                let walked = ticks.walk(&all, |state| *points += state.present.len() as u64);
                if let Err(error) = walked {
                    found(format!("head of group {}", group.id), error.to_string());
                }
            }
        }
        Ok(())
    }

    /// Reads a pack, or the times that those before it share.
    fn pack(
        &mut self,
        (id, count, data): &Packed,
        waiting: &mut BTreeMap<i64, usize>,
        found: Found<'_>,
    ) -> Result<(), String> {
        let PackKey { minute, pack_no } = PackKey::from_id(*id);
        let group = slot::group_of(pack_no);
        let stamps_id = PackKey { minute, pack_no: slot::stamps_no(group) }.id();
        if *id == stamps_id {
            let stamps = decode_stamps(data).map_err(|error| error.to_string());
            let ticks = stamps.as_ref().map_or(usize::MAX, Vec::len);
            for (pack, other) in std::mem::take(waiting) {
                if ticks != usize::MAX && other != ticks {
                    found(named(Table::Pack, pack), format!("it has {other} ticks, and its group {ticks}"));
                }
            }
            return stamps.and_then(|stamps| counted(stamps.len(), *count));
        }
        if waiting.keys().next().is_some_and(|first| group_and_minute(*first) != (group, minute)) {
            orphans(waiting, found);
        }
        let (ticks, points) = self.columns(data).map_err(|error| error.to_string())?;
        waiting.insert(*id, ticks);
        self.points += points as u64;
        counted(points, *count)
    }

    /// Decodes every column of a pack. Returns its ticks and its points.
    fn columns(&mut self, data: &[u8]) -> Result<(usize, usize), PackError> {
        let view = PackView::parse(data)?;
        if view.columns().any(|(series, _)| !self.series.contains(&series)) {
            return Err(PackError::Unfit("a series that does not exist"));
        }
        let mut points = 0;
        for column in view.decoded(&mut self.scratch) {
            points += column?.1.values.len();
        }
        Ok((view.ticks(), points))
    }

    fn tier(&mut self, (_, count, data): &Packed) -> Result<(), String> {
        let pack = TierPack::decode(data, &mut self.scratch).map_err(|error| error.to_string())?;
        if pack.series.keys().any(|series| !self.series.contains(series)) {
            return Err("it has a series that does not exist".to_owned());
        }
        self.points += pack.len() as u64;
        counted(pack.len(), *count)
    }
}

/// Returns whether a row of packed points, or of the times that packs share, is what was once written.
pub(crate) fn is_whole(id: i64, data: &[u8]) -> bool {
    let PackKey { pack_no, .. } = PackKey::from_id(id);
    let is_stamps = pack_no == slot::stamps_no(slot::group_of(pack_no));
    if is_stamps { decode_stamps(data).is_ok() } else { PackView::parse(data).is_ok() }
}

fn orphans(waiting: &mut BTreeMap<i64, usize>, found: Found<'_>) {
    for (id, _) in std::mem::take(waiting) {
        found(named(Table::Pack, id), "the times of its points are missing".to_owned());
    }
}

fn counted(points: usize, count: i64) -> Result<(), String> {
    let is_right = i64::try_from(points).is_ok_and(|points| points == count);
    if is_right { Ok(()) } else { Err(format!("it has {points} points and should have {count}")) }
}

const fn group_and_minute(id: i64) -> (i64, i64) {
    let PackKey { minute, pack_no } = PackKey::from_id(id);
    (slot::group_of(pack_no), minute)
}

fn named(table: Table, id: i64) -> String {
    let (group, minute) = group_and_minute(id);
    format!("row {id} of {} (group {group}, slot that begins at minute {minute})", table.name())
}

const ROWS_A_QUERY: i64 = 256;
