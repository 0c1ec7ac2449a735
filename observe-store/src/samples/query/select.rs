//! Which series are meant, and where they are.

use std::{collections::BTreeMap, time::Duration};

use observe_core::{MetricKey, Selector, SeriesInfo, SeriesKind, SeriesQuery, StoreError, Timestamp};

use super::super::{
    catalogue::{self, KEYS_A_QUERY, SeriesRow, left_out},
    slot,
};
use crate::db::{Row, Transaction, Value};

/// Begins a query whose rows [`Placement::read`] reads.
macro_rules! select {
    () => {
        "SELECT s.series_id, s.pack_no, s.col, s.name, s.labels, s.kind, s.unit, s.step_ms, s.created_at, s.ended_at, \
         g.slot_minutes, g.producer FROM series s JOIN groups g ON g.group_id = s.group_id"
    };
}
/// A place that a series has or had.
#[derive(Clone, Debug)]
pub(crate) struct Placement {
    pub(crate) row: SeriesRow,
    pub(crate) key: MetricKey,
    pub(crate) slot_minutes: i64,
    producer: Box<str>,
}

/// The places that are asked for in one group.
#[derive(Debug)]
pub(crate) struct GroupPlaces {
    pub(crate) group: i64,
    pub(crate) slot_minutes: i64,
    /// By pack.
    pub(crate) members: Vec<Member>,
}

/// One of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    /// Its index among all placements.
    pub(crate) index: usize,
    pub(crate) series: u32,
    pub(crate) pack_no: i64,
    pub(crate) place: usize,
    pub(crate) created_at: i64,
    pub(crate) ended_at: Option<i64>,
}

impl Placement {
    pub(crate) const fn kind(&self) -> SeriesKind {
        if self.row.is_counter { SeriesKind::Counter } else { SeriesKind::Gauge }
    }

    fn read(row: &Row<'_>) -> Result<Self, StoreError> {
        let series = SeriesRow::read(row)?;
        let key = series.key()?;
        Ok(Self { row: series, key, slot_minutes: row.int(10)?.max(1), producer: row.text(11)?.into() })
    }

    fn info(self) -> SeriesInfo {
        let kind = self.kind();
        let mut info = SeriesInfo::new(self.key, kind);
        info.unit = self.row.unit;
        info.producer = self.producer;
        info.interval = Duration::from_millis(self.row.step_ms.unsigned_abs());
        info.created_at = Timestamp::from_nanos(self.row.created_at);
        info.ended_at = self.row.ended_at.map(Timestamp::from_nanos);
        info
    }
}

/// Finds the places of the series that are chosen. Damaged rows are counted in `corrupt`, and left out.
pub(crate) async fn placements(
    tx: &mut Transaction,
    selector: &Selector,
    corrupt: &mut u64,
) -> Result<Vec<Placement>, StoreError> {
    if let Selector::Keys(keys) = selector {
        return of_keys(tx, keys, corrupt).await;
    }
    let mut found = Vec::new();
    let mut after = (String::new(), String::new(), -1);
    loop {
        let (rows, last) = page(tx, selector, &after, corrupt).await?;
        found.extend(rows);
        if found.len() > MAX_SERIES {
            return Err(StoreError::TooMany { what: "series", limit: MAX_SERIES });
        }
        let Some(last) = last else { return Ok(found) };
        after = last;
    }
}

/// Describes the series that are asked for, in the order of their names and then of the text of their attributes. Damaged
/// rows are counted in `corrupt`, and left out.
pub(crate) async fn infos(
    tx: &mut Transaction,
    query: &SeriesQuery,
    corrupt: &mut u64,
) -> Result<Vec<SeriesInfo>, StoreError> {
    let after = query.after.as_ref();
    let mut from = after.map_or((String::new(), String::new(), -1), |key| {
        (key.name().to_owned(), key.attributes().to_string(), i64::MAX)
    });
    let mut infos: Vec<SeriesInfo> = Vec::new();
    if let Selector::Keys(keys) = &query.selector {
        return Ok(in_order(of_keys(tx, keys, corrupt).await?, query));
    }
    loop {
        let (rows, last) = page(tx, &query.selector, &from, corrupt).await?;
        rows.into_iter().for_each(|place| add(&mut infos, place.info()));
        // One more than wanted says that the last one wanted is complete.
        if infos.len() > query.limit {
            infos.truncate(query.limit);
            return Ok(infos);
        }
        let Some(last) = last else { return Ok(infos) };
        from = last;
    }
}

/// Describes places in the order of the names of their series and then of the text of their attributes.
fn in_order(mut places: Vec<Placement>, query: &SeriesQuery) -> Vec<SeriesInfo> {
    places.sort_by(|one, other| (&one.row.name, &one.row.labels).cmp(&(&other.row.name, &other.row.labels)));
    let after = query.after.as_ref().map(|key| (key.name(), key.attributes().to_string()));
    let is_after = |place: &Placement| {
        after.as_ref().is_none_or(|(name, labels)| (&*place.row.name, &*place.row.labels) > (*name, labels.as_str()))
    };
    let mut infos: Vec<SeriesInfo> = Vec::new();
    places.into_iter().filter(is_after).for_each(|place| add(&mut infos, place.info()));
    infos.truncate(query.limit);
    infos
}

/// Adds the description of a place: to that of its series, where it is another place of the last one.
fn add(infos: &mut Vec<SeriesInfo>, info: SeriesInfo) {
    match infos.last_mut().filter(|before| before.key == info.key) {
        Some(before) => {
            before.created_at = before.created_at.min(info.created_at);
            before.ended_at = before.ended_at.zip(info.ended_at).map(|(one, other)| one.max(other));
        }
        None => infos.push(info),
    }
}

/// Sorts places into their groups.
pub(crate) fn by_group(placements: &[Placement]) -> Vec<GroupPlaces> {
    let mut groups: BTreeMap<i64, GroupPlaces> = BTreeMap::new();
    for (index, placement) in placements.iter().enumerate() {
        let SeriesRow { id, pack_no, col, created_at, ended_at, .. } = placement.row;
        let group = slot::group_of(pack_no);
        let places = groups.entry(group).or_insert_with(|| GroupPlaces {
            group,
            slot_minutes: placement.slot_minutes,
            members: Vec::new(),
        });
        let place = slot::place_of(pack_no, col);
        places.members.push(Member { index, series: id, pack_no, place, created_at, ended_at });
    }
    let mut groups: Vec<GroupPlaces> = groups.into_values().collect();
    groups.iter_mut().for_each(|group| group.members.sort_by_key(|member| (member.pack_no, member.series)));
    groups
}

async fn of_keys(tx: &mut Transaction, keys: &[MetricKey], corrupt: &mut u64) -> Result<Vec<Placement>, StoreError> {
    // A key that is given twice, in two questions to the database, would be two series.
    let mut keys: Vec<&MetricKey> = keys.iter().collect();
    keys.sort_unstable();
    keys.dedup();
    let mut found = Vec::new();
    for some in keys.chunks(KEYS_A_QUERY) {
        found.extend(readable(with_keys(tx, some).await?, corrupt));
    }
    Ok(found)
}

async fn with_keys(tx: &mut Transaction, keys: &[&MetricKey]) -> Result<Vec<Looked>, StoreError> {
    let labels: Vec<String> = keys.iter().map(|key| key.attributes().to_string()).collect();
    let keys: Vec<(&str, &str)> = keys.iter().map(|key| key.name()).zip(labels.iter().map(String::as_str)).collect();
    if let [(name, labels)] = keys.as_slice() {
        let sql = concat!(select!(), " WHERE s.name = $1 AND s.labels = $2 ORDER BY s.pack_no");
        return tx.fetch_all(sql, &[Value::Text(name), Value::Text(labels)], look).await;
    }
    let (pairs, values) = catalogue::pairs(&keys);
    let sql = format!(concat!(select!(), " WHERE (s.name, s.labels) IN (VALUES {})"), pairs);
    tx.fetch_all(sql, &values, look).await
}

/// What became of a look at a row: it may be damaged, and the others not.
type Looked = Result<Placement, StoreError>;

fn look(row: &Row<'_>) -> Result<Looked, StoreError> {
    Ok(Placement::read(row))
}

/// Leaves out what cannot be read.
fn readable(rows: Vec<Looked>, corrupt: &mut u64) -> impl Iterator<Item = Placement> {
    rows.into_iter().filter_map(|row| {
        *corrupt += u64::from(row.is_err());
        row.inspect_err(left_out).ok()
    })
}

/// Names a row of the catalogue in its order: name, labels, pack.
type Cursor = (String, String, i64);

/// Reads the rows after a cursor and keeps those that are chosen. Returns where to go on; `None` at the end.
async fn page(
    tx: &mut Transaction,
    selector: &Selector,
    (name, labels, pack_no): &Cursor,
    corrupt: &mut u64,
) -> Result<(Vec<Placement>, Option<Cursor>), StoreError> {
    let after = [Value::Text(name), Value::Text(labels), Value::Int(*pack_no), Value::Int(PAGE)];
    let mut rows = match selector.name() {
        Some(only) => {
            let sql = concat!(
                select!(),
                " WHERE (s.name, s.labels, s.pack_no) > ($1, $2, $3) AND s.name = $5 ",
                "ORDER BY s.name, s.labels, s.pack_no LIMIT $4"
            );
            let [name, labels, pack_no, limit] = after;
            tx.fetch_all(sql, &[name, labels, pack_no, limit, Value::Text(only)], look).await?
        }
        None => {
            let sql = concat!(
                select!(),
                " WHERE (s.name, s.labels, s.pack_no) > ($1, $2, $3) ORDER BY s.name, s.labels, s.pack_no LIMIT $4"
            );
            tx.fetch_all(sql, &after, look).await?
        }
    };
    let mut cursor = None;
    if i64::try_from(rows.len()).is_ok_and(|len| len == PAGE) {
        // What cannot be read is no cursor: the next page looks at it again.
        while let Some(Err(_)) = rows.last() {
            if let (Some(Err(error)), true) = (rows.pop(), rows.is_empty()) {
                return Err(error);
            }
        }
        let last = rows.last().and_then(|row| row.as_ref().ok()).map(|last| &last.row);
        cursor = last.map(|row| (row.name.to_string(), row.labels.to_string(), row.pack_no));
    }
    Ok((readable(rows, corrupt).filter(|one| selector.matches(&one.key)).collect(), cursor))
}

const PAGE: i64 = 1_000;
/// Places of series that one query may look at.
const MAX_SERIES: usize = 100_000;
