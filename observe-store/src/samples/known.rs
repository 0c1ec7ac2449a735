//! One producer as the writer knows it: its groups, and who sits where in them.

use std::sync::Arc;

use observe_core::{Frame, Schema};

use super::{catalogue::SeriesRow, slot, turnover::Turnover};
use crate::head::{Group, Home, Newcomer, Producer};

/// A producer and its groups.
#[derive(Debug)]
pub(crate) struct Known {
    /// `None` until its first frame since the start.
    pub(crate) producer: Option<Producer>,
    /// Its groups, by ordinal.
    pub(crate) groups: Vec<Group>,
    pub(crate) slot_minutes: i64,
}

impl Known {
    pub(crate) const fn new(slot_minutes: i64) -> Self {
        Self { producer: None, groups: Vec::new(), slot_minutes }
    }

    /// Returns whether it has been heard with these columns.
    pub(crate) fn knows(&self, schema: &Arc<Schema>) -> bool {
        self.producer.as_ref().is_some_and(|producer| producer.knows(schema))
    }

    /// Notes whom a frame is about. Returns the series that are no longer named.
    pub(crate) fn adopt(&mut self, frame: &Frame) -> Vec<Home> {
        let Some(producer) = self.producer.as_mut() else { return Vec::new() };
        let mut gone = producer.give_up(frame.timestamp().as_nanos());
        if producer.is_changed_by(frame) {
            gone.extend(producer.adopt(frame));
        }
        self.leave(&gone);
        gone
    }

    /// Frees the places of series that have ended.
    pub(crate) fn leave(&mut self, gone: &[Home]) {
        for home in gone {
            if let Some(group) = self.groups.get_mut(home.ordinal) {
                group.leave(home.place);
            }
        }
    }

    /// Seats those newcomers that have waited for their homes since a restart. Returns the others, who stay newcomers.
    pub(crate) fn seat_returned(&mut self) -> Vec<Newcomer> {
        let Some(producer) = self.producer.as_mut() else { return Vec::new() };
        let mut strangers = Vec::new();
        for newcomer in producer.take_newcomers() {
            match producer.claim(&newcomer) {
                Some(home) => seat(producer, &mut self.groups, newcomer.cell, home),
                None => strangers.push(newcomer),
            }
        }
        producer.give_back(strangers.clone());
        strangers
    }

    /// Seats a series where it once was, if nobody else is there. `rows` are all places that it ever had.
    pub(crate) fn seat_again(&mut self, newcomer: &Newcomer, rows: &[SeriesRow]) -> Option<Home> {
        let mut homes = rows.iter().filter_map(|row| {
            let group = self.groups.iter().find(|group| group.id == slot::group_of(row.pack_no))?;
            let place = slot::place_of(row.pack_no, row.col);
            let home = Home { series: row.id, ordinal: group.ordinal, place };
            group.can_return(place, row.id).then_some(home)
        });
        let home = homes.next()?;
        seat(self.producer.as_mut()?, &mut self.groups, newcomer.cell, home);
        Some(home)
    }

    /// Returns the packs of places.
    pub(crate) fn packs_of<'a>(&'a self, homes: &'a [Home]) -> impl Iterator<Item = i64> + 'a {
        homes.iter().filter_map(|home| Some(slot::pack_no(self.groups.get(home.ordinal)?.id, home.place)))
    }

    /// Seats a series where nobody is, in none of the packs that it was in before; `None` where all groups are full.
    pub(crate) fn seat_anew(
        &mut self,
        newcomer: &Newcomer,
        series: u32,
        rows: &[SeriesRow],
        turnover: &Turnover,
    ) -> Option<Home> {
        let home = self.groups.iter().find_map(|group| {
            let is_fit = |place: &usize| {
                let pack_no = slot::pack_no(group.id, *place);
                turnover.has_room(pack_no) && rows.iter().all(|row| row.pack_no != pack_no)
            };
            let place = group.free().find(is_fit)?;
            Some(Home { series, ordinal: group.ordinal, place })
        })?;
        seat(self.producer.as_mut()?, &mut self.groups, newcomer.cell, home);
        Some(home)
    }

    /// Makes the ticks of a frame, one for each group.
    pub(crate) fn stage(&mut self, frame: &Frame, period_minutes: i64) {
        let Some(producer) = &self.producer else { return };
        let timestamp = frame.timestamp().as_nanos();
        let period = slot::slot_of(timestamp, period_minutes.min(self.slot_minutes));
        for (home, value) in producer.values(frame) {
            if let Some(group) = self.groups.get_mut(home.ordinal) {
                group.set(home.place, value);
            }
        }
        for group in &mut self.groups {
            group.finish_tick(timestamp, period);
        }
    }
}

fn seat(producer: &mut Producer, groups: &mut [Group], cell: usize, home: Home) {
    if let Some(group) = groups.get_mut(home.ordinal) {
        group.seat(home.place, home.series);
        producer.seat(cell, home);
    }
}
