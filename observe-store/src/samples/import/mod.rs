//! Points that come from elsewhere, of any time, are packed at once.

mod places;

use std::collections::{BTreeMap, BTreeSet};

use observe_core::{Point, SeriesInfo, StoreError};

pub(crate) use self::places::Placer;
use self::places::Seat;
use super::{
    catalogue,
    seal::{Counts, Job},
    slot,
};
use crate::{
    db::{Row, Transaction, Value},
    head::{Buffers, Group, Position},
    order::put_in_order,
};

/// Series, and points of each. Of points at one time the last stays.
pub(crate) type Batch = Vec<(SeriesInfo, Vec<Point>)>;

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Placed {
    /// Series that were not there before.
    pub(crate) new_series: u64,
    /// Times beyond those that a slot has room for: their points are dropped.
    pub(crate) dropped_times: u64,
}

/// Points of one series in one slot, and its place.
type Strand<'a> = (Seat, &'a [Point]);

impl Placer {
    /// Packs a batch, joined with what is packed of its time already; where both have a point, that of the batch stays.
    ///
    /// There must be no head: what is not packed could not be told from what is.
    pub(crate) async fn write(&mut self, tx: &mut Transaction, mut batch: Batch) -> Result<Placed, StoreError> {
        batch.retain(|(_, points)| !points.is_empty());
        batch.iter_mut().for_each(|(_, points)| put_in_order(points));
        let (seats, new_series) = self.seats(tx, &batch).await?;
        let mut slots: BTreeMap<(i64, i64), Vec<Strand<'_>>> = BTreeMap::new();
        for ((_, points), seat) in batch.iter().zip(seats) {
            let minute = |point: &Point| slot::slot_of(point.timestamp.as_nanos(), seat.slot_minutes);
            for strand in points.chunk_by(|one, next| minute(one) == minute(next)) {
                let Some(first) = strand.first() else { continue };
                slots.entry((seat.group, minute(first))).or_default().push((seat, strand));
            }
        }
        let mut placed = Placed { new_series, dropped_times: 0 };
        for ((group, _), mut strands) in slots {
            // Two series may have had the same place, one after the other: each gets a turn of its own.
            while !strands.is_empty() {
                let mut taken = BTreeSet::new();
                let (some, rest): (Vec<_>, Vec<_>) =
                    strands.into_iter().partition(|(seat, _)| taken.insert(seat.place));
                placed.dropped_times += pack(tx, group, &some).await?.late_ticks;
                strands = rest;
            }
        }
        Ok(placed)
    }
}

/// Packs points of one slot of a group.
async fn pack(tx: &mut Transaction, group: i64, strands: &[Strand<'_>]) -> Result<Counts, StoreError> {
    let Some(slot_minutes) = strands.first().map(|(seat, _)| seat.slot_minutes) else { return Ok(Counts::default()) };
    let mut ticks = Group::new(group, 0);
    strands.iter().for_each(|(seat, _)| ticks.seat(seat.place, seat.series));
    let times: BTreeSet<i64> =
        strands.iter().flat_map(|(_, points)| *points).map(|point| point.timestamp.as_nanos()).collect();
    let mut rests: Vec<(usize, &[Point])> = strands.iter().map(|(seat, points)| (seat.place, *points)).collect();
    for time in times {
        for (place, rest) in &mut rests {
            if let Some((point, after)) = rest.split_first().filter(|(point, _)| point.timestamp.as_nanos() == time) {
                ticks.set(*place, point.value);
                *rest = after;
            }
        }
        ticks.finish_tick(time, 0);
    }
    // What the head had is packed up to here, and remains so.
    let position = packed_until(tx, group).await?;
    let mut buffers = Buffers::default();
    ticks.take_staged().iter().for_each(|staged| buffers.append(group, position, staged));
    buffers.close(group);
    let Some((_, ticks)) = buffers.next_closed(&BTreeSet::new()) else {
        return Ok(Counts::default());
    };
    let mut job = Job::new(group, slot_minutes, ticks, (i64::MIN, i64::MIN))?;
    while !job.step(tx).await? {}
    Ok(job.counts)
}

async fn packed_until(tx: &mut Transaction, group: i64) -> Result<Position, StoreError> {
    let sql = "SELECT head_seq FROM seal_state WHERE group_id = $1";
    let found = tx.fetch_first(sql, &[Value::Int(group)], |row: &Row<'_>| row.int(0)).await?;
    Ok(Position(found.unwrap_or(-1)))
}
