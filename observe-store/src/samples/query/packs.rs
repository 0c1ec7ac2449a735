//! Answers out of packs: points as they were stored.

use std::collections::BTreeMap;

use observe_core::{Point, StoreError};

use super::{
    head::{HeadPoints, HeadTicks},
    plan::Plan,
    select::{GroupPlaces, Member},
    sink::Sink,
};
use crate::{
    db::Transaction,
    pack::{Column, PackError, PackView, Presence, Scratch, decode_stamps},
    samples::{
        rows::{IDS_AT_ONCE, Table},
        slot::{self, NANOS_PER_MINUTE, PackKey},
    },
};

/// Shows sinks the points of their places in one group, slot by slot.
pub(crate) async fn fill(
    tx: &mut Transaction,
    plan: &Plan,
    group: &GroupPlaces,
    ticks: &HeadTicks,
    sinks: &mut [Sink],
    corrupt: &mut u64,
) -> Result<(), StoreError> {
    let mut head = ticks.points(group, (plan.from, plan.end), None)?;
    let mut filling = Filling { plan, group, sinks, scratch: Scratch::default(), corrupt };
    let mut wanted: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for member in &group.members {
        for minute in plan.minutes(group.slot_minutes, member.created_at, member.ended_at) {
            let packs = wanted.entry(minute).or_insert_with(|| vec![slot::stamps_no(group.group)]);
            if packs.last() != Some(&member.pack_no) || packs.len() == 1 {
                packs.push(member.pack_no);
            }
        }
    }
    let slots: Vec<(i64, Vec<i64>)> = wanted.into_iter().collect();
    let mut rest = &slots[..];
    while !rest.is_empty() {
        let mut ids = Vec::new();
        let mut count = 0;
        for (minute, packs) in rest {
            if count > 0 && ids.len() + packs.len() > IDS_AT_ONCE {
                break;
            }
            ids.extend(packs.iter().map(|pack_no| PackKey { minute: *minute, pack_no: *pack_no }.id()));
            count += 1;
        }
        let rows = Table::Pack.rows(tx, &ids).await?;
        let (some, others) = rest.split_at(count);
        for (minute, _) in some {
            filling.slot(*minute, &rows, &mut head);
        }
        rest = others;
    }
    filling.rest(head);
    Ok(())
}

struct Filling<'a> {
    plan: &'a Plan,
    group: &'a GroupPlaces,
    sinks: &'a mut [Sink],
    scratch: Scratch,
    corrupt: &'a mut u64,
}

impl Filling<'_> {
    /// Shows the points of one slot, and those of the head that come before its end.
    fn slot(&mut self, minute: i64, rows: &BTreeMap<i64, Vec<u8>>, head: &mut HeadPoints) {
        let id = |pack_no| PackKey { minute, pack_no }.id();
        let Some(row) = rows.get(&id(slot::stamps_no(self.group.group))) else { return };
        let stamps = match decode_stamps(row) {
            Ok(stamps) => stamps,
            Err(error) => return self.report(id(slot::stamps_no(self.group.group)), &error),
        };
        let end = (minute + self.group.slot_minutes) * NANOS_PER_MINUTE;
        for members in self.group.members.chunk_by(|one, next| one.pack_no == next.pack_no) {
            let Some(pack_no) = members.first().map(|member| member.pack_no) else { continue };
            let Some(row) = rows.get(&id(pack_no)) else { continue };
            let view = match PackView::parse(row) {
                Ok(view) if view.ticks() == stamps.len() => view,
                Ok(_) => {
                    self.report(id(pack_no), &PackError::Unfit("a pack with other times than its group"));
                    continue;
                }
                Err(error) => {
                    self.report(id(pack_no), &error);
                    continue;
                }
            };
            for member in members {
                match view.column(member.series, 0, &mut self.scratch) {
                    Ok(Some(column)) => self.column(member, &column, &stamps, end, head),
                    Ok(None) => {}
                    Err(error) => self.report(id(pack_no), &error),
                }
            }
        }
    }

    /// Shows what a pack has of a series, with what the head has of the same time put in place.
    fn column(&mut self, member: &Member, column: &Column, stamps: &[i64], end: i64, head: &mut HeadPoints) {
        let Some(sink) = self.sinks.get_mut(member.index) else { return };
        let newer = head.get_mut(&member.series).map(|points| {
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
    fn rest(self, mut head: HeadPoints) {
        for member in &self.group.members {
            let Some(sink) = self.sinks.get_mut(member.index) else { continue };
            for point in head.remove(&member.series).unwrap_or_default() {
                sink.push(point.timestamp.as_nanos(), point.value);
            }
        }
    }

    fn report(&mut self, row: i64, error: &PackError) {
        tracing::error!(row, %error, "a pack is damaged; its points are left out");
        *self.corrupt += 1;
    }
}
