//! Where series that come from elsewhere are put.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use observe_core::{Point, SeriesInfo, SeriesKind, StoreError};

use super::{
    super::{
        catalogue::{GroupRow, SeriesRow},
        slot::{MAX_GROUPS, PACK_SERIES},
    },
    catalogue, slot,
};
use crate::{
    db::{Row, Transaction, Value},
    head::{PLACES, PlaceSet},
};

/// Knows which places are taken, and gives series that are new one of the others.
#[derive(Debug)]
pub(crate) struct Placer {
    groups: BTreeMap<String, Vec<GroupRow>>,
    /// Of groups that were asked for, the places that no series ever had.
    free: HashMap<i64, PlaceSet>,
    next_group: i64,
    next_series: u32,
    points: u32,
}

/// The place of a series.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seat {
    pub(crate) series: u32,
    pub(crate) group: i64,
    pub(crate) slot_minutes: i64,
    pub(crate) place: usize,
}

/// What a batch changes in the catalogue.
#[derive(Default)]
struct Changes {
    groups: Vec<GroupRow>,
    series: Vec<SeriesRow>,
    /// Series whose points begin earlier or end later than was known, and when.
    lives: Vec<(u32, i64, Option<i64>)>,
}

impl Placer {
    /// Starts from what the database knows; a slot of a series that is new has about `points`.
    pub(crate) async fn new(tx: &mut Transaction, points: u32) -> Result<Self, StoreError> {
        let mut groups: BTreeMap<String, Vec<GroupRow>> = BTreeMap::new();
        let mut next_group = 0;
        for row in catalogue::groups(tx).await? {
            next_group = next_group.max(row.id + 1);
            groups.entry(row.producer.clone()).or_default().push(row);
        }
        let (last_series, _) = catalogue::last_numbers(tx).await?;
        let next_series = last_series.saturating_add(1);
        Ok(Self { groups, free: HashMap::new(), next_group, next_series, points })
    }

    /// Finds the place of each series of a batch, a new one for those that have none, and notes from when until when
    /// they have points. Returns how many are new, too.
    pub(super) async fn seats(
        &mut self,
        tx: &mut Transaction,
        batch: &[(SeriesInfo, Vec<Point>)],
    ) -> Result<(Vec<Seat>, u64), StoreError> {
        let labels: Vec<String> = batch.iter().map(|(info, _)| info.key.attributes().to_string()).collect();
        let keys = batch.iter().zip(&labels).map(|((info, _), labels)| (info.key.name(), labels.as_str()));
        let mut known = catalogue::find(tx, keys).await?;
        let minutes: HashMap<i64, i64> =
            self.groups.values().flatten().map(|group| (group.id, group.slot_minutes)).collect();
        let mut changes = Changes::default();
        let mut seats = Vec::with_capacity(batch.len());
        for ((info, points), labels) in batch.iter().zip(&labels) {
            let (Some(first), Some(last)) = (points.first(), points.last()) else { continue };
            let (first, last) = (first.timestamp.as_nanos(), last.timestamp.as_nanos());
            let rows = known.entry(format!("{}{labels}", info.key.name())).or_default();
            // Of the places that a series has had, answers prefer what the last of them says.
            let seat = match rows.iter_mut().max_by_key(|row| row.pack_no) {
                Some(row) => {
                    changes.lives.extend(widened(row, first, last));
                    let group = slot::group_of(row.pack_no);
                    let slot_minutes = minutes.get(&group).copied().or_else(|| self.minutes_of(group)).unwrap_or(1);
                    Seat { series: row.id, group, slot_minutes, place: slot::place_of(row.pack_no, row.col) }
                }
                None => {
                    let (seat, row) = self.seat(tx, info, labels, first, &mut changes).await?;
                    changes.lives.push((seat.series, first, Some(last)));
                    rows.push(SeriesRow { ended_at: Some(last), ..row.clone() });
                    changes.series.push(row);
                    seat
                }
            };
            seats.push(seat);
        }
        let new_series = changes.series.len() as u64;
        changes.write(tx).await?;
        Ok((seats, new_series))
    }

    /// Gives a series that is new a place among those of its producer.
    async fn seat(
        &mut self,
        tx: &mut Transaction,
        info: &SeriesInfo,
        labels: &str,
        first: i64,
        changes: &mut Changes,
    ) -> Result<(Seat, SeriesRow), StoreError> {
        let (group, slot_minutes, place) = self.free_place(tx, info, changes).await?;
        let series = self.next_series;
        self.next_series =
            series.checked_add(1).ok_or(StoreError::TooMany { what: "series", limit: u32::MAX as usize })?;
        let row = SeriesRow {
            id: series,
            pack_no: slot::pack_no(group, place),
            col: (place % PACK_SERIES) as i64,
            name: info.key.name().into(),
            labels: labels.into(),
            is_counter: info.kind == SeriesKind::Counter,
            unit: info.unit.clone(),
            step_ms: i64::try_from(info.interval.as_millis()).unwrap_or(i64::MAX),
            created_at: first,
            ended_at: None,
        };
        Ok((Seat { series, group, slot_minutes, place }, row))
    }

    async fn free_place(
        &mut self,
        tx: &mut Transaction,
        info: &SeriesInfo,
        changes: &mut Changes,
    ) -> Result<(i64, i64, usize), StoreError> {
        let producer = self.producer(info);
        let groups: Vec<(i64, i64)> =
            self.groups.get(&producer).into_iter().flatten().map(|row| (row.id, row.slot_minutes)).collect();
        for (group, slot_minutes) in &groups {
            if !self.free.contains_key(group) {
                self.free.insert(*group, untouched(tx, *group).await?);
            }
            let Some(free) = self.free.get_mut(group) else { continue };
            let first = free.iter().next();
            if let Some(place) = first {
                free.remove(place);
                return Ok((*group, *slot_minutes, place));
            }
        }
        let group = self.next_group;
        if group >= MAX_GROUPS {
            return Err(StoreError::TooMany { what: "groups of series", limit: MAX_GROUPS as usize });
        }
        self.next_group += 1;
        let slot_minutes =
            groups.first().map_or_else(|| slot::slot_minutes(info.interval, self.points), |first| first.1);
        let row = GroupRow { id: group, producer: producer.clone(), ordinal: groups.len(), slot_minutes };
        changes.groups.push(row.clone());
        self.groups.entry(producer).or_default().push(row);
        let mut free = all_places();
        free.remove(0);
        self.free.insert(group, free);
        Ok((group, slot_minutes, 0))
    }

    /// Returns the producer of a series. Series without one are put with others that are as dense, so that a slot has
    /// neither too many points nor too few.
    fn producer(&self, info: &SeriesInfo) -> String {
        if info.producer.is_empty() {
            format!("import::{}m", slot::slot_minutes(info.interval.max(SHORTEST), self.points))
        } else {
            info.producer.to_string()
        }
    }

    fn minutes_of(&self, group: i64) -> Option<i64> {
        self.groups.values().flatten().find(|row| row.id == group).map(|row| row.slot_minutes)
    }
}

impl Changes {
    async fn write(self, tx: &mut Transaction) -> Result<(), StoreError> {
        if !self.groups.is_empty() {
            catalogue::insert_groups(tx, &self.groups).await?;
        }
        if !self.series.is_empty() {
            catalogue::insert_series(tx, &self.series).await?;
        }
        for (series, first, last) in self.lives {
            let values = [Value::Int(first), Value::from(last), Value::Int(series.into())];
            let sql = "UPDATE series SET created_at = $1, ended_at = $2 WHERE series_id = $3";
            tx.execute(sql, &values).await?;
        }
        Ok(())
    }
}

/// Makes the life of a series as long as its points ask for. Returns it where that changes anything. One that goes on
/// goes on.
fn widened(row: &mut SeriesRow, first: i64, last: i64) -> Option<(u32, i64, Option<i64>)> {
    let before = (row.created_at, row.ended_at);
    row.created_at = row.created_at.min(first);
    row.ended_at = row.ended_at.map(|ended| ended.max(last));
    (before != (row.created_at, row.ended_at)).then_some((row.id, row.created_at, row.ended_at))
}

/// Returns the places of a group that no series ever had.
async fn untouched(tx: &mut Transaction, group: i64) -> Result<PlaceSet, StoreError> {
    let sql = "SELECT pack_no, col FROM series WHERE group_id = $1";
    let read = |row: &Row<'_>| Ok(slot::place_of(row.int(0)?, row.int(1)?));
    let taken = tx.fetch_all(sql, &[Value::Int(group)], read).await?;
    let mut free = all_places();
    taken.into_iter().for_each(|place| free.remove(place));
    Ok(free)
}

fn all_places() -> PlaceSet {
    let mut places = PlaceSet::default();
    (0..PLACES).for_each(|place| places.insert(place));
    places
}

/// Points that follow each other faster would make slots of less than a minute.
const SHORTEST: Duration = Duration::from_millis(1);
