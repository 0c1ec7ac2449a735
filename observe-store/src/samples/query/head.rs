//! Points that are not packed.

use std::collections::HashMap;

use observe_core::{Point, StoreError, Timestamp};

use super::{
    super::{recover::ProgressByGroup, seal::damaged},
    select::{GroupPlaces, Placement},
};
use crate::{
    head::{Buffers, PlaceSet, Ticks},
    order::put_in_order,
    samples::slot,
};

/// The ticks of the groups that are asked for, as they were at one moment.
#[derive(Debug, Default)]
pub(crate) struct HeadTicks {
    groups: HashMap<i64, Vec<Ticks>>,
}

/// The points of each member of a group, in the order of time; of several at one time the last that came in.
pub(crate) type HeadPoints = Vec<Vec<Point>>;

impl HeadTicks {
    pub(crate) fn of(buffers: &Buffers, placements: &[Placement]) -> Self {
        let mut groups = HashMap::new();
        for placement in placements {
            let group = slot::group_of(placement.row.pack_no);
            groups.entry(group).or_insert_with(|| buffers.ticks(group));
        }
        Self { groups }
    }

    /// Reads the points in `[from, end)` of the places that are asked for. What is packed by `progress` is left out.
    pub(crate) fn points(
        &self,
        group: &GroupPlaces,
        (from, end): (i64, i64),
        progress: Option<&ProgressByGroup>,
    ) -> Result<HeadPoints, StoreError> {
        let mut wanted = PlaceSet::default();
        group.members.iter().for_each(|member| wanted.insert(member.place));
        let mut points = vec![Vec::new(); group.members.len()];
        let progress = progress.and_then(|progress| progress.get(&group.group));
        let mut last = i64::MIN;
        let mut is_in_order = true;
        for ticks in self.groups.get(&group.group).into_iter().flatten() {
            let Some(range) = ticks.range else { continue };
            let from = from.max(progress.map_or(i64::MIN, |progress| progress.until(range.last)));
            if range.latest < from || range.earliest >= end {
                continue;
            }
            points.iter_mut().for_each(|points| points.reserve_exact(range.ticks.min(MANY)));
            let walked = ticks.walk(&wanted, |state| {
                if !(from..end).contains(&state.timestamp) {
                    return;
                }
                is_in_order &= state.timestamp > last;
                last = state.timestamp;
                let timestamp = Timestamp::from_nanos(state.timestamp);
                for (member, points) in group.members.iter().zip(&mut points) {
                    let is_there = state.present.contains(member.place);
                    if let Some(value) = state.values.get(member.place)
                        && is_there
                        && state.series.get(member.place) == Some(&member.series)
                    {
                        points.push(Point { timestamp, value: *value });
                    }
                }
            });
            walked.map_err(|error| damaged(&format!("head of group {}", group.group), &error))?;
        }
        if !is_in_order {
            points.iter_mut().for_each(put_in_order);
        }
        Ok(points)
    }
}

/// Ticks of one buffer that there is room for at once.
const MANY: usize = 1_024;
