//! Answers out of packs: points as they were stored.

use std::{collections::BTreeMap, fmt::Write as _};

use observe_core::{Point, StoreError};

use super::{
    head::{HeadPoints, HeadTicks},
    plan::{Pack, Plan},
    select::{GroupPlaces, Member},
    sink::Sink,
};
use crate::{
    db::{Row, Statement, Transaction, Value},
    pack::{Column, PackError, PackView, Presence, Scratch, decode_stamps},
    samples::slot::{self, NANOS_PER_MINUTE, PackKey},
};

/// Shows sinks the points of their places in one group: pack after pack, and of each slot by slot.
pub(crate) async fn fill(
    tx: &mut Transaction,
    plan: &Plan,
    group: &GroupPlaces,
    ticks: &HeadTicks,
    sinks: &mut [Sink],
    corrupt: &mut u64,
) -> Result<(), StoreError> {
    let head = ticks.points(group, (plan.from, plan.end), None)?;
    let mut filling = Filling { plan, group, sinks, head, scratch: Scratch::default(), corrupt };
    for packs in plan.packs(group).chunk_by(Pack::is_beside).flat_map(|packs| packs.chunks(PACKS_A_ROW)) {
        let slots: Vec<i64> = packs.first().into_iter().flat_map(Pack::slots).collect();
        for slots in slots.chunks(slots_a_query(packs.len())) {
            filling.slots(tx, packs, slots).await?;
        }
    }
    filling.rest();
    Ok(())
}

struct Filling<'a> {
    plan: &'a Plan,
    group: &'a GroupPlaces,
    sinks: &'a mut [Sink],
    /// What is not shown yet.
    head: HeadPoints,
    scratch: Scratch,
    corrupt: &'a mut u64,
}

impl Filling<'_> {
    /// Reads some packs of some slots: a row a slot, which is shown when it comes in, so that few are in memory.
    async fn slots(&mut self, tx: &mut Transaction, packs: &[Pack], slots: &[i64]) -> Result<(), StoreError> {
        let stamps_no = slot::stamps_no(self.group.group);
        let offsets = packs.iter().map(|pack| pack.pack_no - stamps_no);
        // The same number of slots each time, so that the statement stays prepared.
        let padded = slots.iter().chain(slots.last().into_iter().cycle()).take(slots_a_query(packs.len()));
        let ids = padded.map(|minute| PackKey { minute: *minute, pack_no: stamps_no }.id());
        let values: Vec<Value<'_>> = offsets.chain(ids).map(Value::Int).collect();
        let show = |row: &Row<'_>| {
            let blobs = (0..packs.len()).map(|at| row.optional_blob(at + 2)).collect::<Result<Vec<_>, _>>()?;
            self.slot(PackKey::from_id(row.int(0)?).minute, row.blob(1)?, packs, &blobs);
            Ok(())
        };
        tx.fetch_all(select(packs.len()), &values, show).await.map(drop)
    }

    /// Shows the points of one slot, and those of the head that come before its end.
    fn slot(&mut self, minute: i64, stamps: &[u8], packs: &[Pack], blobs: &[Option<&[u8]>]) {
        let id = |pack_no| PackKey { minute, pack_no }.id();
        let stamps = match decode_stamps(stamps) {
            Ok(stamps) => stamps,
            Err(error) => return self.report(id(slot::stamps_no(self.group.group)), &error),
        };
        let end = (minute + self.group.slot_minutes).saturating_mul(NANOS_PER_MINUTE);
        for (pack, blob) in packs.iter().zip(blobs) {
            let Some(blob) = blob else { continue };
            match PackView::parse(blob) {
                Ok(view) if view.ticks() == stamps.len() => self.pack(pack, &view, id(pack.pack_no), &stamps, end),
                Ok(_) => self.report(id(pack.pack_no), &PackError::Unfit("a pack with other times than its group")),
                Err(error) => self.report(id(pack.pack_no), &error),
            }
        }
    }

    fn pack(&mut self, pack: &Pack, view: &PackView<'_>, row: i64, stamps: &[i64], end: i64) {
        let group = self.group;
        for (at, member) in group.members.iter().enumerate().take(pack.members.end).skip(pack.members.start) {
            match view.column(member.series, 0, &mut self.scratch) {
                Ok(Some(column)) => self.column(at, member, &column, stamps, end),
                Ok(None) => {}
                Err(error) => self.report(row, &error),
            }
        }
    }

    /// Shows what a pack has of a series, with what the head has of the same time put in place.
    fn column(&mut self, at: usize, member: &Member, column: &Column, stamps: &[i64], end: i64) {
        let Some(sink) = self.sinks.get_mut(member.index) else { return };
        let newer = self.head.get_mut(at).map(|points| {
            let later = points.partition_point(|point| point.timestamp.as_nanos() < end);
            points.drain(..later).collect::<Vec<Point>>()
        });
        let newer = newer.filter(|points| !points.is_empty());
        if let (Presence::All, None) = (&column.presence, &newer) {
            let first = stamps.partition_point(|at| *at < self.plan.from);
            let (stamps, values) = (stamps.get(first..), column.values.get(first..));
            return sink.push_all(stamps.unwrap_or_default(), values.unwrap_or_default());
        }
        let from = self.plan.from;
        let packed = column
            .presence
            .ticks(stamps.len())
            .zip(&column.values)
            .filter_map(|(tick, value)| stamps.get(tick).filter(|at| **at >= from).map(|at| (*at, *value)));
        match newer {
            None => packed.for_each(|(at, value)| sink.push(at, value)),
            Some(newer) => {
                let newer = newer.iter().map(|point| (point.timestamp.as_nanos(), point.value));
                let merged: BTreeMap<i64, f64> = packed.chain(newer).collect();
                merged.into_iter().for_each(|(at, value)| sink.push(at, value));
            }
        }
    }

    /// Shows what only the head has.
    fn rest(&mut self) {
        for (member, points) in self.group.members.iter().zip(&self.head) {
            if let Some(sink) = self.sinks.get_mut(member.index) {
                sink.push_points(points);
            }
        }
    }

    fn report(&mut self, row: i64, error: &PackError) {
        tracing::error!(row, %error, "a pack is damaged; its points are left out");
        *self.corrupt += 1;
    }
}

/// Asks for the rows of times with these numbers, and each with some packs beside it.
fn select(packs: usize) -> Statement {
    let mut sql = "SELECT t.id, t.data".to_owned();
    let mut write = |text: std::fmt::Arguments<'_>| sql.write_fmt(text).unwrap_or_default();
    (1..=packs).for_each(|at| write(format_args!(", (SELECT p.data FROM pack p WHERE p.id = t.id + ${at})")));
    write(format_args!(" FROM pack t WHERE t.id IN (${}", packs + 1));
    (packs + 2..=packs + slots_a_query(packs)).for_each(|at| write(format_args!(", ${at}")));
    write(format_args!(") ORDER BY t.id"));
    Statement::built(sql)
}

/// Returns how many slots one statement asks for: the driver may hold all of its answer before any of it is looked at.
fn slots_a_query(packs: usize) -> usize {
    (PACKS_A_QUERY / packs.max(1)).min(SLOTS_A_QUERY)
}

/// Packs that come with the times of a slot in one row: rows cost more than what is in them.
const PACKS_A_ROW: usize = 8;
/// Packs that are in memory at once.
const PACKS_A_QUERY: usize = 64;
/// Slots that one statement asks for at most: eight hours of points of each second.
const SLOTS_A_QUERY: usize = 32;
