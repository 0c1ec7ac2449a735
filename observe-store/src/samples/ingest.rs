//! Frames become ticks of groups; series that nobody knows get a place.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use observe_core::{Frame, StoreError};

use super::{
    catalogue::{self, GroupRow, SeriesRow},
    known::Known,
    slot::{self, MAX_GROUPS, PACK_SERIES},
    turnover::Turnover,
};
use crate::{
    db::Transaction,
    head::{Group, Home, Newcomer, Position, Producer, Staged, row},
};

/// The writer's knowledge of who sits where, and what each said last.
#[derive(Debug)]
pub(crate) struct Ingest {
    producers: HashMap<String, Known>,
    next_group: i64,
    next_series: u32,
    next_seq: i64,
    slots: Slots,
    turnover: Turnover,
    unsaved: Unsaved,
    refused_series: u64,
}

/// How the time of groups is cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slots {
    /// About how many points a slot of a group that is new should have.
    pub(crate) points: u32,
    /// How long what a group says is left unpacked at most, in minutes.
    pub(crate) period_minutes: i64,
}

/// What must be written of the catalogue, until a commit has succeeded.
#[derive(Debug, Default)]
struct Unsaved {
    groups: Vec<GroupRow>,
    series: Vec<SeriesRow>,
    /// Series that ended, and when; `None` for those that are back.
    ended: BTreeMap<u32, Option<i64>>,
}

/// What a commit appends to the head, once it has succeeded: ticks of groups, by their ids, and where they stand.
pub(crate) type Appended = Vec<(i64, Position, Staged)>;

impl Ingest {
    /// Starts from what the database knows: its groups, and the highest numbers that are in use.
    pub(crate) fn new(groups: Vec<GroupRow>, (last_series, last_seq): (u32, i64), slots: Slots) -> Self {
        let next_group = groups.iter().map(|row| row.id + 1).max().unwrap_or_default();
        let mut producers: HashMap<String, Known> = HashMap::new();
        for row in groups {
            let known = producers.entry(row.producer).or_insert_with(|| Known::new(row.slot_minutes));
            known.groups.push(Group::new(row.id, row.ordinal));
        }
        Self {
            producers,
            next_group,
            next_series: last_series.saturating_add(1),
            next_seq: last_seq + 1,
            slots,
            turnover: Turnover::default(),
            unsaved: Unsaved::default(),
            refused_series: 0,
        }
    }

    /// Returns the number of the next commit.
    pub(crate) const fn next_seq(&self) -> i64 {
        self.next_seq
    }

    /// Returns the length of the slots of a group.
    pub(crate) fn slot_minutes(&self, group: i64) -> i64 {
        let known = self.producers.values().find(|known| known.groups.iter().any(|one| one.id == group));
        known.map_or(FALLBACK_SLOT, |known| known.slot_minutes)
    }

    /// Returns the length of the longest slot of any group.
    pub(crate) fn longest_slot(&self) -> i64 {
        self.producers.values().map(|known| known.slot_minutes).max().unwrap_or(FALLBACK_SLOT)
    }

    /// Returns how many series have no place, because there were too many or a frame named them twice.
    pub(crate) const fn refused_series(&self) -> u64 {
        self.refused_series
    }

    /// Writes the frames of a commit: series that are new, and one row with what changed.
    ///
    /// Whatever becomes of the transaction, [`Self::settle`] must be told.
    pub(crate) async fn write(&mut self, tx: &mut Transaction, frames: &[Frame]) -> Result<(), StoreError> {
        for frame in frames {
            self.take(tx, frame).await?;
        }
        self.unsaved.write(tx).await?;
        let groups = || self.producers.values().flat_map(|known| &known.groups);
        let staged: Vec<(i64, &Staged)> =
            groups().flat_map(|group| group.staged().iter().map(|staged| (group.id, staged))).collect();
        if staged.is_empty() {
            return Ok(());
        }
        catalogue::insert_head(tx, self.next_seq, &row::write(staged.into_iter())).await
    }

    /// Ends what [`Self::write`] began. Returns what is durable now.
    pub(crate) fn settle(&mut self, is_durable: bool) -> Appended {
        let groups = self.producers.values_mut().flat_map(|known| &mut known.groups);
        let mut appended = Vec::new();
        for group in groups {
            let staged = group.take_staged();
            if !is_durable && !staged.is_empty() {
                group.start_anew();
            }
            let parts = staged.into_iter().enumerate();
            appended.extend(parts.map(|(part, staged)| (group.id, Position::new(self.next_seq, part), staged)));
        }
        if !is_durable {
            return Vec::new();
        }
        self.unsaved = Unsaved::default();
        self.next_seq += i64::from(!appended.is_empty());
        appended
    }

    /// Says that what a group wrote so far is complete: what follows must be understood without it.
    pub(crate) fn close(&mut self, id: i64) {
        let mut groups = self.producers.values_mut().flat_map(|known| &mut known.groups);
        if let Some(group) = groups.find(|group| group.id == id) {
            group.free_left();
        }
    }

    async fn take(&mut self, tx: &mut Transaction, frame: &Frame) -> Result<(), StoreError> {
        let now = frame.timestamp().as_nanos();
        self.turnover.turn(tx, now).await?;
        self.meet(tx, frame).await?;
        let Some(known) = self.producers.get_mut(frame.schema().name()) else { return Ok(()) };
        let gone = known.adopt(frame);
        known.packs_of(&gone).for_each(|pack_no| self.turnover.note(pack_no));
        self.unsaved.ended.extend(gone.iter().map(|home| (home.series, Some(now))));
        self.seat_newcomers(tx, frame).await?;
        if let Some(known) = self.producers.get_mut(frame.schema().name()) {
            known.stage(frame, self.slots.period_minutes);
        }
        Ok(())
    }

    /// Learns which series a producer had before this process, when it is heard for the first time.
    async fn meet(&mut self, tx: &mut Transaction, frame: &Frame) -> Result<(), StoreError> {
        let (schema, now) = (frame.schema(), frame.timestamp().as_nanos());
        if self.producers.get(schema.name()).is_some_and(|known| known.knows(schema)) {
            return Ok(());
        }
        let slot_minutes = slot::slot_minutes(schema.interval(), self.slots.points);
        let known = self.producers.entry(schema.name().to_owned()).or_insert_with(|| Known::new(slot_minutes));
        if let Some(other) = known.producer.take() {
            let gone: Vec<Home> = other.into_homes().collect();
            known.leave(&gone);
            known.packs_of(&gone).for_each(|pack_no| self.turnover.note(pack_no));
            self.unsaved.ended.extend(gone.iter().map(|home| (home.series, Some(now))));
        }
        let mut waiting = HashMap::new();
        for group in &mut known.groups {
            for row in catalogue::live_series(tx, group.id).await? {
                let home = Home { series: row.id, ordinal: group.ordinal, place: slot::place_of(row.pack_no, row.col) };
                if self.unsaved.ended.contains_key(&row.id) {
                    continue;
                }
                group.reserve(home.place);
                waiting.insert(format!("{}{}", row.name, row.labels), home);
            }
        }
        known.producer = Some(Producer::new(schema.clone(), waiting, now));
        Ok(())
    }

    /// Finds a home for every series that a frame brings for the first time: the one of before the restart, else one
    /// that it had at any time before, else a new one.
    async fn seat_newcomers(&mut self, tx: &mut Transaction, frame: &Frame) -> Result<(), StoreError> {
        let Some(known) = self.producers.get_mut(frame.schema().name()) else { return Ok(()) };
        let strangers = known.seat_returned();
        if strangers.is_empty() {
            return Ok(());
        }
        self.unsaved.write(tx).await?;
        let mut found = catalogue::find(tx, strangers.iter().map(|one| (&*one.name, &*one.labels))).await?;
        // Until here they wait: the calls above may fail or be cut off.
        known.producer.iter_mut().for_each(|producer| drop(producer.take_newcomers()));
        for newcomer in &strangers {
            let rows = found.entry(format!("{}{}", newcomer.name, newcomer.labels)).or_default();
            self.seat(frame, newcomer, rows);
        }
        Ok(())
    }

    /// Seats one series; `rows` are the places that it had before, and then also the one that it has.
    fn seat(&mut self, frame: &Frame, newcomer: &Newcomer, rows: &mut Vec<SeriesRow>) {
        let (schema, now) = (frame.schema(), frame.timestamp().as_nanos());
        let Some(known) = self.producers.get_mut(schema.name()) else { return };
        if let Some(home) = known.seat_again(newcomer, rows) {
            self.unsaved.ended.insert(home.series, None);
            return;
        }
        let series = self.next_series;
        let seated = known.seat_anew(newcomer, series, rows, &self.turnover).or_else(|| {
            let group = new_group(known, schema.name(), &mut self.next_group)?;
            self.unsaved.groups.push(group);
            known.seat_anew(newcomer, series, rows, &self.turnover)
        });
        let Some((home, group)) = seated.and_then(|home| Some((home, known.groups.get(home.ordinal)?.id))) else {
            self.refused_series += 1;
            return;
        };
        self.next_series = series.saturating_add(1);
        let (pack_no, col) = (slot::pack_no(group, home.place), (home.place % PACK_SERIES) as i64);
        let step_ms = millis(schema.interval());
        let row = catalogue::row_of(newcomer, series, pack_no, col, step_ms, now);
        rows.push(row.clone());
        self.unsaved.series.push(row);
    }
}

impl Unsaved {
    /// Writes what is not saved; may be repeated.
    async fn write(&self, tx: &mut Transaction) -> Result<(), StoreError> {
        if !self.groups.is_empty() {
            catalogue::insert_groups(tx, &self.groups).await?;
        }
        if !self.series.is_empty() {
            catalogue::insert_series(tx, &self.series).await?;
        }
        if !self.ended.is_empty() {
            catalogue::set_ended(tx, &self.ended).await?;
        }
        Ok(())
    }
}

/// Gives a producer one more group; `None` where it or the store has too many.
fn new_group(known: &mut Known, producer: &str, next_group: &mut i64) -> Option<GroupRow> {
    if known.groups.len() >= MAX_GROUPS_A_PRODUCER || *next_group >= MAX_GROUPS {
        return None;
    }
    let (id, ordinal) = (*next_group, known.groups.len());
    *next_group += 1;
    known.groups.push(Group::new(id, ordinal));
    Some(GroupRow { id, producer: producer.to_owned(), ordinal, slot_minutes: known.slot_minutes })
}

fn millis(interval: Duration) -> i64 {
    i64::try_from(interval.as_millis()).unwrap_or(i64::MAX)
}

/// For ticks of a group that the catalogue does not know.
const FALLBACK_SLOT: i64 = 15;
/// Of 512 series each.
const MAX_GROUPS_A_PRODUCER: usize = 64;
